// X.509 certificates (RFC 5280) as values.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "crypto/pkey.hpp"

namespace postern {

/// One certificate; copies share one immutable object. Never empty.
class Certificate {
 public:
  /// The first CERTIFICATE block of the text.
  [[nodiscard]] static Result<Certificate> from_pem(std::string_view pem);
  /// Exactly one certificate; trailing bytes are BadInput.
  [[nodiscard]] static Result<Certificate> from_der(ByteView der);
  /// Shares what OpenSSL holds (a peer's certificate, a signer in CMS).
  [[nodiscard]] static Result<Certificate> from_native(X509* certificate);

  [[nodiscard]] std::string to_pem() const;
  [[nodiscard]] Bytes to_der() const;

  /// RFC 4514 text, UTF-8: "CN=mail.example.org,O=Example".
  [[nodiscard]] std::string subject() const;
  [[nodiscard]] std::string issuer() const;
  [[nodiscard]] std::string common_name() const;  ///< Empty when there is none.
  [[nodiscard]] std::string serial() const;       ///< Lower-case hexadecimal.
  [[nodiscard]] WallTime not_before() const;
  [[nodiscard]] WallTime not_after() const;

  /// subjectAltName; lower case where the standard ignores case. Addresses also from the subject's emailAddress (RFC 8550 3).
  [[nodiscard]] std::vector<std::string> dns_names() const;
  [[nodiscard]] std::vector<std::string> ip_addresses() const;
  [[nodiscard]] std::vector<std::string> emails() const;
  [[nodiscard]] bool has_email(std::string_view address) const;  ///< Domain without regard to case, local part too.

  [[nodiscard]] bool is_ca() const;
  [[nodiscard]] bool is_self_signed() const;
  /// keyUsage bits; an absent extension allows everything (RFC 5280 4.2.1.3).
  [[nodiscard]] bool may_sign() const;
  [[nodiscard]] bool may_receive_keys() const;   ///< keyEncipherment for RSA, keyAgreement for EC.
  [[nodiscard]] bool may_protect_email() const;  ///< extendedKeyUsage absent, any, or emailProtection.

  [[nodiscard]] Sha256 fingerprint() const;       ///< SHA-256 of the certificate.
  [[nodiscard]] Sha256 spki_fingerprint() const;  ///< SHA-256 of its SubjectPublicKeyInfo.
  [[nodiscard]] Result<PublicKey> public_key() const;

  /// Some lines for people: subject, issuer, validity, names, key, usage, fingerprints.
  [[nodiscard]] std::string describe() const;

  [[nodiscard]] X509* native() const noexcept { return m_x509.get(); }
  [[nodiscard]] bool operator==(const Certificate& other) const;

 private:
  explicit Certificate(std::shared_ptr<X509> x509) : m_x509(std::move(x509)) {}
  std::shared_ptr<X509> m_x509;
};

/// Leaf first.
using CertificateChain = std::vector<Certificate>;
inline constexpr std::size_t kChainLimit = 32;

/// Every CERTIFICATE block of the text, in order; other text is skipped. BadInput when there is none, one does not parse, or more than
/// `limit`.
[[nodiscard]] Result<CertificateChain> certificates_from_pem(std::string_view pem, std::size_t limit = kChainLimit);
/// As a peer showed them, or OpenSSL verified them; empty of an empty list. BadInput names the certificate; more than `limit` are left out.
[[nodiscard]] Result<CertificateChain> certificates_from_der(std::span<const Bytes> chain, std::size_t limit = kChainLimit);
/// Reads a file of such text (a chain or a CA bundle of at most 1,000).
[[nodiscard]] Result<CertificateChain> certificates_from_file(const std::string& path);
[[nodiscard]] std::string to_pem(std::span<const Certificate> chain);

/// "sha256:AB:CD:..." for people; reads with or without prefix and colons, either case.
[[nodiscard]] std::string fingerprint_text(const Sha256& fingerprint);
[[nodiscard]] Result<Sha256> parse_fingerprint(std::string_view text);

}  // namespace postern
