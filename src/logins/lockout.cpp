#include "logins/lockout.hpp"

#include <algorithm>

namespace postern::vault {

// A lock ends, and failures are forgiven, when their time is over.
void Lockout::age(Entry& entry, SteadyTime now) const {
  const auto patience = entry.failures >= kLockoutFailures ? kLockoutTime : kLockoutReset;
  if (now - entry.last >= patience) entry.failures = 0;
}

Result<Lockout::Attempt> Lockout::begin(std::string name) {
  const std::scoped_lock lock(m_mutex);
  const SteadyTime now = m_clock.steady();
  auto found = m_by_name.find(name);
  if (found == m_by_name.end()) {
    make_room(now);
    m_entries.push_back({.name = name, .last = now});
    found = m_by_name.emplace(m_entries.back().name, std::prev(m_entries.end())).first;
  }
  Entry& entry = *found->second;
  age(entry, now);
  if (entry.failures >= kLockoutFailures) return fail(ErrorCode::Denied, "permission denied");
  if (entry.failures + entry.open >= kLockoutFailures)
    return fail(ErrorCode::Exhausted, "too many logins of this user at once: try again in a moment");
  ++entry.open;
  return Attempt(*this, std::move(name));
}

void Lockout::end(const std::string& name, Verdict verdict) {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_by_name.find(name);
  if (found == m_by_name.end()) return;
  const Entries::iterator entry = found->second;
  entry->open = std::max(0, entry->open - 1);
  if (verdict == Verdict::Right) entry->failures = 0;
  if (verdict == Verdict::Wrong) {
    const SteadyTime now = m_clock.steady();
    age(*entry, now);
    ++entry->failures;
    entry->last = now;
    m_entries.splice(m_entries.end(), m_entries, entry);
  }
  if (entry->failures == 0 && entry->open == 0) erase(entry);
}

void Lockout::forget(std::string_view name) {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_by_name.find(name);
  if (found == m_by_name.end()) return;
  found->second->failures = 0;
  if (found->second->open == 0) erase(found->second);
}

void Lockout::clear() {
  const std::scoped_lock lock(m_mutex);
  m_by_name.clear();
  m_entries.clear();
}

std::size_t Lockout::size() const {
  const std::scoped_lock lock(m_mutex);
  return m_entries.size();
}

// Whoever invents names must not thereby unlock one: those that are not locked go first. Looks at a few only.
void Lockout::make_room(SteadyTime now) {
  if (m_entries.size() < kLockoutNames) return;
  constexpr int kLookedAt = 64;
  auto victim = m_entries.end();
  auto entry = m_entries.begin();
  for (int i = 0; i < kLookedAt && entry != m_entries.end(); ++i, ++entry) {
    if (entry->open > 0) continue;
    age(*entry, now);
    if (victim == m_entries.end()) victim = entry;
    if (entry->failures < kLockoutFailures) {
      victim = entry;
      break;
    }
  }
  if (victim != m_entries.end()) erase(victim);
}

void Lockout::erase(Entries::iterator entry) {
  m_by_name.erase(entry->name);
  m_entries.erase(entry);
}

}  // namespace postern::vault
