#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "seal/test_certificates.hpp"

namespace postern::test {
namespace {

EVP_PKEY* make_key(const Order& order) {
  if (order.kind == KeyKind::Rsa) return EVP_RSA_gen(static_cast<unsigned>(order.rsa_bits));
  if (order.kind == KeyKind::Ed25519) return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  const char* curve = order.kind == KeyKind::EcP384 ? "P-384" : order.kind == KeyKind::EcP521 ? "P-521" : "P-256";
  return EVP_EC_gen(curve);
}

void require(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL refused to make a test certificate");
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void name(X509_NAME* out, const std::string& text) {
  require(X509_NAME_add_entry_by_txt(out, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0) == 1);
}

std::uint64_t next_serial() {
  static std::uint64_t serial = 1000;
  return ++serial;
}

}  // namespace

Issued issue(const Order& order, const Issued* issuer) {
  std::shared_ptr<EVP_PKEY> key(make_key(order), EVP_PKEY_free);
  require(key != nullptr);
  X509* x509 = X509_new();
  X509* above = issuer == nullptr ? x509 : issuer->certificate.native();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), next_serial());
  ASN1_TIME_set(X509_getm_notBefore(x509), order.from);
  ASN1_TIME_set(X509_getm_notAfter(x509), order.until);
  X509_set_pubkey(x509, key.get());
  name(X509_get_subject_name(x509), order.email.empty() ? "Test Root" : order.email);
  X509_set_issuer_name(x509, X509_get_subject_name(above));
  extend(x509, above, NID_basic_constraints, order.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(x509, above, NID_key_usage, order.key_usage);
  extend(x509, above, NID_ext_key_usage, order.extended_key_usage);
  if (!order.email.empty()) extend(x509, above, NID_subject_alt_name, "email:" + order.email);
  extend(x509, above, NID_subject_key_identifier, "hash");
  EVP_PKEY* signer = issuer == nullptr ? key.get() : issuer->key.get();
  const EVP_MD* digest = EVP_PKEY_is_a(signer, "ED25519") == 1 ? nullptr : EVP_get_digestbyname(order.digest);
  require(X509_sign(x509, signer, digest) > 0);
  auto certificate = Certificate::from_native(x509);
  X509_free(x509);
  return {certificate.value(), std::move(key)};
}

Issued make_root() {
  Order order;
  order.ca = true;
  order.key_usage = "critical,keyCertSign,cRLSign";
  order.extended_key_usage = "";
  return issue(order);
}

std::string revocation_list(const Issued& issuer, const Certificate& revoked) {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer.certificate.native()));
  ASN1_TIME* time = ASN1_TIME_set(nullptr, 1'700'000'000);
  X509_CRL_set1_lastUpdate(list, time);
  X509_REVOKED* entry = X509_REVOKED_new();
  X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked.native()));
  X509_REVOKED_set_revocationDate(entry, time);
  X509_CRL_add0_revoked(list, entry);
  ASN1_TIME_free(time);
  require(X509_CRL_sign(list, issuer.key.get(), EVP_sha256()) > 0);
  const BioPtr out = bio_buffer();
  require(PEM_write_bio_X509_CRL(out.get(), list) == 1);
  X509_CRL_free(list);
  return std::string(as_text(bio_bytes(out.get())));
}

}  // namespace postern::test
