// A report that somebody sent us by mail about our own domains: TLS (RFC 8460 5.3) or DMARC aggregate (RFC 9990 3.5.2), whichever it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"

namespace postern {

/// Whoever knows the address can send reports: what is larger than any in use is refused, and a larger body is not kept.
inline constexpr std::size_t kReceivedUnpacked = 8UL << 20, kReceivedRows = 20'000, kReceivedBody = 256UL << 10;

struct ReceivedReport {
  std::string kind;  ///< "tls", "dmarc"
  std::string organization, id, domain;
  WallTime begin{}, end{};
  std::uint64_t good = 0, bad = 0;  ///< Sessions, or messages that passed and failed.
  std::string body;  ///< The report as JSON, {"too_large":true} beyond kReceivedBody (`postern tlsrpt parse --json`, `postern dmarc report
                     ///< --json`).
};

/// Errors are those of the two readers; for a mail that carries neither, those of the DMARC one.
[[nodiscard]] Result<ReceivedReport> read_report_mail(std::string_view message, const Limits& limits = {});

}  // namespace postern
