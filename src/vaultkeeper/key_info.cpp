// Reading a key's description.
#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "vaultkeeper/transit_keys.hpp"

namespace postern::vaultkeeper {
namespace {

namespace json = boost::json;

Result<std::uint32_t> version_number(const json::object* object, std::string_view name) {
  POSTERN_TRY(const std::int64_t number, number_of(object, name));
  if (number < 0 || number > INT32_MAX)
    return fail(ErrorCode::Unavailable, "the Vault's answer has an impossible version", std::string(name));
  return static_cast<std::uint32_t>(number);
}

std::optional<std::uint32_t> parse_version(std::string_view text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out == 0) return std::nullopt;
  return out;
}

/// Ed25519 comes as 32 bytes in base64, the others as PEM; the port gives PEM.
Result<std::string> public_pem(KeyType type, std::string_view text) {
  if (type != KeyType::Ed25519) {
    const auto key = PublicKey::from_pem(text);
    if (!key) return fail(ErrorCode::Unavailable, "the Vault's answer has no public key in PEM there", "public_key");
    return key->to_pem();
  }
  const auto raw = base64_decode(text);
  const auto key = raw ? PublicKey::from_raw(KeyKind::Ed25519, *raw) : Result<PublicKey>(fail(raw.error()));
  if (!key) return fail(ErrorCode::Unavailable, "the Vault's answer has no Ed25519 key there", "public_key");
  return key->to_pem();
}

/// A symmetric version is its time of creation, in seconds; an asymmetric one is an object.
Result<KeyVersionInfo> read_version(KeyType type, std::uint32_t number, const json::value& value) {
  KeyVersionInfo out;
  out.number = number;
  const auto* object = value.if_object();
  if (is_symmetric(type) || object == nullptr) {
    const auto* seconds = value.if_int64();
    if (seconds != nullptr && *seconds >= 0 && *seconds < 253'402'300'800) out.created = wall_from_millis(*seconds * 1000);
    if (!is_symmetric(type)) return fail(ErrorCode::Unavailable, "the Vault's answer has a version without a public key", "keys");
    return out;
  }
  POSTERN_TRY(const std::string_view text, text_of(object, "public_key"));
  POSTERN_TRY(out.public_key_pem, public_pem(type, text));
  if (const auto created = text_of(object, "creation_time")) {
    if (const auto time = parse_rfc3339(*created)) out.created = *time;
  }
  return out;
}

}  // namespace

Result<KeyInfo> read_key_info(const KeyName& name, const json::object* data) {
  KeyInfo out;
  out.name = name;
  out.custody = "transit";
  POSTERN_TRY(const std::string_view type, text_of(data, "type"));
  const auto known = key_type_from_name(type);
  if (!known) return fail(ErrorCode::Unsupported, "a transit key of type " + printable(type) + " is of no use here", name.get());
  out.type = *known;
  POSTERN_TRY(out.latest, version_number(data, "latest_version"));
  POSTERN_TRY(out.min_decryption_version, version_number(data, "min_decryption_version"));
  POSTERN_TRY(out.min_encryption_version, version_number(data, "min_encryption_version"));
  out.deletion_allowed = flag_of(data, "deletion_allowed");
  const auto* keys = data->if_contains("keys");
  const auto* versions = keys == nullptr ? nullptr : keys->if_object();
  if (versions == nullptr && out.type == KeyType::Hmac && out.latest > 0) {
    out.versions.emplace_back().number = out.latest;  // HashiCorp's Vault does not list the versions of such keys
    return out;
  }
  if (versions == nullptr) return fail(ErrorCode::Unavailable, "the Vault's answer has no versions of the key", "keys");
  for (const auto& [number_text, value] : *versions) {
    const auto number = parse_version({number_text.data(), number_text.size()});
    if (!number || *number > out.latest) return fail(ErrorCode::Unavailable, "the Vault's answer has an impossible version", "keys");
    POSTERN_TRY(KeyVersionInfo version, read_version(out.type, *number, value));
    out.versions.push_back(std::move(version));
  }
  std::ranges::sort(out.versions, {}, &KeyVersionInfo::number);
  if (out.versions.empty() || out.versions.back().number != out.latest)
    return fail(ErrorCode::Unavailable, "the Vault's answer lacks the latest version of the key", "keys");
  return out;
}

}  // namespace postern::vaultkeeper
