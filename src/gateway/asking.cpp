#include "gateway/asking.hpp"

namespace postern::gateway {

Asking::Asking(io::Resolver& resolver, const io::Executor& where, dns::QuestionTable& table)
    : m_resolver(resolver), m_where(where), m_table(table), m_shared(std::make_shared<Shared>(where)) {}

io::Task<void> Asking::query(io::Resolver& resolver, dns::Question question, std::shared_ptr<Shared> shared) {
  auto answer = co_await resolver.query(question.name, question.type);
  // A question that cannot be asked, or one too many at once: as if nobody had answered.
  std::erase(shared->under_way, question);
  shared->come.emplace_back(std::move(question), answer ? *std::move(answer) : dns::Answer{});
  shared->bell.ring();
}

void Asking::ask(std::vector<dns::Question> questions) {
  for (dns::Question& question : questions) {
    if (std::ranges::find(m_asked, question) != m_asked.end()) continue;
    m_asked.push_back(question);
    m_shared->under_way.push_back(question);
    io::spawn(m_where, query(m_resolver, std::move(question), m_shared), "judge.ask");
  }
}

io::Task<bool> Asking::wait(SteadyTime deadline) {
  const std::shared_ptr<Shared> shared = m_shared;
  while (shared->come.empty()) {
    if (shared->under_way.empty()) co_return false;
    const bool rang = co_await shared->bell.wait(deadline);
    if (!rang) co_return false;
  }
  for (auto& [question, answer] : std::exchange(shared->come, {})) m_table.add(question.name, question.type, std::move(answer));
  co_return true;
}

void Asking::give_up() {
  for (const dns::Question& question : std::exchange(m_shared->under_way, {}))
    if (!m_table.knows(question.name, question.type))
      m_table.add(question.name, question.type, {dns::AnswerStatus::Timeout, false, {}, question.name});
}

}  // namespace postern::gateway
