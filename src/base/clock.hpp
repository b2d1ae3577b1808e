// Time as an input. Engines get it as a parameter; everything else asks a Clock, so that tests can turn it by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace postern {

/// Wall-clock time, for records and protocol fields. It may step; never measure a duration with it.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
/// Monotonic time, for deadlines and durations.
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
  [[nodiscard]] virtual SteadyTime steady() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override;
  [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

/// A clock for tests: both faces move only when told to. Thread safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start) : m_wall(start.time_since_epoch().count()) {}
  [[nodiscard]] WallTime now() const override { return WallTime(std::chrono::milliseconds(m_wall.load())); }
  [[nodiscard]] SteadyTime steady() const override { return SteadyTime(std::chrono::milliseconds(m_steady.load())); }
  /// Both faces go on.
  void advance(std::chrono::milliseconds by) {
    m_wall += by.count();
    m_steady += by.count();
  }
  /// Only the wall clock steps, as NTP or an operator would do.
  void step(std::chrono::milliseconds by) { m_wall += by.count(); }

 private:
  std::atomic<std::int64_t> m_wall;
  std::atomic<std::int64_t> m_steady{0};
};

/// RFC 3339 in UTC with milliseconds: "2026-11-22T00:41:07.123Z".
[[nodiscard]] std::string rfc3339(WallTime time);
/// Reads what rfc3339() writes, with or without a fraction of up to nine digits, `Z` or a numeric offset.
[[nodiscard]] Result<WallTime> parse_rfc3339(std::string_view text);
/// RFC 5322 3.3 date-time in UTC: "Sun, 22 Nov 2026 00:41:07 +0000".
[[nodiscard]] std::string rfc5322_date(WallTime time);

[[nodiscard]] inline std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
[[nodiscard]] inline std::int64_t unix_millis(WallTime time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline WallTime wall_from_millis(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

/// "90s", "15m", "2h", "7d", "1h30m", or a bare number of seconds. Negative, empty or unknown units are BadInput.
[[nodiscard]] Result<std::chrono::seconds> parse_duration(std::string_view text);

}  // namespace postern
