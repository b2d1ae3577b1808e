// The bound on all deliveries together (queue.concurrency), and who waits for a place: first come, first served.
//
// A route that finds no place is remembered; the next place that is given back becomes its own, so that neither a wake-up is lost nor a
// busy route keeps its places for ever. Whoever waits implies that all places are taken. Thread safe; no I/O.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace postern::gateway {

class Places {
 public:
  explicit Places(std::size_t most) : m_most(most) {}

  /// Up to `wanted` places; 0: none is free, and the route waits for the next one.
  [[nodiscard]] std::size_t take(const std::string& route, std::size_t wanted) {
    const std::lock_guard lock(m_mutex);
    const std::size_t given = std::min(wanted, m_most - std::min(m_most, m_taken));
    m_taken += given;
    if (given == 0 && wanted > 0) wait(route);
    return given;
  }

  /// Gives `count` places back. Each of the routes in the answer has got one of them and must be told.
  [[nodiscard]] std::vector<std::string> give_back(std::size_t count) {
    const std::lock_guard lock(m_mutex);
    std::vector<std::string> next;
    for (; count > 0; --count) {
      if (m_waiting.empty())
        --m_taken;
      else
        next.push_back(pop());
    }
    return next;
  }

  /// For a route that has a place and could go on with it: nothing when it may, otherwise who has got the place, and the route waits.
  [[nodiscard]] std::optional<std::string> hand_on(const std::string& route) {
    const std::lock_guard lock(m_mutex);
    if (m_waiting.empty()) return std::nullopt;
    std::string next = pop();
    wait(route);
    if (next == route) return std::nullopt;
    return next;
  }

  [[nodiscard]] std::size_t taken() const {
    const std::lock_guard lock(m_mutex);
    return m_taken;
  }

 private:
  void wait(const std::string& route) {
    if (m_known.insert(route).second) m_waiting.push_back(route);
  }
  std::string pop() {
    std::string next = std::move(m_waiting.front());
    m_waiting.pop_front();
    m_known.erase(next);
    return next;
  }

  const std::size_t m_most;
  mutable std::mutex m_mutex;
  std::size_t m_taken = 0;
  std::deque<std::string> m_waiting;
  std::unordered_set<std::string> m_known;  ///< The same routes: each waits once.
};

}  // namespace postern::gateway
