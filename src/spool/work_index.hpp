// The due work of the queue in memory: bounded, grouped by route, each unit in exactly one place.
//
//   reserve (writer decides: memory or parked on disk) -> add_ready / add_deferred (after the commit) -> take -> in flight -> finish
//                                                          deferred --promote(now)--> ready        in flight --give_back--> ready
//
// Used by Spool only. Thread safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "spool/types.hpp"

namespace postern {

class WorkIndex {
 public:
  WorkIndex(std::size_t total, std::size_t per_route, RestingRoutes resting = {})
      : m_total(total), m_per_route(per_route), m_resting(std::move(resting)) {}

  [[nodiscard]] bool rests(std::string_view route) const noexcept {
    return !m_resting.prefix.empty() && route.starts_with(m_resting.prefix);
  }

  /// Books a place for one unit; false when memory, or the route's share of it, is used up.
  [[nodiscard]] bool reserve(const std::string& route);
  /// Books beyond the bound: for what is only moved (given back, paged in by who asked room() just before).
  void reserve_anyway(const std::string& route);
  void unreserve(const std::string& route);
  /// Places left for the route.
  [[nodiscard]] std::size_t room(const std::string& route) const;
  /// For a page of a route that is walked through: a few at least where nothing of it is in memory, whatever the others have there. Who
  /// leaves his lying keeps nobody out.
  [[nodiscard]] std::size_t page_room(const std::string& route) const;
  /// Worth the reading: nothing of it is in memory, or there is room for half of what may be.
  [[nodiscard]] bool wants_page(const std::string& route) const;

  /// Both use up a booked place. True when the route had no ready work before.
  bool add_ready(Work work);
  void add_deferred(Work work, SteadyTime due);
  /// Deferred units whose time has come become ready; answers the routes that had none.
  [[nodiscard]] std::vector<std::string> promote(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_due() const;

  /// The oldest ready units of the route; in flight from now on.
  [[nodiscard]] std::vector<Work> take(const std::string& route, std::size_t limit);
  [[nodiscard]] std::vector<std::string> ready_routes() const;
  /// The attempt is over for these recipients. Others of the same unit, which the report forgot, are due again at once.
  /// Answers the routes that got ready work they did not have.
  std::vector<std::string> finish(ItemId item, const std::vector<std::uint32_t>& recipients);
  /// Not attempted: back to the index, on the route it was taken from. True when the route had no ready work before.
  bool give_back(Work work, std::optional<SteadyTime> due);
  [[nodiscard]] bool in_flight(ItemId item, std::uint32_t recipient) const;

  /// Recipients that must not be attempted from here on (held, removed). One pass over the index.
  void drop(const std::vector<std::pair<ItemId, std::uint32_t>>& recipients);
  /// Deferred units of these items become ready; answers the routes that had none.
  [[nodiscard]] std::vector<std::string> hasten(const std::vector<ItemId>& items);

  /// All deferred units of this route become ready. True when it had no ready work before.
  [[nodiscard]] bool hasten_route(const std::string& route);

  struct Counts {
    std::size_t ready = 0, deferred = 0, in_flight = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Route {
    std::deque<Work> ready;
    std::size_t booked = 0;  ///< Reserved, ready and deferred units.
  };
  struct Flight {
    std::string route;
    std::vector<std::uint32_t> recipients;
    bool stale = false;  ///< Changed on disk meanwhile: what is in memory must not be used again.
  };
  using Deferred = std::multimap<SteadyTime, Work>;

  using Flights = std::unordered_multimap<ItemId, Flight>;

  bool push_ready(Work work);
  /// The flight of the item that carries one of these recipients.
  Flights::iterator find_flight(ItemId item, const std::vector<std::uint32_t>& recipients);
  [[nodiscard]] std::size_t places(const std::string& route) const;
  [[nodiscard]] std::size_t used(const std::string& route) const;
  void book(const std::string& route);
  void unbook(const std::string& route, std::size_t units = 1);
  void forget_if_empty(const std::string& route);

  const std::size_t m_total, m_per_route;
  const RestingRoutes m_resting;
  mutable std::mutex m_mutex;
  std::map<std::string, Route> m_routes;
  Deferred m_deferred;
  Flights m_flights;
  std::size_t m_booked = 0;
  std::size_t m_resting_booked = 0;  ///< Of these, on routes that rest.
  std::size_t m_ready = 0;
};

}  // namespace postern
