// Is a certificate revoked? Answers of OCSP responders (RFC 6960) and CRLs (RFC 5280 5), judged at a given time. Pure: bytes and time in,
// a verdict out; asking is the caller's part. Total on any input; OpenSSL's error queue is empty afterwards. Thread safe: no state.
//
// Does not do: indirect CRLs and CRL issuers other than the certificate's own issuer (RFC 5280 5.2.5: the path of such an issuer begins
// with a certificate that nobody brings along), CRLs for some reasons only, the revocation of OCSP responders themselves (keep them
// short-lived, or id-pkix-ocsp-nocheck: RFC 6960 4.2.2.2.1), SHA-1 signatures.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "pki/certificate.hpp"

namespace postern {

inline constexpr std::size_t kOcspResponseLimit = 64UL * 1024;
inline constexpr int kOcspAnswersLimit = 64;  ///< SingleResponses in one response.
inline constexpr std::size_t kCrlLimit = 16UL * 1024 * 1024;
inline constexpr std::size_t kCrlEntryLimit = 300'000;
inline constexpr std::size_t kRevocationUrlLimit = 8;  ///< Of one certificate; further ones are not looked at.
/// RFC 9654 2.1: what a client sends as a nonce.
inline constexpr std::size_t kOcspNonceMin = 1;
inline constexpr std::size_t kOcspNonceMax = 128;
/// Clocks may differ by this much.
inline constexpr std::chrono::seconds kRevocationSkew{300};
/// How long an OCSP answer without nextUpdate counts (RFC 6960 4.2.2.1: newer information is available all the time).
inline constexpr std::chrono::hours kOcspAgeLimit{24};

enum class RevocationStatus {
  Good,
  Revoked,
  Unknown,  ///< The responder does not know the certificate.
  Invalid,  ///< The answer or list says nothing about this certificate now; the reason says why.
};
[[nodiscard]] std::string_view name_of(RevocationStatus status) noexcept;  ///< "good"

struct RevocationVerdict {
  RevocationStatus status = RevocationStatus::Invalid;
  std::string reason;                          ///< In words, with the clause when Invalid.
  std::optional<WallTime> revoked_at = {};     ///< Revoked only.
  std::string revocation_reason = {};          ///< "keyCompromise" (RFC 5280 5.3.1); empty when none is given.
  std::optional<WallTime> invalid_since = {};  ///< RFC 5280 5.3.2, when a CRL says it.
  WallTime this_update{};
  WallTime usable_until{};  ///< Not Invalid: until when the verdict may be kept (nextUpdate, else thisUpdate and kOcspAgeLimit).
};

struct OcspRequest {
  const Certificate* leaf = nullptr;    ///< Required; borrowed. The certificate in question, of any depth.
  const Certificate* issuer = nullptr;  ///< Required; borrowed. Its issuer, whose path the caller has verified.
  ByteView response = {};               ///< OCSPResponse, DER.
  WallTime at{};
  std::chrono::seconds skew = kRevocationSkew;
  /// What make_ocsp_request() was given; empty: none was sent. An answer may leave it out (RFC 5019 4), but not show another.
  ByteView nonce = {};
  bool require_nonce = false;  ///< Then it may not.
};
[[nodiscard]] RevocationVerdict check_ocsp(const OcspRequest& request);

/// OCSPRequest (DER) for one certificate, with a SHA-1 CertID as every responder knows it (RFC 5019 2.1.1) and, when not empty, the nonce
/// (RFC 9654). BadInput for a nonce that is too long or certificates that do not belong together.
[[nodiscard]] Result<Bytes> make_ocsp_request(const Certificate& leaf, const Certificate& issuer, ByteView nonce = {});

struct CrlRequest;

/// A certificate revocation list as a value, parsed once; copies share one immutable object.
class Crl {
 public:
  /// Exactly one list in DER. TooLarge over kCrlLimit or kCrlEntryLimit, BadInput for anything else.
  [[nodiscard]] static Result<Crl> from_der(ByteView der);
  /// The X509 CRL blocks of a PEM text (at most `limit`), or one DER list.
  [[nodiscard]] static Result<std::vector<Crl>> from_text(std::string_view pem_or_der, std::size_t limit = 64);

  [[nodiscard]] std::string issuer() const;  ///< RFC 4514 text.
  [[nodiscard]] std::size_t entries() const noexcept;
  [[nodiscard]] X509_CRL* native() const noexcept;
  /// Why the list can be used for no certificate, with the clause; empty when it can.
  [[nodiscard]] const std::string& unusable() const noexcept;
  /// The same for a list that may still prove that a certificate is revoked, but not that it is good.
  [[nodiscard]] const std::string& incomplete() const noexcept;
  /// RFC 5280 5.2.4: it says what changed since a complete list, and counts only beside one (CrlRequest::deltas).
  [[nodiscard]] bool is_delta() const noexcept;

 private:
  friend RevocationVerdict check_crl(const CrlRequest& request);
  struct Facts;
  explicit Crl(std::shared_ptr<const Facts> facts) : m_facts(std::move(facts)) {}
  [[nodiscard]] bool updates(const Crl& complete, const CrlRequest& request) const;
  [[nodiscard]] static const Crl* latest_delta(const CrlRequest& request);
  std::shared_ptr<const Facts> m_facts;
};

struct CrlRequest {
  const Certificate* leaf = nullptr;    ///< Required; borrowed.
  const Certificate* issuer = nullptr;  ///< Required; borrowed. Its issuer, whose path the caller has verified.
  const Crl* crl = nullptr;             ///< Required; borrowed. A complete list.
  /// RFC 5280 6.3.3 (c): of these, the latest delta that is valid and belongs to `crl` brings it up to date; others are passed over.
  std::span<const Crl> deltas = {};
  WallTime at{};
  std::chrono::seconds skew{0};  ///< Lists are published ahead; their times are taken as they stand.
};
[[nodiscard]] RevocationVerdict check_crl(const CrlRequest& request);

/// Whether the list names the certificate's issuer as its own; others need no check_crl().
[[nodiscard]] bool crl_is_for(const Crl& crl, const Certificate& certificate);

/// Where the certificate says its responder (authorityInfoAccess, RFC 5280 4.2.2.1) and its lists (cRLDistributionPoints, 4.2.1.13) are:
/// http and https addresses in printable ASCII only.
[[nodiscard]] std::vector<std::string> ocsp_urls(const Certificate& certificate);
[[nodiscard]] std::vector<std::string> crl_urls(const Certificate& certificate);
/// Where what changed since is told (freshestCRL: RFC 5280 5.2.6, 4.2.1.15), by the list and by the certificate.
[[nodiscard]] std::vector<std::string> delta_urls(const Crl& crl, const Certificate& certificate);
/// RFC 7633: the certificate asks to be refused without a stapled answer (TLS feature status_request, 5).
[[nodiscard]] bool must_staple(const Certificate& certificate);

}  // namespace postern
