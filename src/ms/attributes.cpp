#include "ms/attributes.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "ipm/heading_extensions.hpp"
#include "ipm/notification.hpp"
#include "ms/ipm_summary.hpp"
#include "ms/matching.hpp"
#include "ms/oids.hpp"
#include "mts/envelopes.hpp"

namespace postern::ms {

using namespace asn1;

namespace {

using mts::StandardExtension;

// ---- one line of the table: C<…>(oid, name) is a plain attribute, the words after it say what else it can do
struct Line {
  AttributeInfo info;
  Line& many() { return info.multi_valued = true, *this; }
  Line& from(Source source) { return info.source = source, *this; }
  Line& summarized() { return info.summarized = true, *this; }
  Line& equal(KeyOf key) { return info.equality = key, *this; }
  Line& ordered(OrderOf order) { return info.ordering = order, *this; }
  Line& searched(KeyOf text) { return info.text = text, *this; }
};
template <class T>
const Type& syntax_of() {
  return schema(Of<T>{});
}
/// Equal where the values are.
template <class T>
Line attribute(AttributeType type, std::string_view name) {
  Line made;
  made.info.type = std::move(type);
  made.info.name = name;
  made.info.syntax = &syntax_of<T>;
  made.info.equality = &match::exact<T>;
  return made;
}
template <class T>
Line number(AttributeType type, std::string_view name) {
  return attribute<T>(std::move(type), name).equal(&match::number_key<T>).ordered(&match::number<T>);
}
template <class T>
Line time(AttributeType type, std::string_view name) {
  return attribute<T>(std::move(type), name).equal(&match::time_key<T>).ordered(&match::time<T>);
}
template <class T, Alphabet A>
Line text(AttributeType type, std::string_view name) {
  return attribute<T>(std::move(type), name).equal(&match::text<T, A>).searched(&match::text<T, A>);
}
/// Certificates, signatures, tokens, envelopes: there is nothing to compare.
template <class T>
Line opaque(AttributeType type, std::string_view name) {
  return attribute<T>(std::move(type), name).equal(nullptr);
}
Line name_of(AttributeType type, std::string_view name) { return attribute<mts::ORName>(std::move(type), name).equal(&match::name); }
Line described(AttributeType type, std::string_view name) {
  return attribute<ipm::ORDescriptor>(std::move(type), name).equal(&match::descriptor);
}
Line specified(AttributeType type, std::string_view name) {
  return attribute<ipm::RecipientSpecifier>(std::move(type), name).equal(&match::recipient_specifier).from(Source::Details).many();
}
Line identified(AttributeType type, std::string_view name) {
  return attribute<ipm::IPMIdentifier>(std::move(type), name).equal(&match::ipm_identifier);
}
Line wide(AttributeType type, std::string_view name) {
  return attribute<ipm::UniversalOrBMPString>(std::move(type), name).equal(&match::wide_text).searched(&match::wide_text);
}

// X.413 11.2.2: what every entry has.
void add_entry_attributes(std::vector<Line>& table) {
  table.insert(table.end(), {
                                number<SequenceNumber>(id_att(0), "child-sequence-numbers").many().from(Source::Row),
                                opaque<mts::Content>(id_att(1), "content").from(Source::Content),
                                number<std::int64_t>(id_att(6), "content-length").from(Source::Row),
                                attribute<Oid>(id_att(8), "content-type").summarized(),
                                time<UtcTime>(id_att(11), "creation-time").from(Source::Row),
                                number<RetrievalStatus>(id_att(15), "retrieval-status").from(Source::Row).summarized(),
                                number<EntryType>(id_att(16), "entry-type").from(Source::Row).summarized(),
                                number<SequenceNumber>(id_att(29), "parent-sequence-number").from(Source::Row),
                                number<SequenceNumber>(id_att(39), "sequence-number").from(Source::Row),
                            });
}

// X.413 11.2.2: what a delivery envelope says.
void add_delivery_attributes(std::vector<Line>& table) {
  table.insert(table.end(), {
                                opaque<mts::AlgorithmIdentifier>(id_att(2), "content-confidentiality-algorithm-identifier"),
                                attribute<mts::ContentCorrelator>(id_att(3), "content-correlator"),
                                text<mts::ContentIdentifier, Alphabet::Printable>(id_att(4), "content-identifier"),
                                opaque<mts::Signature>(id_att(5), "content-integrity-check"),
                                number<mts::ConversionWithLossProhibited>(id_att(9), "conversion-with-loss-prohibited"),
                                attribute<Oid>(id_att(10), "converted-EITs").many(),
                                attribute<Oid>(id_att(12), "delivered-EITs").many().summarized(),
                                attribute<mts::DeliveryFlags>(id_att(13), "delivery-flags"),
                                opaque<mts::DLExpansion>(id_att(14), "dl-expansion-history").many(),
                                name_of(id_att(17), "originally-intended-recipient-name"),
                                opaque<mts::MessageDeliveryEnvelope>(id_att(18), "message-delivery-envelope").from(Source::Details),
                                attribute<mts::MTSIdentifier>(id_att(19), "message-identifier").equal(&match::mts_identifier),
                                time<mts::Time>(id_att(20), "message-delivery-time"),
                                opaque<mts::Signature>(id_att(21), "message-origin-authentication-check"),
                                attribute<mts::SecurityLabel>(id_att(22), "message-security-label"),
                                time<mts::Time>(id_att(23), "message-submission-time"),
                                opaque<mts::Token>(id_att(24), "message-token"),
                                attribute<Oid>(id_att(25), "original-EITs").many().summarized(),
                                opaque<mts::Certificates>(id_att(26), "originator-certificate").from(Source::Details),
                                name_of(id_att(27), "originator-name"),
                                name_of(id_att(28), "other-recipient-names").many().from(Source::Details),
                                number<mts::Priority>(id_att(31), "priority").summarized(),
                                number<mts::ProofOfDeliveryRequest>(id_att(32), "proof-of-delivery-request"),
                                opaque<mts::Redirection>(id_att(33), "redirection-history").many(),
                                number<mts::SecurityClassification>(id_att(38), "security-classification").summarized(),
                                name_of(id_att(41), "this-recipient-name"),
                                opaque<mts::TraceInformationElement>(id_att(75), "trace-information").many().from(Source::Details),
                            });
}

// X.413 11.2.2: what a report says.
void add_report_attributes(std::vector<Line>& table) {
  table.insert(
      table.end(),
      {
          number<bool>(id_att(7), "content-returned"),
          opaque<mts::PerRecipientReportDeliveryFields>(id_att(30), "per-recipient-report-delivery-fields").many().from(Source::Details),
          opaque<mts::ReportDeliveryEnvelope>(id_att(34), "report-delivery-envelope").from(Source::Details),
          name_of(id_att(35), "reporting-DL-name"),
          opaque<mts::Certificates>(id_att(36), "reporting-MTA-certificate").from(Source::Details),
          opaque<mts::Signature>(id_att(37), "report-origin-authentication-check"),
          attribute<mts::MTSIdentifier>(id_att(40), "subject-submission-identifier").equal(&match::mts_identifier),
      });
}

// X.420 19.6.2: the heading, field by field.
void add_heading_attributes(std::vector<Line>& table) {
  table.insert(table.end(), {
                                opaque<ipm::Heading>(id_hat(0), "heading").from(Source::Details),
                                identified(id_hat(1), "this-ipm"),
                                described(id_hat(2), "originator"),
                                identified(id_hat(3), "replied-to-IPM"),
                                text<TeletexString, Alphabet::Teletex>(id_hat(4), "subject"),
                                time<UtcTime>(id_hat(5), "expiry-time"),
                                time<UtcTime>(id_hat(6), "reply-time"),
                                number<ipm::ImportanceField>(id_hat(7), "importance").summarized(),
                                number<ipm::SensitivityField>(id_hat(8), "sensitivity").summarized(),
                                number<bool>(id_hat(9), "auto-forwarded").summarized(),
                                described(id_hat(10), "authorizing-users").many(),
                                specified(id_hat(11), "primary-recipients"),
                                specified(id_hat(12), "copy-recipients"),
                                specified(id_hat(13), "blind-copy-recipients"),
                                identified(id_hat(14), "obsoleted-IPMs").many(),
                                identified(id_hat(15), "related-IPMs").many(),
                                described(id_hat(16), "reply-recipients").many(),
                                attribute<Null>(id_hat(17), "incomplete-copy").equal(nullptr),
                                text<PrintableString, Alphabet::Printable>(id_hat(18), "languages").many().summarized(),
                                described(id_hat(19), "rn-requestors").many().from(Source::Details),
                                described(id_hat(20), "nrn-requestors").many().from(Source::Details),
                                described(id_hat(21), "reply-requestors").many().from(Source::Details),
                                number<ipm::AutoSubmitted>(id_hat(22), "auto-submitted").summarized(),
                                attribute<ipm::IPMSecurityLabel>(id_hat(24), "ipm-security-label"),
                                time<GeneralizedTime>(id_hat(27), "authorization-time"),
                                opaque<ipm::CirculationMember>(id_hat(28), "circulation-list-recipients").many(),
                                attribute<ipm::DistributionCode>(id_hat(29), "distribution-codes").many(),
                                wide(id_hat(30), "extended-subject"),
                                attribute<ipm::InformationCategory>(id_hat(31), "information-category").many(),
                                wide(id_hat(32), "manual-handling-instructions").many(),
                                wide(id_hat(33), "originators-reference"),
                                attribute<Oid>(id_hat(34), "precedence-policy-id"),
                            });
}

// X.420 19.6.1, 19.6.3, 19.6.4: the body, and notifications.
void add_other_ipm_attributes(std::vector<Line>& table) {
  table.insert(table.end(), {
                                number<IPMEntryType>(id_sat(0), "ipm-entry-type").summarized(),
                                opaque<BodyPartDescriptor>(id_sat(2), "body-parts-summary").many(),
                                opaque<ipm::Body>(id_bat(0), "body").from(Source::Content),
                                identified(id_nat(0), "subject-ipm"),
                                described(id_nat(1), "ipn-originator"),
                                described(id_nat(2), "ipm-intended-recipient"),
                                attribute<mts::EncodedInformationTypes>(id_nat(3), "conversion-EITs"),
                                number<ipm::NonReceiptReasonField>(id_nat(4), "non-receipt-reason").summarized(),
                                number<ipm::DiscardReasonField>(id_nat(5), "discard-reason").summarized(),
                                text<PrintableString, Alphabet::Printable>(id_nat(6), "auto-forward-comment"),
                                time<UtcTime>(id_nat(8), "receipt-time"),
                                number<ipm::AcknowledgmentModeField>(id_nat(9), "acknowledgment-mode").summarized(),
                                text<PrintableString, Alphabet::Printable>(id_nat(10), "suppl-receipt-info"),
                            });
}

std::vector<AttributeInfo> make_table() {
  std::vector<Line> lines;
  add_entry_attributes(lines);
  add_delivery_attributes(lines);
  add_report_attributes(lines);
  add_heading_attributes(lines);
  add_other_ipm_attributes(lines);
  std::vector<AttributeInfo> table;
  for (Line& each : lines) table.push_back(std::move(each.info));
  std::ranges::sort(table, {}, &AttributeInfo::type);
  return table;
}

}  // namespace

std::span<const AttributeInfo> attribute_table() {
  static const std::vector<AttributeInfo> table = make_table();
  return table;
}

const AttributeInfo* find_attribute(const AttributeType& type) {
  const auto table = attribute_table();
  const auto found = std::ranges::lower_bound(table, type, {}, &AttributeInfo::type);
  return found != table.end() && found->type == type ? &*found : nullptr;
}

const Type* attribute_syntax(const AttributeType& type) {
  const AttributeInfo* info = find_attribute(type);
  return info == nullptr ? nullptr : &info->syntax();
}

// ---- packed form: length and content of the type (1 octet, n), number of values (4), each value a block
namespace {

struct PackedItem {
  ByteView type;
  std::uint32_t count = 0;
  ByteReader values{{}};
};

/// The next attribute; `reader` moves past it. nullopt at the end, or where the octets are damaged.
std::optional<PackedItem> next_item(ByteReader& reader) {
  const auto size = reader.read_u8("type");
  if (!size) return std::nullopt;
  const auto type = reader.read_bytes(*size, "type");
  const auto count = type ? reader.read_u32("values") : Result<std::uint32_t>(fail(type.error()));
  if (!count) return std::nullopt;
  PackedItem out{*type, *count, reader};
  for (std::uint32_t i = 0; i < *count; ++i)
    if (!reader.read_block("value")) return std::nullopt;
  return out;
}

std::optional<PackedItem> find_item(ByteView octets, const AttributeType& type) {
  ByteReader reader(octets);
  while (auto item = next_item(reader))
    if (std::ranges::equal(item->type, type.content())) return item;
  return std::nullopt;
}

}  // namespace

void PackedAttributes::add(const AttributeType& type, std::span<const Any> values) {
  if (values.empty()) return;
  ByteWriter out;
  out.write_u8(static_cast<std::uint8_t>(type.content().size())).write_bytes(type.content());
  out.write_u32(static_cast<std::uint32_t>(values.size()));
  for (const Any& each : values) out.write_block(each.ber);
  append(m_octets, out.bytes());
}

std::vector<Any> PackedView::values(const AttributeType& type) const {
  std::vector<Any> out;
  auto item = find_item(m_octets, type);
  if (!item) return out;
  out.reserve(item->count);
  for (std::uint32_t i = 0; i < item->count; ++i) {
    const ByteView value = *item->values.read_block("value");  // next_item() has been past all of them
    out.push_back(Any{Bytes(value.begin(), value.end())});
  }
  return out;
}

bool PackedView::has(const AttributeType& type) const { return find_item(m_octets, type).has_value(); }

std::vector<AttributeType> PackedView::types() const {
  std::vector<AttributeType> out;
  ByteReader reader(m_octets);
  while (const auto item = next_item(reader))
    if (auto type = Oid::from_content(item->type)) out.push_back(*std::move(type));
  return out;
}

}  // namespace postern::ms
