// Who asks, audit, users and the effective configuration.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "base/secret.hpp"
#include "config/load.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

json::object audit_json(const AuditEntry& e) {
  boost::system::error_code malformed;
  json::value facts = json::parse(e.record.facts, malformed);
  return {{"sequence", e.sequence},
          {"time", rfc3339(e.record.time)},
          {"kind", e.record.kind},
          {"actor", e.record.actor},
          {"message", e.record.message.get()},
          {"correlation", e.record.correlation.get()},
          {"facts", malformed ? json::value(json::object{}) : std::move(facts)},
          {"hash", hex_encode(e.hash)}};
}

http::Response list_audit(Gateway& gate, const http::Request& request) {
  const auto limit = number_parameter(request, "limit", 50, 1000);
  if (!limit) return http::problem(limit.error());
  AuditFilter filter;
  filter.kind = request.query_value("kind");
  if (request.has_query("id")) filter.message = MessageId(std::string(request.query_value("id")));
  const bool filtered = !filter.kind.empty() || filter.message;
  const auto entries = filtered ? gate.audit().list(filter, *limit) : gate.audit().newest(*limit);
  if (!entries) return http::problem(entries.error());
  json::array out;
  for (const auto& e : *entries) out.push_back(audit_json(e));
  return http::json_response(200, json::object{{"entries", std::move(out)}});
}

http::Response verify_audit_log(Gateway& gate) {
  const auto verdict = gate.audit().verify();
  if (!verdict) return http::problem(verdict.error());
  json::object out{{"ok", !verdict->fault.has_value()},
                   {"entries", verdict->entries},
                   {"head", {{"sequence", verdict->head.sequence}, {"hash", hex_encode(verdict->head.hash)}}}};
  if (verdict->fault)
    out["fault"] =
        json::object{{"kind", name_of(verdict->fault->kind)}, {"sequence", verdict->fault->sequence}, {"text", verdict->fault->text}};
  return http::json_response(200, out);
}

json::object user_json(const User& user) {
  json::array senders;
  for (const auto& s : user.senders) senders.emplace_back(s);
  return {{"name", user.name}, {"senders", std::move(senders)}, {"disabled", user.disabled}};
}

http::Response list_users(Gateway& gate) {
  const auto users = gate.users().list();
  if (!users) return http::problem(users.error());
  json::array out;
  for (const auto& user : *users) out.push_back(user_json(user));
  return http::json_response(200, json::object{{"users", std::move(out)}});
}

Result<User> user_from(const json::object& object, Random& random) {
  const auto text = [&](const char* field) {
    const auto* value = object.if_contains(field);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  User user;
  auto name = parse_user_name(text("name"));
  if (!name) return fail(ErrorCode::BadInput, name.error().what, "name");
  user.name = *std::move(name);
  std::string password = text("password");
  auto credentials = make_scram(password, random);
  wipe(password);
  if (!credentials) return fail(ErrorCode::BadInput, credentials.error().what, "password");
  user.credentials = *std::move(credentials);
  if (const auto* senders = object.if_contains("senders"); senders != nullptr && senders->is_array()) {
    for (const auto& item : senders->as_array()) {
      if (!item.is_string()) return fail(ErrorCode::BadInput, "must be a list of addresses", "senders");
      POSTERN_TRY(auto pattern, parse_sender_pattern(std::string(item.as_string())));
      user.senders.push_back(std::move(pattern));
    }
  }
  if (user.senders.empty()) user.senders.push_back(user.name);
  return user;
}

/// JSON strings free their memory as it is.
void wipe_text(json::object& object, std::string_view field) {
  auto* value = object.if_contains(field);
  if (value == nullptr || !value->is_string()) return;
  json::string& text = value->as_string();
  wipe(ByteSpan(reinterpret_cast<Byte*>(text.data()), text.size()));
}

http::Response put_user(Gateway& gate, const http::Request& request) {
  auto body = request.json();
  if (!body || !body->is_object()) return http::problem(400, "bad_input", "the body must be {\"name\", \"password\", \"senders\": [...]}");
  const auto user = user_from(body->as_object(), gate.random());
  wipe_text(body->as_object(), "password");
  if (!user) return http::problem(user.error());
  if (const Status put = gate.users().put(*user); !put) return http::problem(put.error());
  if (const Status noted = gate.audit().append(admin_record(gate, request, "user.put", AuditFacts().add("user", user->name))); !noted)
    return http::problem(noted.error());
  return http::json_response(201, user_json(*user));
}

http::Response remove_user(Gateway& gate, const http::Request& request) {
  const std::string name(request.param("name"));
  if (const Status removed = gate.users().remove(name); !removed) return http::problem(removed.error());
  if (const Status noted = gate.audit().append(admin_record(gate, request, "user.remove", AuditFacts().add("user", name))); !noted)
    return http::problem(noted.error());
  return http::json_response(200, json::object{{"removed", name}});
}

/// So that a page offers only what who has given it his token may do.
http::Response who_asks(const Operators& known, const http::Request& request) {
  return http::json_response(200, json::object{{"name", request.user}, {"role", name_of(known.role_of(request.user))}});
}

}  // namespace

void add_admin_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  const Operators& known = routes.operators;
  routes.add_slow("GET", "/api/v1/operator", [&known](const http::Request& r) { return who_asks(known, r); }, Role::Reader);
  routes.add_slow("GET", "/api/v1/audit", [&gate](const http::Request& r) { return list_audit(gate, r); });
  routes.add_slow("POST", "/api/v1/audit/verify", [&gate](const http::Request&) { return verify_audit_log(gate); });
  routes.add_slow("GET", "/api/v1/users", [&gate](const http::Request&) { return list_users(gate); });
  routes.add_slow("POST", "/api/v1/users", [&gate](const http::Request& r) { return put_user(gate, r); });
  routes.add_slow("DELETE", "/api/v1/users/{name}", [&gate](const http::Request& r) { return remove_user(gate, r); });
  routes.add_slow("GET", "/api/v1/config",
                  [&gate](const http::Request&) { return http::json_response(200, json::object{{"toml", config::show(gate.config())}}); });
}

}  // namespace postern::api
