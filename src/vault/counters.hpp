// What sys/metrics counts. Relaxed atomics: numbers for people, not for decisions.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace postern::vault {

struct Counters {
  using Count = std::atomic<std::uint64_t>;
  Count requests{0}, refused{0}, failed{0};  ///< All; with a 4xx; with a 5xx.
  Count tokens_made{0}, tokens_revoked{0}, logins{0}, wrapped{0}, unwrapped{0}, audit_failures{0}, seals{0}, unseals{0};

  static void add(Count& count) noexcept { count.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace postern::vault
