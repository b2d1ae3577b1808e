// What one mail host must prove before mail goes to it: DANE, MTA-STS, the operator's own word, or nothing. Pure.
//
// In this order, the first that applies decides:
//   1  an exception of the operator       as he said, and nothing more
//   2  pins of the route                  the certificate or key is one of them
//   3  DANE (RFC 7672)                    a TLSA lookup that failed keeps the host from being used: never "no records" (2.1.1)
//   4  MTA-STS, enforce (RFC 8461 5)      the host stands in the policy, and its certificate is valid for its name
//   5  tls = "required" of the route      its certificate is valid for its name
//   6  nothing                            opportunistic (RFC 7435)
// DANE goes before MTA-STS whatever it says (RFC 8461 2); where all TLSA records are unusable, TLS is mandatory and what follows in the
// list decides how the certificate is judged (RFC 7672 2.2). Where a route requires a verified certificate, DANE verifies it.
//
// Thread safe: no state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tlspolicy/dane.hpp"
#include "tlspolicy/mta_sts.hpp"

namespace postern {

/// How the other side is authenticated.
enum class HopProof {
  Clear,          ///< TLS is not used at all.
  Opportunistic,  ///< TLS where it works, with any certificate.
  Encrypted,      ///< TLS or nothing, with any certificate.
  WebPki,         ///< TLS, with a valid path from a trusted root, for the host's name.
  MtaSts,         ///< The same, because the domain's policy demands it.
  Dane,           ///< TLS, with a chain that matches a TLSA record.
  Pins,           ///< TLS, with a certificate or key that the operator named.
};
[[nodiscard]] std::string_view name_of(HopProof proof) noexcept;  ///< "dane"

/// What the lookup of TLSA records found (io/tlsa.hpp does it).
struct TlsaFacts {
  enum class State {
    NotApplicable,  ///< The MX or address answers are not DNSSEC-authentic: nothing was asked.
    None,           ///< Authentically none, or an insecure answer.
    Records,        ///< Authentic records.
    Failed,         ///< The lookup failed: for a servfail, a bogus answer, a timeout.
  } state = State::NotApplicable;
  std::vector<dns::TlsaData> records = {};
  std::string base;    ///< TLSA base domain (RFC 7672 2.2.2); the name for SNI (8.1).
  std::string reason;  ///< With Failed.
};

enum class RouteTls { Never, Opportunistic, Required };
enum class TrustException { Clear, Unverified };

struct HopFacts {
  std::string host = {};  ///< As the MX record or the route has it.
  RouteTls tls = RouteTls::Opportunistic;
  bool pinned = false;
  std::optional<TrustException> exception = {};
  TlsaFacts tlsa = {};
  const MtaStsPolicy* sts = nullptr;  ///< Of the recipient's domain; null: it has none.
};

struct HopPlan {
  HopProof proof = HopProof::Opportunistic;
  std::vector<dns::TlsaData> records = {};  ///< Where TLSA records bind the host; all of them, with Dane the ones that must match.
  /// Not empty: this host must not be used now, for this reason. What may be tried next is another host.
  std::string refusal = {};
  /// MTA-STS in testing mode (RFC 8461 5): its failures are reported and stop nothing.
  bool sts_testing = false;

  [[nodiscard]] bool needs_tls() const noexcept { return proof != HopProof::Clear && proof != HopProof::Opportunistic; }
  /// Whether mail on this connection is safe from an active attacker, as far as the host's name is the right one.
  [[nodiscard]] bool authenticates() const noexcept { return proof >= HopProof::WebPki; }
};

[[nodiscard]] HopPlan plan_hop(const HopFacts& facts);

}  // namespace postern
