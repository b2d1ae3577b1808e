// Correspondents with certificates that name O/R addresses, for the tests of this room and of those that stand on it.
#pragma once

#include <openssl/objects.h>

#include "contentseal/names.hpp"
#include "oraddress/or_text.hpp"
#include "pki/testing/certificates.hpp"

namespace postern::contentseal::testing {

inline constexpr const char* kAlice = "C=DE;A= ;P=NORTH;O=Works;S=Alice";
inline constexpr const char* kBob = "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob";
inline constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

struct Wish {
  std::vector<std::string> addresses = {};  ///< x400Address
  std::vector<std::string> emails = {};     ///< rfc822Name
  std::int64_t not_before = 1'700'000'000;
  std::int64_t not_after = 2'000'000'000;
  const char* key_usage = "critical,digitalSignature,keyAgreement";
  const char* extended_usage = "emailProtection";
};

inline std::string der_value(const Wish& wish) {
  std::vector<oraddress::ORAddress> addresses;
  for (const std::string& text : wish.addresses) addresses.push_back(oraddress::parse(text).value());
  return "DER:" + hex_encode(alternative_names(addresses, wish.emails).value());
}

/// Issued by `issuer`, or by itself.
inline postern::testing::Made person(const Wish& wish, const postern::testing::Made* issuer) {
  const std::string names = der_value(wish);
  postern::testing::CertificateWish out;
  out.name = wish.addresses.empty() ? "somebody" : wish.addresses.front().substr(wish.addresses.front().rfind('=') + 1);
  out.not_before = wish.not_before;
  out.not_after = wish.not_after;
  out.key_usage = wish.key_usage;
  out.extended_usage = wish.extended_usage;
  if (!wish.addresses.empty() || !wish.emails.empty()) out.more = {{NID_subject_alt_name, names.c_str()}};
  return postern::testing::make_certificate(out, issuer);
}

inline postern::testing::Made authority(const std::string& name = "Root") {
  postern::testing::CertificateWish wish;
  wish.name = name;
  wish.ca = true;
  return postern::testing::make_certificate(wish);
}

inline SmimeIdentity identity(const postern::testing::Made& made) { return {{made.certificate}, made.key}; }
inline oraddress::ORAddress address(std::string_view text) { return oraddress::parse(text).value(); }

}  // namespace postern::contentseal::testing
