#include "base/text.hpp"
#include "secrets/transit_backend.hpp"
#include "secrets/transit_batch.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using namespace transit;

/// Of the blob's OAEP: SHA1, SHA224, SHA256 (default), SHA384, SHA512, with or without a dash.
Result<HashAlgorithm> byok_hash(const Fields& fields, std::string_view field) {
  const std::string name = fields.text(field);
  const auto hash = hash_from_name(to_lower(name));
  if (!hash || *hash >= HashAlgorithm::Sha3_224)
    return fail(ErrorCode::BadInput, "unsupported hash function; use SHA1, SHA224, SHA256, SHA384 or SHA512", std::string(field));
  return *hash;
}

/// The key that a client brings, borrowed from the request.
Result<ImportSource> source_of(const Call& call) {
  ImportSource source;
  source.byok = call.fields.text_view("ciphertext");
  source.public_key = call.fields.text_view("public_key");
  if (source.byok.empty() == source.public_key.empty())
    return fail(ErrorCode::BadInput, "only one of the following fields, ciphertext and public_key, can be set, and one must be",
                "ciphertext");
  POSTERN_TRY(source.byok_hash, byok_hash(call.fields, "hash_function"));
  return source;
}

Answer shown_export(std::string_view name, const Exported& exported) {
  const json::storage_ptr memory = wiped_memory();
  json::object keys(memory);
  for (const ExportedVersion& version : exported.versions)
    keys.emplace(std::to_string(version.number), json::string_view(as_text(version.text.view())));
  json::object data(memory);
  data.emplace("name", name);
  data.emplace("type", name_of(exported.type));
  data.emplace("keys", std::move(keys));
  return Answer::with(std::move(data));
}

}  // namespace

Result<Answer> TransitBackend::import_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const Fields& fields = call.fields;
  POSTERN_TRY(const ImportSource source, source_of(call));
  ImportOptions options;
  POSTERN_TRY(options.type, for_client(key_type_from_name(fields.text("type"), fields.text("parameter_set"))));
  options.derived = fields.flag("derived");
  options.exportable = fields.flag("exportable");
  options.allow_plaintext_backup = fields.flag("allow_plaintext_backup");
  options.allow_rotation = fields.flag("allow_rotation");
  options.auto_rotate_period = fields.duration("auto_rotate_period");
  POSTERN_TRY(const KeyReply reply, for_client(engine->import_key(fields.text("name"), source, options)));
  Answer answer;
  answer.warnings = reply.warnings;
  return answer;
}

Result<Answer> TransitBackend::import_version(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const ImportSource source, source_of(call));
  POSTERN_TRY(const std::uint32_t version, key_version_from(call.fields.integer("version")));
  POSTERN_TRY(const KeyReply reply, for_client(engine->import_version(call.fields.text("name"), source, version)));
  Answer answer;
  answer.warnings = reply.warnings;
  return answer;
}

Result<Answer> TransitBackend::wrapping_key(const Call& /*call*/) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const std::string pem, stored(engine->wrapping_key()));
  return Answer::with({{"public_key", pem}});
}

Result<Answer> TransitBackend::export_key(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const Fields& fields = call.fields;
  POSTERN_TRY(const ExportType type, for_client(export_type_from_name(fields.text("type"))));
  POSTERN_TRY(const ExportFormat format, for_client(export_format_from_name(fields.text("format"))));
  const std::string name = fields.text("name");
  auto exported = engine->export_key(name, type, fields.text("version"), format);
  if (!exported && exported.error().code == ErrorCode::NotFound && !engine->exists(name).value_or(true)) return Answer{};
  if (!exported) return fail(as_client_error(std::move(exported).error()));
  return shown_export(name, *exported);
}

Result<Answer> TransitBackend::byok_export(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const Fields& fields = call.fields;
  POSTERN_TRY(const HashAlgorithm hash, byok_hash(fields, "hash"));
  const std::string source = fields.text("source");
  POSTERN_TRY(const Exported exported, for_client(engine->byok_export(fields.text("destination"), source, fields.text("version"), hash)));
  return shown_export(source, exported);
}

Result<Answer> TransitBackend::backup(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const SecretBytes text, for_client(engine->backup(call.fields.text("name"))));
  json::object data(wiped_memory());
  data.emplace("backup", json::string_view(as_text(text.view())));
  return Answer::with(std::move(data));
}

Result<Answer> TransitBackend::restore(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  const std::string_view text = call.fields.text_view("backup");
  if (text.empty()) return fail(ErrorCode::BadInput, "'backup' must be supplied", "backup");
  POSTERN_CHECK(for_client(engine->restore(call.fields.text("name"), text, call.fields.flag("force"))));
  return Answer{};
}

Result<Answer> TransitBackend::make_csr(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const std::uint32_t version, key_version_from(call.fields.integer("version")));
  POSTERN_TRY(const KeyRef key, for_client(engine->get(call.fields.text("name"))));
  POSTERN_TRY(const std::string csr, for_client(key.certificate_request(version, call.fields.text_view("csr"))));
  return Answer::with({{"name", key.name()}, {"type", name_of(key.type())}, {"csr", csr}});
}

Result<Answer> TransitBackend::set_certificate(const Call& call) {
  POSTERN_TRY(const auto engine, this->engine());
  POSTERN_TRY(const std::uint32_t version, key_version_from(call.fields.integer("version")));
  const std::string_view chain = call.fields.text_view("certificate_chain");
  if (chain.empty()) return fail(ErrorCode::BadInput, "missing certificate_chain", "certificate_chain");
  POSTERN_TRY(const KeyReply reply, for_client(engine->set_certificate(call.fields.text("name"), version, chain)));
  return Answer::with({{"name", reply.info.name}, {"type", name_of(reply.info.type)}, {"certificate_chain", chain}});
}

}  // namespace postern::vault
