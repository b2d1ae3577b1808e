// The sessions that TLS reports are made of (RFC 8460 4): counted by kind, kept by day and recipient domain. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reports/tls_report.hpp"

namespace postern {

/// A kind of session; those that agree in everything are counted together.
struct TlsSession {
  std::int64_t day = 0;  ///< Days since 1970-01-01, UTC: RFC 8460 4.1 wants whole days.
  std::string domain;    ///< Of the recipients, A-labels: who is told.
  std::string policy_type = "no-policy-found";
  std::string policy_domain;  ///< RFC 8460 1.1: of "tlsa" the TLSA base domain of the host; empty: the recipients' domain.
  std::string policy;         ///< Lines: the policy as it was found.
  std::string mx_patterns;    ///< Lines; of "sts".
  std::string result_type;    ///< Empty: success. Else a word of 4.3.
  std::string mx, ip, reason;
  std::string local_ip;  ///< Our end of the connection; empty: there was none, or it went well.
  auto operator<=>(const TlsSession&) const = default;
};

struct TlsCount {
  TlsSession session;
  std::uint64_t sessions = 0;
};

[[nodiscard]] std::int64_t day_of(WallTime time) noexcept;
[[nodiscard]] WallTime day_begin(std::int64_t day) noexcept;

/// Counts until somebody takes the counts away to keep them. Thread safe; at most kMostKinds kinds, beyond which a failure loses its
/// details (host, address, words) and then everything is dropped.
class TlsTally {
 public:
  static constexpr std::size_t kMostKinds = 20'000;
  void add(TlsSession session);
  [[nodiscard]] std::vector<TlsCount> take();

 private:
  std::mutex m_mutex;
  std::map<TlsSession, std::uint64_t> m_counts;
};

/// The report about one domain and one day. `counts` are all of that domain and day, in any order; organization, contact and id are the
/// caller's.
[[nodiscard]] TlsReport make_tls_report(std::span<const TlsCount> counts);

}  // namespace postern
