// How the spool follows the writer: what jobs decided is carried out in memory once it is on disk, and forgotten when it is not.
#include <algorithm>
#include <utility>

#include "spool/spool_impl.hpp"

namespace postern {

using std::chrono::milliseconds;

QueueSums& QueueSums::operator+=(const QueueSums& other) {
  counts += other.counts;
  accepted += other.accepted;
  delivered += other.delivered;
  deferrals += other.deferrals;
  bounced += other.bounced;
  expired += other.expired;
  removed += other.removed;
  history += other.history;
  return *this;
}

void Spool::Impl::job_begins() {
  actions_mark = actions.size();
  sums_mark = sums;
}

void Spool::Impl::job_undone() {
  for (std::size_t i = actions_mark; i < actions.size(); ++i)
    if (actions[i].kind == IndexAction::Kind::Place) index.unreserve(actions[i].work.route);
  actions.resize(actions_mark);
  sums = sums_mark;
  maybe_parked = true;  // whatever the job found out about the parking place is undone with it
}

Status Spool::Impl::before_commit(Database& database) {
  if (untrimmed + sums.history < std::max<std::size_t>(1, options.history / 16)) return {};
  return trim_history(database, options.history);
}

void Spool::Impl::batch_ended(bool committed) {
  if (!committed) {
    actions_mark = 0;
    sums_mark = {};
    return job_undone();
  }
  const auto wake = [this](std::vector<std::string> routes) { std::ranges::move(routes, std::back_inserter(to_announce)); };
  std::vector<std::pair<ItemId, std::uint32_t>> dropped;
  std::vector<ItemId> hastened;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    auto& [kind, work, due] = actions[i];
    // Dropping and hastening walk through the whole index: once for a run of them.
    const bool last_of_run = i + 1 == actions.size() || actions[i + 1].kind != kind;
    switch (kind) {
      case IndexAction::Kind::Place: {
        const std::string route = work.route;
        if (due)
          index.add_deferred(std::move(work), *due);
        else if (index.add_ready(std::move(work)))
          to_announce.push_back(route);
        break;
      }
      case IndexAction::Kind::Finish: wake(index.finish(work.item, work.recipients)); break;
      case IndexAction::Kind::Drop:
        for (const std::uint32_t recipient : work.recipients) dropped.emplace_back(work.item, recipient);
        if (last_of_run) index.drop(std::exchange(dropped, {}));
        break;
      case IndexAction::Kind::Hasten:
        hastened.push_back(work.item);
        if (last_of_run) wake(index.hasten(std::exchange(hastened, {})));
        break;
    }
  }
  actions.clear();
  untrimmed = untrimmed + sums.history < std::max<std::size_t>(1, options.history / 16) ? untrimmed + sums.history : 0;
  {
    const std::lock_guard lock(totals_mutex);
    totals += sums;
  }
  sums = {};
}

std::chrono::milliseconds Spool::Impl::between_batches() {
  announce(std::exchange(to_announce, {}));
  if (closing) return std::chrono::hours(1);
  const SteadyTime now = clock.steady();
  announce(index.promote(now));
  retry_reports(now);
  page_when_due(now);
  milliseconds idle = std::chrono::hours(1);
  const auto until = [&](SteadyTime when) {
    idle = std::min(idle, std::max(milliseconds(1), std::chrono::ceil<milliseconds>(when - now)));
  };
  if (const auto due = index.next_due()) until(*due);
  if (maybe_parked && !paging) until(next_paging);
  const std::lock_guard lock(waiting_mutex);
  for (const WaitingReport& report : waiting) until(report.retry);
  return idle;
}

}  // namespace postern
