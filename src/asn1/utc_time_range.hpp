// What the two digits of a UTCTime's year can say.
#pragma once

#include <cstdint>

namespace postern::asn1 {

/// X.680 47, in the window of RFC 5280 4.1.2.5.1: seconds since 1970 of 1950-01-01T00:00:00Z and 2049-12-31T23:59:59Z.
inline constexpr std::int64_t kFirstUtcTime = -631'152'000, kLastUtcTime = 2'524'607'999;

[[nodiscard]] constexpr bool is_in_utc_time(std::int64_t unix_seconds) noexcept {
  return unix_seconds >= kFirstUtcTime && unix_seconds <= kLastUtcTime;
}

}  // namespace postern::asn1
