// sys/init, seal-status, unseal, health, leader: what is asked before anybody has a token.
#include <algorithm>

#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

json::object seal_status(const Engine& engine, const CustodyStatus& status) {
  json::object out{{"type", status.type},
                   {"initialized", status.initialized},
                   {"sealed", status.sealed || !engine.is_open},
                   {"t", status.threshold},
                   {"n", status.shares},
                   {"progress", status.progress},
                   {"nonce", status.nonce},
                   {"version", engine.options.version},
                   {"build_date", engine.options.build_date},
                   {"migration", status.migration},
                   {"recovery_seal", status.recovery_seal},
                   {"storage_type", engine.options.storage_type}};
  if (engine.is_open) {
    out["cluster_name"] = engine.options.cluster_name;
    out["cluster_id"] = engine.cluster_id;
  }
  return out;
}

Result<Answer> read_seal_status(Engine& engine) {
  POSTERN_TRY(const CustodyStatus status, engine.custodian.status());
  return bare_answer(seal_status(engine, status));
}

Result<Answer> unseal(Engine& engine, const Call& call) {
  if (call.fields.flag("reset")) {
    engine.custodian.reset_unseal();
    return read_seal_status(engine);
  }
  const std::string_view key = call.fields.text_view("key");
  if (key.empty()) {
    return fail(ErrorCode::BadInput, "'key' must be specified in request body as JSON, or 'reset' set to true", "key");
  }
  POSTERN_TRY(const SecretBytes share, share_from(key));
  POSTERN_TRY(const CustodyStatus status, engine.custodian.unseal(share.view(), call.fields.flag("migrate")));
  if (!status.sealed) POSTERN_CHECK(engine.open());
  return bare_answer(seal_status(engine, status));
}

Result<ShareSplit> split_from(const Call& call, bool recovery) {
  const bool own = recovery && (call.fields.has("recovery_shares") || call.fields.has("recovery_threshold"));
  const std::int64_t shares = call.fields.integer(own ? "recovery_shares" : "secret_shares");
  const std::int64_t threshold = call.fields.integer(own ? "recovery_threshold" : "secret_threshold");
  if (shares < 1 || shares > kMostShares || threshold < 1 || threshold > shares) {
    return fail(ErrorCode::BadInput, "invalid seal configuration: between 1 and 255 shares, and a threshold of at most as many",
                "secret_shares");
  }
  const ShareSplit split{static_cast<unsigned>(shares), static_cast<unsigned>(threshold)};
  POSTERN_CHECK(check_split(split));
  return split;
}

Result<Answer> init(Engine& engine, const Call& call) {
  for (const std::string_view refused : {"pgp_keys", "recovery_pgp_keys", "root_token_pgp_key"}) {
    const json::value& value = call.fields.raw(refused);
    const bool empty = value.is_null() || (value.is_array() && value.get_array().empty()) || value == json::value("");
    if (!empty)
      return fail(ErrorCode::BadInput, "shares cannot be encrypted with PGP keys here: leave the field out", std::string(refused));
  }
  POSTERN_TRY(const CustodyStatus status, engine.custodian.status());
  if (status.initialized) return fail(ErrorCode::BadInput, "Vault is already initialized");
  POSTERN_TRY(const ShareSplit split, split_from(call, status.type != "shamir"));
  POSTERN_TRY(const Core::Initialized made, engine.initialize(split));
  json::object data;
  add_shares(data, made.keys.shares, made.keys.recovery ? "recovery_keys" : "keys");
  if (made.keys.recovery) {
    data["keys"] = json::array();
    data["keys_base64"] = json::array();
  }
  data["root_token"] = made.root_token;
  return bare_answer(std::move(data));
}

Result<int> code_from(const Call& call, std::string_view name, int usual) {
  if (!call.fields.has(name)) return usual;
  const std::int64_t code = call.fields.integer(name);
  if (code < 100 || code > 599)
    return fail(ErrorCode::BadInput, "bad value for " + std::string(name) + ": use an HTTP status", std::string(name));
  return static_cast<int>(code);
}

Result<Answer> health(Engine& engine, const Call& call) {
  POSTERN_TRY(const int active, code_from(call, "activecode", 200));
  POSTERN_TRY(const int sealed, code_from(call, "sealedcode", 503));
  POSTERN_TRY(const int uninitialized, code_from(call, "uninitcode", 501));
  POSTERN_TRY(const CustodyStatus status, engine.custodian.status());
  Answer answer = bare_answer({{"initialized", status.initialized},
                               {"sealed", !engine.is_open},
                               {"standby", false},
                               {"performance_standby", false},
                               {"replication_performance_mode", "disabled"},
                               {"replication_dr_mode", "disabled"},
                               {"server_time_utc", unix_seconds(engine.clock.now())},
                               {"version", engine.options.version}});
  if (engine.is_open) (*answer.data)["cluster_name"] = engine.options.cluster_name;
  answer.status = !status.initialized ? uninitialized : engine.is_open ? active : sealed;
  return answer;
}

Result<Answer> leader(Engine& engine) {
  if (!engine.is_open) return fail(ErrorCode::Unavailable, "Vault is sealed");
  return bare_answer({{"ha_enabled", false},
                      {"is_self", true},
                      {"active_time", "0001-01-01T00:00:00Z"},
                      {"leader_address", ""},
                      {"leader_cluster_address", ""},
                      {"performance_standby", false},
                      {"performance_standby_last_remote_wal", 0}});
}

}  // namespace

void add_bare_paths(std::vector<PathSpec>& to, Engine& engine) {
  to.push_back(path_of("init",
                       {{"secret_shares", FieldType::Integer},
                        {"secret_threshold", FieldType::Integer},
                        {"recovery_shares", FieldType::Integer},
                        {"recovery_threshold", FieldType::Integer},
                        {"pgp_keys", FieldType::Any},
                        {"recovery_pgp_keys", FieldType::Any},
                        {"root_token_pgp_key", FieldType::Any}},
                       {{Operation::Read,
                         [&engine](const Call&) -> Result<Answer> {
                           POSTERN_TRY(const CustodyStatus status, engine.custodian.status());
                           return bare_answer({{"initialized", status.initialized}});
                         }},
                        {Operation::Update, [&engine](const Call& call) { return init(engine, call); }}}));
  to.push_back(path_of("seal-status", {}, reads([&engine](const Call&) { return read_seal_status(engine); })));
  to.push_back(path_of("unseal", {{"key", FieldType::String}, {"reset", FieldType::Bool}, {"migrate", FieldType::Bool}},
                       writes([&engine](const Call& call) { return unseal(engine, call); })));
  to.push_back(path_of("health",
                       {{"activecode", FieldType::Integer},
                        {"standbycode", FieldType::Integer},
                        {"sealedcode", FieldType::Integer},
                        {"uninitcode", FieldType::Integer},
                        {"standbyok", FieldType::Any},
                        {"perfstandbyok", FieldType::Any}},
                       reads([&engine](const Call& call) { return health(engine, call); })));
  to.push_back(path_of("leader", {}, reads([&engine](const Call&) { return leader(engine); })));
}

Result<SecretBytes> share_from(std::string_view text) {
  constexpr std::size_t kLongest = 2048;
  if (text.size() <= kLongest) {
    for (Result<Bytes> bytes : {hex_decode(text), base64_decode(text)}) {
      if (!bytes || bytes->empty()) continue;
      SecretBytes share(*bytes);
      wipe(ByteSpan(*bytes));
      return share;
    }
  }
  return fail(ErrorCode::BadInput, "'key' must be a valid hex or base64 string", "key");
}

void add_shares(json::object& to, const std::vector<SecretBytes>& shares, std::string_view stem) {
  json::array hex, base64;
  for (const SecretBytes& share : shares) {
    hex.emplace_back(hex_encode(share.view()));
    base64.emplace_back(base64_encode(share.view()));
  }
  to[stem] = std::move(hex);
  to[std::string(stem) + "_base64"] = std::move(base64);
}

}  // namespace postern::vault
