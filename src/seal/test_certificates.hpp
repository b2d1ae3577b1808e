// Certificates made to order for the tests of this room: any key, any validity, any usage, any digest. Not part of the product.
#pragma once

#include <memory>
#include <string>

#include "pki/certificate.hpp"
#include "seal/smime.hpp"

namespace postern::test {

struct Order {
  std::string email;  ///< Empty: none, as for an authority.
  KeyKind kind = KeyKind::EcP256;
  int rsa_bits = 2048;
  std::int64_t from = 1'700'000'000;  ///< Unix seconds; November 2023.
  std::int64_t until = 2'000'000'000;
  std::string key_usage = "critical,digitalSignature,keyEncipherment,keyAgreement";
  std::string extended_key_usage = "emailProtection";
  bool ca = false;
  const char* digest = "SHA256";
};

/// A certificate with its key.
struct Issued {
  Certificate certificate;
  std::shared_ptr<EVP_PKEY> key;
  [[nodiscard]] SmimeIdentity identity() const { return {{certificate}, key}; }
};

/// Signed by `issuer`, or by itself.
[[nodiscard]] Issued issue(const Order& order, const Issued* issuer = nullptr);
[[nodiscard]] Issued make_root();
/// PEM of a revocation list of `issuer` that names `revoked`.
[[nodiscard]] std::string revocation_list(const Issued& issuer, const Certificate& revoked);

inline constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

}  // namespace postern::test
