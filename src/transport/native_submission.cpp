#include "transport/native_submission.hpp"

#include <postern/x400_sdk.h>

#include <charconv>

#include "asn1/utc_time_range.hpp"
#include "base/text.hpp"
#include "ms/oids.hpp"
#include "oraddress/or_text.hpp"

namespace postern::transport {
namespace {

using mts::StandardExtension;

constexpr std::size_t kContentIdentifier = 16;        // X.411 ub-content-id-length
constexpr std::int64_t kBuiltInContentType = 32'767;  // X.411 ub-built-in-content-type
constexpr std::uint32_t kBuiltInEits = 10;            // X.411 BuiltInEncodedInformationTypes: bits 0..9
constexpr std::uint32_t kAllCriticality = 7;

std::string indexed(const char* list, std::size_t at, const char* member = "") {
  return std::string(list) + "[" + std::to_string(at) + "]" + member;
}

template <class T>
std::optional<T> decimal(std::string_view text) {
  T out{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return out;
}

Result<asn1::Oid> oid_of(const std::string& text, const std::string& field) {
  auto oid = asn1::Oid::parse(text);
  if (!oid) return fail(ErrorCode::BadInput, "is no object identifier in dotted decimal: " + oid.error().what, field);
  return oid;
}

Result<mts::Time> time_of(std::int64_t seconds, const char* field) {
  if (!asn1::is_in_utc_time(seconds))
    return fail(ErrorCode::BadInput, "is outside of 1950 to 2049, which is what an X.400 date can say", field);
  return mts::Time::at(seconds);
}

Status check_strategy(const sdk::Submission& from) {
  switch (from.strategy) {
    case sdk::Strategy::Immediate:
    case sdk::Strategy::WithTrace:
    case sdk::Strategy::PassThrough: return {};
    case sdk::Strategy::Deferred:
      if (from.deferred_until) return {};
      return fail(ErrorCode::BadInput, "a deferred submission needs the time until which it is deferred", "deferred_until");
    case sdk::Strategy::WithStoredCopy:
      return fail(ErrorCode::Unsupported, "a stored copy is kept before submission, not by the MTS; keep it, and submit with strategy 0",
                  "strategy");
    case sdk::Strategy::Quarantine:
      return fail(ErrorCode::Unsupported, "what waits for approval is not submitted yet; approve it, and submit with strategy 0",
                  "strategy");
  }
  return fail(ErrorCode::BadInput, "is none of 0 to 5", "strategy");
}

// ---- content types and encoded information types
Result<mts::ContentType> content_type_of(const std::string& text) {
  if (const auto number = decimal<std::int64_t>(text)) {
    if (*number >= 0 && *number <= kBuiltInContentType) return mts::ContentType{static_cast<mts::BuiltInContentType>(*number)};
    return fail(ErrorCode::BadInput, "a built-in content type is 0 to 32767", "content_type");
  }
  POSTERN_TRY(asn1::Oid oid, oid_of(text, "content_type"));
  return mts::ContentType{std::move(oid)};
}

/// X.411 annex A id-eit: the built-in types have identifiers too, and stand in the bits.
std::optional<std::uint32_t> built_in_eit(const asn1::Oid& oid) {
  for (std::uint32_t bit = 0; bit < kBuiltInEits; ++bit)
    if (ms::id_eit(bit) == oid) return bit;
  return std::nullopt;
}

Result<std::optional<mts::EncodedInformationTypes>> encoded_types_of(const std::vector<std::string>& texts) {
  if (texts.empty()) return std::nullopt;
  mts::EncodedInformationTypes out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    POSTERN_TRY(asn1::Oid oid, oid_of(texts[i], indexed("encoded_types", i)));
    if (const auto bit = built_in_eit(oid)) {
      out.built_in_encoded_information_types.set(static_cast<mts::BuiltInEncodedInformationType>(*bit));
    } else {
      if (!out.extended_encoded_information_types) out.extended_encoded_information_types.emplace();
      out.extended_encoded_information_types->push_back(std::move(oid));
    }
  }
  return out;
}

// ---- indicators (X.411 8.2.1.1.1) and the extensions that are flags
struct IndicatorRow {
  std::uint32_t flag;
  mts::PerMessageIndicator bit;
};
constexpr IndicatorRow kIndicators[] = {
    {POSTERN_X400_DISCLOSE_RECIPIENTS, mts::PerMessageIndicator::DisclosureOfOtherRecipients},
    {POSTERN_X400_CONVERSION_PROHIBITED, mts::PerMessageIndicator::ImplicitConversionProhibited},
    {POSTERN_X400_ALTERNATE_ALLOWED, mts::PerMessageIndicator::AlternateRecipientAllowed},
    {POSTERN_X400_RETURN_CONTENT, mts::PerMessageIndicator::ContentReturnRequest},
};
constexpr std::uint32_t kExtensionFlags = POSTERN_X400_EXPANSION_PROHIBITED | POSTERN_X400_REASSIGNMENT_PROHIBITED;

template <class Envelope>
Status add_flags(Envelope& out, std::uint32_t flags) {
  std::uint32_t known = kExtensionFlags;
  for (const IndicatorRow& each : kIndicators) {
    known |= each.flag;
    if ((flags & each.flag) != 0) out.per_message_indicators.set(each.bit);
  }
  if ((flags & ~known) != 0) return fail(ErrorCode::BadInput, "has bits that postern/x400_sdk.h does not have", "flags");
  if ((flags & POSTERN_X400_EXPANSION_PROHIBITED) != 0)
    POSTERN_CHECK(mts::set_extension<StandardExtension::DlExpansionProhibited>(out.extensions, mts::DLExpansionProhibited::Prohibited));
  if ((flags & POSTERN_X400_REASSIGNMENT_PROHIBITED) != 0)
    POSTERN_CHECK(mts::set_extension<StandardExtension::RecipientReassignmentProhibited>(out.extensions,
                                                                                         mts::RecipientReassignmentProhibited::Prohibited));
  return {};
}

// ---- extensions as they were given (X.411 9.1)
Result<mts::ExtensionType> extension_type_of(const std::string& text, mts::Place place, const std::string& field) {
  const auto number = decimal<std::int64_t>(text);
  if (!number) {
    POSTERN_TRY(asn1::Oid oid, oid_of(text, field));
    return mts::ExtensionType{std::move(oid)};
  }
  const auto extension = static_cast<StandardExtension>(*number);
  if (const mts::ExtensionInfo* info = mts::info_of(extension); info != nullptr && !info->may_stand_in(place))
    return fail(ErrorCode::BadInput, std::string(info->name) + " does not stand among the extensions of a submission (X.411 fig. 2)",
                field);
  return mts::ExtensionType{extension};
}

Result<mts::ExtensionField> extension_of(const sdk::Attribute& from, mts::Place place, std::size_t at) {
  mts::ExtensionField out;
  POSTERN_TRY(out.type, extension_type_of(from.type, place, indexed("extensions", at, ".type")));
  if ((from.critical & ~kAllCriticality) != 0)
    return fail(ErrorCode::BadInput, "has bits beyond 1, 2 and 4 (X.411 9.1 criticality)", indexed("extensions", at, ".critical"));
  for (const auto bit : {mts::CriticalityBit::ForSubmission, mts::CriticalityBit::ForTransfer, mts::CriticalityBit::ForDelivery})
    if ((from.critical >> static_cast<unsigned>(bit) & 1U) != 0) out.criticality.set(bit);
  const auto size = asn1::element_size(from.value);
  if (!size || *size != from.value.size()) return fail(ErrorCode::BadInput, "is not one value in BER", indexed("extensions", at, ".value"));
  out.value.ber = from.value;
  return out;
}

/// X.411 fig. 2: at most one of each type.
Status add_extensions(mts::Extensions& out, const std::vector<sdk::Attribute>& from, mts::Place place) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    POSTERN_TRY(mts::ExtensionField field, extension_of(from[i], place, i));
    for (const mts::ExtensionField& each : out)
      if (each.type == field.type)
        return fail(ErrorCode::BadInput, "is there already, by another field or extension", indexed("extensions", i, ".type"));
    out.push_back(std::move(field));
  }
  return {};
}

// ---- recipients (X.411 8.2.1.1.1.2)
Result<mts::PerRecipientMessageSubmissionFields> recipient_of(const sdk::Recipient& from, std::size_t at) {
  mts::PerRecipientMessageSubmissionFields out;
  POSTERN_TRY(out.recipient_name, or_name_of(from.address, indexed("recipients", at, ".address")));
  if (from.report != sdk::ReportRequest::None) out.originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
  if (from.report == sdk::ReportRequest::All) out.originator_report_request.set(mts::OriginatorReportRequestBit::Report);
  if (from.alternate.empty()) return out;
  POSTERN_TRY(const mts::ORName alternate, or_name_of(from.alternate, indexed("recipients", at, ".alternate")));
  POSTERN_CHECK(mts::set_extension<StandardExtension::OriginatorRequestedAlternateRecipient>(out.extensions, alternate));
  return out;
}

template <class Envelope>
Status add_recipients(Envelope& out, const std::vector<sdk::Recipient>& from) {
  if (from.empty()) return fail(ErrorCode::BadInput, "is empty; name at least one recipient", "recipients");
  if (from.size() > sdk::kMostRecipients)
    return fail(ErrorCode::TooLarge, "are more than " + std::to_string(sdk::kMostRecipients) + " (X.411 ub-recipients)", "recipients");
  for (std::size_t i = 0; i < from.size(); ++i) {
    POSTERN_TRY(auto recipient, recipient_of(from[i], i));
    out.per_recipient_fields.push_back(std::move(recipient));
  }
  return {};
}

Result<std::optional<mts::ContentIdentifier>> content_identifier_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (text.size() > kContentIdentifier || asn1::first_foreign_octet(asn1::Alphabet::Printable, text))
    return fail(ErrorCode::BadInput, "must be at most 16 characters of PrintableString (X.411 8.2.1.1.1.35)", "content_identifier");
  return mts::ContentIdentifier(text);
}

/// What message and probe have in common.
template <class Envelope>
Status fill(Envelope& out, const sdk::Submission& from, mts::Place place) {
  POSTERN_CHECK(check_strategy(from));
  POSTERN_TRY(out.originator_name, or_name_of(from.originator, "originator"));
  POSTERN_TRY(out.content_type, content_type_of(from.content_type));
  POSTERN_TRY(out.original_encoded_information_types, encoded_types_of(from.encoded_types));
  POSTERN_TRY(out.content_identifier, content_identifier_of(from.content_identifier));
  POSTERN_CHECK(add_flags(out, from.flags));
  if (from.latest_delivery) {
    POSTERN_TRY(const mts::Time latest, time_of(*from.latest_delivery, "latest_delivery"));
    POSTERN_CHECK(mts::set_extension<StandardExtension::LatestDeliveryTime>(out.extensions, latest));
  }
  POSTERN_CHECK(add_extensions(out.extensions, from.extensions, place));
  return add_recipients(out, from.recipients);
}

/// What our encoder says of a value that has no encoding is about the caller's fields.
template <class Envelope>
Status check_encoding(const Envelope& envelope) {
  const auto ber = asn1::encode(envelope);
  if (!ber) return fail(ErrorCode::BadInput, ber.error().text());
  return {};
}

}  // namespace

Result<mts::ORName> or_name_of(const std::string& text, const std::string& field) {
  auto parsed = oraddress::parse(text);
  if (!parsed) return fail(ErrorCode::BadInput, "is no O/R address: " + parsed.error().text(), field);
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = *std::move(parsed);
  return out;
}

Result<mts::MessageSubmissionArgument> message_of(const sdk::Submission& submission, ByteView content) {
  mts::MessageSubmissionArgument out;
  POSTERN_CHECK(fill(out.envelope, submission, mts::Place::MessageSubmission));
  out.envelope.priority = static_cast<mts::Priority>(submission.priority);
  if (submission.deferred_until) {
    POSTERN_TRY(out.envelope.deferred_delivery_time, time_of(*submission.deferred_until, "deferred_until"));
  }
  POSTERN_CHECK(check_encoding(out.envelope));
  out.content.octets = Bytes(content.begin(), content.end());
  return out;
}

Result<mts::ProbeSubmissionArgument> probe_of(const sdk::Submission& submission) {
  // X.411 8.2.1.2.1: a probe has none of these; nobody would look at them.
  if (submission.priority != sdk::Priority::Normal) return fail(ErrorCode::BadInput, "a probe has no priority", "priority");
  if (submission.deferred_until) return fail(ErrorCode::BadInput, "a probe is not deferred", "deferred_until");
  if (submission.latest_delivery) return fail(ErrorCode::BadInput, "a probe is not delivered", "latest_delivery");
  mts::ProbeSubmissionArgument out;
  POSTERN_CHECK(fill(out, submission, mts::Place::ProbeSubmission));
  if (submission.content_size > 0) out.content_length = static_cast<std::int64_t>(submission.content_size);
  POSTERN_CHECK(check_encoding(out));
  return out;
}

std::string text_of(const mts::MTSIdentifier& identifier) {
  const auto& domain = identifier.global_domain_identifier;
  std::string out = "[C=" + std::string(domain.country_name.text()) + ";A=" + std::string(domain.administration_domain_name.text());
  if (domain.private_domain_identifier) out += ";P=" + std::string(domain.private_domain_identifier->text());
  return printable(out + ";" + identifier.local_identifier.octets + "]");
}

Result<mts::MTSIdentifier> mts_identifier_of(const std::string& text, const std::string& field) {
  const auto wrong = [&] { return fail(ErrorCode::BadInput, "is no MTS identifier such as [C=DE;A=ADMD;P=PRMD;local]", field); };
  const auto local = text.rfind(";");
  if (!text.starts_with("[") || !text.ends_with("]") || local == std::string::npos) return wrong();
  const auto attributes = oraddress::parse_attributes(text.substr(1, local - 1));
  if (!attributes) return wrong();
  const auto domain = oraddress::address_of(*attributes);
  if (!domain) return wrong();
  const auto& standard = domain->built_in_standard_attributes;
  if (!standard.country_name || !standard.administration_domain_name) return wrong();
  mts::MTSIdentifier out;
  out.global_domain_identifier = {*standard.country_name, *standard.administration_domain_name, standard.private_domain_name};
  out.local_identifier = asn1::Ia5String(text.substr(local + 1, text.size() - local - 2));
  return out;
}

sdk::Submitted submitted_of(const mts::MTSIdentifier& identifier, const mts::Time& time,
                            const std::optional<mts::ContentIdentifier>& content_identifier) {
  sdk::Submitted out;
  out.mts_identifier = text_of(identifier);
  if (content_identifier) out.content_identifier = printable(content_identifier->octets);
  if (const auto seconds = time.unix_seconds()) out.time = *seconds;
  return out;
}

}  // namespace postern::transport
