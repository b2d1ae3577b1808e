// Keys by name, and the certificates of our own people. No answer holds a private key; there is no call that could.
#include <algorithm>
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/key_json.hpp"
#include "base/text.hpp"
#include "oraddress/or_text.hpp"
#include "transport/x400_person.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

http::Response shown(Gateway& gate, const KeyName& name, int status) {
  const auto state = gate.affairs().life().key(name);
  return state ? http::json_response(status, key_json(gate, *state, true)) : http::problem(state.error());
}

/// The state of the key after an act.
template <class T>
http::Response after(Gateway& gate, const KeyName& name, const Result<T>& done, int status = 200) {
  return done ? shown(gate, name, status) : http::problem(done.error());
}

http::Response list_keys(Gateway& gate) {
  const auto keys = gate.affairs().life().keys();
  if (!keys) return http::problem(keys.error());
  json::array out;
  for (const auto& key : *keys) out.push_back(key_json(gate, key, false));
  return http::json_response(200, json::object{{"keys", std::move(out)}});
}

http::Response create_key(Gateway& gate, const http::Request& request) {
  const auto body = object_body(request);
  if (!body || !body->contains("name")) return http::problem(400, "bad_input", "the body must be {\"name\": ..., \"type\": ...}", "name");
  const auto name = parse_key_name(text_field(*body, "name"));
  if (!name) return http::problem(name.error());
  const std::string type_name = text_field(*body, "type", "aes256-gcm96");
  const auto type = key_type_from_name(type_name);
  if (!type)
    return http::problem(
        400, "bad_input",
        "unknown key type " + printable(type_name) + "; for example aes256-gcm96, ed25519, ecdsa-p256, rsa-2048, hmac, openpgp", "type");
  return after(gate, *name, gate.affairs().life().create(*name, *type, text_field(*body, "user_id"), request.user), 201);
}

/// An act on one key, named by the path; with the body's fields, if there is one.
using Act = std::function<http::Response(Gateway&, const KeyName&, const json::object&, const std::string& actor)>;
std::function<http::Response(const http::Request&)> on_key(Gateway& gate, Act act) {
  return [&gate, act = std::move(act)](const http::Request& request) {
    const auto name = parse_key_name(request.param("name"));
    if (!name) return http::problem(name.error());
    if (request.body.empty()) return act(gate, *name, {}, request.user);
    const auto body = object_body(request);
    return body ? act(gate, *name, *body, request.user) : http::problem(body.error());
  };
}

http::Response archive_key(Gateway& gate, const KeyName& name, const json::object& body, const std::string& actor) {
  std::int64_t minimum = 0;
  if (const auto* value = body.if_contains("minimum"); value != nullptr) {
    if (!value->is_int64() || value->as_int64() < 1 || value->as_int64() > UINT32_MAX)
      return http::problem(400, "bad_input", "must be the number of a version", "minimum");
    minimum = value->as_int64();
  }
  return after(gate, name, gate.affairs().life().archive(name, static_cast<std::uint32_t>(minimum), actor));
}

bool flag_of(const json::object& body, std::string_view name) {
  const auto* value = body.if_contains(name);
  return value != nullptr && value->is_bool() && value->as_bool();
}

http::Response activate_now(Gateway& gate, const KeyName& name, bool in_place, const std::string& actor) {
  const auto done = gate.affairs().dkim().activate(name, in_place, actor);
  if (done) gate.dns_health().look_soon();
  return after(gate, name, done);
}

/// What DNS does not have must not sign by a slip: asked first, unless `force` says that the operator knows better.
io::Task<http::Response> activate_key(Gateway& gate, http::Request request) {
  const auto name = parse_key_name(request.param("name"));
  if (!name) co_return http::problem(name.error());
  const auto body = request.body.empty() ? Result<json::object>(json::object()) : object_body(request);
  if (!body) co_return http::problem(body.error());
  const bool in_place = flag_of(*body, "in_place");
  if (!flag_of(*body, "force")) {
    const Status there = co_await gate.affairs().dkim().published(*name, in_place);
    if (!there) co_return http::problem(there.error());
  }
  auto job = [&gate, name = *name, in_place, actor = request.user]() -> Result<http::Response> {
    return activate_now(gate, name, in_place, actor);
  };
  auto done = co_await gate.workers().run(std::move(job));
  co_return done ? *std::move(done) : http::problem(done.error());
}

/// The name once more, so that no slip destroys a key.
http::Response delete_key(Gateway& gate, const KeyName& name, const json::object& body, const std::string& actor) {
  if (text_field(body, "confirm") != name.get())
    return http::problem(400, "bad_input", "must be the name of the key that is to be destroyed for ever", "confirm");
  const Status removed = gate.affairs().life().remove(name, actor);
  return removed ? http::json_response(200, json::object{{"removed", name.get()}}) : http::problem(removed.error());
}

struct Enrolled {
  std::string address, certificate;
  KeyName key;
};

Result<Enrolled> enroll_mail(Gateway& gate, std::string_view kind, const std::string& text) {
  POSTERN_TRY(const Mailbox address, Mailbox::parse(text, Utf8::Allow));
  auto& people = gate.identities();
  POSTERN_TRY(std::string certificate, kind == "smime" ? people.enroll_smime(address) : people.enroll_openpgp(address));
  return Enrolled{address.text(), std::move(certificate),
                  kind == "smime" ? gateway::smime_key_name(address.text()) : gateway::openpgp_key_name(address.text())};
}

Result<Enrolled> enroll_x400(Gateway& gate, const std::string& text) {
  const auto address = oraddress::parse(text);
  if (!address) return fail(ErrorCode::BadInput, "is no O/R address: " + address.error().text(), "address");
  POSTERN_TRY(const gateway::Person person, transport::x400_person(*address));
  POSTERN_TRY(const auto identities, gate.identities().smime_of(person, true));
  return Enrolled{oraddress::write(*address), identities.front().chain.front().to_pem(), gateway::smime_key_name(person.name)};
}

/// The certificate of one of our own people, made when it is missing: what correspondents need to write to him sealed.
http::Response enroll(Gateway& gate, const http::Request& request) {
  const std::string_view kind = request.param("kind");
  if (kind != "smime" && kind != "openpgp" && kind != "x400")
    return http::problem(404, "not_found", "kinds of identity are smime, openpgp and x400", "kind");
  const std::string address(request.param("address"));
  const auto done = kind == "x400" ? enroll_x400(gate, address) : enroll_mail(gate, kind, address);
  if (!done) return http::problem(done.error());
  const Status noted = gate.audit().append(admin_record(gate, request, "identity.enroll", AuditFacts().add("key", done->key.get())));
  if (!noted) return http::problem(noted.error());
  return http::json_response(
      200, json::object{{"address", done->address}, {"kind", kind}, {"key", done->key.get()}, {"certificate", done->certificate}});
}

/// Our people and their certificates, a page at a time.
http::Response list_identities(Gateway& gate, const http::Request& request) {
  constexpr std::size_t kUsual = 100, kMost = 200;
  const auto limit = number_parameter(request, "limit", kUsual, kMost);
  if (!limit) return http::problem(limit.error());
  const auto page = gate.identities().page(std::string(request.query_value("after")), std::max<std::size_t>(*limit, 1));
  if (!page) return http::problem(page.error());
  json::array people;
  for (const auto& one : page->people) people.push_back({{"address", one.address}, {"smime", one.smime}, {"openpgp", one.openpgp}});
  return http::json_response(200, json::object{{"identities", std::move(people)}, {"next", page->next}});
}

}  // namespace

void add_key_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/keys", [&gate](const http::Request&) { return list_keys(gate); }, Role::Reader);
  routes.add_slow("POST", "/api/v1/keys", [&gate](const http::Request& r) { return create_key(gate, r); });
  routes.add_slow("GET", "/api/v1/keys/{name}",
                  on_key(gate, [](Gateway& g, const KeyName& n, const auto&, const auto&) { return shown(g, n, 200); }), Role::Reader);
  routes.add_slow("POST", "/api/v1/keys/{name}/rotate",
                  on_key(gate, [](Gateway& g, const KeyName& n, const auto&, const std::string& actor) {
                    return after(g, n, g.affairs().life().rotate(n, actor));
                  }));
  routes.add_slow("POST", "/api/v1/keys/{name}/rewrap",
                  on_key(gate, [](Gateway& g, const KeyName& n, const auto&, const std::string& actor) {
                    return after(g, n, g.affairs().life().rewrap(n, actor), 202);
                  }));
  routes.add_slow("POST", "/api/v1/keys/{name}/archive", on_key(gate, archive_key));
  routes.add("POST", "/api/v1/keys/{name}/activate", [&gate](http::Request r) { return activate_key(gate, std::move(r)); });
  routes.add_slow("DELETE", "/api/v1/keys/{name}", on_key(gate, delete_key));
  routes.add_slow("GET", "/api/v1/identities", [&gate](const http::Request& r) { return list_identities(gate, r); });
  routes.add_slow("POST", "/api/v1/identities/{address}/{kind}", [&gate](const http::Request& r) { return enroll(gate, r); });
}

}  // namespace postern::api
