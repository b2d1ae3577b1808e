// When a process that ended is started again: a pure function of its lives.
//
// At once after a life that was long enough; after one that was not, with a delay that doubles; after too many of those in a row, not at
// all.
#pragma once

#include <optional>

#include "base/clock.hpp"

namespace postern::warden {

struct RestartLimits {
  std::chrono::milliseconds first_delay{50};  ///< After the second early end.
  std::chrono::milliseconds longest_delay{10'000};
  std::chrono::milliseconds long_enough{1'000};  ///< Of service; before it was ready nothing counts.
  int early_ends = 10;
};

class RestartPolicy {
 public:
  explicit RestartPolicy(RestartLimits limits = {}) : m_limits(limits) {}

  /// It ended after having served so long (nullopt: it never was ready). How long to wait; nullopt: give up.
  [[nodiscard]] std::optional<std::chrono::milliseconds> ended(std::optional<std::chrono::milliseconds> served);
  [[nodiscard]] int early_ends() const noexcept { return m_early; }

 private:
  RestartLimits m_limits;
  int m_early = 0;
};

}  // namespace postern::warden
