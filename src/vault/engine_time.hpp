// The time by which tokens and leases live: the wall clock, except that it never goes back while the engine is unsealed.
//
// A step forward counts (what may have expired has expired); a step back changes nothing, as elapsed time is also taken from the
// monotonic clock. Across a restart only the wall clock is left.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace postern::vault {

/// Thread safe. The clock must outlive it.
class EngineTime {
 public:
  explicit EngineTime(const Clock& clock) : m_clock(clock), m_wall(clock.now()), m_steady(clock.steady()) {}
  [[nodiscard]] WallTime now() const {
    return std::max(m_clock.now(), m_wall + std::chrono::duration_cast<std::chrono::milliseconds>(m_clock.steady() - m_steady));
  }
  [[nodiscard]] const Clock& clock() const noexcept { return m_clock; }

 private:
  const Clock& m_clock;
  WallTime m_wall;
  SteadyTime m_steady;
};

}  // namespace postern::vault
