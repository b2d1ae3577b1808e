// When to try again: a pure function of the schedule, the attempts made and the age of the message.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace postern {

/// RFC 5321 4.5.4.1: retries at least 30 minutes apart after the first ones, given up after at least 4-5 days.
struct RetrySchedule {
  std::vector<std::chrono::seconds> delays{std::chrono::minutes(1), std::chrono::minutes(5), std::chrono::minutes(15),
                                           std::chrono::hours(1), std::chrono::hours(4)};  ///< The last one repeats. Empty: 1 minute.
  std::chrono::seconds expire = std::chrono::hours(24 * 5);                                ///< Counted from the acceptance.
  unsigned jitter_percent = 10;  ///< Each delay is made longer by up to this much, so that a crowd spreads out.
};

/// The delay before the next attempt, or nothing when the message has expired. `attempts` counts those made (1 after the first);
/// `random` is any number. An attempt is never put behind the expiry: the last one falls on it.
[[nodiscard]] std::optional<std::chrono::milliseconds> next_delay(const RetrySchedule& schedule, unsigned attempts,
                                                                  std::chrono::milliseconds age, std::uint32_t random);

}  // namespace postern
