#include "live_dns.hpp"

#include <future>

#include "io/loops.hpp"
#include "io/resolver.hpp"

namespace postern::cli {
namespace {

io::Task<void> ask_all(io::Resolver& resolver, const std::vector<DnsQuestion>& questions, dns::AnswerTable& table,
                       std::promise<void>& done) {
  for (const auto& [name, type] : questions) {
    auto answer = co_await resolver.query(name, type);
    if (answer) table.add(name, type, *std::move(answer));
  }
  done.set_value();
}

}  // namespace

Result<dns::AnswerTable> ask_dns(const std::vector<DnsQuestion>& questions) {
  dns::AnswerTable table;
  if (questions.empty()) return table;
  io::Loops loops(1);
  io::UnboundOptions options;
  options.use_resolv_conf = true;
  POSTERN_TRY(const auto resolver, io::UnboundResolver::open(options));
  std::promise<void> done;
  loops.start();
  io::spawn(loops.at(0), ask_all(*resolver, questions, table, done), "dns.ask");
  done.get_future().wait();
  loops.stop();
  loops.join();
  return table;
}

}  // namespace postern::cli
