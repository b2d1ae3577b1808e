// rooms: transport
// Any octets of a store are entries, reports and summaries in values that the C header may hand on: UTF-8, classes and statuses that there
// are; or they are refused. Octets that begin as a JSON object are settings for open().
#include <cstdlib>

#include "base/text.hpp"
#include "transport/native.hpp"
#include "transport/native_entries.hpp"

using namespace postern;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}
void check_text(const std::optional<std::string>& text) { must(!text || is_utf8(*text)); }

void check_report(const sdk::Report& report) {
  must(is_utf8(report.subject_identifier) && is_utf8(report.content_identifier));
  for (const sdk::ReportRecipient& each : report.recipients) must(is_utf8(each.address) && is_utf8(each.information));
}

void check_entry(const ms::EntryInformation& from) {
  std::vector<asn1::Oid> all;
  for (const ms::Attribute& each : from.attributes.value_or(std::vector<ms::Attribute>())) all.push_back(each.attribute_type);
  const sdk::Entry entry = transport::entry_of(from, all);
  for (const auto* text : {&entry.originator, &entry.subject, &entry.content_type, &entry.mts_identifier, &entry.ipm_identifier})
    check_text(*text);
  must(entry.entry_class <= sdk::EntryClass::Submitted && entry.status <= sdk::EntryStatus::Processed);
  static_cast<void>(transport::holds_originator("s=doe", entry));
  if (const auto report = transport::report_of(from); report && *report) check_report(**report);
  if (const auto report = transport::report_of_attributes(from)) check_report(*report);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView octets(data, size);
  if (size > 0 && data[0] == '{') {
    const auto options = transport::native_options(as_text(octets));
    must(options || !options.error().what.empty());
    return 0;
  }
  if (const auto fetched = asn1::decode<ms::FetchResult>(octets); fetched && fetched->entry_information)
    check_entry(*fetched->entry_information);
  if (const auto listed = asn1::decode<ms::ListResult>(octets))
    for (const ms::EntryInformation& each : listed->requested.value_or(std::vector<ms::EntryInformation>())) check_entry(each);
  if (const auto counted = asn1::decode<ms::SummarizeResult>(octets)) static_cast<void>(transport::summary_of(*counted));
  return 0;
}
