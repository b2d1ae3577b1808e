// The secret of one version of a key: made, read, written, and ready for use. Inside the room only.
#pragma once

#include <optional>
#include <variant>

#include "crypto/aead.hpp"
#include "crypto/postquantum.hpp"
#include "transit/types.hpp"

namespace postern::transit::detail {

inline constexpr std::size_t kMacKey = 32;
inline constexpr std::size_t kHmacLeast = 32, kHmacMost = 512, kHmacDefault = 64;
inline constexpr std::size_t kOpenPgpMost = 64 * 1024;

[[nodiscard]] std::optional<AeadAlgorithm> aead_of(KeyType type) noexcept;  ///< XChaCha20 says ChaCha20: the cipher below.
[[nodiscard]] inline bool is_aead(KeyType type) noexcept { return aead_of(type).has_value(); }
[[nodiscard]] std::optional<KeyKind> kind_of(KeyType type) noexcept;  ///< Of crypto/pkey.hpp.
[[nodiscard]] int rsa_bits_of(KeyType type) noexcept;                 ///< 0 for others.
[[nodiscard]] std::optional<PqKind> pq_kind_of(KeyType type) noexcept;
[[nodiscard]] std::size_t nonce_size_of(KeyType type) noexcept;  ///< 0 for what is no AEAD.

/// What a version is at rest.
struct Material {
  SecretBytes secret;  ///< Raw bytes (AEAD, hmac, openpgp) or PKCS#8 DER; empty: only the public half is known.
  Bytes public_part;   ///< SubjectPublicKeyInfo DER; openpgp: text; empty for symmetric keys.
};
/// `hmac_size` is looked at for hmac only.
[[nodiscard]] Result<Material> make_material(KeyType type, std::size_t hmac_size);
/// From outside: raw bytes or PKCS#8 DER, checked against the type. BadInput.
[[nodiscard]] Result<Material> material_from_secret(KeyType type, ByteView secret, std::string_view openpgp_public = {});
/// A public key in PEM.
[[nodiscard]] Result<Material> material_from_public(KeyType type, std::string_view pem);
/// For derived ed25519 keys: the key of a context, from the 64 bytes seed || public key.
[[nodiscard]] Result<PrivateKey> derived_ed25519(const PrivateKey& root, ByteView context);

/// A version ready to be used. monostate: a secret that only its bytes are needed of.
struct RawKey {};
struct Usable {
  std::variant<RawKey, Aead, PrivateKey, PublicKey, PqKey> object;
};
/// IntegrityFailed when a stored version cannot be read.
[[nodiscard]] Result<Usable> open_material(KeyType type, bool derived, const Material& material);

/// As KeyVersionInfo::name and public_key tell it.
[[nodiscard]] std::string algorithm_name(KeyType type);
[[nodiscard]] std::string public_text_of(KeyType type, ByteView public_part);
[[nodiscard]] std::string pem_of(std::string_view label, ByteView der);

}  // namespace postern::transit::detail
