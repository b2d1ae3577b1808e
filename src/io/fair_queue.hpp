// What waits for one of a bounded number of places, in turn by group: no group has more than its share of them, so that one whose work
// never ends holds up nobody else.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace postern::io {

/// Not thread safe. Within a group first come, first served; a group that has nothing under way goes before those that have.
template <class Item>
class FairQueue {
 public:
  /// At most `most` items under way, `share` of one group; both at least 1.
  FairQueue(std::size_t most, std::size_t share) : m_most(most), m_share(share) {}

  void push(const std::string& name, Item item) {
    auto& group = *m_groups.try_emplace(name).first;
    const bool was_ready = is_ready(group.second);
    group.second.waiting.push_back(std::move(item));
    if (!was_ready && is_ready(group.second)) (group.second.under_way == 0 ? m_first : m_turns).push_back(&group);
  }

  /// The item whose turn it is: under way from now on. Nothing: none waits that may.
  [[nodiscard]] std::optional<Item> next() {
    auto& turns = m_first.empty() ? m_turns : m_first;
    if (turns.empty() || m_under_way >= m_most) return std::nullopt;
    Named& group = *turns.front();
    turns.pop_front();
    std::optional<Item> out(std::move(group.second.waiting.front()));
    group.second.waiting.pop_front();
    ++group.second.under_way;
    ++m_under_way;
    if (is_ready(group.second)) m_turns.push_back(&group);
    return out;
  }

  /// One of that group is no longer under way.
  void done(const std::string& name) {
    const auto group = m_groups.find(name);
    const bool was_ready = is_ready(group->second);
    --group->second.under_way;
    --m_under_way;
    if (!was_ready && is_ready(group->second)) m_turns.push_back(&*group);
    if (group->second.under_way == 0 && group->second.waiting.empty()) m_groups.erase(group);
  }

  [[nodiscard]] std::size_t under_way() const noexcept { return m_under_way; }
  /// Of that group, waiting and under way.
  [[nodiscard]] std::size_t size_of(const std::string& name) const {
    const auto group = m_groups.find(name);
    return group == m_groups.end() ? 0 : group->second.waiting.size() + group->second.under_way;
  }

 private:
  struct Group {
    std::deque<Item> waiting;
    std::size_t under_way = 0;
  };
  using Named = std::pair<const std::string, Group>;
  /// Those in m_first and m_turns, each once.
  [[nodiscard]] bool is_ready(const Group& group) const noexcept { return !group.waiting.empty() && group.under_way < m_share; }

  std::size_t m_most, m_share;
  std::size_t m_under_way = 0;
  std::unordered_map<std::string, Group> m_groups;  // whose elements stay where they are
  std::deque<Named*> m_first, m_turns;
};

}  // namespace postern::io
