// The DNS questions of one message: asked as they come up, answered in any order.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "dns/questions.hpp"
#include "io/resolver.hpp"
#include "io/sync.hpp"

namespace postern::gateway {

/// For one coroutine, on its own loop. Answers that come after its end are nobody's.
class Asking {
 public:
  /// `table` gets the answers, and must outlive this; the resolver must outlive the questions.
  Asking(io::Resolver& resolver, const io::Executor& where, dns::QuestionTable& table);

  /// Each question once, however often it is given.
  void ask(std::vector<dns::Question> questions);
  /// Until at least one more answer is in the table. False: none came in time, or none is under way.
  [[nodiscard]] io::Task<bool> wait(SteadyTime deadline);
  /// What has no answer has none in time; later ones count no more.
  void give_up();

  [[nodiscard]] bool is_waiting() const noexcept { return !m_shared->under_way.empty(); }
  /// Whether a question is asked that `which` holds for, and not answered.
  template <class Which>
  [[nodiscard]] bool waits_for(Which which) const {
    return std::ranges::any_of(m_shared->under_way, which);
  }

 private:
  /// The tasks that ask may outlive who asked.
  struct Shared {
    explicit Shared(const io::Executor& where) : bell(where) {}
    io::Notifier bell;
    std::vector<dns::Question> under_way;
    std::vector<std::pair<dns::Question, dns::Answer>> come;
  };
  static io::Task<void> query(io::Resolver& resolver, dns::Question question, std::shared_ptr<Shared> shared);

  io::Resolver& m_resolver;
  io::Executor m_where;
  dns::QuestionTable& m_table;
  std::vector<dns::Question> m_asked;
  std::shared_ptr<Shared> m_shared;
};

}  // namespace postern::gateway
