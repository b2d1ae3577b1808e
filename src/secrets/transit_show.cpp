#include "secrets/transit_backend.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using namespace transit;

json::object shown_copy(const KeyInfo::Copied& copied) { return {{"time", rfc3339(copied.time)}, {"version", copied.version}}; }

/// Symmetric: when it was made, in seconds. Asymmetric: the public half as well.
json::object shown_versions(const KeyInfo& info) {
  json::object out;
  const bool symmetric = abilities_of(info.type).symmetric;
  for (const KeyVersionInfo& version : info.versions) {
    const std::string number = std::to_string(version.number);
    if (symmetric)
      out.emplace(number, unix_seconds(version.created));
    else
      out.emplace(number, json::object{{"name", version.name},
                                       {"public_key", version.public_key},
                                       {"certificate_chain", version.certificate_chain},
                                       {"creation_time", rfc3339(version.created)}});
  }
  return out;
}

/// Postern's own: how much each version was used and what it may be used for.
void show_own(const KeyInfo& info, json::object& out) {
  json::object usage;
  for (const KeyVersionInfo& version : info.versions)
    usage.emplace(
        std::to_string(version.number),
        json::object{{"encryptions", version.uses.encryptions}, {"signatures", version.uses.signatures}, {"hmacs", version.uses.macs}});
  out.emplace("usage", std::move(usage));
  out.emplace("max_encryptions", info.limits.encryptions);
  out.emplace("max_signatures", info.limits.signatures);
  out.emplace("max_hmacs", info.limits.macs);
  out.emplace("max_kept_versions", info.max_versions);
  out.emplace("expiration", info.expires ? rfc3339(*info.expires) : std::string());
  json::array uses;
  for (const KeyUse use : info.allowed_uses) uses.emplace_back(name_of(use));
  out.emplace("allowed_operations", std::move(uses));
  if (info.next_rotation) out.emplace("next_rotation", rfc3339(*info.next_rotation));
}

}  // namespace

json::object shown_transit_key(const KeyInfo& info) {
  const KeyAbilities can = abilities_of(info.type);
  json::object out{{"name", info.name},
                   {"type", name_of(info.type)},
                   {"derived", info.derived},
                   {"deletion_allowed", info.deletion_allowed},
                   {"min_available_version", info.min_available_version},
                   {"min_decryption_version", info.min_decryption_version},
                   {"min_encryption_version", info.min_encryption_version},
                   {"latest_version", info.latest},
                   {"exportable", info.exportable},
                   {"allow_plaintext_backup", info.allow_plaintext_backup},
                   {"supports_encryption", can.encrypts},
                   {"supports_decryption", can.decrypts},
                   {"supports_signing", can.signs},
                   {"supports_derivation", can.derives},
                   {"auto_rotate_period", info.auto_rotate_period.count()},
                   {"imported_key", info.imported},
                   {"soft_deleted", info.soft_deleted},
                   {"keys", shown_versions(info)}};
  if (info.key_size > 0) out.emplace("key_size", info.key_size);
  if (info.imported) out.emplace("imported_key_allow_rotation", info.imported_allow_rotation);
  if (info.backup) out.emplace("backup_info", shown_copy(*info.backup));
  if (info.restored) out.emplace("restore_info", shown_copy(*info.restored));
  if (info.derived) {
    out.emplace("kdf", "hkdf_sha256");
    out.emplace("convergent_encryption", info.convergent);
    if (info.convergent) out.emplace("convergent_encryption_version", -1);
  }
  show_own(info, out);
  return out;
}

Answer shown_reply(KeyReply reply) {
  Answer answer = Answer::with(shown_transit_key(reply.info));
  answer.warnings = std::move(reply.warnings);
  return answer;
}

Status refuse_fields(const Call& call, std::span<const RefusedField> fields) {
  for (const RefusedField& field : fields) {
    const json::value* value = call.request.data.if_contains(field.name);
    if (value == nullptr || value->is_null() || (value->is_string() && value->get_string().empty())) continue;
    return fail(ErrorCode::BadInput, std::string(field.name) + ": " + std::string(field.reason), std::string(field.name));
  }
  return {};
}

}  // namespace postern::vault
