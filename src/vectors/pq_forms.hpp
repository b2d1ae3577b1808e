// Vectors give post-quantum keys as bare bytes, the crypto layer takes DER. Inside vectors/ only.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/postquantum.hpp"

namespace postern::vectors {

/// "ML-DSA-65"; "ML-KEM-768".
[[nodiscard]] std::optional<PqKind> mldsa_kind(std::string_view name) noexcept;
[[nodiscard]] std::optional<PqKind> mlkem_kind(std::string_view name) noexcept;

/// SubjectPublicKeyInfo (RFC 9881 4) of an ML-DSA key of at most 65,000 bytes.
[[nodiscard]] Bytes mldsa_spki(PqKind kind, ByteView raw);
/// PKCS#8 (RFC 9935 6) of an ML-KEM seed of 64 bytes.
[[nodiscard]] Bytes mlkem_pkcs8(PqKind kind, ByteView seed);

}  // namespace postern::vectors
