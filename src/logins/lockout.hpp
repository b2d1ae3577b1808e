// Counting failed logins of a name, known or not, so that guessing is slow.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.hpp"

namespace postern::vault {

struct LockoutRules {
  unsigned threshold = 5;
  std::chrono::seconds duration{15 * 60};       ///< How long a name is locked.
  std::chrono::seconds counter_reset{15 * 60};  ///< Failures older than this are forgotten.
  std::size_t names = 10'000;                   ///< More: the one that failed longest ago is forgotten.
};

/// In memory, by the monotonic clock: a step of the wall clock neither locks nor unlocks anybody. Thread safe.
class Lockout {
 public:
  explicit Lockout(const Clock& clock, LockoutRules rules = {}) : m_clock(clock), m_rules(rules) {}
  [[nodiscard]] bool locked(const std::string& name);
  void failed(const std::string& name);
  void succeeded(const std::string& name);
  void clear();

 private:
  struct Count {
    unsigned failures = 0;
    SteadyTime last{};
  };
  [[nodiscard]] bool is_locked(const Count& count, SteadyTime now) const;
  void forget_oldest();

  const Clock& m_clock;
  const LockoutRules m_rules;
  std::mutex m_mutex;
  std::map<std::string, Count> m_counts;
};

}  // namespace postern::vault
