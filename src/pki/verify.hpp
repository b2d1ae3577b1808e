// Path validation (RFC 5280 6) at a given time, with the names it is for. Pure: no network, no system trust store, no clock.
//
// When the first path that is found does not hold, others are tried: an expired or wrongly constrained intermediate does not stand in the
// way of another one with the same name (kPathsTried in path_search.hpp bounds it).
//
// Does not look at revocation: pki/path_revocation.hpp does, with other inputs.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "pki/certificate.hpp"

namespace postern {

enum class CertificatePurpose { Any, TlsServer, TlsClient, Email };

struct VerifyRequest {
  const Certificate* leaf = nullptr;  ///< Required; borrowed.
  std::span<const Certificate> intermediates = {};
  std::span<const Certificate> roots = {};  ///< Trust anchors; need not be self-signed.
  X509_STORE* more_roots = nullptr;         ///< Further trust anchors in OpenSSL's form; borrowed.
  WallTime at{};
  CertificatePurpose purpose = CertificatePurpose::Any;
  /// Also what RFC 5280 4 asks of those who issue (pki/conformance.hpp), certificate policies (6.1), and the local part of an address
  /// letter by letter (7.5). Off for the daemon's connections: plain mail servers show certificates that would not pass.
  bool strict = false;
  /// At most one of these; each must then match.
  std::string dns_name = {};
  std::string ip_address = {};
  std::string email = {};
};

/// Why a certificate is not accepted, for statistics and decisions; `reason` says it in words.
enum class ChainFault { None, Expired, NotYetValid, UnknownIssuer, WrongName, WrongPurpose, BadSignature, WeakKey, Malformed, Other };
[[nodiscard]] std::string_view name_of(ChainFault fault) noexcept;

struct ChainVerdict {
  bool ok = false;
  ChainFault fault = ChainFault::Other;
  std::string reason;      ///< "certificate of CN=mail.example.org expired at 2026-01-01T00:00:00.000Z"
  CertificateChain chain;  ///< Leaf to root, as far as it was built.
};

/// Minimum strength: RSA 2048, EC P-256, SHA-256 (OpenSSL security level 2 with SHA-1 refused).
[[nodiscard]] ChainVerdict verify_chain(const VerifyRequest& request);

/// Whether the certificate is for this host (RFC 6125/9525: subjectAltName only, one wildcard as the whole left-most label) or address.
[[nodiscard]] bool certificate_matches_host(const Certificate& certificate, const std::string& host_or_address);

}  // namespace postern
