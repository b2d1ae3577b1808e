// The life of all keys at once: the plan, rotating everything, and tenants, whose data lives and dies with their keys.
#include <boost/json.hpp>

#include "api/api.hpp"
#include "api/key_json.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

http::Response show_plan(Gateway& gate) {
  const auto keys = gate.affairs().life().keys();
  if (!keys) return http::problem(keys.error());
  json::array rows, runs, warnings;
  for (const auto& key : *keys) {
    if (key.role == KeyRole::Other && !key.outlook.due) continue;
    rows.push_back(json::object{{"name", key.info.name.get()},
                                {"role", name_of(key.role)},
                                {"next", key.outlook.due ? json::value(rfc3339(*key.outlook.due)) : json::value(nullptr)},
                                {"note", key.outlook.note}});
    if (!key.rewrap) continue;
    json::object run = rewrap_json(*key.rewrap);
    run["name"] = key.info.name.get();
    runs.push_back(std::move(run));
  }
  for (const auto& warning : gate.affairs().life().warnings()) warnings.emplace_back(warning);
  const auto next = gate.affairs().life().next_rotation();
  return http::json_response(200, json::object{{"next", next ? json::value(rfc3339(*next)) : json::value(nullptr)},
                                               {"keys", std::move(rows)},
                                               {"rewraps", std::move(runs)},
                                               {"warnings", std::move(warnings)}});
}

json::object rotated_json(const RotatedKey& key) {
  json::object out{{"name", key.name.get()}, {"role", name_of(key.role)}};
  if (key.version != 0) out["version"] = key.version;
  if (key.minimum != 0) out["minimum"] = key.minimum;
  if (key.archive_pending) out["archive_pending"] = true;
  if (!key.failure.empty()) out["failure"] = key.failure;
  return out;
}

http::Response rotate_all(Gateway& gate, const http::Request& request) {
  const auto body = object_body(request);
  if (!body) return http::problem(body.error());
  const auto* emergency = body->if_contains("emergency");
  if (emergency == nullptr || !emergency->is_bool())
    return http::problem(400, "bad_input", "must be true (every key, old versions retired where nothing needs them) or false", "emergency");
  const auto done = gate.affairs().life().rotate_all(emergency->as_bool(), request.user);
  if (!done) return http::problem(done.error());
  json::array keys, by_hand;
  for (const auto& key : done->keys) keys.push_back(rotated_json(key));
  for (const auto& text : done->by_hand) by_hand.emplace_back(text);
  return http::json_response(200, json::object{{"keys", std::move(keys)}, {"by_hand", std::move(by_hand)}});
}

json::object shredding_json(const Shredding& s) {
  return {{"state", s.finished ? "shredded" : "shredding"},
          {"begun", rfc3339(s.begun)},
          {"removed", s.removed},
          {"finished", s.finished ? json::value(rfc3339(*s.finished)) : json::value(nullptr)}};
}

void add_shredding(json::object& tenant, const Shredding& s) {
  tenant["shredding"] = shredding_json(s);
  tenant["state"] = tenant["shredding"].at("state");
}

/// Those of the configuration, and those that are only left in the record of shredding.
Result<json::array> tenants_json(Gateway& gate) {
  POSTERN_TRY(const auto shredded, gate.affairs().shredded());
  json::array out;
  for (const auto& tenant : gate.tenants().all()) {
    json::array domains;
    for (const auto& domain : tenant->domains) domains.emplace_back(domain);
    json::object row{
        {"name", tenant->name}, {"storage_key", tenant->storage_key.get()}, {"domains", std::move(domains)}, {"state", "active"}};
    for (const auto& one : shredded) {
      if (one.tenant == tenant->name) add_shredding(row, one);
    }
    out.push_back(std::move(row));
  }
  for (const auto& one : shredded) {
    if (gate.tenants().find(one.tenant) != nullptr) continue;
    json::object row{{"name", one.tenant}, {"storage_key", one.key.get()}, {"domains", json::array()}};
    add_shredding(row, one);
    out.push_back(std::move(row));
  }
  return out;
}

http::Response list_tenants(Gateway& gate) {
  auto rows = tenants_json(gate);
  return rows ? http::json_response(200, json::object{{"tenants", *std::move(rows)}}) : http::problem(rows.error());
}

http::Response show_tenant(Gateway& gate, std::string_view name) {
  const auto rows = tenants_json(gate);
  if (!rows) return http::problem(rows.error());
  for (const auto& row : *rows) {
    if (row.at("name").as_string() == name) return http::json_response(200, row);
  }
  return http::problem(404, "not_found", "no tenant of this name", "name");
}

/// The name once more, so that no slip destroys a tenant.
http::Response shred_tenant(Gateway& gate, const http::Request& request) {
  const std::string name(request.param("name"));
  const auto body = object_body(request);
  if (!body) return http::problem(body.error());
  if (text_field(*body, "confirm") != name)
    return http::problem(400, "bad_input", "must be the name of the tenant whose mail is to be destroyed for ever", "confirm");
  const auto begun = gate.affairs().shred(name, request.user);
  if (!begun) return http::problem(begun.error());
  json::object out = shredding_json(*begun);
  out["name"] = name;
  out["by_hand"] = json::array{"backups of the key store made before now still hold the key " + begun->key.get() +
                                   ": destroy them, or the root key or seal that opens them",
                               "mail that was delivered to other servers or fetched by its readers is theirs"};
  return http::json_response(202, out);
}

}  // namespace

void add_rotation_routes(const Routes& routes) {
  auto& gate = routes.gateway;
  routes.add_slow("GET", "/api/v1/rotation", [&gate](const http::Request&) { return show_plan(gate); }, Role::Reader);
  routes.add_slow("POST", "/api/v1/rotation", [&gate](const http::Request& r) { return rotate_all(gate, r); });
  routes.add_slow("GET", "/api/v1/tenants", [&gate](const http::Request&) { return list_tenants(gate); }, Role::Reader);
  routes.add_slow(
      "GET", "/api/v1/tenants/{name}", [&gate](const http::Request& r) { return show_tenant(gate, r.param("name")); }, Role::Reader);
  routes.add_slow("POST", "/api/v1/tenants/{name}/shred", [&gate](const http::Request& r) { return shred_tenant(gate, r); });
}

}  // namespace postern::api
