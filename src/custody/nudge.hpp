// What one blocked caller waits for: that its call is done, or that it should read for everybody.
//
// A word and the kernel's futex, so that waking many callers takes no lock that they would then queue for. One waiter; any ringers. What
// was written before ring(Done) is seen by who learned of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.hpp"

namespace postern::custody {

class Nudge {
 public:
  enum Word : std::uint32_t { kLead = 1, kDone = 2 };

  void ring(Word word) noexcept;
  [[nodiscard]] bool is_done() const noexcept { return (m_word.load(std::memory_order_acquire) & kDone) != 0; }
  /// False when the deadline passed first. A kLead is used up by it.
  [[nodiscard]] bool wait(SteadyTime deadline) noexcept;

 private:
  static constexpr std::uint32_t kAsleep = 4;
  std::atomic<std::uint32_t> m_word{0};
};

}  // namespace postern::custody
