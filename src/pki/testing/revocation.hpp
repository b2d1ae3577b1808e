// OCSP answers and CRLs for tests, with everything a test wants to be wrong about them.
#pragma once

#include <openssl/ocsp.h>

#include "pki/testing/certificates.hpp"

namespace postern::testing {

namespace made {

struct TimeFree {
  void operator()(ASN1_TIME* time) const noexcept { ASN1_TIME_free(time); }
};
using TimePtr = std::unique_ptr<ASN1_TIME, TimeFree>;

/// -1: no time at all.
inline TimePtr time(std::int64_t seconds) {
  if (seconds < 0) return nullptr;
  const TimePtr given(ASN1_TIME_adj(nullptr, static_cast<time_t>(seconds), 0, 0));
  TimePtr out(given ? ASN1_TIME_to_generalizedtime(given.get(), nullptr) : nullptr);
  must(out != nullptr);
  return out;
}

template <class Object>
Bytes der(Object* object, int (*encode)(const Object*, unsigned char**)) {
  Bytes out(static_cast<std::size_t>(std::max(encode(object, nullptr), 0)));
  unsigned char* to = out.data();
  must(encode(object, &to) > 0);
  return out;
}

/// An extension with bytes of one's own; `oid` in numbers.
inline X509ExtensionPtr extension(const char* oid, bool critical, const Bytes& value) {
  ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
  ASN1_OBJECT* object = OBJ_txt2obj(oid, 1);
  must(octets != nullptr && object != nullptr && ASN1_OCTET_STRING_set(octets, value.data(), static_cast<int>(value.size())) == 1);
  X509ExtensionPtr out(X509_EXTENSION_create_by_OBJ(nullptr, object, critical ? 1 : 0, octets));
  ASN1_OBJECT_free(object);
  ASN1_OCTET_STRING_free(octets);
  must(out != nullptr);
  return out;
}

}  // namespace made

inline constexpr const char* kNobodysExtension = "1.3.6.1.4.1.99999.1";

/// One SingleResponse, and what stands around it.
struct OcspWish {
  int status = V_OCSP_CERTSTATUS_GOOD;
  int reason = -1;
  std::int64_t revoked_at = 1000;
  std::int64_t this_update = 0;
  std::int64_t next_update = -1;  ///< -1: none.
  const EVP_MD* id_digest = EVP_sha1();
  const EVP_MD* signature_digest = EVP_sha256();
  Bytes nonce = {};
  bool by_key = false;              ///< The responder names itself by key instead of by name.
  bool with_certificate = true;     ///< The signer's certificate comes along.
  bool critical_in_single = false;  ///< An extension that nobody knows.
  bool critical_in_response = false;
  int response_status = OCSP_RESPONSE_STATUS_SUCCESSFUL;
  std::vector<int> also = {};  ///< Further answers about the same certificate, each with this status.
};

namespace made {

inline void add_status(OCSP_BASICRESP* basic, const Certificate& leaf, const Certificate& issuer, const OcspWish& wish, int status) {
  OCSP_CERTID* id = OCSP_cert_to_id(wish.id_digest, leaf.native(), issuer.native());
  const auto revoked = time(wish.revoked_at);
  const auto begins = time(wish.this_update);
  const auto ends = time(wish.next_update);
  const bool is_revoked = status == V_OCSP_CERTSTATUS_REVOKED;
  OCSP_SINGLERESP* single = OCSP_basic_add1_status(basic, id, status, is_revoked ? wish.reason : 0, is_revoked ? revoked.get() : nullptr,
                                                   begins.get(), ends.get());
  OCSP_CERTID_free(id);
  must(single != nullptr);
  const auto unknown = extension(kNobodysExtension, true, {0x05, 0x00});
  if (wish.critical_in_single) must(OCSP_SINGLERESP_add_ext(single, unknown.get(), -1) == 1);
}

}  // namespace made

/// An OCSPResponse of `signer` about `leaf`, whose CertID names `issuer`.
[[nodiscard]] inline Bytes make_ocsp(const Certificate& leaf, const Certificate& issuer, const Made& signer, const OcspWish& wish = {}) {
  const std::unique_ptr<OCSP_BASICRESP, decltype([](OCSP_BASICRESP* basic) { OCSP_BASICRESP_free(basic); })> basic(OCSP_BASICRESP_new());
  made::must(basic != nullptr);
  made::add_status(basic.get(), leaf, issuer, wish, wish.status);
  for (const int status : wish.also) made::add_status(basic.get(), leaf, issuer, wish, status);
  if (!wish.nonce.empty())
    made::must(OCSP_basic_add1_nonce(basic.get(), const_cast<unsigned char*>(wish.nonce.data()), static_cast<int>(wish.nonce.size())) == 1);
  const auto unknown = made::extension(kNobodysExtension, true, {0x05, 0x00});
  if (wish.critical_in_response) made::must(OCSP_BASICRESP_add_ext(basic.get(), unknown.get(), -1) == 1);
  const unsigned long flags = (wish.by_key ? OCSP_RESPID_KEY : 0) | (wish.with_certificate ? 0 : OCSP_NOCERTS);
  made::must(OCSP_basic_sign(basic.get(), signer.certificate.native(), signer.key.get(), wish.signature_digest, nullptr, flags) == 1);
  const std::unique_ptr<OCSP_RESPONSE, decltype([](OCSP_RESPONSE* response) { OCSP_RESPONSE_free(response); })> response(
      OCSP_response_create(wish.response_status, wish.response_status == OCSP_RESPONSE_STATUS_SUCCESSFUL ? basic.get() : nullptr));
  made::must(response != nullptr);
  return made::der<OCSP_RESPONSE>(response.get(), i2d_OCSP_RESPONSE);
}

/// One entry of a list.
struct CrlEntryWish {
  const Certificate* certificate = nullptr;
  std::int64_t revoked_at = 1000;
  int reason = -1;                  ///< RFC 5280 5.3.1; -1: none.
  std::int64_t invalid_since = -1;  ///< -1: none.
  bool critical = false;            ///< An extension that nobody knows.
};

struct CrlWish {
  std::vector<CrlEntryWish> entries = {};
  std::int64_t this_update = 0;
  std::int64_t next_update = 4102444800;  ///< -1: none.
  const char* point = "";                 ///< issuingDistributionPoint as OpenSSL's configuration has it: "critical,indirectCRL:TRUE".
  bool delta = false;
  long base = 7;  ///< Of a delta: the number of the list that it begins with.
  bool numbered = true;
  long number = 7;
  const char* freshest = "";  ///< freshestCRL: "URI:http://...".
  bool critical = false;      ///< An extension that nobody knows.
  long version = X509_CRL_VERSION_2;
  const EVP_MD* digest = EVP_sha256();
};

namespace made {

inline void add_entry(X509_CRL* crl, const CrlEntryWish& wish) {
  X509_REVOKED* entry = X509_REVOKED_new();
  must(entry != nullptr && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(wish.certificate->native())) == 1);
  must(X509_REVOKED_set_revocationDate(entry, time(wish.revoked_at).get()) == 1);
  if (wish.reason >= 0) {
    ASN1_ENUMERATED* reason = ASN1_ENUMERATED_new();
    must(ASN1_ENUMERATED_set(reason, wish.reason) == 1);
    must(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1);
    ASN1_ENUMERATED_free(reason);
  }
  if (wish.invalid_since >= 0) must(X509_REVOKED_add1_ext_i2d(entry, NID_invalidity_date, time(wish.invalid_since).get(), 0, 0) == 1);
  if (wish.critical) must(X509_REVOKED_add_ext(entry, extension(kNobodysExtension, true, {0x05, 0x00}).get(), -1) == 1);
  must(X509_CRL_add0_revoked(crl, entry) == 1);
}

inline void add_number(X509_CRL* crl, int nid, int critical, long value) {
  ASN1_INTEGER* number = ASN1_INTEGER_new();
  must(ASN1_INTEGER_set(number, value) == 1 && X509_CRL_add1_ext_i2d(crl, nid, number, critical, 0) == 1);
  ASN1_INTEGER_free(number);
}

inline void add_extensions(X509_CRL* crl, const CrlWish& wish) {
  if (wish.numbered) add_number(crl, NID_crl_number, 0, wish.number);
  if (wish.delta) add_number(crl, NID_delta_crl, 1, wish.base);
  if (wish.critical) must(X509_CRL_add_ext(crl, extension(kNobodysExtension, true, {0x05, 0x00}).get(), -1) == 1);
  X509V3_CTX context;
  X509V3_set_ctx(&context, nullptr, nullptr, nullptr, crl, 0);
  for (const auto& [nid, value] : {std::pair(NID_issuing_distribution_point, wish.point), std::pair(NID_freshest_crl, wish.freshest)}) {
    if (*value == '\0') continue;
    const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    must(extension && X509_CRL_add_ext(crl, extension.get(), -1) == 1);
  }
}

}  // namespace made

/// A list of `issuer`, signed with its key.
[[nodiscard]] inline Bytes make_crl(const Made& issuer, const CrlWish& wish = {}) {
  const std::unique_ptr<X509_CRL, decltype([](X509_CRL* crl) { X509_CRL_free(crl); })> crl(X509_CRL_new());
  made::must(crl != nullptr && X509_CRL_set_version(crl.get(), wish.version) == 1);
  made::must(X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(issuer.certificate.native())) == 1);
  made::must(X509_CRL_set1_lastUpdate(crl.get(), made::time(wish.this_update).get()) == 1);
  if (wish.next_update >= 0) made::must(X509_CRL_set1_nextUpdate(crl.get(), made::time(wish.next_update).get()) == 1);
  for (const CrlEntryWish& entry : wish.entries) made::add_entry(crl.get(), entry);
  made::add_extensions(crl.get(), wish);
  made::must(X509_CRL_sign(crl.get(), issuer.key.get(), wish.digest) > 0);
  return made::der<X509_CRL>(crl.get(), i2d_X509_CRL);
}

}  // namespace postern::testing
