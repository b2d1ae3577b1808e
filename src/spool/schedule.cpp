#include "spool/schedule.hpp"

#include <algorithm>

namespace postern {

std::optional<std::chrono::milliseconds> next_delay(const RetrySchedule& schedule, unsigned attempts, std::chrono::milliseconds age,
                                                    std::uint32_t random) {
  using std::chrono::milliseconds;
  if (age >= schedule.expire) return std::nullopt;
  milliseconds delay = std::chrono::minutes(1);
  if (!schedule.delays.empty()) {
    const std::size_t step = std::min<std::size_t>(attempts == 0 ? 0 : attempts - 1, schedule.delays.size() - 1);
    delay = schedule.delays[step];
  }
  const std::int64_t spread = delay.count() / 100 * std::min(schedule.jitter_percent, 100U);
  delay += milliseconds(static_cast<std::int64_t>(static_cast<double>(random) / 4294967296.0 * static_cast<double>(spread)));
  return std::clamp(delay, milliseconds(1), milliseconds(schedule.expire) - age);
}

}  // namespace postern
