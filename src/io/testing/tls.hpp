// For tests: a throw-away authority, certificates and TLS contexts, all in memory.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <string>

#include "crypto/openssl.hpp"
#include "io/stream.hpp"

namespace postern::io::testing {

struct Identity {
  EvpPkeyPtr key;
  X509Ptr certificate;
};

inline void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

inline void add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
}

/// A P-256 certificate valid from an hour ago for `days`; self-signed when `issuer` is null.
inline Identity make_identity(const std::string& common_name, const std::string& alt_names, const Identity* issuer = nullptr,
                              int days = 1) {
  Identity out;
  out.key = EvpPkeyPtr(EVP_EC_gen("P-256"));
  out.certificate = X509Ptr(X509_new());
  X509* const cert = out.certificate.get();
  X509_set_version(cert, 2);
  static long serial = 1000;
  ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * days);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                             -1, -1, 0);
  X509* const signer = issuer ? issuer->certificate.get() : cert;
  X509_set_issuer_name(cert, X509_get_subject_name(signer));
  X509_set_pubkey(cert, out.key.get());
  add_extension(cert, signer, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
  if (!alt_names.empty()) add_extension(cert, signer, NID_subject_alt_name, alt_names);
  require(X509_sign(cert, issuer ? issuer->key.get() : out.key.get(), EVP_sha256()) > 0, "sign");
  return out;
}

inline SslContext make_context(const SSL_METHOD* method, const Identity* own, const Identity* trusted) {
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  if (own) {
    require(SSL_CTX_use_certificate(context.get(), own->certificate.get()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(context.get(), own->key.get()) == 1, "key");
  }
  if (trusted) X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), trusted->certificate.get());
  return context;
}

/// An authority, a server "mail.test" (and 127.0.0.1) and a client "client.test" under it.
struct TlsWorld {
  Identity authority = make_identity("Test authority", "");
  Identity server = make_identity("mail.test", "DNS:mail.test,IP:127.0.0.1", &authority);
  Identity client = make_identity("client.test", "DNS:client.test", &authority);
  SslContext server_context = make_context(TLS_server_method(), &server, &authority);
  SslContext client_context = make_context(TLS_client_method(), nullptr, &authority);
};

}  // namespace postern::io::testing
