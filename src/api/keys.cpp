// Keys by name, and the certificates of our own people. No answer holds a private key; there is no call that could.
#include <boost/json.hpp>

#include "api/api.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

json::object key_json(const KeyInfo& info) {
  json::array versions;
  for (const auto& v : info.versions) {
    json::object version{{"version", v.number}, {"created", rfc3339(v.created)}, {"uses", v.uses}};
    if (!v.public_key_pem.empty()) version["public_key"] = v.public_key_pem;
    versions.push_back(std::move(version));
  }
  json::object out{{"name", info.name.get()},
                   {"type", name_of(info.type)},
                   {"latest_version", info.latest},
                   {"min_decryption_version", info.min_decryption_version},
                   {"deletion_allowed", info.deletion_allowed},
                   {"versions", std::move(versions)}};
  if (!info.custody.empty()) out["custody"] = info.custody;
  return out;
}

http::Response answer(const Result<KeyInfo>& info, int status) {
  return info ? http::json_response(status, key_json(*info)) : http::problem(info.error());
}

http::Response list_keys(Gateway& gate) {
  const auto names = gate.keeper().list();
  if (!names) return http::problem(names.error());
  json::array out;
  for (const auto& name : *names) {
    if (const auto info = gate.keeper().describe(name)) out.push_back(key_json(*info));
  }
  return http::json_response(200, json::object{{"keys", std::move(out)}});
}

Status audited(Gateway& gate, const http::Request& request, std::string_view act, std::string_view key) {
  return gate.audit().append(admin_record(gate, request, act, AuditFacts().add("key", key)));
}

http::Response create_key(Gateway& gate, const http::Request& request) {
  const auto body = request.json();
  if (!body || !body->is_object() || !body->as_object().contains("name"))
    return http::problem(400, "bad_input", "the body must be {\"name\": ..., \"type\": ...}", "name");
  const auto& object = body->as_object();
  const auto text = [&](const char* field, const char* fallback) {
    const auto* value = object.if_contains(field);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string(fallback);
  };
  const auto name = parse_key_name(text("name", ""));
  if (!name) return http::problem(name.error());
  const std::string type_name = text("type", "aes256-gcm96");
  const auto type = key_type_from_name(type_name);
  if (!type)
    return http::problem(400, "bad_input",
                         "unknown key type " + type_name + "; for example aes256-gcm96, ed25519, ecdsa-p256, rsa-2048, hmac, openpgp",
                         "type");
  const auto made =
      *type == KeyType::OpenPgp ? gate.keeper().openpgp_create(*name, text("user_id", "")) : gate.keeper().create(*name, *type);
  if (made) {
    if (const Status noted = audited(gate, request, "key.create", name->get()); !noted) return http::problem(noted.error());
  }
  return answer(made, 201);
}

http::Response rotate_key(Gateway& gate, const http::Request& request) {
  const auto name = parse_key_name(request.param("name"));
  if (!name) return http::problem(name.error());
  const auto rotated = gate.keeper().rotate(*name);
  if (rotated) {
    if (const Status noted = audited(gate, request, "key.rotate", name->get()); !noted) return http::problem(noted.error());
  }
  return answer(rotated, 200);
}

http::Response show_key(Gateway& gate, const http::Request& request) {
  const auto name = parse_key_name(request.param("name"));
  if (!name) return http::problem(name.error());
  return answer(gate.keeper().describe(*name), 200);
}

/// The certificate of one of our own people, made when it is missing: what correspondents need to write to him sealed.
http::Response enroll(Gateway& gate, const http::Request& request) {
  const auto address = Mailbox::parse(request.param("address"), Utf8::Allow);
  if (!address) return http::problem(address.error());
  const std::string_view kind = request.param("kind");
  if (kind != "smime" && kind != "openpgp") return http::problem(404, "not_found", "kinds of identity are smime and openpgp", "kind");
  auto certificate = kind == "smime" ? gate.identities().enroll_smime(*address) : gate.identities().enroll_openpgp(*address);
  if (!certificate) return http::problem(certificate.error());
  if (const Status noted = audited(gate, request, "identity.enroll", gateway::smime_key_name(address->text()).get()); !noted)
    return http::problem(noted.error());
  return http::json_response(200, json::object{{"address", address->text()}, {"kind", kind}, {"certificate", *certificate}});
}

}  // namespace

void add_key_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/keys", [&gate](const http::Request&) { return list_keys(gate); });
  routes.add_slow("POST", "/api/v1/keys", [&gate](const http::Request& r) { return create_key(gate, r); });
  routes.add_slow("GET", "/api/v1/keys/{name}", [&gate](const http::Request& r) { return show_key(gate, r); });
  routes.add_slow("POST", "/api/v1/keys/{name}/rotate", [&gate](const http::Request& r) { return rotate_key(gate, r); });
  routes.add_slow("POST", "/api/v1/identities/{address}/{kind}", [&gate](const http::Request& r) { return enroll(gate, r); });
}

}  // namespace postern::api
