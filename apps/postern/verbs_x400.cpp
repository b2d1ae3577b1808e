// postern x400: the noun and the verbs that need no daemon.
#include <CLI/CLI.hpp>

#include "context.hpp"
#include "x400.hpp"

namespace postern::cli {

namespace {

constexpr AddX400Verbs kFileVerbs[] = {add_x400_address_verbs,   add_x400_codec_verbs, add_x400_sdk_verbs, add_x400_receive_verbs,
                                       add_x400_operation_verbs, add_x400_ping_verb,   add_x400_seal_verbs};
/// Those that talk to a peer where --peer names one, and to the daemon otherwise (x400_cabinet.hpp).
constexpr AddX400Verbs kPeerVerbs[] = {add_x400_mail_verbs, add_x400_mailbox_verbs, add_x400_cancel_verb};

}  // namespace

CLI::App* x400_noun(CLI::App& app) {
  for (CLI::App* made : app.get_subcommands([](const CLI::App* each) { return each->get_name() == "x400"; })) return made;
  CLI::App* noun = app.add_subcommand("x400", "X.400: addresses, messages, mailboxes");
  noun->require_subcommand(1);
  return noun;
}

void add_x400_verbs(CLI::App& app, Context& context);

void add_x400_verbs(CLI::App& app, Context& context) {
  for (const AddX400Verbs add : kFileVerbs) add(*x400_noun(app), context);
  if (!context.peer) return;
  for (const AddX400Verbs add : kPeerVerbs) add(*x400_noun(app), context);
}

}  // namespace postern::cli
