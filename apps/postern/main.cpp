// The command: global options, then the verbs of each file. Exit statuses as in context.hpp.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <map>

#include "base/log.hpp"
#include "batch.hpp"
#include "file_input.hpp"
#include "remote.hpp"
#include "sdk/child.hpp"

namespace postern::cli {

void add_daemon_verbs(CLI::App& app, Context& context, const Global& global);
void add_key_verbs(CLI::App& app, Context& context, const Global& global);
void add_admin_verbs(CLI::App& app, Context& context, const Global& global);
void add_engine_verbs(CLI::App& app, Context& context, const Global& global);
void add_outbound_verbs(CLI::App& app, Context& context, const Global& global);
void add_dns_verbs(CLI::App& app, Context& context, const Global& global);
void add_x400_daemon_verbs(CLI::App& app, Context& context, const Global& global);
void add_dkim_verbs(CLI::App& app, Context& context);
void add_spf_verbs(CLI::App& app, Context& context);
void add_dmarc_verbs(CLI::App& app, Context& context);
void add_arc_verbs(CLI::App& app, Context& context);
void add_mime_verbs(CLI::App& app, Context& context);
void add_cms_verbs(CLI::App& app, Context& context);
void add_crypto_verbs(CLI::App& app, Context& context);
void add_cert_verbs(CLI::App& app, Context& context);
void add_dane_verbs(CLI::App& app, Context& context);
void add_mta_sts_verbs(CLI::App& app, Context& context);
void add_report_verbs(CLI::App& app, Context& context);
void add_feedback_verbs(CLI::App& app, Context& context);
void add_x400_verbs(CLI::App& app, Context& context);

namespace {

int run(const std::vector<std::string>& words, std::istream& in, std::ostream& out);
int run_one_of_many(const std::vector<std::string>& words, std::istream& in, std::ostream& out);

/// Verbs on files, each file of them for itself.
using AddVerbs = void (*)(CLI::App& app, Context& context);
constexpr AddVerbs kFileVerbs[] = {
    add_dkim_verbs,   add_spf_verbs,
    add_dmarc_verbs,  add_arc_verbs,
    add_mime_verbs,   add_cms_verbs,
    add_crypto_verbs, add_cert_verbs,
    add_dane_verbs,   add_mta_sts_verbs,
    add_report_verbs, add_feedback_verbs,
    add_x400_verbs,   [](CLI::App& app, Context& context) { add_batch_verb(app, context, run_one_of_many); },
};

void add_global_options(CLI::App& app, Context& context, Global& global) {
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("postern ") + POSTERN_VERSION);
  app.add_option("--config", global.config_path, "Configuration file; else $POSTERN_CONFIG, ./postern.toml, /etc/postern/postern.toml");
  app.add_option("--api", global.api, "Address of the daemon, http://HOST:PORT or https://HOST:PORT; else from the configuration");
  app.add_option("--ca", global.ca, "PEM file of the CAs that an https:// daemon is trusted by; else ca.pem of the data directory");
  app.add_option("--token", global.token,
                 "Token for the API; else $POSTERN_TOKEN, else admin.token (key engine: keeper/engine.token) of the data directory");
  app.add_flag("--json", context.json, "One JSON document on standard output and nothing else there");
}

/// Of a command line that begins with a noun of file verbs, or with --json before it: the verbs that can be meant. Building all there are
/// for each of thousands of commands would cost more than the commands. Null: all of them, for the daemon's verbs, help and errors.
AddVerbs verbs_of(const std::vector<std::string>& words) {
  static const auto nouns = [] {
    std::map<std::string, AddVerbs> out;
    for (const AddVerbs add : kFileVerbs) {
      CLI::App app;
      Context context{false, std::cout, std::cin};
      add(app, context);
      for (const CLI::App* noun : app.get_subcommands({})) out.emplace(noun->get_name(), add);
    }
    return out;
  }();
  const auto noun = std::ranges::find_if(words, [](const std::string& word) { return word != "--json"; });
  const auto found = noun == words.end() ? nouns.end() : nouns.find(*noun);
  return found == nouns.end() ? nullptr : found->second;
}

int run_with(AddVerbs only, const std::vector<std::string>& words, std::istream& in, std::ostream& out) {
  CLI::App app(
      "Postern's command. Verbs on files need no daemon; the others talk to the one that the configuration names.\n"
      "Exit status: 0 done, 1 the answer is no, 2 usage, 3 service not reachable, 4 not permitted, 5 internal error.",
      "postern");
  Context context{false, out, in};
  context.peer = std::ranges::any_of(words, [](const std::string& word) { return word == "--peer" || word.starts_with("--peer="); });
  Global global;
  add_global_options(app, context, global);
  // Callbacks run after parsing, so that --json counts wherever it stands.
  if (only != nullptr) {
    only(app, context);
  } else {
    add_daemon_verbs(app, context, global);
    add_key_verbs(app, context, global);
    add_admin_verbs(app, context, global);
    add_engine_verbs(app, context, global);
    add_outbound_verbs(app, context, global);
    add_dns_verbs(app, context, global);
    add_x400_daemon_verbs(app, context, global);
    for (const AddVerbs add : kFileVerbs) add(app, context);
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // the last word first, as the parser wants it
  } catch (const CLI::ParseError& error) {
    if (app.exit(error, out, std::cerr) == 0) return kDone;
    const bool json = std::ranges::find(words, "--json") != words.end();
    if (json) out << boost::json::object{{"error", {{"code", "usage"}, {"field", ""}, {"what", error.what()}}}} << '\n';
    return kUsage;
  } catch (const std::exception& error) {
    report_error(context, "", {ErrorCode::Internal, error.what(), ""});
  }
  out.flush();
  return context.exit_status;
}

int run(const std::vector<std::string>& words, std::istream& in, std::ostream& out) { return run_with(nullptr, words, in, out); }
int run_one_of_many(const std::vector<std::string>& words, std::istream& in, std::ostream& out) {
  return run_with(verbs_of(words), words, in, out);
}

}  // namespace
}  // namespace postern::cli

int main(int argc, char** argv) try {
  if (argc > 1 && std::string_view(argv[1]) == postern::sdk::kChildVerb) postern::sdk::run_child();  // holds a vendor's X.400 library
  std::signal(SIGPIPE, SIG_IGN);
  postern::log::configure(postern::log::Level::Warn, postern::log::Format::Text);
  return postern::cli::run({argv + std::min(argc, 1), argv + argc}, std::cin, std::cout);
} catch (const std::exception& error) {  // no memory, or a standard output that refuses
  std::fprintf(stderr, "postern: %s\n", error.what());
  return postern::cli::kInternal;
}
