#include "oraddress/routing.hpp"

#include <algorithm>

namespace postern::oraddress {

namespace detail {

std::size_t& PrefixTrie::at(std::span<const Component> prefix) {
  Node* node = &m_root;
  for (const Component& each : prefix) {
    std::unique_ptr<Node>& next = node->next[each.text];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  return node->value;
}

std::size_t* PrefixTrie::lookup(std::span<const Component> prefix) {
  Node* node = &m_root;
  for (const Component& each : prefix) {
    const auto found = node->next.find(each.text);
    if (found == node->next.end()) return nullptr;
    node = found->second.get();
  }
  return &node->value;
}

void PrefixTrie::search(const Node& node, std::span<const Component> rest, std::size_t depth, Found& best) {
  // Wider attributes are tried first, so of equally long prefixes the first found stays.
  if (node.value != kNone && (best.value == kNone || depth > best.depth)) best = {node.value, depth};
  if (node.next.empty()) return;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const auto found = node.next.find(rest[i].text);
    if (found != node.next.end()) search(*found->second, rest.subspan(i + 1), depth + 1, best);
  }
}

PrefixTrie::Found PrefixTrie::find(std::span<const Component> address) const {
  std::vector<Component> sorted(address.begin(), address.end());
  std::ranges::sort(sorted);
  Found best;
  search(m_root, sorted, 0, best);
  return best;
}

}  // namespace detail

bool routes(std::span<const Component> prefix, std::span<const Component> address) {
  return std::ranges::all_of(prefix, [&](const Component& each) { return std::ranges::find(address, each) != address.end(); });
}

}  // namespace postern::oraddress
