// The verbs of the key engine, over its Vault API: seal, secret, token, and the engine's policies.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include "base/secret.hpp"
#include "base/text.hpp"
#include "file_input.hpp"
#include "verbs.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// As Verbs::run, with the engine's token.
void run_engine(const Verbs& v, const char* verb, const std::function<Result<json::value>(const Remote&)>& work,
                const std::function<void(const json::value&)>& show) {
  const auto remote = Remote::find_engine(v.global);
  if (!remote) return report_error(v.context, verb, remote.error());
  const auto answer = work(*remote);
  if (!answer) return report_error(v.context, verb, answer.error());
  if (v.context.json)
    v.context.out << json::serialize(*answer) << "\n";
  else
    show(*answer);
}

/// A call whose success may be an empty 204.
Result<json::value> call(const Remote& remote, std::string method, std::string path, const json::value& body = nullptr) {
  POSTERN_TRY(const std::string text,
              remote.call(std::move(method), "/v1/" + path, body.is_null() ? std::string() : json::serialize(body)));
  return text.empty() ? Result<json::value>(json::object{{"ok", true}}) : parse_answer(text);
}

/// Each segment encoded, the slashes kept.
std::string path_of(std::string_view path) {
  std::string out;
  for (const auto segment : split(path, '/')) out += (out.empty() ? "" : "/") + http::percent_encode(segment);
  return out;
}

/// A secret typed at the terminal without echo, or the first line of standard input.
Result<std::string> read_secret(const Verbs& v, const char* prompt) {
  if (&v.context.in == &std::cin && ::isatty(STDIN_FILENO) == 1) {
    char* typed = ::getpass(prompt);
    if (typed != nullptr && *typed != '\0') return std::string(typed);
  } else {
    std::string line;
    std::getline(v.context.in, line);
    if (!trim(line).empty()) return std::string(trim(line));
  }
  return fail(ErrorCode::BadInput, "nothing was given: type it, or give it as the first line of standard input");
}

// ---- seal -----------------------------------------------------------------------------------------------------------------------------
void show_seal(const json::value& s, std::ostream& out) {
  const bool initialized = text_of(s, "initialized") == "true";
  out << "engine       "
      << (!initialized                     ? "not initialised: postern seal init"
          : text_of(s, "sealed") == "true" ? "SEALED"
                                           : "open")
      << "\n"
      << "seal         " << text_of(s, "type") << "\n";
  if (text_of(s, "type") == "shamir" && initialized) {
    out << "shares       " << text_of(s, "t") << " of " << text_of(s, "n") << "\n";
    if (text_of(s, "sealed") == "true") out << "progress     " << text_of(s, "progress") << " of " << text_of(s, "t") << "\n";
  }
}

void show_init(const json::value& a, std::ostream& out) {
  std::size_t number = 0;
  for (const auto& key : list_of(a, "keys_base64")) out << "share " << ++number << "       " << std::string(key.as_string()) << "\n";
  for (const auto& key : list_of(a, "recovery_keys_base64"))
    out << "recovery " << ++number << "    " << std::string(key.as_string()) << "\n";
  out << "root token    " << text_of(a, "root_token") << "\n\n"
      << "Nobody else has these: give each share to another person and keep none here. Without enough shares, everything in the engine is\n"
         "lost for ever. Open it now, once for each share: postern seal unseal\n";
}

void add_seal(const Verbs& v) {
  CLI::App* seal = v.noun("seal", "Whether the key engine is open: status, init, unseal, close, rotate");
  verb(seal, "status", "What opens the engine, and whether it is open; exit status 1 when it is not", "postern seal status")->callback([v] {
    run_engine(
        v, "seal status",
        [v](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(auto status, call(r, "GET", "sys/seal-status"));
          if (text_of(status, "sealed") == "true") v.context.exit_status = kNo;
          return status;
        },
        [v](const json::value& s) { show_seal(s, v.context.out); });
  });
  CLI::App* init = verb(seal, "init", "Make the engine's root key and print the shares that open it, once",
                        "postern seal init --shares 5 --threshold 3");
  const auto shares = std::make_shared<int>(5);
  const auto threshold = std::make_shared<int>(3);
  init->add_option("--shares", *shares, "How many people hold a share")->check(CLI::Range(1, 255));
  init->add_option("--threshold", *threshold, "How many of them open the engine together")->check(CLI::Range(1, 255));
  init->callback([v, shares, threshold] {
    run_engine(
        v, "seal init",
        [&](const Remote& r) {
          return call(r, "PUT", "sys/init", json::object{{"secret_shares", *shares}, {"secret_threshold", *threshold}});
        },
        [v](const json::value& a) { show_init(a, v.context.out); });
  });
  CLI::App* unseal =
      verb(seal, "unseal", "Give one share, typed or as the first line of standard input", "postern seal unseal < share.txt");
  const auto reset = std::make_shared<bool>(false);
  unseal->add_flag("--reset", *reset, "Forget the shares given so far");
  unseal->callback([v, reset] {
    run_engine(
        v, "seal unseal",
        [&](const Remote& r) -> Result<json::value> {
          if (*reset) return call(r, "PUT", "sys/unseal", json::object{{"reset", true}});
          POSTERN_TRY(std::string share, read_secret(v, "Share: "));
          auto answer = call(r, "PUT", "sys/unseal", json::object{{"key", share}});
          wipe(share);
          return answer;
        },
        [v](const json::value& s) { show_seal(s, v.context.out); });
  });
  verb(seal, "close", "Seal the engine: keys leave memory, mail waits", "postern seal close")->callback([v] {
    run_engine(
        v, "seal close", [](const Remote& r) { return call(r, "PUT", "sys/seal"); },
        [v](const json::value&) { v.context.out << "sealed; open it with: postern seal unseal\n"; });
  });
  verb(seal, "rotate", "A new key for what is stored from now on", "postern seal rotate")->callback([v] {
    run_engine(
        v, "seal rotate",
        [](const Remote& r) -> Result<json::value> {
          POSTERN_CHECK(call(r, "PUT", "sys/rotate"));
          return call(r, "GET", "sys/key-status");
        },
        [v](const json::value& s) { v.context.out << "term " << text_of(s, "term") << " since " << text_of(s, "install_time") << "\n"; });
  });
}

// ---- secret ---------------------------------------------------------------------------------------------------------------------------
/// "secret/app/db" -> {"secret", "app/db"}
std::pair<std::string, std::string> split_mount(const std::string& path) {
  const auto slash = path.find('/');
  if (slash == std::string::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string kv_path(const std::string& path, const char* part) {
  const auto [mount, rest] = split_mount(path);
  return path_of(mount + "/" + part + "/" + rest);
}

/// NAME=VALUE; NAME=@FILE reads a file, NAME=- standard input.
Result<json::object> read_pairs(const std::vector<std::string>& pairs, std::istream& in) {
  json::object out;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(ErrorCode::BadInput, "must be NAME=VALUE, NAME=@FILE or NAME=-", printable(pair));
    std::string value = pair.substr(equals + 1);
    if (value == "-") {
      value.assign(std::istreambuf_iterator<char>(in), {});
    } else if (value.starts_with('@')) {
      std::ifstream file(value.substr(1), std::ios::binary);
      if (!file) return fail(ErrorCode::NotFound, "cannot read " + value.substr(1));
      value.assign(std::istreambuf_iterator<char>(file), {});
    }
    if (!is_utf8(value)) return fail(ErrorCode::BadInput, "is not UTF-8: encode it first, with base64 for example", pair.substr(0, equals));
    out[pair.substr(0, equals)] = value;
    wipe(value);
  }
  return out;
}

void show_secret(const json::value& a, std::ostream& out) {
  const auto inner = at(at(a, "data"), "data");
  if (!inner.is_object()) return;
  for (const auto& [name, value] : inner.as_object())
    out << std::string(name) << "=" << (value.is_string() ? std::string(value.as_string()) : json::serialize(value)) << "\n";
}

void add_secret(const Verbs& v) {
  CLI::App* secret = v.noun("secret", "Values that the key engine keeps (KV version 2): get, put, list, delete");
  const auto path = std::make_shared<std::string>();
  const auto version = std::make_shared<int>(0);
  CLI::App* get = verb(secret, "get", "Show a secret", "postern secret get secret/app/database");
  get->add_option("PATH", *path, "MOUNT/PATH")->required();
  get->add_option("--version", *version, "This version; 0: the newest");
  get->callback([v, path, version] {
    run_engine(
        v, "secret get",
        [&](const Remote& r) {
          return call(r, "GET", kv_path(*path, "data") + (*version > 0 ? "?version=" + std::to_string(*version) : ""));
        },
        [v](const json::value& a) { show_secret(a, v.context.out); });
  });
  CLI::App* put = verb(secret, "put", "Store a new version", "postern secret put secret/app/database user=app password=-");
  const auto pairs = std::make_shared<std::vector<std::string>>();
  const auto cas = std::make_shared<int>(-1);
  put->add_option("PATH", *path, "MOUNT/PATH")->required();
  put->add_option("NAME=VALUE", *pairs, "NAME=@FILE reads a file, NAME=- standard input")->required();
  put->add_option("--cas", *cas, "Only when this is the newest version now; 0: when there is none");
  put->callback([v, path, pairs, cas] {
    run_engine(
        v, "secret put",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(json::object data, read_pairs(*pairs, v.context.in));
          json::object body{{"data", std::move(data)}};
          if (*cas >= 0) body["options"] = json::object{{"cas", *cas}};
          return call(r, "POST", kv_path(*path, "data"), body);
        },
        [v](const json::value& a) { v.context.out << "version " << text_of(at(a, "data"), "version") << "\n"; });
  });
  CLI::App* list = verb(secret, "list", "Names below a path", "postern secret list secret/app");
  list->add_option("PATH", *path, "MOUNT or MOUNT/PATH")->required();
  list->callback([v, path] {
    run_engine(
        v, "secret list", [&](const Remote& r) { return call(r, "LIST", kv_path(*path, "metadata")); },
        [v](const json::value& a) {
          const auto data = at(a, "data");
          for (const auto& key : list_of(data, "keys")) v.context.out << std::string(key.as_string()) << "\n";
        });
  });
  CLI::App* remove =
      verb(secret, "delete", "Delete the newest version, or with --all everything for ever", "postern secret delete secret/app/database");
  const auto all = std::make_shared<bool>(false);
  remove->add_option("PATH", *path, "MOUNT/PATH")->required();
  remove->add_flag("--all", *all, "All versions and the metadata");
  remove->callback([v, path, all] {
    run_engine(
        v, "secret delete", [&](const Remote& r) { return call(r, "DELETE", kv_path(*path, *all ? "metadata" : "data")); },
        [v](const json::value&) { v.context.out << "deleted\n"; });
  });
}

// ---- token ----------------------------------------------------------------------------------------------------------------------------
void show_token(const json::value& a, std::ostream& out) {
  const auto auth = at(a, "auth");
  const auto& from = auth.is_object() ? auth : at(a, "data");
  for (const char* field :
       {"client_token", "id", "accessor", "display_name", "policies", "ttl", "lease_duration", "renewable", "num_uses", "expire_time"})
    if (const auto text = text_of(from, field); !text.empty())
      out << field << std::string(16 - std::min<std::size_t>(15, std::string_view(field).size()), ' ') << text << "\n";
}

void add_token(const Verbs& v) {
  CLI::App* token = v.noun("token", "Who may ask the key engine: create, show, renew, revoke");
  CLI::App* create = verb(token, "create", "A token with policies and a life", "postern token create --policy signer --ttl 8h");
  const auto policies = std::make_shared<std::vector<std::string>>();
  const auto ttl = std::make_shared<std::string>();
  const auto uses = std::make_shared<int>(0);
  create->add_option("--policy", *policies, "Policy; repeat for more");
  create->add_option("--ttl", *ttl, "Life, 8h for example");
  create->add_option("--uses", *uses, "Requests it is good for; 0: any number");
  create->callback([v, policies, ttl, uses] {
    run_engine(
        v, "token create",
        [&](const Remote& r) {
          json::object body{{"policies", json::value_from(*policies)}, {"num_uses", *uses}};
          if (!ttl->empty()) body["ttl"] = *ttl;
          return call(r, "POST", "auth/token/create", body);
        },
        [v](const json::value& a) { show_token(a, v.context.out); });
  });
  const auto accessor = std::make_shared<std::string>();
  CLI::App* show = verb(token, "show", "The token in use, or that of an accessor", "postern token show");
  show->add_option("--accessor", *accessor, "Accessor of another token");
  show->callback([v, accessor] {
    run_engine(
        v, "token show",
        [&](const Remote& r) {
          return accessor->empty() ? call(r, "GET", "auth/token/lookup-self")
                                   : call(r, "POST", "auth/token/lookup-accessor", json::object{{"accessor", *accessor}});
        },
        [v](const json::value& a) { show_token(a, v.context.out); });
  });
  CLI::App* renew = verb(token, "renew", "Lengthen the life of the token in use", "postern token renew --token hvs...");
  renew->callback([v] {
    run_engine(
        v, "token renew", [](const Remote& r) { return call(r, "POST", "auth/token/renew-self"); },
        [v](const json::value& a) { show_token(a, v.context.out); });
  });
  CLI::App* revoke = verb(token, "revoke", "End a token and all that it made", "postern token revoke --accessor ...");
  revoke->add_option("--accessor", *accessor, "Its accessor")->required();
  revoke->callback([v, accessor] {
    run_engine(
        v, "token revoke",
        [&](const Remote& r) { return call(r, "POST", "auth/token/revoke-accessor", json::object{{"accessor", *accessor}}); },
        [v](const json::value&) { v.context.out << "revoked\n"; });
  });
}

// ---- policies of the engine -----------------------------------------------------------------------------------------------------------
void add_engine_policy(const Verbs& v) {
  CLI::App* policy = v.app.get_subcommand("policy");
  const auto name = std::make_shared<std::string>();
  const auto file = std::make_shared<std::string>("-");
  verb(policy, "list", "Policies of the key engine", "postern policy list")->callback([v] {
    run_engine(
        v, "policy list", [](const Remote& r) { return call(r, "LIST", "sys/policies/acl"); },
        [v](const json::value& a) {
          const auto data = at(a, "data");
          for (const auto& key : list_of(data, "keys")) v.context.out << std::string(key.as_string()) << "\n";
        });
  });
  CLI::App* read = verb(policy, "read", "A policy of the key engine", "postern policy read signer");
  read->add_option("NAME", *name, "Its name")->required();
  read->callback([v, name] {
    run_engine(
        v, "policy read", [&](const Remote& r) { return call(r, "GET", "sys/policies/acl/" + http::percent_encode(*name)); },
        [v](const json::value& a) { v.context.out << text_of(at(a, "data"), "policy") << "\n"; });
  });
  CLI::App* write =
      verb(policy, "write", "Set a policy of the key engine from a file (HCL or JSON)", "postern policy write signer signer.hcl");
  write->add_option("NAME", *name, "Its name")->required();
  write->add_option("FILE", *file, "The policy; - is standard input");
  write->callback([v, name, file] {
    run_engine(
        v, "policy write",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(const std::string text, read_input(*file, v.context.in));
          return call(r, "PUT", "sys/policies/acl/" + http::percent_encode(*name), json::object{{"policy", text}});
        },
        [v, name](const json::value&) { v.context.out << "policy " << *name << " is set\n"; });
  });
  CLI::App* remove = verb(policy, "delete", "Delete a policy of the key engine", "postern policy delete signer");
  remove->add_option("NAME", *name, "Its name")->required();
  remove->callback([v, name] {
    run_engine(
        v, "policy delete", [&](const Remote& r) { return call(r, "DELETE", "sys/policies/acl/" + http::percent_encode(*name)); },
        [v](const json::value&) { v.context.out << "deleted\n"; });
  });
}

}  // namespace

void add_engine_verbs(CLI::App& app, Context& context, const Global& global) {
  const Verbs verbs{app, context, global};
  add_seal(verbs);
  add_secret(verbs);
  add_token(verbs);
  add_engine_policy(verbs);
}

}  // namespace postern::cli
