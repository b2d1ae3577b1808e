#include "keys/keeper.hpp"

#include <algorithm>
#include <charconv>

#include "base/cursor.hpp"

namespace postern {

std::string_view name_of(OpenPgpSignatureStatus status) noexcept {
  switch (status) {
    case OpenPgpSignatureStatus::Good: return "good";
    case OpenPgpSignatureStatus::Bad: return "bad";
    case OpenPgpSignatureStatus::UnknownSigner: return "unknown_signer";
    case OpenPgpSignatureStatus::Expired: return "expired";
    case OpenPgpSignatureStatus::UnusableKey: return "unusable_key";
  }
  return "unknown_signer";
}

const KeyVersionInfo* KeyInfo::find(std::uint32_t version) const noexcept {
  const auto found = std::ranges::find(versions, version, &KeyVersionInfo::number);
  return found == versions.end() ? nullptr : &*found;
}

// Two forms: format 1 and the version in four bytes (ring, transit), and the text "vault:vN:" of engines that are reached by Vault's API.
Later<Bytes> Keeper::begin_sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) {
  return sign(name, version, algorithm, data);
}

std::vector<Later<DataKey>> Keeper::begin_data_keys(const KeyName& name, std::span<const std::string> aads) {
  std::vector<Later<DataKey>> out;
  out.reserve(aads.size());
  for (const std::string& aad : aads) out.emplace_back(new_data_key(name, as_bytes(aad)));
  return out;
}

Result<std::uint32_t> Keeper::wrapped_version(ByteView wrapped) const {
  constexpr std::string_view prefix = "vault:v";
  constexpr std::uint8_t binary = 1;
  std::uint32_t version = 0;
  const std::string_view text = as_text(wrapped);
  if (text.starts_with(prefix)) {
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + prefix.size(), end, version);
    if (error == std::errc() && at != end && *at == ':' && version != 0) return version;
  } else {
    ByteReader reader(wrapped);
    POSTERN_TRY(const std::uint8_t format, reader.read_u8("wrapped"));
    POSTERN_TRY(version, reader.read_u32("wrapped"));
    if (format == binary && version != 0) return version;
  }
  return fail(ErrorCode::BadInput, "not a wrapped data key", "wrapped");
}

Result<KeyInfo> Keeper::ensure(const KeyName& name, KeyType type) {
  auto existing = describe(name);
  if (!existing && existing.error().code == ErrorCode::NotFound) {
    existing = create(name, type);
    // Somebody else may have been faster; then theirs is as good.
    if (!existing && existing.error().code == ErrorCode::Conflict) existing = describe(name);
  }
  if (existing && existing->type != type) {
    return fail(ErrorCode::Conflict, "the key exists already, with type " + std::string(name_of(existing->type)), name.get());
  }
  return existing;
}

Status Keeper::make_named_keys() {
  POSTERN_CHECK(ensure(key_names::kMailStorage, KeyType::Aes256Gcm96));
  POSTERN_CHECK(ensure(key_names::kDkim, KeyType::Ed25519));
  POSTERN_CHECK(ensure(key_names::kApiHmac, KeyType::Hmac));
  POSTERN_CHECK(ensure(key_names::kPgpEncryption, KeyType::Aes256Gcm96));
  return {};
}

}  // namespace postern
