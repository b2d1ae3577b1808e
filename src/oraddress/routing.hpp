// Routes by prefix of an O/R address: the longest prefix whose every attribute the address has.
//
//   RoutingTable<Route> table;
//   table.insert(parse_attributes("C=DE;A= ;P=ACME").value(), acme);
//   table.insert({}, everything_else);
//   if (const auto found = table.find(address)) deliver(*found->value);
//
// A prefix is any set of attributes, not just the first ones of the hierarchy: C=DE;O=Works is met whatever ADMD and PRMD are. Values
// compare as in compare.hpp. "Longest" is the number of attributes; of equally long ones that wins whose first difference is wider (C
// before ADMD before PRMD before O before units, as Keyword orders them). An address may be given by all its attributes, which makes a
// route for one person. Pure: no locks, no clock; build one, share it as const.
#pragma once

#include <algorithm>
#include <map>
#include <memory>

#include "oraddress/compare.hpp"

namespace postern::oraddress {

namespace detail {

/// A trie over components. The work of find() is bounded by the routes whose attributes all match and by their depth, not by the table.
class PrefixTrie {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Found {
    std::size_t value = kNone;
    std::size_t depth = 0;
  };

  /// The slot that the prefix has, kNone in it when it is new; the caller sets it.
  [[nodiscard]] std::size_t& at(std::span<const Component> prefix);
  [[nodiscard]] std::size_t* lookup(std::span<const Component> prefix);
  [[nodiscard]] Found find(std::span<const Component> address) const;

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> next;
    std::size_t value = kNone;
  };
  static void search(const Node& node, std::span<const Component> rest, std::size_t depth, Found& best);
  Node m_root;
};

}  // namespace detail

/// routes(prefix, address): every attribute of the prefix is one of the address.
[[nodiscard]] bool routes(std::span<const Component> prefix, std::span<const Component> address);

template <class T>
class RoutingTable {
 public:
  struct Match {
    const T* value;      ///< Lives until the table is changed.
    std::size_t length;  ///< Attributes of the prefix that matched; 0 is the default route.
  };

  /// Replaces what the same prefix had; true when it is new.
  bool insert(const Attributes& prefix, T value) {
    std::size_t& slot = m_trie.at(sorted(prefix));
    const bool fresh = slot == detail::PrefixTrie::kNone;
    if (fresh) {
      slot = m_values.size();
      m_values.push_back(std::move(value));
      ++m_size;
    } else {
      m_values[slot] = std::move(value);
    }
    return fresh;
  }
  /// Whether there was such a prefix.
  bool erase(const Attributes& prefix) {
    std::size_t* slot = m_trie.lookup(sorted(prefix));
    if (slot == nullptr || *slot == detail::PrefixTrie::kNone) return false;
    *slot = detail::PrefixTrie::kNone;
    --m_size;
    return true;
  }
  [[nodiscard]] std::optional<Match> find(const ORAddress& address) const {
    const detail::PrefixTrie::Found found = m_trie.find(components_of(address));
    if (found.value == detail::PrefixTrie::kNone) return std::nullopt;
    return Match{&m_values[found.value], found.depth};
  }
  [[nodiscard]] std::size_t size() const noexcept { return m_size; }

 private:
  static std::vector<Component> sorted(const Attributes& prefix) {
    std::vector<Component> out = components_of(prefix);
    std::ranges::sort(out);
    return out;
  }
  detail::PrefixTrie m_trie;
  std::vector<T> m_values;
  std::size_t m_size = 0;
};

}  // namespace postern::oraddress
