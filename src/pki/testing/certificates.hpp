// Certificates for tests, with everything a test wants to be wrong about them. Keys live in the object; nothing is stored.
#pragma once

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "pki/certificate.hpp"

namespace postern::testing {

struct CertificateWish {
  std::string name = "test";          ///< Common name.
  std::vector<std::string> dns = {};  ///< subjectAltName.
  bool ca = false;
  std::int64_t not_before = 0;          ///< Seconds since 1970.
  std::int64_t not_after = 4102444800;  ///< 2100.
  const char* extended_usage = "";      ///< "serverAuth", "OCSPSigning"; empty: none.
  const char* key_usage = "";           ///< Empty: of an authority everything it may have, of others no extension.
  const char* information = "";         ///< authorityInfoAccess: "OCSP;URI:http://...".
  const char* points = "";              ///< cRLDistributionPoints: "URI:http://...".
  const char* features = "";            ///< "status_request" (RFC 7633).
  const char* constraints = "";         ///< basicConstraints; empty: as `ca` says.
  const char* serial = "";              ///< Hexadecimal, "-1" too; empty: a random one.
  /// Further extensions by NID, as OpenSSL's configuration has them; also a second one of a kind.
  std::vector<std::pair<int, const char*>> more = {};
};

/// A P-256 key with a certificate for it.
struct Made {
  std::shared_ptr<EVP_PKEY> key;
  Certificate certificate;
};

namespace made {

inline void must(bool ok) {
  if (!ok) std::abort();
}

inline void extend(X509* x509, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  must(extension && X509_add_ext(x509, extension.get(), -1) == 1);
}

inline std::string alternative_names(const std::vector<std::string>& dns) {
  std::string out;
  for (const std::string& name : dns) out += (out.empty() ? "DNS:" : ",DNS:") + name;
  return out;
}

inline void name_it(X509* x509, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(x509);
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, as_bytes(common_name).data(), static_cast<int>(common_name.size()), -1, 0) ==
       1);
}

inline void number_it(X509* x509, const char* hex) {
  if (*hex != '\0') {
    BIGNUM* number = nullptr;
    must(BN_hex2bn(&number, hex) > 0 && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nullptr);
    BN_free(number);
    return;
  }
  std::uint64_t serial = 0;
  must(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1) == 1);
}

}  // namespace made

/// Self-signed without an issuer. Aborts when OpenSSL refuses.
[[nodiscard]] inline Made make_certificate(const CertificateWish& wish, const Made* issuer = nullptr) {
  std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const X509Ptr x509(X509_new());
  made::must(key && x509);
  X509* by = issuer != nullptr ? issuer->certificate.native() : x509.get();
  X509_set_version(x509.get(), X509_VERSION_3);
  made::number_it(x509.get(), wish.serial);
  made::name_it(x509.get(), wish.name);
  X509_set_issuer_name(x509.get(), X509_get_subject_name(by));
  made::must(ASN1_TIME_set(X509_getm_notBefore(x509.get()), wish.not_before) != nullptr);
  made::must(ASN1_TIME_set(X509_getm_notAfter(x509.get()), wish.not_after) != nullptr);
  X509_set_pubkey(x509.get(), key.get());
  const char* constraints = wish.ca ? "critical,CA:TRUE" : "CA:FALSE";
  made::extend(x509.get(), by, NID_basic_constraints, *wish.constraints != '\0' ? wish.constraints : constraints);
  made::extend(x509.get(), by, NID_subject_key_identifier, "hash");
  const char* usage = *wish.key_usage == '\0' && wish.ca ? "critical,keyCertSign,cRLSign,digitalSignature" : wish.key_usage;
  for (const auto& [nid, value] : {std::pair(NID_key_usage, usage), std::pair(NID_info_access, wish.information),
                                   std::pair(NID_crl_distribution_points, wish.points), std::pair(NID_tlsfeature, wish.features)}) {
    if (*value != '\0') made::extend(x509.get(), by, nid, value);
  }
  if (!wish.dns.empty()) made::extend(x509.get(), by, NID_subject_alt_name, made::alternative_names(wish.dns));
  if (*wish.extended_usage != '\0') made::extend(x509.get(), by, NID_ext_key_usage, wish.extended_usage);
  for (const auto& [nid, value] : wish.more) made::extend(x509.get(), by, nid, value);
  made::must(X509_sign(x509.get(), issuer != nullptr ? issuer->key.get() : key.get(), EVP_sha256()) > 0);
  return {std::move(key), Certificate::from_native(x509.get()).value()};
}

}  // namespace postern::testing
