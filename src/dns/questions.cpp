#include "dns/questions.hpp"

#include <algorithm>

#include "dns/name.hpp"

namespace postern::dns {

Result<Answer> QuestionTable::query(std::string_view name, RecordType type) {
  POSTERN_TRY(std::string normal, normalize_name(name));
  const std::pair<std::string, RecordType> key{std::move(normal), type};
  if (const auto found = m_answers.find(key); found != m_answers.end()) return found->second;
  Question open{key.first, type};
  const bool asked = std::ranges::find(m_open, open) != m_open.end();
  if (m_at_hand && !asked) {
    if (auto known = m_at_hand(key.first, type)) return m_answers.emplace(key, *std::move(known)).first->second;
  }
  Answer unknown{AnswerStatus::ServFail, false, {}, open.name};
  if (!asked) m_open.push_back(std::move(open));
  return unknown;
}

void QuestionTable::add(const std::string& name, RecordType type, Answer answer) {
  m_answers.insert_or_assign({name, type}, std::move(answer));
}

}  // namespace postern::dns
