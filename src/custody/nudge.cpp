#include "custody/nudge.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace postern::custody {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* until) noexcept {
  return ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), operation | FUTEX_PRIVATE_FLAG, value, until, nullptr,
                   FUTEX_BITSET_MATCH_ANY);
}

/// The kernel's steady clock is the library's: CLOCK_MONOTONIC.
timespec kernel_time(SteadyTime when) noexcept {
  const auto ns = std::max<std::int64_t>(0, std::chrono::nanoseconds(when.time_since_epoch()).count());
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

void Nudge::ring(Word word) noexcept {
  // The word may be gone as soon as the waiter has seen it; its address alone is then harmless.
  if ((m_word.fetch_or(word, std::memory_order_acq_rel) & kAsleep) != 0) (void)futex(m_word, FUTEX_WAKE, 1, nullptr);
}

bool Nudge::wait(SteadyTime deadline) noexcept {
  const timespec until = kernel_time(deadline);
  bool late = false;
  while (true) {
    std::uint32_t nothing = 0;
    const bool rang = !m_word.compare_exchange_strong(nothing, kAsleep, std::memory_order_acq_rel);
    if (rang || late) return (m_word.fetch_and(~(kLead | kAsleep), std::memory_order_acq_rel) & (kLead | kDone)) != 0;
    // An absolute time of CLOCK_MONOTONIC.
    late = futex(m_word, FUTEX_WAIT_BITSET, kAsleep, deadline == SteadyTime::max() ? nullptr : &until) != 0 && errno == ETIMEDOUT;
    m_word.fetch_and(~std::uint32_t{kAsleep}, std::memory_order_acq_rel);
  }
}

}  // namespace postern::custody
