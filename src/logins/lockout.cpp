#include "logins/lockout.hpp"

#include <algorithm>

namespace postern::vault {

bool Lockout::is_locked(const Count& count, SteadyTime now) const {
  return count.failures >= m_rules.threshold && now - count.last < m_rules.duration;
}

bool Lockout::locked(const std::string& name) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_counts.find(name);
  return found != m_counts.end() && is_locked(found->second, m_clock.steady());
}

/// A failure while locked does not lengthen the lock: somebody else's guessing must not keep the owner out for ever.
void Lockout::failed(const std::string& name) {
  const std::lock_guard lock(m_mutex);
  const SteadyTime now = m_clock.steady();
  Count& count = m_counts[name];
  if (is_locked(count, now)) return;
  const bool old = count.failures >= m_rules.threshold || now - count.last >= m_rules.counter_reset;
  count.failures = old ? 1 : count.failures + 1;
  count.last = now;
  if (m_counts.size() > m_rules.names) forget_oldest();
}

void Lockout::succeeded(const std::string& name) {
  const std::lock_guard lock(m_mutex);
  m_counts.erase(name);
}

void Lockout::clear() {
  const std::lock_guard lock(m_mutex);
  m_counts.clear();
}

void Lockout::forget_oldest() {
  m_counts.erase(std::ranges::min_element(m_counts, {}, [](const auto& entry) { return entry.second.last; }));
}

}  // namespace postern::vault
