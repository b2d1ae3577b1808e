#include "credentials/token_replays.hpp"

namespace postern::credentials {

void TokenReplays::Seen::forget_until(SteadyTime time) {
  while (!by_age.empty() && by_age.front().first < time) {
    tokens.erase(by_age.front().second);
    by_age.pop_front();
  }
}

Status TokenReplays::note(const std::string& who, const Sha256& token, SteadyTime now) {
  const std::lock_guard lock(m_mutex);
  Seen& seen = m_seen[who];
  seen.forget_until(now - m_kept);
  if (seen.tokens.contains(token)) return fail(ErrorCode::Denied, "the token was shown before", "bind-token");
  if (seen.tokens.size() >= m_each)
    return fail(ErrorCode::Exhausted,
                "more than " + std::to_string(m_each) + " binds within " + std::to_string(m_kept.count()) + " seconds", "bind-token");
  seen.by_age.emplace_back(now, token);
  seen.tokens.insert(token);
  return {};
}

std::size_t TokenReplays::size() const {
  const std::lock_guard lock(m_mutex);
  std::size_t out = 0;
  for (const auto& [who, seen] : m_seen) out += seen.tokens.size();
  return out;
}

}  // namespace postern::credentials
