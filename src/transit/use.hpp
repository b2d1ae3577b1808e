// Whether a key may be used so, with which version, and the ciphers below. Inside the room only.
#pragma once

#include "transit/core.hpp"
#include "transit/text_form.hpp"

namespace postern::transit::detail {

/// Denied when the key is soft-deleted, its list does not have the use, or it has expired and the use would protect something new.
/// Unavailable when everything was forgotten meanwhile.
[[nodiscard]] Status admit(const Core& core, const Key& key, KeyUse use);

/// The version to protect with; 0: the latest. `doing`: "encryption", "signing", "HMAC".
[[nodiscard]] Result<const Version*> version_to_protect(const Key& key, std::uint32_t number, std::string_view doing);
/// The version of a ciphertext or signature.
[[nodiscard]] Result<const Version*> version_to_open(const Key& key, std::uint32_t number, TextKind kind);
/// Any version that is here; 0: the latest.
[[nodiscard]] Result<const Version*> version_to_show(const Key& key, std::uint32_t number);

/// The private key; Unsupported with `complaint` for other types, Denied when only the public half is here.
[[nodiscard]] Result<const PrivateKey*> private_key_of(const Key& key, const Version& version, std::string_view complaint);
[[nodiscard]] Result<const PublicKey*> public_key_of(const Key& key, const Version& version, std::string_view complaint);

/// nonce || ciphertext || tag of an AEAD key into `out`; `context` and `aad` are checked here. Nothing is counted.
[[nodiscard]] Status seal_message(const Key& key, const Version& version, const CipherOptions& options, ByteView plaintext, ByteSpan out);
[[nodiscard]] Status open_message(const Key& key, const Version& version, const CipherOptions& options, ByteView sealed, ByteSpan out);
[[nodiscard]] inline std::size_t overhead_of(const Key& key) noexcept {
  const std::size_t nonce = nonce_size_of(key.policy.type);
  return nonce == 0 ? 0 : nonce + kAeadTag;
}
[[nodiscard]] Status check_context(const Key& key, ByteView context);

}  // namespace postern::transit::detail
