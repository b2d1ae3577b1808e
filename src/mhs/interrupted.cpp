#include "mhs/interrupted.hpp"

#include <algorithm>

namespace postern::mhs {
namespace {

constexpr std::size_t kCompleted = 256;

}  // namespace

void InterruptedTransfers::put(const std::string& peer, OpenTransfer transfer, SteadyTime now, std::vector<OpenTransfer>& dropped) {
  const std::lock_guard lock(m_mutex);
  while (!m_entries.empty() && (m_entries.front().until <= now || m_entries.size() >= m_most)) {
    dropped.push_back(std::move(m_entries.front().transfer));
    m_entries.pop_front();
  }
  m_entries.push_back({peer, std::move(transfer), now + m_keep});
}

std::optional<InterruptedTransfers::Found> InterruptedTransfers::take(const std::string& peer, const osi::RtResumeRequested& asked,
                                                                      SteadyTime now) {
  const auto meant = [&](const osi::ResumePoint& point) {
    return point.activity == asked.old_activity && point.serial == asked.serial &&
           (!asked.connection || !point.connection || *asked.connection == *point.connection);
  };
  const std::lock_guard lock(m_mutex);
  for (auto entry = m_entries.begin(); entry != m_entries.end(); ++entry) {
    if (entry->peer != peer || entry->until <= now) continue;
    const auto point = std::ranges::find_if(entry->transfer.points, meant);
    if (point == entry->transfer.points.end()) continue;
    Found out{*point, entry->transfer.points.back().octets - point->octets, std::move(entry->transfer)};
    m_entries.erase(entry);
    return out;
  }
  return std::nullopt;
}

void InterruptedTransfers::note_completed(const std::string& peer, const Bytes& activity,
                                          const std::optional<osi::SessionConnectionIdentifier>& connection) {
  const std::lock_guard lock(m_mutex);
  if (m_completed.size() >= kCompleted) m_completed.pop_front();
  m_completed.push_back({peer, activity, connection});
}

bool InterruptedTransfers::was_completed(const std::string& peer, const osi::RtResumeRequested& asked) const {
  const std::lock_guard lock(m_mutex);
  return std::ranges::any_of(m_completed, [&](const Completed& each) {
    // Activities are numbered anew on each session connection: without its name nothing can be said.
    return each.peer == peer && each.activity == asked.old_activity && asked.connection && each.connection == asked.connection;
  });
}

}  // namespace postern::mhs
