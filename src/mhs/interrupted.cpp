#include "mhs/interrupted.hpp"

#include <algorithm>

namespace postern::mhs {
namespace {

constexpr std::size_t kCompleted = 256;

}  // namespace

void InterruptedTransfers::put(const std::string& peer, osi::ResumePoint point, OpenTransfer transfer, SteadyTime now) {
  const std::lock_guard lock(m_mutex);
  drop_old(now);
  if (m_entries.size() >= m_most) m_entries.pop_front();
  m_entries.push_back({peer, std::move(point), std::move(transfer), now + m_keep});
}

std::optional<InterruptedTransfers::Found> InterruptedTransfers::take(const std::string& peer, const osi::RtResumeRequested& asked,
                                                                      SteadyTime now) {
  const std::lock_guard lock(m_mutex);
  drop_old(now);
  const auto found = std::ranges::find_if(m_entries, [&](const Entry& each) {
    return each.peer == peer && each.point.activity == asked.old_activity && each.point.serial == asked.serial &&
           (!asked.connection || !each.point.connection || *asked.connection == *each.point.connection);
  });
  if (found == m_entries.end()) return std::nullopt;
  Found out{std::move(found->point), std::move(found->transfer)};
  m_entries.erase(found);
  return out;
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

void InterruptedTransfers::drop_old(SteadyTime now) {
  while (!m_entries.empty() && m_entries.front().until <= now) m_entries.pop_front();
}

}  // namespace postern::mhs
