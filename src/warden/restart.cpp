#include "warden/restart.hpp"

#include <algorithm>

namespace postern::warden {

std::optional<std::chrono::milliseconds> RestartPolicy::ended(std::optional<std::chrono::milliseconds> served) {
  using std::chrono::milliseconds;
  if (served && *served >= m_limits.long_enough) {
    m_early = 0;
    return milliseconds(0);
  }
  if (++m_early >= m_limits.early_ends) return std::nullopt;
  if (m_early == 1) return milliseconds(0);
  milliseconds delay = m_limits.first_delay;
  for (int i = 2; i < m_early && delay < m_limits.longest_delay; ++i) delay *= 2;
  return std::min(delay, m_limits.longest_delay);
}

}  // namespace postern::warden
