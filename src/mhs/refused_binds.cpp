#include "mhs/refused_binds.hpp"

namespace postern::mhs {

void RefusedBinds::refused(const std::string& peer, std::string why) {
  const std::lock_guard lock(m_mutex);
  Entry& entry = m_entries[peer];
  ++entry.count;
  entry.last = m_clock.steady();
  entry.why = std::move(why);
}

void RefusedBinds::admitted(const std::string& peer) {
  const std::lock_guard lock(m_mutex);
  m_entries.erase(peer);
}

std::string RefusedBinds::text_for(const std::string& peer) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_entries.find(peer);
  if (found == m_entries.end()) return {};
  const auto ago = std::chrono::duration_cast<std::chrono::minutes>(m_clock.steady() - found->second.last);
  if (ago >= kShown) return {};
  return std::to_string(found->second.count) + (found->second.count == 1 ? " bind" : " binds") + " refused, the last " +
         (ago.count() == 0 ? std::string("just now") : std::to_string(ago.count()) + " minutes ago") + ": " + found->second.why;
}

}  // namespace postern::mhs
