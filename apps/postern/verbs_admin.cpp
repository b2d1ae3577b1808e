// The verbs of administration: audit, user, policy, which talk to the daemon; and config, which needs none.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "api/examine.hpp"
#include "base/text.hpp"
#include "config/load.hpp"
#include "config_check.hpp"
#include "engine_audit.hpp"
#include "file_input.hpp"
#include "gateway/explain.hpp"
#include "gateway/gateway.hpp"
#include "store/audit_log.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

// ---- audit ----------------------------------------------------------------------------------------------------------------------------
/// Without a daemon: the log is verified in the database file itself.
Result<json::value> verify_offline(const Global& global) {
  POSTERN_TRY(const auto config, configuration(global));
  POSTERN_TRY(auto options, gateway::store_options(config));
  DatabaseOptions reading;
  reading.path = options.data_dir / options.database;
  reading.key = std::move(options.key);
  reading.read_only = true;
  POSTERN_TRY(auto database, Database::open(reading));
  POSTERN_TRY(const auto verdict, verify_audit(database));
  json::object out = verdict_json(verdict, !verdict.fault.has_value());
  out["offline"] = true;
  return json::value(std::move(out));
}

/// The key engine's part lies in files here; of a daemon elsewhere nothing can be said.
Status add_engine(const Global& global, json::value& answer) {
  if (!global.api.empty() || !answer.is_object()) return {};
  POSTERN_TRY(auto engine, verify_engine(global));
  if (!engine) return {};
  json::object& out = answer.get_object();
  if (!engine->at("ok").as_bool()) out["ok"] = false;
  out["engine"] = *std::move(engine);
  return {};
}

void show_verdict(const json::value& a, Context& context) {
  if (at(a, "fault").is_null()) {
    context.out << "the audit log is whole: " << text_of(a, "entries") << " entries, head " << text_of(at(a, "head"), "hash") << "\n";
  } else {
    context.out << "the audit log was TAMPERED WITH at entry " << text_of(at(a, "fault"), "sequence") << ": "
                << text_of(at(a, "fault"), "text") << "\n";
  }
  if (const json::value engine = at(a, "engine"); engine.is_object()) show_engine_verdict(engine, context.out);
}

void add_audit(const Verbs& v) {
  CLI::App* audit = v.noun("audit", "What was done, by whom, and the proof that the record is whole");
  CLI::App* check =
      verb(audit, "verify",
           "Verify the hash chain, through the daemon, or in the database itself when none runs; and the key engine's, with the "
           "lines of its audit files, where they lie (not with --api)",
           "postern audit verify --offline");
  const auto offline = std::make_shared<bool>(false);
  check->add_flag("--offline", *offline, "Read the database file, not the daemon");
  check->callback([v, offline] {
    Result<json::value> answer = fail(ErrorCode::Unavailable, "");
    if (!*offline) {
      if (const auto remote = Remote::find(v.global)) answer = remote->call_json("POST", "/api/v1/audit/verify");
    }
    if (!answer && answer.error().code == ErrorCode::Unavailable) answer = verify_offline(v.global);
    if (!answer) return report_error(v.context, "audit verify", answer.error());
    if (const Status engine = add_engine(v.global, *answer); !engine) return report_error(v.context, "audit verify", engine.error());
    if (text_of(*answer, "ok") != "true") v.context.exit_status = kNo;
    if (v.context.json)
      v.context.out << json::serialize(*answer) << "\n";
    else
      show_verdict(*answer, v.context);
  });
  CLI::App* list = verb(audit, "list", "The newest records", "postern audit list --kind queue. --limit 20");
  const auto kind = std::make_shared<std::string>();
  const auto id = std::make_shared<std::string>();
  const auto limit = std::make_shared<int>(50);
  list->add_option("--kind", *kind, "This kind, or a prefix that ends in a dot");
  list->add_option("--id", *id, "About this message");
  list->add_option("--limit", *limit, "At most this many")->check(CLI::Range(1, 1000));
  list->callback([v, kind, id, limit] {
    v.run(
        "audit list",
        [&](const Remote& r) {
          return r.call_json("GET", "/api/v1/audit" + query({{"kind", *kind}, {"id", *id}, {"limit", std::to_string(*limit)}}));
        },
        [v](const json::value& a) {
          Table table({"SEQ", "TIME", "KIND", "ACTOR", "MESSAGE", "FACTS"});
          for (const auto& e : list_of(a, "entries"))
            table.add({text_of(e, "sequence"), text_of(e, "time"), text_of(e, "kind"), text_of(e, "actor"), text_of(e, "message"),
                       json::serialize(at(e, "facts"))});
          table.print(v.context.out);
        });
  });
}

// ---- user -----------------------------------------------------------------------------------------------------------------------------
void add_user(const Verbs& v) {
  CLI::App* user = v.noun("user", "Who may submit mail: add, list, delete");
  const auto name = std::make_shared<std::string>();
  const auto senders = std::make_shared<std::vector<std::string>>();
  CLI::App* add =
      verb(user, "add", "Add a user, or change the password and senders of one; the password is read from the terminal or standard input",
           "echo 'correct horse battery' | postern user add alice@postern.example");
  add->add_option("NAME", *name, "Login, often the address")->required();
  add->add_option("--sender", *senders, "May send as: an address, @domain or *; repeat for more. Default: the name");
  add->callback([v, name, senders] {
    v.run(
        "user add",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(std::string password, read_password(v.context.in));
          auto answer = r.call_json("POST", "/api/v1/users",
                                    json::object{{"name", *name}, {"password", password}, {"senders", json::value_from(*senders)}});
          wipe(password);
          return answer;
        },
        [v](const json::value& a) { v.context.out << text_of(a, "name") << " may send as " << text_of(a, "senders") << "\n"; });
  });
  CLI::App* list = verb(user, "list", "All users", "postern user list");
  list->callback([v] {
    v.run(
        "user list", [](const Remote& r) { return r.call_json("GET", "/api/v1/users"); },
        [v](const json::value& a) {
          Table table({"NAME", "SENDERS", "DISABLED"});
          for (const auto& u : list_of(a, "users")) table.add({text_of(u, "name"), text_of(u, "senders"), text_of(u, "disabled")});
          table.print(v.context.out);
        });
  });
  CLI::App* remove = verb(user, "delete", "Delete a user", "postern user delete alice@postern.example");
  remove->add_option("NAME", *name, "Login")->required();
  remove->callback([v, name] {
    v.run(
        "user delete", [&](const Remote& r) { return r.call_json("DELETE", "/api/v1/users/" + http::percent_encode(*name)); },
        [v](const json::value& a) { v.context.out << "deleted " << text_of(a, "removed") << "\n"; });
  });
}

// ---- config ---------------------------------------------------------------------------------------------------------------------------
void check_config(const Global& global, Context& context) {
  const auto environment = config::process_environment();
  const auto path = config::find_config(global.config_path, environment);
  if (!path) return report_error(context, "config check", {ErrorCode::BadInput, path.error().what, "config"});
  std::ifstream file(*path, std::ios::binary);
  if (!file)
    return report_error(context, "config check",
                        {ErrorCode::BadInput, "cannot read " + *path + "; check the path and its permissions", "config"});
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  config::Loaded loaded = config::parse(text, *path, environment);
  if (loaded.faults.empty()) check_above(loaded, environment);
  if (!loaded.faults.empty()) context.exit_status = kNo;
  json::array faults, warnings;
  for (const auto& fault : loaded.faults) faults.push_back(json::object{{"field", fault.field}, {"text", fault.what}});
  for (const auto& warning : loaded.warnings) warnings.emplace_back(warning);
  if (context.json) {
    context.out << json::serialize(json::object{
                       {"ok", loaded.faults.empty()}, {"file", *path}, {"faults", std::move(faults)}, {"warnings", std::move(warnings)}})
                << "\n";
    return;
  }
  for (const auto& fault : loaded.faults) context.out << "fault    " << fault.what << "\n";
  for (const auto& warning : loaded.warnings) context.out << "warning  " << warning << "\n";
  context.out << *path << (loaded.faults.empty() ? ": good\n" : ": cannot be used\n");
}

void add_config(const Verbs& v) {
  CLI::App* config = v.noun("config", "Settings: check, show, reference");
  verb(config, "check", "Read the configuration and name every fault and warning", "postern --config postern.toml config check")
      ->callback([v] { check_config(v.global, v.context); });
  verb(config, "show", "The effective configuration, defaults and environment included", "postern config show")->callback([v] {
    const auto loaded = configuration(v.global);
    if (!loaded) return report_error(v.context, "config show", loaded.error());
    if (v.context.json)
      v.context.out << json::serialize(json::object{{"toml", config::show(*loaded)}}) << "\n";
    else
      v.context.out << config::show(*loaded);
  });
  verb(config, "reference", "Every setting with kind, default and meaning, as Markdown", "postern config reference > settings.md")
      ->callback([v] {
        if (v.context.json)
          v.context.out << json::serialize(json::object{{"markdown", config::reference()}}) << "\n";
        else
          v.context.out << config::reference();
      });
}

// ---- policy ---------------------------------------------------------------------------------------------------------------------------
struct ExplainOptions {
  std::string file = "-";
  std::string from;
  std::vector<std::string> to;
  bool live = false;
};

Result<std::vector<json::object>> explain_live(const Verbs& v, const gateway::ExplainQuestion& question) {
  POSTERN_TRY(const auto remote, Remote::find(v.global));
  const std::string from = question.from == "<>" ? std::string() : question.from;
  std::vector<json::object> out;
  for (const auto& recipient : question.to) {
    POSTERN_TRY(const auto text,
                remote.call("POST", "/api/v1/policy/explain" + query({{"from", from}, {"to", recipient}}), question.message));
    POSTERN_TRY(const auto answer, parse_answer(text));
    if (!answer.is_object())
      return fail(ErrorCode::Internal, "the answer is no decision; is this address really a posternd of this version?");
    out.push_back(answer.as_object());
    out.back()["recipient"] = recipient;
  }
  return out;
}

Result<std::vector<json::object>> explain(const Verbs& v, const ExplainOptions& options) {
  POSTERN_TRY(const auto config, configuration(v.global));
  POSTERN_TRY(auto raw, read_message_input(options.file, v.context.in));
  POSTERN_TRY(const auto question, gateway::with_defaults({std::move(raw), options.from, options.to}, config.limits));
  if (options.live) return explain_live(v, question);
  POSTERN_TRY(const auto explained, gateway::explain_from_files(config, question));
  std::vector<json::object> out;
  for (const auto& e : explained) {
    out.push_back(api::decision_json(e.decision));
    out.back()["recipient"] = e.recipient;
  }
  return out;
}

void show_decision(const json::value& d, std::ostream& out) {
  out << "to       " << text_of(d, "recipient") << "\naction   " << text_of(d, "action") << "\nsign     " << text_of(d, "sign")
      << "\nencrypt  " << text_of(d, "encrypt") << "\nrule     " << (text_of(d, "rule").empty() ? "none matched" : text_of(d, "rule"))
      << "\n";
  if (!text_of(d, "reason").empty()) out << "reason   " << text_of(d, "reason") << "\n";
}

void add_policy(const Verbs& v) {
  CLI::App* policy = v.noun("policy", "Rules about sealing: explain; rules of the key engine: list, read, write, delete");
  CLI::App* verb_explain = verb(policy, "explain",
                                "What would happen to this message for each recipient, and why; nothing is sent. Reads files only: the "
                                "configuration, its certificate folders, the message",
                                "postern policy explain --message m.eml --config postern.toml");
  const auto options = std::make_shared<ExplainOptions>();
  verb_explain->add_option("--message", options->file, "The message; - is standard input");
  verb_explain->add_option("--from", options->from, "Envelope sender, <> for none; else the author in the message's From");
  verb_explain->add_option("--to", options->to, "Recipient; may be repeated; else everybody in the message's To and Cc");
  verb_explain->add_flag("--live", options->live, "Ask the running daemon, which knows its own keys");
  verb_explain->callback([v, options] {
    const auto decisions = explain(v, *options);
    if (!decisions) return report_error(v.context, "policy explain", decisions.error());
    bool first = true;
    for (const auto& decision : *decisions) {
      if (v.context.json)
        v.context.out << json::serialize(decision) << "\n";
      else
        show_decision(decision, v.context.out << (first ? "" : "\n"));
      first = false;
    }
  });
}

}  // namespace

void add_admin_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs verbs{app, context, global};
  add_audit(verbs);
  add_user(verbs);
  add_config(verbs);
  add_policy(verbs);
}

}  // namespace postern::cli
