// Filters (X.413 8.1.1.3): judged once against the attribute table, then evaluated on every entry of a selection.
#pragma once

#include "ms/entry_view.hpp"
#include "ms/errors.hpp"

namespace postern::ms {

/// A filter whose attributes exist, whose values are of their syntax, and whose matching rules the attributes have.
/// An item about an attribute that an entry does not have is false; of several values one must match. Approximate matching is equality
/// (X.413 8.1.1.3 leaves it to the store).
class CompiledFilter {
 public:
  /// attribute-error names every attribute that is wrong; invalid-parameters-error: nested deeper than ub-nested-filters.
  [[nodiscard]] static Answer<CompiledFilter> compile(const Filter& filter);
  /// Errors of the storage.
  [[nodiscard]] Result<bool> matches(EntryView& entry) const;
  /// Whether evaluating it needs more of an entry than its row's columns.
  [[nodiscard]] bool needs_attributes() const noexcept { return m_needs_attributes; }

 private:
  struct Item {
    FilterItem::Kind kind = FilterItem::Present;
    const AttributeInfo* info = nullptr;
    std::string key;                                           ///< Equality.
    std::int64_t order = 0;                                    ///< GreaterOrEqual, LessOrEqual.
    std::vector<std::pair<std::size_t, std::string>> strings;  ///< Substrings: 0 initial, 1 any, 2 final.
    [[nodiscard]] bool matches(const asn1::Any& value) const;
  };
  struct Node {
    Filter::Kind kind = Filter::Item;
    Item item;
    std::vector<Node> nodes;
  };

  class Compiler;
  [[nodiscard]] static Result<bool> evaluate(const Node& node, EntryView& entry);
  [[nodiscard]] static Result<bool> evaluate(const Item& item, EntryView& entry);

  Node m_root;
  bool m_needs_attributes = false;
};

/// A selector that was judged (X.413 8.1.1).
struct CompiledSelector {
  Scan scan;
  std::optional<CompiledFilter> filter;
  std::optional<std::size_t> limit;
  OverrideRestrictions overrides;
};
/// range-error (1988 only; later an empty selection), attribute-error, invalid-parameters-error.
[[nodiscard]] Answer<CompiledSelector> compile(const Selector& selector, bool version_1994);

/// Calls `visit` for the selected entries in ascending order until it says false. Reads pages; a page costs what its rows cost.
[[nodiscard]] Status for_each_selected(Mailbox& mailbox, const CompiledSelector& selector, bool attributes,
                                       const std::function<Result<bool>(EntryView&)>& visit);

}  // namespace postern::ms
