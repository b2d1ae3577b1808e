// Parked work: what waits on disk, and how it comes into memory, a bounded amount at a time.
//
// What is due comes by time, route after route (page_due). A route that rests and was hastened is walked through besides, in the order in
// which its mail came (page_walks): a page whenever there is room for one.
#include <algorithm>

#include "spool/spool_impl.hpp"

namespace postern {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPageRoutes = 64;        // routes looked at in one page-in
constexpr std::size_t kPageRecipients = 1000;  // recipients taken in one page-in
constexpr milliseconds kPageInterval = std::chrono::seconds(1), kLongestInterval = std::chrono::hours(1);

}  // namespace

// The calls ---------------------------------------------------------------------------------------------------------------------------

std::vector<Work> Spool::take(const std::string& route, std::size_t limit) {
  auto taken = m_impl->index.take(route, limit);
  m_impl->want_page(route);
  return taken;
}
void Spool::hasten(const std::string& route) {
  const bool woken = m_impl->index.hasten_route(route);
  if (m_impl->index.rests(route)) return m_impl->begin_walk(route);
  if (woken) m_impl->announce({route});
}
bool Spool::is_hastening(const std::string& route) const { return m_impl->is_walking(route); }
void Spool::rest(const std::string& route) { m_impl->end_walk(route); }
void Spool::park(Work work, std::chrono::milliseconds delay) { m_impl->park({std::move(work)}, delay, {}); }

// To the disk -------------------------------------------------------------------------------------------------------------------------

void Spool::Impl::park(std::vector<Work> works, std::chrono::milliseconds delay, std::function<void()> written) {
  const auto shared = std::make_shared<const std::vector<Work>>(std::move(works));
  const SteadyTime due = clock.steady() + delay;
  auto run = [this, shared, due](WriteContext& context) { return write_parked(context, *shared, due); };
  auto done = [this, shared, due, written = std::move(written)](const Status& status) {
    if (!status) {
      for (const Work& work : *shared) index.give_back(work, due);
      store.writer().wake();
    }
    if (written) written();
  };
  store.writer().submit(make_job(std::move(run), std::move(done), 256 * shared->size(), !written));
}

Status Spool::Impl::write_parked(WriteContext& context, const std::vector<Work>& works, SteadyTime due) {
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(due - clock.steady());
  const std::int64_t next_attempt = queue_now() + delay.count();
  for (const Work& work : works) {
    for (const std::uint32_t recipient : work.recipients)
      POSTERN_CHECK(park_recipient(context.database, work.item, recipient, next_attempt));
    actions.push_back({IndexAction::Kind::Finish, {work.item, {}, work.recipients, nullptr}, std::nullopt});
  }
  maybe_parked = true;
  if (!works.empty()) look_again(due);
  return {};
}

// Walks -------------------------------------------------------------------------------------------------------------------------------

/// What is in memory came later than some of what rests: it lines up behind it.
void Spool::Impl::begin_walk(const std::string& route) {
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(walks_mutex);
    generation = ++walks_begun;
    walks[route] = {{}, generation, false, false};
  }
  park(index.take(route, SIZE_MAX), std::chrono::milliseconds(0), [this, route, generation] {
    {
      const std::lock_guard lock(walks_mutex);
      const auto found = walks.find(route);
      if (found != walks.end() && found->second.generation == generation) found->second.begun = true;
    }
    wants_page = true;
    store.writer().wake();
  });
}

void Spool::Impl::end_walk(const std::string& route) {
  const std::lock_guard lock(walks_mutex);
  walks.erase(route);
}

bool Spool::Impl::is_walking(const std::string& route) const {
  if (!index.rests(route)) return false;
  const std::lock_guard lock(walks_mutex);
  return walks.contains(route);
}

void Spool::Impl::want_page(const std::string& route) {
  if (!is_walking(route) || !index.wants_page(route)) return;
  if (!wants_page.exchange(true)) store.writer().wake();
}

// To memory ---------------------------------------------------------------------------------------------------------------------------

void Spool::Impl::page_when_due(SteadyTime now) {
  if (paging || closing) return;
  const bool wanted = wants_page.exchange(false);
  if (!wanted && (!maybe_parked || now < next_paging)) return;
  paging = true;
  store.writer().submit([this](WriteContext& context) { return page_in(context); }, [this](const Status& status) { page_done(status); });
}

void Spool::Impl::page_done(const Status& status) {
  paging = false;
  if (!status) {
    next_paging = clock.steady() + kPageInterval;
    return;
  }
  const std::lock_guard lock(walks_mutex);
  for (const auto& [route, gone] : paged_walks) {
    const auto walk = walks.find(route);
    if (walk == walks.end() || walk->second.generation != gone.generation) continue;
    walk->second.at = gone.at;
    if (!gone.ended) continue;
    walks.erase(walk);
    next_paging = {};  // what came meanwhile was parked, and nobody walks there any more
  }
}

Status Spool::Impl::page_in(WriteContext& context) {
  POSTERN_CHECK(page_walks(context));
  return clock.steady() < next_paging ? Status() : page_due(context);
}

Status Spool::Impl::page_walks(WriteContext& context) {
  {
    const std::lock_guard lock(walks_mutex);
    paged_walks = walks;
  }
  std::erase_if(paged_walks, [](const auto& each) { return !each.second.begun; });
  for (auto& [route, walk] : paged_walks) {
    const std::size_t room = index.page_room(route);
    if (room == 0) continue;
    POSTERN_TRY(const auto rows, unpark_in_order(context.database, route, walk.at, room));
    place_page(rows);
    walk.ended = rows.size() < room;
    if (!rows.empty()) walk.at = {rows.back().item.get(), rows.back().index};
  }
  return {};
}

/// Brings parked work that is due into memory, route after route.
Status Spool::Impl::page_due(WriteContext& context) {
  next_paging = clock.steady();
  std::size_t taken = 0;
  for (std::size_t routes = 0; routes < kPageRoutes && taken < kPageRecipients; ++routes) {
    POSTERN_TRY(const auto parked, next_parked_route(context.database, page_cursor));
    if (!parked) {
      if (!page_cursor) maybe_parked = false;
      page_cursor.reset();
      const std::int64_t earliest = std::exchange(page_earliest, INT64_MAX);
      if (taken == 0) next_paging += until_due(earliest);
      return {};
    }
    page_cursor = parked->route;
    page_earliest = std::min(page_earliest, parked->next_attempt);
    if (parked->next_attempt > queue_now() || is_walking(parked->route)) continue;
    POSTERN_TRY(const std::size_t count, page_in_route(context, parked->route, kPageRecipients - taken));
    taken += count;
  }
  return {};
}

/// When to look again after a round that brought nothing. Something is due and has no room, or somebody walks there: soon.
std::chrono::milliseconds Spool::Impl::until_due(std::int64_t earliest) const {
  const std::int64_t now = queue_now();
  if (earliest <= now) return kPageInterval;
  return std::clamp<milliseconds>(milliseconds(earliest - now), kPageInterval, kLongestInterval);
}

Result<std::size_t> Spool::Impl::page_in_route(WriteContext& context, const std::string& route, std::size_t limit) {
  const std::size_t room = std::min(index.room(route), limit);
  if (room == 0) return 0;
  POSTERN_TRY(const auto rows, unpark(context.database, route, queue_now(), room));
  place_page(rows);
  return rows.size();
}

void Spool::Impl::place_page(const std::vector<RecipientRow>& rows) {
  std::map<ItemId, Work> units;  // items have ascending numbers: the order within a page is that of arrival
  for (const RecipientRow& row : rows) {
    const auto [unit, added] = units.try_emplace(row.item, unit_of(row));
    if (!added) unit->second.recipients.push_back(row.index);
  }
  for (auto& [item, unit] : units) {
    index.reserve_anyway(unit.route);
    actions.push_back({IndexAction::Kind::Place, std::move(unit), std::nullopt});
  }
}

}  // namespace postern
