// postern x400 receive: takes what an MTA delivers by P3: binds to it, or lets it bind. Each message or report is saved and shown before it
// is answered: what the MTA was told is taken, is on disk.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "file_input.hpp"
#include "x400.hpp"
#include "x400_listen.hpp"
#include "x400_peer.hpp"
#include "x400_taker.hpp"

namespace postern::cli {
namespace {

struct ReceiveOptions {
  PeerOptions peer;
  ListenOptions listen;
  std::string save, lowest_priority, notify;
  std::int64_t seconds = 60, count = 0, longest = 0;
};

mts::Controls controls_of(const ReceiveOptions& options) {
  mts::Controls out;
  if (options.longest > 0) out.permissible_maximum_content_length = options.longest;
  out.permissible_lowest_priority = priority_named(options.lowest_priority);
  return out;
}

NotifyOf notify_of(const std::string& word) {
  if (word == "read") return NotifyOf::Reading;
  return word == "discarded" ? NotifyOf::Discarding : NotifyOf::Nothing;
}

Result<TakeOptions> take_options(const ReceiveOptions& options) {
  TakeOptions out{options.save, options.count,        notify_of(options.notify),
                  {},           controls_of(options), std::chrono::seconds(options.peer.timeout)};
  POSTERN_TRY(out.user, name_of(options.peer.user, "--user"));
  return out;
}

/// An error after something was taken is still an error; what was taken is shown.
io::Task<Status> receive_all(mhs::UserCall call, io::Resolver& resolver, const ReceiveOptions& options, Taker& taker) {
  const std::chrono::seconds each(options.peer.timeout);
  auto client = co_await mhs::P3Client::open(std::move(call), resolver, io::deadline_in(each));
  if (!client) co_return fail(error_of(client.error()));
  Status ended = co_await taker.attend(**client, io::deadline_in(std::chrono::seconds(options.seconds)));
  co_await (*client)->close(io::deadline_in(each));
  co_return ended;
}

Status receive(const ReceiveOptions& options, Context& context, Taker& taker) {
  if (options.peer.protocol != "p3")
    return fail(ErrorCode::BadInput, "only an MTA (p3) delivers; a message store is read with list", "--protocol");
  if (!options.listen.empty()) return listen_for_mts(options.listen, options.peer, context, taker, std::chrono::seconds(options.seconds));
  if (options.peer.peer.empty()) return fail(ErrorCode::BadInput, "is needed, or --listen", "--peer");
  POSTERN_TRY(mhs::UserCall call, call_of(options.peer, context.in));
  UserLoop loop;
  POSTERN_CHECK(loop.open());
  return loop.run(receive_all(std::move(call), loop.resolver(), options, taker));
}

void run_receive(const ReceiveOptions& options, Context& context) {
  const auto what = take_options(options);
  if (!what) return report_error(context, "x400 receive", what.error());
  Taker taker(*what, context);
  const Status ended = receive(options, context, taker);
  if (context.json && (ended || !taker.is_empty())) context.out << taker.taken() << '\n';
  if (!ended) report_error(context, "x400 receive", ended.error());
}

}  // namespace

void add_x400_receive_verbs(CLI::App& x400, Context& context) {
  CLI::App* receive = x400.add_subcommand("receive", "Takes what an MTA delivers to a user who has no mailbox (P3)");
  const auto options = std::make_shared<ReceiveOptions>();
  add_peer_options(*receive, options->peer, context, "p3");
  add_listen_options(*receive, options->listen);
  CLI::Option* save = receive->add_option("--save", options->save,
                                          "Folder: each message or report in a file (BER), synced before the MTA is told that it is taken");
  save->check(CLI::ExistingDirectory);
  receive
      ->add_option("--notify", options->notify,
                   "What originators who ask for it are told, once for each message: read (a receipt notification), or discarded (one of "
                   "non-receipt: nothing is shown or saved)")
      ->check(CLI::IsMember({"read", "discarded"}))
      ->needs(save);
  receive->add_option("--seconds", options->seconds, "At most so long")->check(CLI::Range(1, 86'400))->capture_default_str();
  receive->add_option("--count", options->count, "At most so many; 0: as many as come")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  receive->add_option("--longest", options->longest, "Longer contents, in octets, are held back by the MTA")
      ->check(CLI::Range(1, 2'147'483'647));
  receive->add_option("--lowest-priority", options->lowest_priority, "Less urgent messages are held back by the MTA")
      ->check(CLI::IsMember({"urgent", "normal", "non-urgent"}));
  receive->footer(
      "Example: postern x400 receive --peer mta.example.org --user \"C=DE;A= ;P=ACME;S=Doe\" --password-ref env:PW --save folder --seconds "
      "600");
  receive->callback([options, &context] { run_receive(*options, context); });
}

}  // namespace postern::cli
