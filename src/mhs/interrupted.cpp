#include "mhs/interrupted.hpp"

#include <algorithm>

namespace postern::mhs {
namespace {

constexpr std::size_t kCompleted = 256;
constexpr std::size_t kOfOnePeer = 8;

}  // namespace

void OpenTransfer::add(osi::ResumePoint point) {
  if (points.size() == kResumePoints) points.pop_front();
  points.push_back(std::move(point));
}

void InterruptedTransfers::put(const std::string& peer, OpenTransfer transfer, SteadyTime now, std::vector<OpenTransfer>& dropped) {
  dropped = take_old(now);
  const std::lock_guard lock(m_mutex);
  const auto drop = [&](std::deque<Entry>::iterator entry) {
    dropped.push_back(std::move(entry->transfer));
    m_entries.erase(entry);
  };
  const auto theirs = std::ranges::count(m_entries, peer, &Entry::peer);
  if (static_cast<std::size_t>(theirs) >= kOfOnePeer)
    drop(std::ranges::find(m_entries, peer, &Entry::peer));
  else if (m_entries.size() >= m_most)
    drop(m_entries.begin());
  m_entries.push_back({peer, std::move(transfer), now + m_keep});
}

std::vector<OpenTransfer> InterruptedTransfers::take_old(SteadyTime now) {
  std::vector<OpenTransfer> out;
  const std::lock_guard lock(m_mutex);
  for (; !m_entries.empty() && m_entries.front().until <= now; m_entries.pop_front()) out.push_back(std::move(m_entries.front().transfer));
  return out;
}

std::optional<InterruptedTransfers::Found> InterruptedTransfers::take(const std::string& peer, const osi::RtResumeRequested& asked,
                                                                      const Connection& here, SteadyTime now) {
  // Activities are numbered anew on each session connection: only together with its name does a number mean one.
  const Connection& began = asked.connection ? asked.connection : here;
  const auto meant = [&](const osi::ResumePoint& point) {
    return point.activity == asked.old_activity && point.serial == asked.serial && point.connection == began;
  };
  const std::lock_guard lock(m_mutex);
  for (auto entry = m_entries.begin(); entry != m_entries.end(); ++entry) {
    if (entry->peer != peer || entry->until <= now) continue;
    const auto point = std::ranges::find_if(entry->transfer.points, meant);
    if (point == entry->transfer.points.end() || point->octets > entry->transfer.octets) continue;
    Found out{*point, entry->transfer.octets - point->octets, std::move(entry->transfer)};
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
