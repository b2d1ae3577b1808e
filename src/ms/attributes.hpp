// The attribute types of the store in a table (X.413 11, table "general attribute types"; X.420 19.6 for interpersonal messages): syntax,
// values, matching rules, in which operations they may be asked for, and where an entry has them.
#pragma once

#include <span>

#include "ms/types.hpp"

namespace postern::ms {

/// Where the values of an attribute come from.
enum class Source : std::uint8_t {
  Row,      ///< From the entry's own columns: numbers, times, status.
  Packed,   ///< Derived once, at delivery, and kept with the row.
  Details,  ///< The same, kept apart: envelopes, headings, what may be long.
  Content,  ///< From the content, when it is fetched.
};

/// A value as matching rules see it. Equal values have equal keys; BadInput: not a value of this syntax.
using KeyOf = Result<std::string> (*)(const asn1::Any& value);
/// A value's place in the order of its type.
using OrderOf = Result<std::int64_t> (*)(const asn1::Any& value);

struct AttributeInfo {
  AttributeType type;
  std::string_view name;  ///< As in the standard.
  const asn1::Type& (*syntax)() = nullptr;
  bool multi_valued = false;
  Source source = Source::Packed;
  KeyOf equality = nullptr;    ///< Null: no equality match.
  OrderOf ordering = nullptr;  ///< Null: no ordering match.
  KeyOf text = nullptr;        ///< Null: no substrings match; else the folded characters.
  bool summarized = false;     ///< May stand in summary-requests.
  /// May stand in a list or an alert, and in a filter.
  [[nodiscard]] bool listed() const noexcept { return source != Source::Content; }
};

/// Ascending by type.
[[nodiscard]] std::span<const AttributeInfo> attribute_table();
/// nullptr: the store does not have it (unavailable-attribute-type).
[[nodiscard]] const AttributeInfo* find_attribute(const AttributeType& type);

// ---- packed form: how attributes lie in a row. Derived values are kept as the octets they are sent as, so a list copies and never
// encodes.
/// Attributes of one entry: type and values, in any order.
class PackedAttributes {
 public:
  /// `values` must not be empty to count.
  void add(const AttributeType& type, std::span<const asn1::Any> values);
  void add(const AttributeType& type, const asn1::Any& value) { add(type, std::span(&value, 1)); }
  [[nodiscard]] const Bytes& octets() const noexcept { return m_octets; }
  [[nodiscard]] Bytes take() && { return std::move(m_octets); }

 private:
  Bytes m_octets;
};
/// Reads what PackedAttributes wrote; borrows. Damaged octets read as an end, never past it.
class PackedView {
 public:
  explicit PackedView(ByteView octets) noexcept : m_octets(octets) {}
  /// The values of the type; empty: the entry does not have it.
  [[nodiscard]] std::vector<asn1::Any> values(const AttributeType& type) const;
  [[nodiscard]] bool has(const AttributeType& type) const;
  [[nodiscard]] std::vector<AttributeType> types() const;

 private:
  ByteView m_octets;
};

}  // namespace postern::ms
