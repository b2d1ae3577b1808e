// postern x400 …: the verbs of the X.400 side under one noun. A file of verbs is one line in the table of verbs_x400.cpp.
#pragma once

namespace CLI {
class App;
}

namespace postern::cli {

struct Context;
struct Verbs;

/// The noun, made at the first call. Verbs that talk to the daemon add themselves to it as well.
[[nodiscard]] CLI::App* x400_noun(CLI::App& app);

/// Adds verbs under the noun.
using AddX400Verbs = void (*)(CLI::App& x400, Context& context);
void add_x400_address_verbs(CLI::App& x400, Context& context);
void add_x400_codec_verbs(CLI::App& x400, Context& context);
void add_x400_sdk_verbs(CLI::App& x400, Context& context);
void add_x400_mail_verbs(CLI::App& x400, Context& context);
void add_x400_mailbox_verbs(CLI::App& x400, Context& context);
void add_x400_receive_verbs(CLI::App& x400, Context& context);
void add_x400_operation_verbs(CLI::App& x400, Context& context);
void add_x400_cancel_verb(CLI::App& x400, Context& context);
void add_x400_ping_verb(CLI::App& x400, Context& context);
void add_x400_seal_verbs(CLI::App& x400, Context& context);
/// With --peer without a daemon; without it the daemon binds, by its profile.
void add_x400_bind_test(CLI::App& x400, const Verbs& verbs);

}  // namespace postern::cli
