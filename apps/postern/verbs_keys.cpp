// The verbs about the life of keys: key, tenant, identity.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "base/text.hpp"
#include "file_input.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr auto kAskEvery = std::chrono::milliseconds(300);

std::string key_path(const std::string& name, const char* act = "") { return "/api/v1/keys/" + http::percent_encode(name) + act; }

std::uint64_t number_of(const json::value& value, std::string_view field) {
  const json::value found = at(value, field);
  return found.is_int64() ? static_cast<std::uint64_t>(found.as_int64()) : found.is_uint64() ? found.as_uint64() : 0;
}

/// Typed at a terminal, or --yes (--confirm NAME for what cannot be undone); a program that gives neither is told so.
Status confirmed(const Verbs& v, const std::string& question, const std::string& word, const char* option) {
  if (&v.context.in != &std::cin || ::isatty(STDIN_FILENO) != 1)
    return fail(ErrorCode::BadInput, question + " Nobody is here to be asked: give " + option);
  std::cerr << question << " Type " << word << " to go on: ";
  std::string line;
  std::getline(v.context.in, line);
  if (trim(line) == word) return {};
  return fail(ErrorCode::NotFound, "not confirmed; nothing was done");
}

// ---- people's text ----------------------------------------------------------------------------------------------------------------------
std::string age_text(std::uint64_t seconds) {
  if (seconds < 2 * 60) return std::to_string(seconds) + " seconds";
  if (seconds >= 2 * 86400) return std::to_string(seconds / 86400) + " days";
  if (seconds >= 2 * 3600) return std::to_string(seconds / 3600) + " hours";
  return std::to_string(seconds / 60) + " minutes";
}

std::string uses_text(const json::value& key) {
  const std::uint64_t uses = number_of(key, "uses"), most = number_of(key, "max_uses");
  if (most == 0) return std::to_string(uses);
  std::string percent = std::to_string(uses * 100 / most);
  return std::to_string(uses) + " of " + std::to_string(most) + " (" + percent + "%)";
}

std::string rotation_text(const json::value& key) {
  const json::value rotation = at(key, "rotation");
  const std::string next = text_of(rotation, "next"), note = text_of(rotation, "note");
  return next.empty() ? note : next + (note.empty() ? "" : " " + note);
}

std::string rewrap_text(const json::value& run) {
  if (!run.is_object()) return {};
  std::string out = text_of(run, "done") + "/" + text_of(run, "total") + " under version " + text_of(run, "target");
  if (number_of(run, "failed") > 0) out += ", " + text_of(run, "failed") + " failed";
  return out + (text_of(run, "finished").empty() ? ", running" : ", done " + text_of(run, "finished"));
}

std::string activate_text(const std::string& key) { return "postern key activate " + key; }

/// Whether strangers find the key that signs.
std::string in_use_text(const json::value& record) {
  const json::value found = at(record, "in_dns");
  if (!found.is_object()) return "whether DNS has it was not looked at: postern dns health --now";
  const std::string standing = text_of(found, "standing"), message = text_of(found, "message");
  return standing == "ok" ? "DNS has it" : "in DNS: " + standing + ": " + message;
}

/// What is to be done about a record, or when what happens to it.
std::string next_of(const json::value& record, const std::string& key) {
  const std::string state = text_of(record, "state"), until = text_of(record, "until");
  if (state == "in use") return in_use_text(record);
  if (state == "announced")
    return "publish it; version " + text_of(record, "version") + " signs when DNS has had it for " +
           age_text(number_of(record, "settle_seconds")) + ", or as soon as DNS has it after: " + activate_text(key);
  if (state == "seen")
    return "DNS has it; version " + text_of(record, "version") + " signs at " + until + ", or at once after: " + activate_text(key);
  if (state == "retiring") return "must stay in DNS until " + until + ", for mail that it signed";
  return {};
}

/// Of a delegated selector the TXT record stands in the zone of our own, where a CNAME leads that the domain's owner sets once
/// (RFC 6376 3.6.2.2). It stays when a record is withdrawn: the selector's turn comes again.
void show_record(const json::value& record, const std::string& key, std::ostream& out) {
  const std::string state = text_of(record, "state"), name = text_of(record, "name"), at = text_of(record, "at");
  const std::string place = at.empty() ? name : at;
  if (state == "withdrawn") {  // its value would look like something to publish
    out << "  withdrawn  take the TXT record of version " << text_of(record, "version") << " out of DNS now, if it is there: " << place
        << "\n";
    return;
  }
  out << "  " << state << "  " << place << " IN TXT \"" << text_of(record, "value") << "\"\n";
  if (!at.empty()) out << "  found by  " << name << " IN CNAME " << at << "\n";
  if (const std::string next = next_of(record, key); !next.empty()) out << "    " << next << "\n";
}

void show_dns(const json::value& key, std::ostream& out) {
  const std::string name = text_of(key, "name");
  bool told = false;
  for (const auto& record : list_of(key, "dns")) {
    show_record(record, name, out);
    told = told || text_of(record, "state") == "announced" || text_of(record, "state") == "seen";
  }
  if (!told && number_of(key, "active_version") < number_of(key, "latest_version"))
    out << "  version " << text_of(key, "latest_version") << " is announced when its selector is free: when the retiring key has left\n";
}

void show_key(const json::value& k, std::ostream& out) {
  out << text_of(k, "name") << "  " << text_of(k, "type") << ", latest version " << text_of(k, "latest_version") << "\n";
  out << "  uses           " << uses_text(k) << "\n  next rotation  " << rotation_text(k) << "\n";
  if (const json::value run = at(k, "rewrap"); run.is_object()) out << "  re-wrapped     " << rewrap_text(run) << "\n";
  for (const auto& failure : list_of(k, "rewrap_failures"))
    out << "  not re-wrapped: content " << text_of(failure, "content") << " of message " << text_of(failure, "message") << ": "
        << text_of(failure, "reason") << "\n";
  show_dns(k, out);
  for (const auto& version : list_of(k, "versions")) {
    out << "  version " << text_of(version, "version") << "  created " << text_of(version, "created") << ", "
        << age_text(number_of(version, "age_seconds")) << " old, " << text_of(version, "uses") << " uses"
        << (text_of(version, "archived") == "true" ? ", archived" : "") << "\n"
        << text_of(version, "public_key");
  }
}

void show_keys(const json::value& a, std::ostream& out) {
  Table table({"NAME", "TYPE", "VERSION", "ROLE", "USES", "NEXT ROTATION"});
  for (const auto& k : list_of(a, "keys")) {
    std::string version = text_of(k, "latest_version");
    if (number_of(k, "active_version") < number_of(k, "latest_version"))
      version = text_of(k, "active_version") + " (" + version + " announced)";
    table.add({text_of(k, "name"), text_of(k, "type"), version, text_of(k, "role"), uses_text(k), rotation_text(k)});
  }
  table.print(out);
}

// ---- waiting ----------------------------------------------------------------------------------------------------------------------------
/// A line that is written over, on a terminal only: standard output stays clean.
class ProgressLine {
 public:
  explicit ProgressLine(const Verbs& v) : m_on(!v.context.json && ::isatty(STDERR_FILENO) == 1) {}
  ~ProgressLine() {
    if (m_written) std::cerr << "\n";
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const std::string& text) {
    if (!m_on) return;
    m_written = true;
    std::cerr << "\r" << text << "\x1b[K" << std::flush;
  }

 private:
  bool m_on;
  bool m_written = false;
};

/// Until the run is over, and the old versions are retired if that was wanted.
Result<json::value> follow_rewrap(const Verbs& v, const Remote& remote, const std::string& name) {
  ProgressLine line(v);
  for (;;) {
    POSTERN_TRY(const json::value key, remote.call_json("GET", key_path(name)));
    const json::value run = at(key, "rewrap");
    if (!run.is_object()) return key;
    line.show("re-wrapping for " + name + "  " + rewrap_text(run));
    if (!text_of(run, "finished").empty() && text_of(run, "archive") != "true") return key;
    std::this_thread::sleep_for(kAskEvery);
  }
}

Result<std::vector<std::string>> storage_keys(const Remote& remote) {
  POSTERN_TRY(const json::value all, remote.call_json("GET", "/api/v1/keys"));
  std::vector<std::string> out;
  for (const auto& key : list_of(all, "keys"))
    if (text_of(key, "role") == "storage") out.push_back(text_of(key, "name"));
  return out;
}

// ---- key --------------------------------------------------------------------------------------------------------------------------------
struct KeyOptions {
  std::string name;
  std::string type = "aes256-gcm96";
  std::string user_id;
  std::int64_t minimum = 0;
  std::string confirm;
  bool in_place = false;
  bool force = false;
  bool yes = false;
  bool no_wait = false;
  bool emergency = false;
};
using Options = std::shared_ptr<KeyOptions>;

CLI::App* key_verb(CLI::App* key, const char* name, const char* about, const char* example, const Options& o) {
  CLI::App* out = verb(key, name, about, example);
  out->add_option("NAME", o->name, "Key name")->required();
  return out;
}

void add_making(const Verbs& v, CLI::App* key) {
  const auto shown = [v](const json::value& k) { show_key(k, v.context.out); };
  verb(key, "list", "All keys with version, role, use against the limit and next rotation", "postern key list")->callback([v] {
    v.run(
        "key list", [](const Remote& r) { return r.call_json("GET", "/api/v1/keys"); },
        [v](const json::value& a) { show_keys(a, v.context.out); });
  });
  const auto o = std::make_shared<KeyOptions>();
  key_verb(key, "show", "One key: versions, public parts, age, use, next rotation, DNS records, progress of re-wrapping",
           "postern key show dkim_key", o)
      ->callback([v, o, shown] { v.run("key show", [&](const Remote& r) { return r.call_json("GET", key_path(o->name)); }, shown); });
  CLI::App* create = key_verb(key, "create", "Make a key", "postern key create dkim_rsa --type rsa-2048", o);
  create->add_option("--type", o->type, "aes256-gcm96, ed25519, ecdsa-p256, rsa-2048, hmac, x25519, openpgp ...");
  create->add_option("--user-id", o->user_id, "Of an openpgp key: Name <address>");
  create->callback([v, o, shown] {
    v.run(
        "key create",
        [&](const Remote& r) {
          return r.call_json("POST", "/api/v1/keys", json::object{{"name", o->name}, {"type", o->type}, {"user_id", o->user_id}});
        },
        shown);
  });
}

Result<json::value> rewrap(const Verbs& v, const Remote& r, const KeyOptions& o) {
  std::vector<std::string> names{o.name};
  if (o.name.empty()) {
    POSTERN_TRY(names, storage_keys(r));
  }
  json::array out;
  for (const auto& name : names) {
    auto key = r.call_json("POST", key_path(name, "/rewrap"));
    if (key && !o.no_wait) key = follow_rewrap(v, r, name);
    if (!key) return key;
    if (number_of(at(*key, "rewrap"), "failed") > 0) v.context.exit_status = kNo;
    out.push_back(*std::move(key));
  }
  return json::value(json::object{{"keys", std::move(out)}});
}

void add_rotating(const Verbs& v, CLI::App* key) {
  const auto o = std::make_shared<KeyOptions>();
  key_verb(key, "rotate", "Add a version; older ones go on decrypting and verifying, stored mail is re-wrapped by itself",
           "postern key rotate mail_storage_key", o)
      ->callback([v, o] {
        v.run(
            "key rotate", [&](const Remote& r) { return r.call_json("POST", key_path(o->name, "/rotate")); },
            [v](const json::value& k) { show_key(k, v.context.out); });
      });
  CLI::App* rewrapping =
      verb(key, "rewrap",
           "Bring the data keys of all stored mail under the latest version of their storage key, and wait for the end; goes on "
           "where it was after a crash. Exit status 1 when a message could not be re-wrapped",
           "postern key rewrap");
  rewrapping->add_option("NAME", o->name, "Storage key; else all of them");
  rewrapping->add_flag("--no-wait", o->no_wait, "Begin it and return");
  rewrapping->callback([v, o] {
    v.run(
        "key rewrap", [&](const Remote& r) { return rewrap(v, r, *o); },
        [v](const json::value& a) {
          for (const auto& k : list_of(a, "keys")) show_key(k, v.context.out);
        });
  });
  CLI::App* activate =
      key_verb(key, "activate", "Sign with the announced version of a DKIM key from now on, if DNS has its record; else it is refused",
               "postern key activate dkim_key", o);
  activate->add_flag("--in-place", o->in_place, "Under the old selector, whose record was replaced, and not under SELECTOR-vN");
  activate->add_flag("--force", o->force, "Do not ask DNS: receivers fail the signatures until they find the record there");
  activate->callback([v, o] {
    v.run(
        "key activate",
        [&](const Remote& r) {
          return r.call_json("POST", key_path(o->name, "/activate"), json::object{{"in_place", o->in_place}, {"force", o->force}});
        },
        [v](const json::value& k) { show_key(k, v.context.out); });
  });
}

// ---- rotate-all -------------------------------------------------------------------------------------------------------------------------
Result<json::value> rotate_all(const Verbs& v, const Remote& r, const KeyOptions& o) {
  if (!o.yes)
    POSTERN_CHECK(confirmed(v,
                            o.emergency ? "Every key gets a new version, and old versions stop working wherever nothing stored needs them."
                                        : "Every key of the mail system gets a new version.",
                            "yes", "--yes"));
  POSTERN_TRY(json::value answer, r.call_json("POST", "/api/v1/rotation", json::object{{"emergency", o.emergency}}));
  json::array rewraps;
  for (const auto& key : list_of(answer, "keys")) {
    if (!text_of(key, "failure").empty()) v.context.exit_status = kNo;
    if (o.no_wait || text_of(key, "role") != "storage" || text_of(key, "version").empty()) continue;
    POSTERN_TRY(const json::value done, follow_rewrap(v, r, text_of(key, "name")));
    json::object run = at(done, "rewrap").is_object() ? at(done, "rewrap").as_object() : json::object();
    run["name"] = text_of(key, "name");
    run["min_decryption_version"] = at(done, "min_decryption_version");
    if (number_of(run, "failed") > 0) v.context.exit_status = kNo;
    rewraps.emplace_back(std::move(run));
  }
  answer.as_object()["rewraps"] = std::move(rewraps);
  return answer;
}

void show_rotate_all(const json::value& a, std::ostream& out) {
  Table table({"NAME", "ROLE", "VERSION", "RESULT"});
  for (const auto& k : list_of(a, "keys")) {
    const std::string failure = text_of(k, "failure"), minimum = text_of(k, "minimum");
    table.add({text_of(k, "name"), text_of(k, "role"), text_of(k, "version"),
               !failure.empty()                          ? "FAILED: " + failure
               : text_of(k, "version").empty()           ? "left alone, see below"
               : !minimum.empty()                        ? "rotated, older versions retired"
               : text_of(k, "archive_pending") == "true" ? "rotated, older versions retire with the re-wrapping"
                                                         : "rotated"});
  }
  table.print(out);
  for (const auto& run : list_of(a, "rewraps"))
    out << "\nstored mail of " << text_of(run, "name") << ": " << rewrap_text(run) << "; versions below "
        << text_of(run, "min_decryption_version") << " open nothing any more\n";
  if (!list_of(a, "by_hand").empty()) out << "\nBY HAND\n";
  for (const auto& text : list_of(a, "by_hand"))
    if (text.is_string()) out << "- " << std::string(text.as_string()) << "\n";
}

void add_rotate_all(const Verbs& v, CLI::App* key) {
  const auto o = std::make_shared<KeyOptions>();
  CLI::App* all = verb(key, "rotate-all", "Rotate every key of the mail system, re-wrap, and say what is left to do by hand",
                       "postern key rotate-all --emergency --yes");
  all->add_flag("--emergency", o->emergency, "Every key there is; older versions stop working wherever nothing stored needs them");
  all->add_flag("--yes", o->yes, "Do not ask");
  all->add_flag("--no-wait", o->no_wait, "Do not wait for the re-wrapping");
  all->callback([v, o] {
    v.run(
        "key rotate-all", [&](const Remote& r) { return rotate_all(v, r, *o); },
        [v](const json::value& a) { show_rotate_all(a, v.context.out); });
  });
}

void add_retiring(const Verbs& v, CLI::App* key) {
  const auto o = std::make_shared<KeyOptions>();
  CLI::App* archive = key_verb(
      key, "archive", "Old versions neither open nor verify any more (min_decryption_version); refused while stored mail is under them",
      "postern key archive mail_storage_key", o);
  archive->add_option("--min-version", o->minimum, "The oldest version that goes on; else the latest (DKIM: the one in use)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{UINT32_MAX}));
  archive->callback([v, o] {
    v.run(
        "key archive",
        [&](const Remote& r) {
          json::object body;
          if (o->minimum != 0) body["minimum"] = o->minimum;
          return r.call_json("POST", key_path(o->name, "/archive"), body);
        },
        [v](const json::value& k) { show_key(k, v.context.out); });
  });
  CLI::App* remove =
      key_verb(key, "delete", "Destroy a key with all its versions, for ever", "postern key delete old_app_key --confirm old_app_key", o);
  remove->add_option("--confirm", o->confirm, "The name once more, instead of being asked for it");
  remove->callback([v, o] {
    v.run(
        "key delete",
        [&](const Remote& r) -> Result<json::value> {
          if (o->confirm.empty())
            POSTERN_CHECK(
                confirmed(v, "The key " + o->name + " and everything that only it opens will be lost.", o->name, "--confirm NAME"));
          return r.call_json("DELETE", key_path(o->name), json::object{{"confirm", o->confirm.empty() ? o->name : o->confirm}});
        },
        [v](const json::value& a) { v.context.out << "destroyed " << text_of(a, "removed") << "\n"; });
  });
}

// ---- tenant -----------------------------------------------------------------------------------------------------------------------------
Result<json::value> shred(const Verbs& v, const Remote& r, const KeyOptions& o) {
  const std::string path = "/api/v1/tenants/" + http::percent_encode(o.name);
  POSTERN_TRY(const json::value tenant, r.call_json("GET", path));
  if (o.confirm.empty())
    POSTERN_CHECK(confirmed(v, "All mail of tenant " + o.name + ", here and in every backup of the mail store, can never be read again.",
                            o.name, "--confirm NAME"));
  POSTERN_TRY(const json::value begun,
              r.call_json("POST", path + "/shred", json::object{{"confirm", o.confirm.empty() ? o.name : o.confirm}}));
  json::value now = begun;
  ProgressLine line(v);
  while (!o.no_wait && text_of(now, "state") != "shredded") {
    POSTERN_TRY(const json::value seen, r.call_json("GET", path));
    now = at(seen, "shredding");
    line.show("the key is destroyed; messages removed: " + text_of(now, "removed"));
    if (text_of(now, "state") != "shredded") std::this_thread::sleep_for(kAskEvery);
  }
  json::object out = now.is_object() ? now.as_object() : json::object();
  out["name"] = o.name;
  out["storage_key"] = at(tenant, "storage_key");
  out["by_hand"] = at(begun, "by_hand");
  return json::value(std::move(out));
}

void add_tenant(const Verbs& v) {
  CLI::App* tenant = v.noun("tenant", "Domains whose stored mail is under a key of its own: list, shred");
  verb(tenant, "list", "All tenants, with their storage keys", "postern tenant list")->callback([v] {
    v.run(
        "tenant list", [](const Remote& r) { return r.call_json("GET", "/api/v1/tenants"); },
        [v](const json::value& a) {
          Table table({"NAME", "STATE", "STORAGE KEY", "DOMAINS"});
          for (const auto& t : list_of(a, "tenants"))
            table.add({text_of(t, "name"), text_of(t, "state"), text_of(t, "storage_key"), text_of(t, "domains")});
          table.print(v.context.out);
        });
  });
  const auto o = std::make_shared<KeyOptions>();
  CLI::App* shredding =
      verb(tenant, "shred",
           "Destroy a tenant's storage key: its stored mail, here and in every backup of the mail store, can never be read "
           "again. Its mail is refused from then on, everybody else's is untouched",
           "postern tenant shred acme --confirm acme");
  shredding->add_option("NAME", o->name, "Tenant")->required();
  shredding->add_option("--confirm", o->confirm, "The name once more, instead of being asked for it");
  shredding->add_flag("--no-wait", o->no_wait, "Do not wait until its rows are removed");
  shredding->callback([v, o] {
    v.run(
        "tenant shred", [&](const Remote& r) { return shred(v, r, *o); },
        [v](const json::value& a) {
          v.context.out << "tenant " << text_of(a, "name") << ": key " << text_of(a, "storage_key") << " destroyed, "
                        << text_of(a, "removed") << " messages removed\n\nBY HAND\n";
          for (const auto& text : list_of(a, "by_hand"))
            if (text.is_string()) v.context.out << "- " << std::string(text.as_string()) << "\n";
        });
  });
}

// ---- identity ---------------------------------------------------------------------------------------------------------------------------
void add_identity(const Verbs& v) {
  CLI::App* identity = v.noun("identity", "Certificates of our own people, for those who write to them");
  CLI::App* certificate = verb(identity, "certificate", "Print the certificate, made when it is missing",
                               "postern identity certificate alice@postern.example --kind openpgp");
  const auto name = std::make_shared<std::string>();
  const auto kind = std::make_shared<std::string>("smime");
  certificate->add_option("ADDRESS", *name, "Mail address; with --kind x400 an O/R address")->required();
  certificate->add_option("--kind", *kind, "smime, openpgp, or x400 (S/MIME for an O/R address)")
      ->check(CLI::IsMember({"smime", "openpgp", "x400"}));
  certificate->callback([v, name, kind] {
    v.run(
        "identity certificate",
        [&](const Remote& r) { return r.call_json("POST", "/api/v1/identities/" + http::percent_encode(*name) + "/" + *kind); },
        [v](const json::value& a) { v.context.out << text_of(a, "certificate"); });
  });
}

}  // namespace

void add_key_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs verbs{app, context, global};
  CLI::App* key = verbs.noun("key", "Keys and their life: list, show, create, rotate, rewrap, rotate-all, activate, archive, delete");
  add_making(verbs, key);
  add_rotating(verbs, key);
  add_rotate_all(verbs, key);
  add_retiring(verbs, key);
  add_tenant(verbs);
  add_identity(verbs);
}

}  // namespace postern::cli
