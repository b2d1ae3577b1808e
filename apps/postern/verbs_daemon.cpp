// The verbs about mail that talk to the daemon: status, health, send, mail, queue.
#include <memory>

#include "base/text.hpp"
#include "file_input.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

// ---- status ---------------------------------------------------------------------------------------------------------------------------
/// "7 in the embedded engine, open (file), audit to file, next rotation 2027-..."; of an external Vault where it is and whether it answers.
std::string engine_text(const json::value& e) {
  const std::string address = text_of(e, "address"), error = text_of(e, "error"), keys = text_of(e, "keys");
  const std::string seal = text_of(e, "seal"), next = text_of(e, "next_rotation"), advice = text_of(e, "advice");
  const std::string where = address.empty() ? "the " + text_of(e, "engine") + " engine" : "the Vault at " + address;
  std::string out = (keys.empty() ? "in " : keys + " in ") + where;
  if (!address.empty() && !error.empty()) return out + " CANNOT BE ASKED: " + error;
  out += text_of(e, "sealed") == "true" ? ", SEALED" : ", open";
  if (!seal.empty()) out += " (" + seal + ")";
  for (const auto& device : list_of(e, "audit")) out += ", audit to " + text_of(device, "type");
  if (!next.empty()) out += ", next rotation " + next;
  return out + (advice.empty() ? "" : "\n             " + advice);
}

/// "gate: landlock=7 ..., 2 notes"; the notes stand in --json.
std::string process_text(const json::value& process) {
  const auto notes = list_of(process, "notes");
  std::string out = text_of(process, "name") + ": " + text_of(process, "confinement");
  if (!notes.empty()) out += " (" + std::to_string(notes.size()) + (notes.size() == 1 ? " note" : " notes") + ": postern status --json)";
  return out;
}

/// What is bound to an interface; one that cannot be used is a warning below as well.
void show_interfaces(const json::value& s, std::ostream& out) {
  Table table({"BOUND", "INTERFACE", "STATE"});
  bool any = false;
  const auto add = [&](const char* list, const char* name, const std::string& kind) {
    for (const auto& one : list_of(s, list)) {
      const std::string interface = text_of(one, "interface");
      if (interface.empty()) continue;
      any = true;
      table.add({kind + text_of(one, name), interface, text_of(one, "interface_state") == "up" ? "up" : "NOT USABLE"});
    }
  };
  add("listeners", "name", "listener ");
  add("routes", "domain", "route ");
  if (!any) return;
  out << "\n";
  table.print(out);
}

void show_status(const json::value& s, std::ostream& out) {
  out << "Postern " << text_of(s, "version") << " on " << text_of(s, "hostname") << ", " << text_of(s, "mode") << ", since "
      << text_of(s, "started") << "\n\n";
  Table listeners({"LISTENER", "KIND", "ADDRESS", "TLS", "OPEN", "MESSAGES"});
  for (const auto& l : list_of(s, "listeners"))
    listeners.add({text_of(l, "name"), text_of(l, "kind"), text_of(l, "address"), text_of(l, "tls") + " >=" + text_of(l, "min_tls"),
                   text_of(l, "connections"), text_of(l, "messages")});
  listeners.print(out);
  show_interfaces(s, out);
  const auto certificate = at(at(s, "tls"), "certificate");
  const auto queue = at(s, "queue");
  const std::string revocation = text_of(certificate, "revocation"), stapled = text_of(certificate, "stapled");
  out << "\ncertificate  " << text_of(certificate, "verdict") << " until " << text_of(certificate, "not_after") << " ("
      << text_of(certificate, "subject") << ")" << (revocation.empty() ? "" : ", revocation " + revocation)
      << (stapled.empty() ? "" : ", OCSP stapled " + stapled) << "\n"
      << "keys         " << engine_text(at(s, "key_engine")) << "\n"
      << "sealing      S/MIME " << (text_of(at(s, "smime"), "enabled") == "true" ? "on" : "off") << ", "
      << text_of(at(s, "smime"), "correspondents") << " certificates; OpenPGP "
      << (text_of(at(s, "openpgp"), "enabled") == "true" ? "on" : "off") << ", " << text_of(at(s, "openpgp"), "correspondents")
      << " certificates\n"
      << "revocation   " << text_of(at(s, "revocation"), "policy") << "; of next hops " << text_of(at(s, "revocation"), "good") << " good, "
      << text_of(at(s, "revocation"), "revoked") << " revoked, " << text_of(at(s, "revocation"), "unknown") << " not known\n"
      << "queue        " << text_of(queue, "queued") << " queued, " << text_of(queue, "held") << " held, " << text_of(queue, "quarantined")
      << " quarantined; " << text_of(queue, "accepted") << " accepted, " << text_of(queue, "delivered") << " delivered since the start\n"
      << "storage      " << (text_of(at(s, "storage"), "healthy") == "true" ? "healthy" : "REFUSES WRITES") << "\n";
  for (const auto& process : list_of(s, "processes")) out << "process      " << process_text(process) << "\n";
  for (const auto& warning : list_of(s, "warnings")) out << "warning      " << std::string(warning.as_string()) << "\n";
}

void add_status(const Verbs& v) {
  CLI::App* status = v.app.add_subcommand("status", "What the gateway does right now, and what to look after");
  status->footer("Example: postern status");
  status->callback([v] {
    v.run(
        "status", [](const Remote& r) { return r.call_json("GET", "/status"); },
        [v](const json::value& s) { show_status(s, v.context.out); });
  });
}

/// Exit status 1 when something failed; with --strict also for a warning.
void add_health(const Verbs& v) {
  CLI::App* health = v.app.add_subcommand("health", "Every check in a line; exit status 1 when one failed");
  const auto strict = std::make_shared<bool>(false);
  health->add_flag("--strict", *strict, "Exit status 1 for a warning, too");
  health->footer("Example: postern health --strict");
  health->callback([v, strict] {
    v.run(
        "health",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(const auto status, r.call_json("GET", "/status"));
          json::object out{{"healthy", true}, {"checks", at(status, "health")}};
          for (const auto& check : list_of(status, "health")) {
            const std::string state = text_of(check, "state");
            if (state == "failed" || (*strict && state == "warning")) out["healthy"] = false;
          }
          if (!out["healthy"].as_bool()) v.context.exit_status = kNo;
          return json::value(std::move(out));
        },
        [v](const json::value& a) {
          Table table({"CHECK", "STATE", ""});
          for (const auto& check : list_of(a, "checks"))
            table.add({text_of(check, "check"), text_of(check, "state"), text_of(check, "text")});
          table.print(v.context.out);
        });
  });
}

// ---- send -----------------------------------------------------------------------------------------------------------------------------
struct SendOptions {
  std::string from, subject, text, file;
  std::vector<std::string> to;
};

Result<json::value> send(const Remote& remote, const SendOptions& options, std::istream& in) {
  json::object body{{"from", options.from}, {"to", json::value_from(options.to)}};
  if (!options.file.empty()) {
    POSTERN_TRY(const auto raw, read_message_input(options.file, in));
    if (!is_utf8(raw)) return fail(ErrorCode::Unsupported, "the message is neither ASCII nor UTF-8; send it by SMTP instead", "message");
    body["raw"] = raw;
  } else {
    body["subject"] = options.subject;
    body["text"] = options.text;
  }
  return remote.call_json("POST", "/api/v1/mail", body);
}

void add_send(const Verbs& v) {
  CLI::App* verb = v.app.add_subcommand("send", "Send a message through the gateway, as a program with the token may");
  const auto options = std::make_shared<SendOptions>();
  verb->add_option("--from", options->from, "Sender; empty for the null path")->required();
  verb->add_option("--to", options->to, "Recipient; repeat for more")->required();
  verb->add_option("--subject", options->subject, "Subject");
  verb->add_option("--text", options->text, "Text");
  verb->add_option("--message", options->file, "A whole message (RFC 5322) instead of subject and text; - is standard input");
  verb->footer("Example: postern send --from alice@postern.example --to bob@postern.example --subject Hello --text 'Good morning'");
  verb->callback([v, options] {
    v.run(
        "send", [&](const Remote& r) { return send(r, *options, v.context.in); },
        [v](const json::value& a) { v.context.out << text_of(a, "reply") << "\n"; });
  });
}

// ---- mail -----------------------------------------------------------------------------------------------------------------------------
void show_examination(const json::value& e, std::ostream& out) {
  out << "subject     " << text_of(e, "subject") << "\nprotection  " << text_of(e, "protection") << "\n";
  if (const auto signature = text_of(e, "signature"); !signature.empty()) out << "signature   " << signature << "\n";
  if (const auto trace = text_of(e, "trace"); !trace.empty()) out << "on arrival  " << trace << "\n";
  const auto opened = at(e, "opened");
  if (opened.is_object())
    out << "opened      " << (text_of(opened, "ok") == "true" ? "yes; " + text_of(opened, "facts") : "no; " + text_of(opened, "reason"))
        << "\n";
  if (list_of(e, "dkim").empty()) out << "DKIM        none\n";
  for (const auto& s : list_of(e, "dkim")) {
    const auto reason = text_of(s, "reason");
    out << "DKIM        " << text_of(s, "result") << "  " << text_of(s, "algorithm") << "  " << text_of(s, "selector") << "._domainkey."
        << text_of(s, "domain") << (reason.empty() ? "" : "  (" + reason + ")") << "\n";
  }
}

/// Exit status 1 when a signature, seal or DKIM check says no.
bool examination_good(const json::value& e) {
  if (text_of(e, "signature").find("signature=invalid") != std::string::npos) return false;
  const auto opened = at(e, "opened");
  if (opened.is_object() && text_of(opened, "ok") != "true") return false;
  const auto dkim = text_of(e, "dkim_result");
  return dkim == "none" || dkim == "pass";
}

void add_mail(const Verbs& v) {
  CLI::App* mail = v.noun("mail", "The embedded mailboxes, and the examination of messages");
  const auto mailbox = std::make_shared<std::string>();
  const auto limit = std::make_shared<int>(50);
  CLI::App* list = verb(mail, "list", "The newest messages, of all mailboxes or of one", "postern mail list --mailbox bob@postern.example");
  list->add_option("--mailbox", *mailbox, "Address of the mailbox");
  list->add_option("--limit", *limit, "At most this many")->check(CLI::Range(1, 1000));
  list->callback([v, mailbox, limit] {
    v.run(
        "mail list",
        [&](const Remote& r) {
          return r.call_json("GET", "/api/v1/mail" + query({{"mailbox", *mailbox}, {"limit", std::to_string(*limit)}}));
        },
        [v](const json::value& a) {
          Table table({"ID", "MAILBOX", "FROM", "RECEIVED", "BYTES"});
          for (const auto& m : list_of(a, "messages"))
            table.add({text_of(m, "id"), text_of(m, "mailbox"), text_of(m, "sender"), text_of(m, "received"), text_of(m, "size")});
          table.print(v.context.out);
        });
  });

  const auto id = std::make_shared<std::string>();
  const auto as = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>();
  CLI::App* show = verb(mail, "show", "The exact bytes of one message", "postern mail show 01J0ABCDEFGHJKMNPQRSTVWXYZ");
  show->add_option("ID", *id, "Message id")->required();
  show->add_option("--mailbox", *mailbox, "Whose copy, when several have one");
  show->callback([v, id, mailbox] {
    v.run(
        "mail show",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(const auto content, r.call("GET", "/api/v1/mail/" + http::percent_encode(*id) + query({{"mailbox", *mailbox}})));
          if (!v.context.json) return json::value(content);
          if (is_utf8(content)) return json::value(json::object{{"id", *id}, {"content", content}});
          return json::value(json::object{{"id", *id}, {"content_base64", base64_encode(as_bytes(content))}});
        },
        [v](const json::value& content) { v.context.out << std::string_view(content.as_string()); });
  });

  CLI::App* verify = verb(mail, "verify", "Examine a message: DKIM, seal, signature; open it with a key of this engine",
                          "postern mail verify --file var/out/partner/01J0….eml --as carol@partner.example");
  verify->add_option("ID", *id, "Id of a message in a mailbox");
  verify->add_option("--file", *file, "A message in a file instead; - is standard input");
  verify->add_option("--mailbox", *mailbox, "Whose copy, when several have one");
  verify->add_option("--as", *as, "Open it with the key that this engine has for the address");
  verify->callback([v, id, file, mailbox, as] {
    if (id->empty() == file->empty())
      return report_error(v.context, "mail verify", {ErrorCode::BadInput, "give a message ID or --file, one of the two", ""});
    v.run(
        "mail verify",
        [&](const Remote& r) -> Result<json::value> {
          Result<json::value> answer = nullptr;
          if (file->empty()) {
            answer =
                r.call_json("GET", "/api/v1/mail/" + http::percent_encode(*id) + "/verify" + query({{"mailbox", *mailbox}, {"as", *as}}));
          } else {
            POSTERN_TRY(const auto raw, read_message_input(*file, v.context.in));
            POSTERN_TRY(const auto text, r.call("POST", "/api/v1/verify" + query({{"as", *as}}), raw));
            answer = parse_answer(text);
          }
          if (answer && !examination_good(*answer)) v.context.exit_status = kNo;
          return answer;
        },
        [v](const json::value& e) { show_examination(e, v.context.out); });
  });
}

// ---- queue ----------------------------------------------------------------------------------------------------------------------------
struct QueueOptions {
  std::string id, recipient, route, state, reason;
  bool all = false, in_clear = false;
  int limit = 100;
};

void show_queue(const json::value& a, std::ostream& out) {
  Table table({"ID", "STATE", "FROM", "TO", "SEAL", "TRIES", "NEXT", "WHY"});
  for (const auto& e : list_of(a, "entries")) {
    const auto why = text_of(e, "reason").empty() ? text_of(e, "last_reply") : text_of(e, "reason");
    table.add({text_of(e, "id"), text_of(e, "state"), text_of(e, "sender"), text_of(e, "recipient"), text_of(e, "seal"),
               text_of(e, "attempts"), text_of(e, "next_attempt"), why});
  }
  table.print(out);
}

void add_selection(CLI::App* verb, const std::shared_ptr<QueueOptions>& o) {
  verb->add_option("--recipient", o->recipient, "Exactly this recipient");
  verb->add_option("--route", o->route, "Exactly this route (smtp:host:port, mx:domain)");
  verb->add_option("--state", o->state, "queued, held or quarantined");
}

void add_queue(const Verbs& v) {
  CLI::App* queue = v.noun("queue", "Messages on their way: list, show, hold, release, retry, delete");
  const auto o = std::make_shared<QueueOptions>();
  CLI::App* list = verb(queue, "list", "Every unfinished recipient", "postern queue list --state held");
  add_selection(list, o);
  list->add_option("--limit", o->limit, "At most this many")->check(CLI::Range(1, 1000));
  list->callback([v, o] {
    v.run(
        "queue list",
        [&](const Remote& r) {
          return r.call_json(
              "GET",
              "/api/v1/queue" +
                  query({{"recipient", o->recipient}, {"route", o->route}, {"state", o->state}, {"limit", std::to_string(o->limit)}}));
        },
        [v](const json::value& a) { show_queue(a, v.context.out); });
  });
  CLI::App* show = verb(queue, "show", "One message: where each recipient's copy is", "postern queue show 01J0ABCDEFGHJKMNPQRSTVWXYZ");
  show->add_option("ID", o->id, "Message id")->required();
  show->callback([v, o] {
    v.run(
        "queue show", [&](const Remote& r) { return r.call_json("GET", "/api/v1/messages/" + http::percent_encode(o->id)); },
        [v](const json::value& m) {
          v.context.out << text_of(m, "id") << "  from " << text_of(m, "sender") << ", " << text_of(m, "size") << " bytes, accepted "
                        << text_of(m, "accepted") << "\nfacts  " << json::serialize(at(m, "facts")) << "\n";
          Table table({"RECIPIENT", "STATE", "SEAL", "ROUTE", "TRIES", "LAST WORD"});
          for (const auto& r : list_of(m, "recipients"))
            table.add({text_of(r, "address"), text_of(r, "state"), text_of(r, "seal"), text_of(r, "route"), text_of(r, "attempts"),
                       text_of(r, "reply")});
          table.print(v.context.out);
          for (const auto& r : list_of(m, "recipients"))
            if (const auto advice = text_of(r, "advice"); !advice.empty())
              v.context.out << text_of(r, "address") << " waits. " << advice << ".\n";
        });
  });
  const struct {
    const char* name;
    const char* about;
    const char* example;
  } verbs[] = {{"hold", "Keep recipients back until they are released",
                "postern queue hold 01J0ABCDEFGHJKMNPQRSTVWXYZ --reason 'waiting for legal'"},
               {"release", "Send held recipients on their way; policy decides again with today's keys",
                "postern queue release 01J0ABCDEFGHJKMNPQRSTVWXYZ"},
               {"retry", "Try now instead of at the planned time", "postern queue retry --all"},
               {"delete", "Forget recipients without a bounce", "postern queue delete 01J0ABCDEFGHJKMNPQRSTVWXYZ"}};
  for (const auto& each : verbs) {
    CLI::App* act = verb(queue, each.name, each.about, each.example);
    act->add_option("ID", o->id, "Message id");
    add_selection(act, o);
    act->add_flag("--all", o->all, "Every one");
    act->add_option("--reason", o->reason, "Why, for the audit");
    if (std::string_view(each.name) == "release")
      act->add_flag("--in-clear", o->in_clear, "Send this one although policy wants it encrypted and no key is known");
    act->callback([v, o, name = std::string(each.name)] {
      v.run(
          "queue",
          [&](const Remote& r) {
            auto answer = r.call_json("POST", "/api/v1/queue/" + name,
                                      json::object{{"id", o->id},
                                                   {"recipient", o->recipient},
                                                   {"route", o->route},
                                                   {"state", o->state},
                                                   {"all", o->all},
                                                   {"in_clear", o->in_clear},
                                                   {"reason", o->reason}});
            if (answer && text_of(*answer, "changed") == "0") {
              v.context.exit_status = kNo;
              std::cerr << "postern queue " << name << ": no recipient in the queue fits; see `postern queue list`\n";
            }
            return answer;
          },
          [v, name](const json::value& a) { v.context.out << text_of(a, "changed") << " recipients: " << name << "\n"; });
    });
  }
}

}  // namespace

void add_daemon_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs verbs{app, context, global};
  add_status(verbs);
  add_health(verbs);
  add_send(verbs);
  add_mail(verbs);
  add_queue(verbs);
}

}  // namespace postern::cli
