// postern x400 bind-test and ping: whether an MTA or a message store can be reached, and which step of a bind fails.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "file_input.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/p7_client.hpp"
#include "mhs/transport_ping.hpp"
#include "verbs.hpp"
#include "x400.hpp"
#include "x400_peer.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct BindOptions {
  PeerOptions peer;
  bool octets = false;
};

/// What was seen on the way; written on the loop, read after its end.
struct Witnessed {
  std::vector<mhs::CallStep> steps;
  std::string octets;
};

mhs::CallWitness witness_of(Witnessed& seen) {
  return [&seen](const mhs::CallStep& step) { seen.steps.push_back(step); };
}

void show_text(std::ostream& out, const Witnessed& seen) {
  constexpr std::size_t width = 14;
  for (const mhs::CallStep& step : seen.steps) {
    std::string name(step.name);
    name.resize(std::max(width, name.size()), ' ');
    out << name << (step.good ? "ok" : "no") << (step.text.empty() ? "" : "  " + step.text) << '\n';
  }
  out << seen.octets;
}

void show_json(std::ostream& out, const Witnessed& seen, bool octets) {
  json::array steps;
  bool good = true;
  for (const mhs::CallStep& step : seen.steps) {
    good = good && step.good;
    steps.push_back({{"step", step.name}, {"ok", step.good}, {"text", step.text}});
  }
  json::object all{{"ok", good}, {"steps", std::move(steps)}};
  if (octets) all["octets"] = seen.octets;
  out << all << '\n';
}

void show(Context& context, const Witnessed& seen, bool octets) {
  if (context.json)
    show_json(context.out, seen, octets);
  else
    show_text(context.out, seen);
}

template <class Client>
io::Task<std::optional<mhs::CallFailure>> bind_and_leave(mhs::UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                         mhs::CallWitness witness) {
  auto client = co_await Client::open(std::move(call), resolver, deadline, std::move(witness));
  if (!client) co_return client.error();
  co_await (*client)->close(deadline);
  co_return std::nullopt;
}

Result<std::optional<mhs::CallFailure>> bind(const BindOptions& options, std::istream& in, Witnessed& seen) {
  POSTERN_TRY(mhs::UserCall call, call_of(options.peer, in));
  if (options.octets)
    call.transcript = [&seen](osi::Direction direction, ByteView octets) { seen.octets += osi::hex_dump(direction, octets); };
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  const SteadyTime deadline = io::deadline_in(std::chrono::seconds(options.peer.timeout));
  const bool p7 = options.peer.protocol == "p7";
  return loop.run(
      (p7 ? &bind_and_leave<mhs::P7Client> : &bind_and_leave<mhs::P3Client>)(std::move(call), loop.resolver(), deadline, witness_of(seen)));
}

int status_of(const mhs::CallFailure& failure) { return failure.refused ? kNo : kUnreachable; }

void run_bind_test(const BindOptions& options, Context& context) {
  Witnessed seen;
  const auto failure = bind(options, context.in, seen);
  if (!failure) return report_error(context, "x400 bind-test", failure.error());
  show(context, seen, options.octets);
  if (*failure) context.exit_status = status_of(**failure);
}

// ---- by the daemon
void show_daemon_test(const json::value& answer, std::ostream& out) {
  Table table({"STEP", "STATE", ""});
  for (const auto& step : list_of(answer, "steps")) table.add({text_of(step, "step"), text_of(step, "state"), text_of(step, "text")});
  table.print(out);
}

void run_daemon_test(const Verbs& v) {
  v.run(
      "x400 bind-test",
      [&](const Remote& r) -> Result<json::value> {
        POSTERN_TRY(const json::value answer, r.call_json("POST", "/api/v1/x400/bind-test", json::object()));
        if (text_of(answer, "ok") != "true") v.context.exit_status = kNo;
        return answer;
      },
      [&](const json::value& answer) { show_daemon_test(answer, v.context.out); });
}

// ---- ping
/// The transport connection and nothing above it (X.224 class 0).
io::Task<std::optional<mhs::CallFailure>> connect_transport(mhs::UserCall call, io::Resolver& resolver, SteadyTime deadline,
                                                            mhs::CallWitness witness) {
  auto stream = co_await mhs::dial_user(call, resolver, deadline, witness);
  if (!stream) co_return stream.error();
  const auto answer = co_await mhs::ping_transport(*stream, call.address.transport_selector, deadline);
  witness({"transport", answer.has_value(), answer ? "" : answer.error().text()});
  if (!answer) co_return mhs::CallFailure{answer.error().text(), answer.error().code == ErrorCode::Denied};
  co_return std::nullopt;
}

Result<std::optional<mhs::CallFailure>> ping(const PeerOptions& options, Witnessed& seen) {
  POSTERN_TRY(mhs::UserCall call, connection_of(options));
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  const SteadyTime deadline = io::deadline_in(std::chrono::seconds(options.timeout));
  return loop.run(connect_transport(std::move(call), loop.resolver(), deadline, witness_of(seen)));
}

void run_ping(const PeerOptions& options, Context& context) {
  Witnessed seen;
  const auto failure = ping(options, seen);
  if (!failure) return report_error(context, "x400 ping", failure.error());
  show(context, seen, false);
  if (*failure) context.exit_status = status_of(**failure);
}

}  // namespace

void add_x400_bind_test(CLI::App& x400, const Verbs& verbs) {
  CLI::App* test = x400.add_subcommand("bind-test",
                                       "Binds and says of each step whether it went well, or why not: as a user with --peer, else as the "
                                       "daemon does by its profile");
  const auto options = std::make_shared<BindOptions>();
  Context& context = verbs.context;
  add_peer_options(*test, options->peer, context, "p3");
  test->add_flag("--octets", options->octets, "Show what went over the wire, for text2pcap -D -T 40000,102 (it holds the password)");
  test->footer("Example: postern x400 bind-test --peer p3@mta.example.org:102 --user \"C=DE;A= ;P=ACME;S=Doe\" --password-ref env:PW");
  CLI::Option* const peer = test->get_option("--peer")->required(false);
  CLI::Option* const user = test->get_option("--user")->required(false);
  peer->needs(user);
  for (CLI::Option* one : test->get_options())
    if (one != peer && one->get_name() != "--json" && one->get_name() != "--help") one->needs(peer);
  test->callback([options, verbs, &context] {
    if (options->peer.peer.empty())
      run_daemon_test(verbs);
    else
      run_bind_test(*options, context);
  });
}

void add_x400_ping_verb(CLI::App& x400, Context& context) {
  CLI::App* once = x400.add_subcommand("ping", "Opens a transport connection (RFC 1006), and nothing above it");
  const auto ping_options = std::make_shared<PeerOptions>();
  add_connection_options(*once, *ping_options, context);
  once->callback([ping_options, &context] { run_ping(*ping_options, context); });
}

}  // namespace postern::cli
