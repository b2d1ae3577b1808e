// The mailbox of X.413 in the product's values: which attributes an entry's fields are, filters, entries, reports, summaries.
#pragma once

#include "ms/operations.hpp"
#include "ms/register.hpp"
#include "mts/envelopes.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

/// The attributes that fill the wanted fields, with entry-type and retrieval-status, which every entry has. BadInput: "attributes[i]".
[[nodiscard]] Result<ms::EntryInformationSelection> selection_of(const sdk::Wanted& wanted);
/// Attribute types of wanted fields, for register-MS defaults.
[[nodiscard]] std::vector<ms::AttributeType> defaults_of(std::uint64_t fields);
/// The types behind wanted.attributes, in their order. BadInput: "attributes[i]".
[[nodiscard]] Result<std::vector<asn1::Oid>> attribute_types_of(const std::vector<std::string>& texts);

/// nullptr: the entry does not have it.
[[nodiscard]] const asn1::Any* value_of(const ms::EntryInformation& entry, const asn1::Oid& type);
/// Takes the values of `more` that `entry` does not have.
void merge(ms::EntryInformation& entry, ms::EntryInformation more);
/// The fields that the attributes fill, and `attributes` as they came, one Attribute for each value.
[[nodiscard]] sdk::Entry entry_of(const ms::EntryInformation& from, const std::vector<asn1::Oid>& attributes);

/// What the store judges of a filter; all but `originator_contains`, for which X.413 has no matching rule that 1988 knows: see
/// holds_originator(). nullopt: everything is let through. BadInput names the field.
[[nodiscard]] Result<std::optional<ms::Filter>> filter_of(const std::optional<sdk::Filter>& filter);
/// Whether children (returned content, X.413 6.2.2.4) can be among what the filter lets through.
[[nodiscard]] bool wants_children(const std::optional<sdk::Filter>& filter);
/// Case does not count.
[[nodiscard]] bool holds_originator(const std::string& contains, const sdk::Entry& entry);

/// nullopt where the entry is no report.
[[nodiscard]] Result<std::optional<sdk::Report>> report_of(const ms::EntryInformation& entry);
[[nodiscard]] sdk::Report report_of(const mts::ReportDeliveryEnvelope& envelope);
/// The attributes of a report that leave it unprocessed (X.413 6.2.2.5): subject, content identifier, recipients.
[[nodiscard]] ms::EntryInformationSelection report_selection();
[[nodiscard]] Result<sdk::Report> report_of_attributes(const ms::EntryInformation& entry);

/// The count of each value in the first summary of a result; the values are integers (entry-type, retrieval-status).
[[nodiscard]] std::int64_t count_of(const ms::SummarizeResult& result, std::int64_t value);
[[nodiscard]] sdk::Summary summary_of(const ms::SummarizeResult& result);

}  // namespace postern::transport
