// DANE for SMTP (RFC 7672, with RFC 6698 and RFC 7671): does a server's certificate chain match the TLSA records of its name? Pure.
//
// The caller vouches that the records are DNSSEC-authentic: an insecure RRset says nothing and must not come here; a failed lookup is never
// "no records" (RFC 7672 2.1.1). What the three results mean for SMTP (RFC 7672 2.2):
//   Match     the connection is authenticated
//   Mismatch  the connection must not be used
//   Unusable  there are records and none can be used: TLS is mandatory, authentication is not possible
//
// Usages 0 and 1 are unusable (RFC 7672 3.1.3). Usage 3 looks at the leaf alone: no names, no dates (RFC 7671 5.1). Usage 2 wants a valid
// path from the leaf to the anchor, dates, and one of the names (RFC 7671 5.2); the anchor may be missing in the chain when the record
// carries it whole ("2 0 0", "2 1 0").
//
// Does not handle: RFC 7250 raw public keys. Thread safe: no state.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "dns/record.hpp"
#include "pki/certificate.hpp"
#include "pki/verify.hpp"

namespace postern {

/// Trust anchors carried whole that are tried for one chain; a set with more is judged by its first ones.
inline constexpr std::size_t kDaneAnchorLimit = 16;

/// Paths that are built for one chain, whatever its owner publishes; beyond them nothing more is tried.
inline constexpr std::size_t kDanePathLimit = 32;

/// Why a record cannot be used with SMTP; empty when it can.
[[nodiscard]] std::string_view dane_unusable_reason(const dns::TlsaData& record);

/// The usable records that count: of each usage and selector only those with the strongest digest (RFC 7671 9); whole data always counts.
[[nodiscard]] std::vector<dns::TlsaData> dane_effective(std::span<const dns::TlsaData> records);

struct DaneRequest {
  std::span<const dns::TlsaData> records = {};
  std::span<const Certificate> chain = {};  ///< As the server sent it, leaf first.
  /// RFC 7672 3.2.3: the TLSA base domain, the next-hop domain, and the expanded one. One must match for usage 2.
  std::span<const std::string> names = {};
  WallTime at{};
};

enum class DaneResult { Match, Mismatch, Unusable };
[[nodiscard]] std::string_view name_of(DaneResult result) noexcept;  ///< "match"

struct DaneVerdict {
  DaneResult result = DaneResult::Mismatch;
  std::optional<dns::TlsaData> record;   ///< The one that matched.
  std::size_t depth = 0;                 ///< Of the certificate that it matched; for an anchor that was not sent, the chain's length.
  std::string reason;                    ///< In words; what stood in the way when nothing matched.
  ChainFault fault = ChainFault::Other;  ///< What that was, where an anchor was named.
};
[[nodiscard]] DaneVerdict dane_check(const DaneRequest& request);

/// "3 1 1 0123AB...": the presentation form (RFC 6698 2.2); blanks inside the data are allowed. BadInput names the field.
[[nodiscard]] Result<dns::TlsaData> parse_tlsa(std::string_view text);
[[nodiscard]] std::string tlsa_text(const dns::TlsaData& record);

}  // namespace postern
