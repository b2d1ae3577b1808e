// sys/seal, rotate, key-status, rekey, generate-root: the keys of the barrier and who holds them.
//
// generate-root asks for no token, as it is for those who have none: the shares are what it wants. rekey wants a token with sudo besides
// the shares, so that nobody from outside can start or stop one.
#include "vault/handlers.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

// Barrier ----------------------------------------------------------------------------------------------------------------------------

Result<Answer> key_status(Engine& engine) {
  POSTERN_TRY(const KeyStatus status, engine.barrier.key_status());
  return answer_on_top({{"term", status.term}, {"install_time", rfc3339(status.installed)}, {"encryptions", status.encryptions}});
}

Result<Answer> rotation(Engine& engine) {
  POSTERN_TRY(const RotationPolicy policy, engine.barrier.rotation());
  return Answer::with({{"max_operations", policy.max_operations}, {"interval", policy.interval.count()}, {"enabled", policy.enabled}});
}

Result<Answer> set_rotation(Engine& engine, const Call& call) {
  POSTERN_TRY(RotationPolicy policy, engine.barrier.rotation());
  if (call.fields.has("max_operations")) {
    const std::int64_t most = call.fields.integer("max_operations");
    if (most < 0) return fail(ErrorCode::BadInput, "max_operations must be positive", "max_operations");
    policy.max_operations = static_cast<std::uint64_t>(most);
  }
  if (call.fields.has("interval")) policy.interval = call.fields.duration("interval");
  if (call.fields.has("enabled")) policy.enabled = call.fields.flag("enabled");
  POSTERN_CHECK(engine.barrier.set_rotation(policy));
  return Answer{};
}

void add_barrier(std::vector<PathSpec>& to, Engine& engine) {
  const Handler rotate = [&engine](const Call&) -> Result<Answer> {
    POSTERN_CHECK(engine.barrier.rotate());
    return Answer{};
  };
  to.push_back(with_sudo(path_of("seal", {}, writes([&engine](const Call&) -> Result<Answer> {
                                   engine.seal_wanted = true;  // when this request is over
                                   return Answer{};
                                 }))));
  to.push_back(with_sudo(path_of("rotate", {}, writes(rotate))));
  to.push_back(with_sudo(path_of("rotate/keyring", {}, writes(rotate))));
  to.push_back(with_sudo(path_of("rotate/root", {}, writes([&engine](const Call&) -> Result<Answer> {
                                   POSTERN_CHECK(engine.custodian.rotate_root_key());
                                   return Answer{};
                                 }))));
  to.push_back(with_sudo(path_of("rotate/config",
                                 {{"max_operations", FieldType::Integer}, {"interval", FieldType::Duration}, {"enabled", FieldType::Bool}},
                                 {{Operation::Read, [&engine](const Call&) { return rotation(engine); }},
                                  {Operation::Update, [&engine](const Call& call) { return set_rotation(engine, call); }}})));
  to.push_back(path_of("key-status", {}, reads([&engine](const Call&) { return key_status(engine); })));
  to.push_back(with_sudo(path_of("step-down", {}, writes([](const Call&) -> Result<Answer> {
                                   return fail(ErrorCode::BadInput, "there is no other node to step down for");
                                 }))));
}

// Rekey ------------------------------------------------------------------------------------------------------------------------------

json::object rekey_json(const RekeyStatus& status) {
  json::object out{{"nonce", status.nonce},
                   {"started", status.started},
                   {"t", status.threshold},
                   {"n", status.shares},
                   {"progress", status.progress},
                   {"required", status.required},
                   {"pgp_fingerprints", nullptr},
                   {"backup", false},
                   {"verification_required", status.verify}};
  if (!status.verification_nonce.empty()) out["verification_nonce"] = status.verification_nonce;
  return out;
}

json::object verify_json(const RekeyStatus& status) {
  return {{"nonce", status.verification_nonce},
          {"started", status.verifying},
          {"t", status.threshold},
          {"n", status.shares},
          {"progress", status.verification_progress}};
}

Result<Answer> rekey_init(Engine& engine, const Call& call) {
  const std::int64_t shares = call.fields.integer("secret_shares");
  const std::int64_t threshold = call.fields.integer("secret_threshold");
  if (shares < 1 || shares > kMostShares || threshold < 1 || threshold > shares) {
    return fail(ErrorCode::BadInput, "invalid rekey configuration: between 1 and 255 shares, and a threshold of at most as many");
  }
  if (call.fields.flag("backup") || !call.fields.strings("pgp_keys").empty()) {
    return fail(ErrorCode::BadInput, "shares cannot be encrypted with PGP keys here, nor be backed up: leave pgp_keys and backup out");
  }
  const ShareSplit split{static_cast<unsigned>(shares), static_cast<unsigned>(threshold)};
  POSTERN_TRY(const RekeyStatus status, engine.custodian.rekey_init(split, call.fields.flag("require_verification")));
  return bare_answer(rekey_json(status));
}

Result<Answer> rekey_update(Engine& engine, const Call& call) {
  POSTERN_TRY(const SecretBytes share, share_from(call.fields.text_view("key")));
  POSTERN_TRY(const RekeyResult result, engine.custodian.rekey_update(share.view(), call.fields.text("nonce")));
  json::object out = rekey_json(result.status);
  if (result.complete) {
    out["complete"] = true;
    add_shares(out, result.shares, "keys");
  }
  return bare_answer(std::move(out));
}

Result<Answer> rekey_verify(Engine& engine, const Call& call) {
  POSTERN_TRY(const SecretBytes share, share_from(call.fields.text_view("key")));
  POSTERN_TRY(const RekeyResult result, engine.custodian.rekey_verify(share.view(), call.fields.text("nonce")));
  json::object out = verify_json(result.status);
  if (result.complete) out["complete"] = true;
  return bare_answer(std::move(out));
}

Result<Answer> rekey_cancel(Engine& engine) {
  engine.custodian.rekey_cancel();
  return Answer{};
}

void add_rekey(std::vector<PathSpec>& to, Engine& engine, const std::string& folder) {
  const std::vector<FieldSpec> share = {{"key", FieldType::String}, {"nonce", FieldType::String}};
  to.push_back(with_sudo(path_of(folder + "/init",
                                 {{"secret_shares", FieldType::Integer},
                                  {"secret_threshold", FieldType::Integer},
                                  {"pgp_keys", FieldType::CommaStrings},
                                  {"backup", FieldType::Bool},
                                  {"require_verification", FieldType::Bool}},
                                 {{Operation::Read,
                                   [&engine](const Call&) -> Result<Answer> {
                                     POSTERN_TRY(const RekeyStatus status, engine.custodian.rekey_status());
                                     return bare_answer(rekey_json(status));
                                   }},
                                  {Operation::Update, [&engine](const Call& call) { return rekey_init(engine, call); }},
                                  {Operation::Delete, [&engine](const Call&) { return rekey_cancel(engine); }}})));
  to.push_back(with_sudo(path_of(folder + "/update", share, writes([&engine](const Call& call) { return rekey_update(engine, call); }))));
  to.push_back(with_sudo(path_of(folder + "/verify", share,
                                 {{Operation::Read,
                                   [&engine](const Call&) -> Result<Answer> {
                                     POSTERN_TRY(const RekeyStatus status, engine.custodian.rekey_status());
                                     return bare_answer(verify_json(status));
                                   }},
                                  {Operation::Update, [&engine](const Call& call) { return rekey_verify(engine, call); }},
                                  {Operation::Delete, [&engine](const Call&) -> Result<Answer> {
                                     POSTERN_CHECK(engine.custodian.rekey_verify_restart());
                                     return Answer{};
                                   }}})));
  to.push_back(with_sudo(path_of(folder + "/backup", {},
                                 {{Operation::Read, [](const Call&) -> Result<Answer> { return Answer{}; }},
                                  {Operation::Delete, [](const Call&) -> Result<Answer> { return Answer{}; }}})));
}

// Generate-root ------------------------------------------------------------------------------------------------------------------------

json::object generate_json(const GenerateRootStatus& status) {
  return {{"started", status.started},
          {"nonce", status.nonce},
          {"progress", status.progress},
          {"required", status.required},
          {"complete", status.complete},
          {"encoded_token", status.encoded_token},
          {"encoded_root_token", status.encoded_token},
          {"pgp_fingerprint", ""},
          {"otp", status.otp},
          {"otp_length", status.otp_length}};
}

Result<Answer> generate_init(Engine& engine, const Call& call) {
  if (!call.fields.text("pgp_key").empty()) {
    return fail(ErrorCode::BadInput, "the token cannot be encrypted with a PGP key here: use the one-time pad", "pgp_key");
  }
  POSTERN_TRY(const GenerateRootStatus status, engine.custodian.generate_root_init(call.fields.text("otp")));
  return bare_answer(generate_json(status));
}

Result<Answer> generate_update(Engine& engine, const Call& call) {
  POSTERN_TRY(const SecretBytes share, share_from(call.fields.text_view("key")));
  const auto make = [&engine] { return engine.make_root_token(); };
  POSTERN_TRY(const GenerateRootStatus status, engine.custodian.generate_root_update(share.view(), call.fields.text("nonce"), make));
  return bare_answer(generate_json(status));
}

void add_generate_root(std::vector<PathSpec>& to, Engine& engine) {
  const std::map<Operation, Handler> attempt = {{Operation::Read,
                                                 [&engine](const Call&) -> Result<Answer> {
                                                   POSTERN_TRY(const GenerateRootStatus status, engine.custodian.generate_root_status());
                                                   return bare_answer(generate_json(status));
                                                 }},
                                                {Operation::Update, [&engine](const Call& call) { return generate_init(engine, call); }},
                                                {Operation::Delete, [&engine](const Call&) -> Result<Answer> {
                                                   engine.custodian.generate_root_cancel();
                                                   return Answer{};
                                                 }}};
  const std::vector<FieldSpec> fields = {{"otp", FieldType::String}, {"pgp_key", FieldType::String}};
  to.push_back(without_token(path_of("generate-root/attempt", fields, attempt)));
  to.push_back(without_token(path_of("generate-root", fields, attempt)));
  to.push_back(without_token(path_of("generate-root/update", {{"key", FieldType::String}, {"nonce", FieldType::String}},
                                     writes([&engine](const Call& call) { return generate_update(engine, call); }))));
}

}  // namespace

void add_custody_paths(std::vector<PathSpec>& to, Engine& engine) {
  add_barrier(to, engine);
  add_rekey(to, engine, "rekey");
  add_rekey(to, engine, "rekey-recovery-key");
  add_generate_root(to, engine);
}

}  // namespace postern::vault
