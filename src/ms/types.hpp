// What the operations of the message store are made of (X.413 MSAbstractService: information model, selectors, entry information). Tags
// are explicit where the module does not say IMPLICIT. Each type has its description beside it (asn1/schema.hpp).
#pragma once

#include "asn1/ber.hpp"
#include "ms/bounds.hpp"
#include "mts/types.hpp"

namespace postern::ms {

using SequenceNumber = std::int64_t;  ///< 0..ub-messages; never used again in its mailbox (X.413 6.2.2.3).
using AttributeType = asn1::Oid;
using CreationTime = asn1::UtcTime;

/// X.413 6.2.1: "information base" in 1988.
enum class EntryClass : std::int64_t {
  Delivery = 0,
  Submission = 1,
  Draft = 2,
  StoredMessage = 3,
  DeliveryLog = 4,
  SubmissionLog = 5,
  MessageLog = 6,
  AutoActionLog = 7,
};
const asn1::Type& schema(asn1::Of<EntryClass>);

enum class EntryType : std::int64_t {
  DeliveredMessage = 0,
  DeliveredReport = 1,
  ReturnedContent = 2,
  SubmittedMessage = 3,
  SubmittedProbe = 4,
  DraftMessage = 5,
  AutoActionEvent = 6,
};
const asn1::Type& schema(asn1::Of<EntryType>);

/// X.413 6.2.2.5; "entry status" in 1988. It only ever grows.
enum class RetrievalStatus : std::int64_t { New = 0, Listed = 1, Processed = 2 };
const asn1::Type& schema(asn1::Of<RetrievalStatus>);

/// X.413 6.2.2.1. Each value is of the syntax of its attribute type (attributes.hpp).
struct Attribute {
  AttributeType attribute_type;
  std::vector<asn1::Any> attribute_values;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};
const asn1::Type& schema(asn1::Of<Attribute>);

using MSExtensions = std::vector<asn1::External>;

struct MessageGroupName : std::vector<asn1::GeneralString> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<MessageGroupName>);

// ---- selectors (X.413 8.1.1)
struct NumberRange {
  std::optional<SequenceNumber> from;  ///< Absent: no lower bound.
  std::optional<SequenceNumber> to;    ///< Absent: no upper bound.
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};
const asn1::Type& schema(asn1::Of<NumberRange>);
struct TimeRange {
  std::optional<CreationTime> from;
  std::optional<CreationTime> to;
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};
const asn1::Type& schema(asn1::Of<TimeRange>);
struct Range {
  std::variant<NumberRange, TimeRange> value;  ///< sequence-number-range, creation-time-range
  friend bool operator==(const Range&, const Range&) = default;
};
const asn1::Type& schema(asn1::Of<Range>);

struct AttributeValueAssertion {
  AttributeType attribute_type;
  asn1::Any attribute_value;
  friend bool operator==(const AttributeValueAssertion&, const AttributeValueAssertion&) = default;
};
const asn1::Type& schema(asn1::Of<AttributeValueAssertion>);

struct Substring {
  std::variant<asn1::Any, asn1::Any, asn1::Any> value;  ///< initial, any, final
  friend bool operator==(const Substring&, const Substring&) = default;
};
const asn1::Type& schema(asn1::Of<Substring>);
struct Substrings {
  AttributeType type;
  std::vector<Substring> strings;
  friend bool operator==(const Substrings&, const Substrings&) = default;
};
const asn1::Type& schema(asn1::Of<Substrings>);

/// 1994.
struct MatchingRuleAssertion {
  asn1::Oid matching_rule;
  AttributeType attribute_type;
  asn1::Any match_value;
  friend bool operator==(const MatchingRuleAssertion&, const MatchingRuleAssertion&) = default;
};
const asn1::Type& schema(asn1::Of<MatchingRuleAssertion>);

struct FilterItem {
  enum Kind : std::uint8_t { Equality, SubstringsItem, GreaterOrEqual, LessOrEqual, Present, ApproximateMatch, OtherMatch };
  std::variant<AttributeValueAssertion, Substrings, AttributeValueAssertion, AttributeValueAssertion, AttributeType,
               AttributeValueAssertion, MatchingRuleAssertion>
      value;
  friend bool operator==(const FilterItem&, const FilterItem&) = default;
};
const asn1::Type& schema(asn1::Of<FilterItem>);

struct Filter {
  enum Kind : std::uint8_t { Item, And, Or, Not };
  std::variant<FilterItem, std::vector<Filter>, std::vector<Filter>, asn1::Box<Filter>> value;
  friend bool operator==(const Filter& a, const Filter& b);
};
const asn1::Type& schema(asn1::Of<Filter>);

/// Which of the restrictions of the bind do not count for this one.
enum class OverrideRestriction : std::uint8_t { ContentTypes = 0, Eits = 1, AttributeLength = 2 };
using OverrideRestrictions = mts::Bits<OverrideRestriction>;
const asn1::Type& schema(asn1::Of<OverrideRestrictions>);

struct Selector {
  bool child_entries = false;  ///< TRUE: children are selected as well.
  std::optional<Range> range{};
  std::optional<Filter> filter{};
  std::optional<std::int64_t> limit{};
  std::optional<OverrideRestrictions> override_restrictions{};
  friend bool operator==(const Selector&, const Selector&) = default;
};
const asn1::Type& schema(asn1::Of<Selector>);

// ---- entry information (X.413 8.1.2, 8.1.3)
struct AttributeSelection {
  AttributeType type;
  std::optional<std::int64_t> from;   ///< The first value, counted from 1.
  std::optional<std::int64_t> count;  ///< At most so many values.
  friend bool operator==(const AttributeSelection&, const AttributeSelection&) = default;
};
const asn1::Type& schema(asn1::Of<AttributeSelection>);
using EntryInformationSelection = std::vector<AttributeSelection>;  ///< SET OF

/// 1994: an attribute that has more values than its `count` let through.
struct AttributeValueCount {
  AttributeType type;
  std::int64_t total = 0;
  friend bool operator==(const AttributeValueCount&, const AttributeValueCount&) = default;
};
const asn1::Type& schema(asn1::Of<AttributeValueCount>);

struct EntryInformation {
  SequenceNumber sequence_number = 0;
  std::optional<std::vector<Attribute>> attributes;
  std::optional<std::vector<AttributeValueCount>> value_count_exceeded;
  friend bool operator==(const EntryInformation&, const EntryInformation&) = default;
};
const asn1::Type& schema(asn1::Of<EntryInformation>);

/// Something went wrong in an auto-action; where to read about it (1994).
struct AutoActionErrorIndication {
  std::variant<asn1::Null, SequenceNumber> value;  ///< indication-only, auto-action-log-entry
  friend bool operator==(const AutoActionErrorIndication&, const AutoActionErrorIndication&) = default;
};
const asn1::Type& schema(asn1::Of<AutoActionErrorIndication>);

/// What an attribute's values are described by, for value notation; nullptr where it is not known.
[[nodiscard]] const asn1::Type* attribute_syntax(const AttributeType& type);

}  // namespace postern::ms
