// The operations of the retrieval port (X.413 8.2 to 8.8): arguments and results. What 1994 added is marked; a store that was bound in
// a 1988 context neither sends nor expects it. register-MS is register.hpp, submission through the store submission.hpp.
#pragma once

#include "ms/types.hpp"

namespace postern::ms {

// ---- summarize (X.413 8.2)
struct SummarizeArgument {
  EntryClass entry_class = EntryClass::Delivery;
  Selector selector;
  std::optional<std::vector<AttributeType>> summary_requests;
  std::optional<MSExtensions> summarize_extensions;  ///< 1994
  friend bool operator==(const SummarizeArgument&, const SummarizeArgument&) = default;
};
const asn1::Type& schema(asn1::Of<SummarizeArgument>);

struct Span {
  SequenceNumber lowest = 0;
  SequenceNumber highest = 0;
  friend bool operator==(const Span&, const Span&) = default;
};
const asn1::Type& schema(asn1::Of<Span>);

struct SummaryValue {
  AttributeType type;
  asn1::Any value;
  std::int64_t count = 0;
  friend bool operator==(const SummaryValue&, const SummaryValue&) = default;
};
const asn1::Type& schema(asn1::Of<SummaryValue>);
struct Summary {
  std::optional<std::int64_t> absent;                ///< Entries without the attribute; left out when 0.
  std::optional<std::vector<SummaryValue>> present;  ///< One for each value.
  friend bool operator==(const Summary&, const Summary&) = default;
};
const asn1::Type& schema(asn1::Of<Summary>);

struct SummarizeResult {
  std::optional<SequenceNumber> next;
  std::int64_t count = 0;
  std::optional<Span> span;
  std::optional<std::vector<Summary>> summaries;
  std::optional<MSExtensions> summarize_result_extensions;  ///< 1994
  friend bool operator==(const SummarizeResult&, const SummarizeResult&) = default;
};
const asn1::Type& schema(asn1::Of<SummarizeResult>);

// ---- list (X.413 8.3)
struct ListArgument {
  EntryClass entry_class = EntryClass::Delivery;
  Selector selector;
  std::optional<EntryInformationSelection> requested_attributes;  ///< Absent: the registered defaults.
  std::optional<MSExtensions> list_extensions;                    ///< 1994
  friend bool operator==(const ListArgument&, const ListArgument&) = default;
};
const asn1::Type& schema(asn1::Of<ListArgument>);

struct ListResult {
  std::optional<SequenceNumber> next;  ///< Where a list with this lower bound would go on; absent: that was all.
  std::optional<std::vector<EntryInformation>> requested;
  std::optional<MSExtensions> list_result_extensions;  ///< 1994
  friend bool operator==(const ListResult&, const ListResult&) = default;
};
const asn1::Type& schema(asn1::Of<ListResult>);

// ---- fetch (X.413 8.4)
struct FetchItem {
  std::variant<Selector, SequenceNumber> value;  ///< search, precise
  friend bool operator==(const FetchItem&, const FetchItem&) = default;
};
const asn1::Type& schema(asn1::Of<FetchItem>);
struct FetchArgument {
  EntryClass entry_class = EntryClass::Delivery;
  FetchItem item;
  std::optional<EntryInformationSelection> requested_attributes;
  std::optional<MSExtensions> fetch_extensions;  ///< 1994
  friend bool operator==(const FetchArgument&, const FetchArgument&) = default;
};
const asn1::Type& schema(asn1::Of<FetchArgument>);

struct FetchResult {
  std::optional<EntryInformation> entry_information;  ///< The first entry that was selected.
  std::optional<std::vector<SequenceNumber>> list;    ///< The others.
  std::optional<SequenceNumber> next;
  std::optional<MSExtensions> fetch_result_extensions;  ///< 1994
  friend bool operator==(const FetchResult&, const FetchResult&) = default;
};
const asn1::Type& schema(asn1::Of<FetchResult>);

// ---- delete (X.413 8.5)
struct DeleteItems {
  std::variant<Selector, std::vector<SequenceNumber>> value;  ///< selector, sequence-numbers
  friend bool operator==(const DeleteItems&, const DeleteItems&) = default;
};
const asn1::Type& schema(asn1::Of<DeleteItems>);
struct DeleteArgument {
  EntryClass entry_class = EntryClass::Delivery;
  DeleteItems items;
  std::optional<MSExtensions> delete_extensions;  ///< 1994
  friend bool operator==(const DeleteArgument&, const DeleteArgument&) = default;
};
const asn1::Type& schema(asn1::Of<DeleteArgument>);

struct DeleteResult94 {
  std::optional<std::vector<SequenceNumber>> entries_deleted;
  std::optional<MSExtensions> delete_result_extensions;
  friend bool operator==(const DeleteResult94&, const DeleteResult94&) = default;
};
const asn1::Type& schema(asn1::Of<DeleteResult94>);
struct DeleteResult {
  std::variant<asn1::Null, DeleteResult94> value;  ///< delete-result-88, delete-result-94
  friend bool operator==(const DeleteResult&, const DeleteResult&) = default;
};
const asn1::Type& schema(asn1::Of<DeleteResult>);

// ---- alert (X.413 8.7): the store invokes it
struct AlertArgument {
  std::int64_t alert_registration_identifier = 1;
  std::optional<EntryInformation> new_entry;
  friend bool operator==(const AlertArgument&, const AlertArgument&) = default;
};
const asn1::Type& schema(asn1::Of<AlertArgument>);
using AlertResult = asn1::Null;

// ---- modify (X.413 8.8, 1994)
struct OrderedAttributeItem {
  std::optional<asn1::Any> value;
  std::optional<std::int64_t> position;
  friend bool operator==(const OrderedAttributeItem&, const OrderedAttributeItem&) = default;
};
const asn1::Type& schema(asn1::Of<OrderedAttributeItem>);
struct OrderedAttribute {
  AttributeType attribute_type;
  std::vector<OrderedAttributeItem> attribute_values;
  friend bool operator==(const OrderedAttribute&, const OrderedAttribute&) = default;
};
const asn1::Type& schema(asn1::Of<OrderedAttribute>);
struct Modification {
  std::variant<Attribute, AttributeType, OrderedAttribute, OrderedAttribute> value;  ///< add-, remove-attribute, add-, remove-values
  friend bool operator==(const Modification&, const Modification&) = default;
};
const asn1::Type& schema(asn1::Of<Modification>);
struct EntryModification {
  bool strict = false;
  Modification modification;
  friend bool operator==(const EntryModification&, const EntryModification&) = default;
};
const asn1::Type& schema(asn1::Of<EntryModification>);
struct ModifyEntries {
  std::variant<Selector, std::vector<SequenceNumber>> value;  ///< selector, specific-entries
  friend bool operator==(const ModifyEntries&, const ModifyEntries&) = default;
};
const asn1::Type& schema(asn1::Of<ModifyEntries>);
struct ModifyArgument {
  EntryClass entry_class = EntryClass::Delivery;
  ModifyEntries entries;
  std::vector<EntryModification> modifications;
  std::optional<MSExtensions> modify_extensions;
  friend bool operator==(const ModifyArgument&, const ModifyArgument&) = default;
};
const asn1::Type& schema(asn1::Of<ModifyArgument>);
struct ModifyResult {
  std::optional<std::vector<SequenceNumber>> entries_modified;
  std::optional<MSExtensions> modify_result_extensions;
  friend bool operator==(const ModifyResult&, const ModifyResult&) = default;
};
const asn1::Type& schema(asn1::Of<ModifyResult>);

}  // namespace postern::ms
