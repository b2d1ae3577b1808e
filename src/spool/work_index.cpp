#include "spool/work_index.hpp"

#include <algorithm>
#include <set>

namespace postern {

bool WorkIndex::reserve(const std::string& route) {
  const std::lock_guard lock(m_mutex);
  if (places(route) == 0) return false;
  book(route);
  return true;
}

void WorkIndex::reserve_anyway(const std::string& route) {
  const std::lock_guard lock(m_mutex);
  book(route);
}

void WorkIndex::book(const std::string& route) {
  ++m_routes[route].booked;
  ++m_booked;
  if (rests(route)) ++m_resting_booked;
}

void WorkIndex::unreserve(const std::string& route) {
  const std::lock_guard lock(m_mutex);
  unbook(route);
}

void WorkIndex::unbook(const std::string& route, std::size_t units) {
  m_routes.at(route).booked -= units;
  m_booked -= units;
  if (rests(route)) m_resting_booked -= units;
  forget_if_empty(route);
}

/// Routes come and go with the mail (one per destination domain), so empty ones must not stay.
void WorkIndex::forget_if_empty(const std::string& route) {
  const auto found = m_routes.find(route);
  if (found != m_routes.end() && found->second.booked == 0) m_routes.erase(found);
}

std::size_t WorkIndex::room(const std::string& route) const {
  const std::lock_guard lock(m_mutex);
  return places(route);
}

std::size_t WorkIndex::page_room(const std::string& route) const {
  constexpr std::size_t kFew = 16;
  const std::lock_guard lock(m_mutex);
  return used(route) > 0 ? places(route) : std::max(places(route), std::min(kFew, m_resting.route_units));
}

bool WorkIndex::wants_page(const std::string& route) const {
  const std::lock_guard lock(m_mutex);
  return used(route) == 0 || places(route) >= m_resting.route_units / 2;
}

std::size_t WorkIndex::used(const std::string& route) const {
  const auto found = m_routes.find(route);
  return found == m_routes.end() ? 0 : found->second.booked;
}

std::size_t WorkIndex::places(const std::string& route) const {
  // What was booked beyond a bound leaves nothing, not less.
  const auto left = [](std::size_t most, std::size_t used) { return most - std::min(most, used); };
  const std::size_t mine = used(route);
  const std::size_t free = std::min(left(m_per_route, mine), left(m_total, m_booked));
  if (!rests(route)) return free;
  return std::min({free, left(m_resting.route_units, mine), left(m_resting.units, m_resting_booked)});
}

bool WorkIndex::push_ready(Work work) {
  Route& route = m_routes.at(work.route);
  const bool first = route.ready.empty();
  route.ready.push_back(std::move(work));
  ++m_ready;
  return first;
}

bool WorkIndex::add_ready(Work work) {
  const std::lock_guard lock(m_mutex);
  return push_ready(std::move(work));
}

void WorkIndex::add_deferred(Work work, SteadyTime due) {
  const std::lock_guard lock(m_mutex);
  m_deferred.emplace(due, std::move(work));
}

std::vector<std::string> WorkIndex::promote(SteadyTime now) {
  const std::lock_guard lock(m_mutex);
  std::vector<std::string> woken;
  while (!m_deferred.empty() && m_deferred.begin()->first <= now) {
    Work work = std::move(m_deferred.extract(m_deferred.begin()).mapped());
    const std::string route = work.route;
    if (push_ready(std::move(work))) woken.push_back(route);
  }
  return woken;
}

std::optional<SteadyTime> WorkIndex::next_due() const {
  const std::lock_guard lock(m_mutex);
  if (m_deferred.empty()) return std::nullopt;
  return m_deferred.begin()->first;
}

std::vector<Work> WorkIndex::take(const std::string& route, std::size_t limit) {
  const std::lock_guard lock(m_mutex);
  std::vector<Work> taken;
  const auto found = m_routes.find(route);
  if (found == m_routes.end()) return taken;
  std::deque<Work>& ready = found->second.ready;
  while (!ready.empty() && taken.size() < limit) {
    taken.push_back(std::move(ready.front()));
    ready.pop_front();
    m_flights.emplace(taken.back().item, Flight{route, taken.back().recipients, false});
  }
  m_ready -= taken.size();
  unbook(route, taken.size());
  return taken;
}

std::vector<std::string> WorkIndex::ready_routes() const {
  const std::lock_guard lock(m_mutex);
  std::vector<std::string> routes;
  for (const auto& [name, route] : m_routes)
    if (!route.ready.empty()) routes.push_back(name);
  return routes;
}

WorkIndex::Flights::iterator WorkIndex::find_flight(ItemId item, const std::vector<std::uint32_t>& recipients) {
  const auto [begin, end] = m_flights.equal_range(item);
  const auto found = std::find_if(begin, end, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.recipients,
                               [&](std::uint32_t n) { return std::ranges::find(recipients, n) != recipients.end(); });
  });
  return found == end ? m_flights.end() : found;
}

std::vector<std::string> WorkIndex::finish(ItemId item, const std::vector<std::uint32_t>& recipients) {
  const std::lock_guard lock(m_mutex);
  std::vector<std::string> woken;
  for (auto found = find_flight(item, recipients); found != m_flights.end(); found = find_flight(item, recipients)) {
    Work rest{item, found->second.route, std::move(found->second.recipients), nullptr};
    m_flights.erase(found);
    std::erase_if(rest.recipients, [&](std::uint32_t n) { return std::ranges::find(recipients, n) != recipients.end(); });
    if (rest.recipients.empty()) continue;
    book(rest.route);
    const std::string route = rest.route;
    if (push_ready(std::move(rest))) woken.push_back(route);
  }
  return woken;
}

bool WorkIndex::give_back(Work work, std::optional<SteadyTime> due) {
  const std::lock_guard lock(m_mutex);
  const auto found = find_flight(work.item, work.recipients);
  if (found == m_flights.end()) return false;  // not ours, or given back twice
  if (found->second.stale) work.loaded.reset();
  work.route = found->second.route;
  m_flights.erase(found);
  book(work.route);
  if (!due) return push_ready(std::move(work));
  m_deferred.emplace(*due, std::move(work));
  return false;
}

bool WorkIndex::in_flight(ItemId item, std::uint32_t recipient) const {
  const std::lock_guard lock(m_mutex);
  const auto [begin, end] = m_flights.equal_range(item);
  return std::any_of(begin, end, [&](const auto& entry) {
    return std::ranges::find(entry.second.recipients, recipient) != entry.second.recipients.end();
  });
}

void WorkIndex::drop(const std::vector<std::pair<ItemId, std::uint32_t>>& recipients) {
  const std::set<std::pair<ItemId, std::uint32_t>> gone(recipients.begin(), recipients.end());
  const auto shrink = [&](Work& work) {
    const std::size_t removed = std::erase_if(work.recipients, [&](std::uint32_t n) { return gone.contains({work.item, n}); });
    if (removed > 0) work.loaded.reset();
    return work.recipients.empty();
  };
  const std::lock_guard lock(m_mutex);
  for (auto entry = m_routes.begin(); entry != m_routes.end();) {
    const std::string route = entry->first;
    const std::size_t removed = std::erase_if(entry->second.ready, shrink);
    ++entry;
    m_ready -= removed;
    unbook(route, removed);
  }
  for (auto entry = m_deferred.begin(); entry != m_deferred.end();) {
    if (!shrink(entry->second)) {
      ++entry;
      continue;
    }
    const std::string route = entry->second.route;
    entry = m_deferred.erase(entry);
    unbook(route);
  }
  for (const auto& [item, recipient] : gone) {
    const auto [begin, end] = m_flights.equal_range(item);
    for (auto flight = begin; flight != end; ++flight) flight->second.stale = true;
  }
}

std::vector<std::string> WorkIndex::hasten(const std::vector<ItemId>& items) {
  const std::set<ItemId> wanted(items.begin(), items.end());
  const std::lock_guard lock(m_mutex);
  std::vector<std::string> woken;
  for (auto entry = m_deferred.begin(); entry != m_deferred.end();) {
    const auto next = std::next(entry);
    if (wanted.contains(entry->second.item)) {
      Work work = std::move(m_deferred.extract(entry).mapped());
      const std::string route = work.route;
      if (push_ready(std::move(work))) woken.push_back(route);
    }
    entry = next;
  }
  return woken;
}

bool WorkIndex::hasten_route(const std::string& route) {
  const std::lock_guard lock(m_mutex);
  bool woken = false;
  for (auto entry = m_deferred.begin(); entry != m_deferred.end();) {
    const auto next = std::next(entry);
    if (entry->second.route == route) woken = push_ready(std::move(m_deferred.extract(entry).mapped())) || woken;
    entry = next;
  }
  return woken;
}

WorkIndex::Counts WorkIndex::counts() const {
  const std::lock_guard lock(m_mutex);
  return {m_ready, m_deferred.size(), m_flights.size()};
}

}  // namespace postern
