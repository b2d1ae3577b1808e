#include "ms/entry_view.hpp"

#include "ms/oids.hpp"

namespace postern::ms {

using asn1::Any;

namespace {

/// These have an encoding whatever their value is.
template <class T>
std::vector<Any> one(const T& value) {
  auto any = asn1::to_any(value, schema(asn1::Of<T>{}), asn1::EncodeRules::Lenient);
  return any ? std::vector<Any>{*std::move(any)} : std::vector<Any>{};
}

struct RowAttribute {
  asn1::Oid type;
  std::vector<Any> (*values)(const EntryRow& row);
};
const RowAttribute kRowAttributes[] = {
    {att::child_sequence_numbers,
     [](const EntryRow& row) {
       std::vector<Any> out;
       for (const SequenceNumber each : row.children) out.push_back(one(each)[0]);
       return out;
     }},
    {att::content_length,
     [](const EntryRow& row) { return row.has_content ? one(static_cast<std::int64_t>(row.content_length)) : std::vector<Any>{}; }},
    {att::creation_time, [](const EntryRow& row) { return one(asn1::UtcTime::at(row.created)); }},
    {att::retrieval_status, [](const EntryRow& row) { return one(row.status); }},
    {att::entry_type, [](const EntryRow& row) { return one(row.type); }},
    {att::parent_sequence_number, [](const EntryRow& row) { return row.is_main() ? std::vector<Any>{} : one(row.parent); }},
    {att::sequence_number, [](const EntryRow& row) { return one(row.number); }},
};

}  // namespace

std::vector<Any> EntryView::of_row(const AttributeType& type) const {
  for (const RowAttribute& each : kRowAttributes)
    if (each.type == type) return each.values(m_row);
  return {};
}

Result<std::vector<Any>> EntryView::values(const AttributeInfo& info) {
  switch (info.source) {
    case Source::Row: return of_row(info.type);
    case Source::Packed: return PackedView(m_row.attributes).values(info.type);
    case Source::Content: return std::vector<Any>{};
    case Source::Details: break;
  }
  if (!m_details) {
    POSTERN_TRY(m_details, m_load(m_row.number));
  }
  return PackedView(*m_details).values(info.type);
}

}  // namespace postern::ms
