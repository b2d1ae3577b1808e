// Answers so far, and the questions that are still open: how an engine that finds its names as it goes on is run by a shell that waits.
//
//   dns::QuestionTable table;
//   for (;;) {
//     auto verdict = spf_check(question, table);
//     if (table.is_settled()) return verdict;
//     for (const auto& open : table.take_open()) table.add(open.name, open.type, co_await resolver.query(open.name, open.type));
//   }
//
// An open question is answered with ServFail, so that the engine comes to its end soon; its outcome counts only when nothing is open.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dns/record.hpp"

namespace postern::dns {

struct Question {
  std::string name;  ///< Normalized.
  RecordType type = RecordType::A;

  friend bool operator==(const Question&, const Question&) = default;
};

class QuestionTable final : public DnsPort {
 public:
  /// What is known without waiting. Once it says something, that stays the answer.
  using AtHand = std::function<std::optional<Answer>(const std::string& name, RecordType type)>;

  explicit QuestionTable(AtHand at_hand = {}) : m_at_hand(std::move(at_hand)) {}

  [[nodiscard]] Result<Answer> query(std::string_view name, RecordType type) override;
  void add(const std::string& name, RecordType type, Answer answer);
  /// Whether there is an answer; `name` is normalized.
  [[nodiscard]] bool knows(const std::string& name, RecordType type) const { return m_answers.contains({name, type}); }

  /// Nothing was asked that is not known.
  [[nodiscard]] bool is_settled() const noexcept { return m_open.empty(); }
  /// What was asked in vain, each once, in order; the next run begins with none.
  [[nodiscard]] std::vector<Question> take_open() { return std::exchange(m_open, {}); }

 private:
  AtHand m_at_hand;
  std::map<std::pair<std::string, RecordType>, Answer> m_answers;
  std::vector<Question> m_open;
};

}  // namespace postern::dns
