// SMTP TLS reporting, RFC 8460.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace postern {

/// `_smtp._tls.DOMAIN TXT`: where reports go (3). At least one mailto: or https: URI.
struct TlsReportRecord {
  std::vector<std::string> report_to;
};
/// BadInput when it is no such record. At most 16 URIs; of other schemes none.
[[nodiscard]] Result<TlsReportRecord> parse_tls_report_record(std::string_view text);

/// 4.4: what went wrong, a kind and the two ends.
struct TlsFailure {
  std::string result_type;  ///< "certificate-expired", ...: 4.3, or a word of the future
  std::string sending_mta_ip, receiving_mx_hostname, receiving_mx_helo, receiving_ip;
  std::uint64_t failed_sessions = 0;
  std::string additional_information, reason_code;
};

struct TlsPolicyReport {
  std::string type;  ///< "tlsa", "sts", "no-policy-found"
  std::vector<std::string> policy;
  std::string domain;
  std::vector<std::string> mx_hosts;
  std::uint64_t successful_sessions = 0, failed_sessions = 0;
  std::vector<TlsFailure> failures;
};

struct TlsReport {
  std::string organization, contact, id;
  WallTime begin{}, end{};
  std::vector<TlsPolicyReport> policies;
};

inline constexpr std::size_t kTlsReportBytes = 10UL << 20;  ///< Unpacked.

/// `bytes`: JSON, or gzip of it. BadInput names the field; TooLarge for more than kTlsReportBytes, 10,000 policies or 100,000 failures.
[[nodiscard]] Result<TlsReport> parse_tls_report(ByteView bytes);

/// The JSON of 4.4; empty fields are left out.
[[nodiscard]] std::string write_tls_report(const TlsReport& report);

}  // namespace postern
