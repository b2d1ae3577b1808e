#include "live_dns.hpp"

#include <future>
#include <optional>

#include "dns/questions.hpp"
#include "io/loops.hpp"
#include "io/resolver.hpp"

namespace postern::cli {
namespace {

// A resolver on a loop of its own, for as long as a verb needs it.
class LiveDns {
 public:
  [[nodiscard]] Status open() {
    io::UnboundOptions options;
    options.use_resolv_conf = true;
    POSTERN_TRY(m_resolver, io::UnboundResolver::open(options));
    m_loops.start();
    return {};
  }
  ~LiveDns() {
    m_loops.stop();
    m_loops.join();
  }
  /// `take` is called for each answer; what fails is left out.
  void ask(const std::vector<DnsQuestion>& questions, const std::function<void(const DnsQuestion&, dns::Answer)>& take) {
    std::promise<void> done;
    io::spawn(m_loops.at(0), ask_all(*m_resolver, questions, take, done), "dns.ask");
    done.get_future().wait();
  }

 private:
  static io::Task<void> ask_all(io::Resolver& resolver, const std::vector<DnsQuestion>& questions,
                                const std::function<void(const DnsQuestion&, dns::Answer)>& take, std::promise<void>& done) {
    for (const auto& question : questions) {
      auto answer = co_await resolver.query(question.first, question.second);
      if (answer) take(question, *std::move(answer));
    }
    done.set_value();
  }

  io::Loops m_loops{1};
  std::unique_ptr<io::Resolver> m_resolver;
};

}  // namespace

Result<dns::AnswerTable> ask_dns(const std::vector<DnsQuestion>& questions) {
  dns::AnswerTable table;
  if (questions.empty()) return table;
  LiveDns live;
  POSTERN_CHECK(live.open());
  live.ask(questions,
           [&](const DnsQuestion& question, dns::Answer answer) { table.add(question.first, question.second, std::move(answer)); });
  return table;
}

Status ask_dns_in_rounds(const std::function<void(DnsPort&)>& judge) {
  dns::QuestionTable table;
  std::optional<LiveDns> live;
  for (int round = 0; round < kMostRounds; ++round) {
    judge(table);
    if (table.is_settled()) return {};
    if (!live) {
      live.emplace();
      POSTERN_CHECK(live->open());
    }
    std::vector<DnsQuestion> questions;
    for (auto& open : table.take_open()) questions.emplace_back(std::move(open.name), open.type);
    for (const auto& [name, type] : questions) table.add(name, type, dns::Answer{});  // a ServFail, unless something better comes
    live->ask(questions,
              [&](const DnsQuestion& question, dns::Answer answer) { table.add(question.first, question.second, std::move(answer)); });
  }
  return fail(ErrorCode::Unavailable, "DNS leads on and on; the last names were asked in vain");
}

}  // namespace postern::cli
