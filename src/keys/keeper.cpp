#include "keys/keeper.hpp"

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
