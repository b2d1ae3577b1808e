// Message digests (FIPS 180-4, FIPS 202).
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/openssl.hpp"

namespace postern {

/// Sha1 exists for identifiers that a standard fixes (certificate ids of OCSP, names of WKD); nothing signs or verifies with it.
enum class HashAlgorithm { Sha1, Sha224, Sha256, Sha384, Sha512, Sha3_224, Sha3_256, Sha3_384, Sha3_512 };

using Sha256 = std::array<Byte, 32>;
using Sha512 = std::array<Byte, 64>;

[[nodiscard]] Sha256 sha256(ByteView data);
[[nodiscard]] Sha512 sha512(ByteView data);
[[nodiscard]] Bytes digest(HashAlgorithm algorithm, ByteView data);
[[nodiscard]] std::size_t digest_size(HashAlgorithm algorithm) noexcept;
/// "sha256", "sha3-512"; reads also "SHA-256", "SHA2-256" and "sha2-256".
[[nodiscard]] std::string_view name_of(HashAlgorithm algorithm) noexcept;
[[nodiscard]] std::optional<HashAlgorithm> hash_from_name(std::string_view name);

/// A digest over pieces. Not thread safe; movable; a moved-from Hasher may only be destroyed or assigned.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  Hasher(const Hasher& other);  ///< A second digest that goes on from the same point.
  Hasher& operator=(const Hasher& other);
  Hasher(Hasher&&) noexcept = default;
  Hasher& operator=(Hasher&&) noexcept = default;
  ~Hasher() = default;

  Hasher& update(ByteView data);
  Hasher& update(std::string_view text) { return update(as_bytes(text)); }
  /// The digest; afterwards the Hasher is at the start again.
  [[nodiscard]] Bytes finish();
  [[nodiscard]] HashAlgorithm algorithm() const noexcept { return m_algorithm; }

 private:
  HashAlgorithm m_algorithm;
  EvpMdCtxPtr m_context;
};

/// OpenSSL's object for a digest, fetched once per process; borrowed, never freed.
[[nodiscard]] const EVP_MD* evp_md(HashAlgorithm algorithm);

}  // namespace postern
