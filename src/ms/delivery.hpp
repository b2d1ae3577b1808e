// What a delivery puts into a mailbox (X.413 6.2, 12.3; X.420 19.5): the entry of the message or report, and child entries for messages
// it forwards or content it returns. Every attribute that a list can ask for is derived here, once.
#pragma once

#include "ms/attributes.hpp"
#include "ms/ipm_summary.hpp"
#include "ms/mailbox.hpp"
#include "mts/p3.hpp"

namespace postern::ms {

/// An entry that has no number yet.
struct NewEntry {
  EntryType type = EntryType::DeliveredMessage;
  std::optional<std::size_t> parent;  ///< Index of an earlier entry of the same delivery.
  std::vector<std::size_t> children;
  std::string part;
  bool has_content = false;
  std::uint64_t content_length = 0;
  PackedAttributes packed, details;
  std::vector<BodyPartDescriptor> parts;                          ///< body-parts-summary; this_child_entry is added with the numbers.
  std::vector<std::pair<std::size_t, std::size_t>> part_entries;  ///< Index into parts, index of the entry.
};

/// The first entry is the main one. Numbers are given in this order.
struct NewEntries {
  std::vector<NewEntry> entries;
};

struct DeliveryLimits {
  std::size_t depth = 8;      ///< Forwarded messages within forwarded messages that become entries.
  std::size_t children = 64;  ///< Child entries of one delivery.
};

/// What is at hand of a content: all of it, or its first octets. Of a large interpersonal message the heading is enough for a good entry,
/// which then has no children and no summary of its body.
struct ContentView {
  ByteView front;
  std::uint64_t size = 0;  ///< Of the whole.
  [[nodiscard]] bool whole() const noexcept { return front.size() == size; }
};

/// A content that cannot be read makes an entry of its envelope alone: mail is not lost because its body is broken.
/// Errors: the envelope has no encoding (our own bug).
[[nodiscard]] Result<NewEntries> entries_of(const mts::MessageDeliveryEnvelope& envelope, const ContentView& content,
                                            const DeliveryLimits& limits = {});
[[nodiscard]] Result<NewEntries> entries_of(const mts::ReportDeliveryArgument& report);

/// An entry as it is kept.
struct NumberedEntry {
  EntryRow row;
  Bytes details;
};
/// With the numbers `first`, first + 1, … Pure and quick: it is called in the storage's transaction, which knows the next number.
[[nodiscard]] std::vector<NumberedEntry> numbered(const NewEntries& entries, SequenceNumber first, std::int64_t created);

/// The octets of a forwarded message as a content of its own, found by EntryRow::part in the content it came in. NotFound: not there.
[[nodiscard]] Result<Bytes> content_of_part(ByteView content, std::string_view part);

/// The identifiers of encoded information types as the store speaks of them (X.413 11.2.2 MS-EIT).
[[nodiscard]] std::vector<asn1::Oid> eits_of(const mts::EncodedInformationTypes& types);
/// The identifier of a content type (X.413 11.2.2).
[[nodiscard]] asn1::Oid content_type_oid(const mts::ContentType& type);

}  // namespace postern::ms
