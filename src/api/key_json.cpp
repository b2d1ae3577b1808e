#include "api/key_json.hpp"

#include <boost/json.hpp>

namespace postern::api {
namespace {

namespace json = boost::json;
using gateway::Gateway;

constexpr std::size_t kFailures = 100;

json::array versions_json(const KeyInfo& info, WallTime now) {
  json::array out;
  for (const auto& v : info.versions) {
    json::object version{{"version", v.number},
                         {"created", rfc3339(v.created)},
                         {"age_seconds", std::max<std::int64_t>(0, unix_seconds(now) - unix_seconds(v.created))},
                         {"uses", v.uses},
                         {"archived", v.number < info.min_decryption_version}};
    if (!v.public_key_pem.empty()) version["public_key"] = v.public_key_pem;
    out.push_back(std::move(version));
  }
  return out;
}

json::object rotation_json(const KeyState& state) {
  json::object out{{"next", nullptr}, {"note", state.outlook.note}};
  if (state.outlook.due) out["next"] = rfc3339(*state.outlook.due);
  if (state.info.auto_rotate.count() > 0) out["engine_period_seconds"] = state.info.auto_rotate.count();
  return out;
}

/// Of a key that signs, what strangers find; null: nobody has looked.
json::value in_dns(Gateway& gate, const gateway::DkimPublication& record) {
  const auto found = gate.dns_health().dkim_record(record.at.empty() ? record.name : record.at);
  if (!found) return nullptr;
  return json::object{{"standing", dnszone::name_of(found->standing)}, {"message", found->message}};
}

json::array dns_json(Gateway& gate, const KeyInfo& info) {
  json::array out;
  const auto records = gate.affairs().dkim().publications(info);
  if (!records) return out;
  for (const auto& r : *records) {
    json::object record{{"name", r.name}, {"type", "TXT"}, {"value", r.value}, {"version", r.version}, {"state", name_of(r.state)}};
    if (!r.at.empty()) record["at"] = r.at;
    if (r.until) record["until"] = rfc3339(*r.until);
    if (r.state == gateway::DkimState::Announced) record["settle_seconds"] = gate.config().keys.dkim_settle.count();
    if (r.state == gateway::DkimState::InUse) record["in_dns"] = in_dns(gate, r);
    out.push_back(std::move(record));
  }
  return out;
}

json::array failures_json(Gateway& gate, const KeyName& name) {
  json::array out;
  const auto failures = gate.affairs().life().failures(name, kFailures);
  if (!failures) return out;
  for (const auto& f : *failures)
    out.push_back(json::object{{"content", f.content.get()}, {"message", f.message.get()}, {"reason", f.reason}});
  return out;
}

}  // namespace

std::string advice_of(const EngineState& state) {
  if (!state.initialized) return "make its keys: postern seal init";
  if (!state.sealed) return {};
  if (state.migration) return "move it to the new seal: postern seal unseal --migrate";
  const std::string given =
      state.threshold > 0 ? " (" + std::to_string(state.progress) + " of " + std::to_string(state.threshold) + " shares given)" : "";
  if (state.seal == "shamir") return "open it: postern seal unseal" + given;
  return "its seal (" + state.seal + ") did not open it; see the log, then: postern seal unseal";
}

json::object rewrap_json(const RewrapRun& run) {
  return {{"target", run.target},
          {"total", run.total},
          {"done", run.done},
          {"failed", run.failed},
          {"archive", run.archive},
          {"started", rfc3339(run.started)},
          {"finished", run.finished ? json::value(rfc3339(*run.finished)) : json::value(nullptr)}};
}

json::object key_json(Gateway& gate, const KeyState& state, bool details) {
  const KeyInfo& info = state.info;
  const KeyVersionInfo* latest = info.find(info.latest);
  json::object out{{"name", info.name.get()},
                   {"type", name_of(info.type)},
                   {"role", name_of(state.role)},
                   {"latest_version", info.latest},
                   {"active_version", state.active},
                   {"min_decryption_version", info.min_decryption_version},
                   {"deletion_allowed", info.deletion_allowed},
                   {"uses", latest != nullptr ? latest->uses : 0},
                   {"max_uses", info.max_uses},
                   {"rotation", rotation_json(state)},
                   {"rewrap", state.rewrap ? json::value(rewrap_json(*state.rewrap)) : json::value(nullptr)},
                   {"versions", versions_json(info, gate.clock().now())}};
  if (!info.custody.empty()) out["custody"] = info.custody;
  if (state.role == KeyRole::Dkim && (details || state.active < info.latest)) out["dns"] = dns_json(gate, info);
  if (details && state.rewrap && state.rewrap->failed > 0) out["rewrap_failures"] = failures_json(gate, info.name);
  return out;
}

static void add_engine_state(json::object& out, const EngineState& engine) {
  out["initialized"] = engine.initialized;
  if (engine.sealed) out["sealed"] = true;
  out["seal"] = engine.seal;
  if (engine.threshold > 0) out["shares"] = json::object{{"given", engine.progress}, {"threshold", engine.threshold}};
  json::array audit;
  for (const auto& device : engine.audit) audit.push_back(json::object{{"type", device.type}, {"place", device.place}});
  out["audit"] = std::move(audit);
  if (const std::string advice = advice_of(engine); !advice.empty()) out["advice"] = advice;
}

/// Of an external engine that does not answer only what is known without asking it.
static json::object keeper_json(const KeeperState& state, const Status& open) {
  json::object out{{"engine", state.backend}, {"sealed", state.sealed || !open}, {"reachable", state.reachable}};
  if (!state.where.empty()) {
    out["address"] = state.where;
    out["cached_data_keys"] = state.cached_data_keys;
    out["cached_keys"] = state.cached_keys;
  }
  if (state.token_expires) out["token_expires"] = rfc3339(*state.token_expires);
  if (!state.last_error.empty()) out["error"] = state.last_error;
  if (state.since) out["since"] = rfc3339(*state.since);
  if (!open) out["error"] = open.error().text();
  return out;
}

json::object key_engine_json(Gateway& gate, const Status& open, const std::optional<EngineState>& engine) {
  const KeeperState state = gate.keeper().state();
  json::object out = keeper_json(state, open);
  if (open && !state.since) {
    if (const auto names = gate.keeper().list())
      out["keys"] = names->size();
    else
      out["error"] = names.error().text();
  }
  if (engine && state.backend == "embedded") add_engine_state(out, *engine);
  const auto next = gate.has_mail() ? gate.affairs().life().next_rotation() : std::nullopt;
  out["next_rotation"] = next ? json::value(rfc3339(*next)) : json::value(nullptr);
  return out;
}

}  // namespace postern::api
