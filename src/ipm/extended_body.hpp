// Extended body part types of X.420 (annex B; modules IPMSExtendedBodyPartTypes2, IPMSExtendedVoiceBodyPartType,
// IPMSForwardedReportBodyPartType, IPMSForwardedContentBodyPartType), by object identifier. The file transfer body part is
// file_transfer.hpp.
#pragma once

#include <span>

#include "ipm/body.hpp"
#include "ipm/oids.hpp"
#include "mts/p3.hpp"

namespace postern::ipm {

/// General text: characters of the registered sets that the parameters name (ISO International Register).
struct GeneralTextParameters : std::vector<std::int64_t> {  ///< SET OF CharacterSetRegistration, 1..32767
  using vector::vector;
};
using GeneralTextData = asn1::GeneralString;

struct VoiceParameters {
  std::optional<std::int64_t> voice_message_duration;  ///< Seconds.
  asn1::Oid voice_encoding_type;
  std::optional<asn1::Ia5String> supplementary_information;
  friend bool operator==(const VoiceParameters&, const VoiceParameters&) = default;
};

/// A forwarded content of any type: an octet string that its type's own description reads.
struct ForwardedContentParameters {
  std::optional<mts::Time> delivery_time;
  std::optional<mts::OtherMessageDeliveryFields> delivery_envelope;
  std::optional<mts::MessageDeliveryIdentifier> mts_identifier;
  std::vector<asn1::Any> unknown;  ///< submission-proof [3], what comes later.
  friend bool operator==(const ForwardedContentParameters&, const ForwardedContentParameters&) = default;
};

/// A forwarded report: what a report delivery brought (X.411 8.3.1.2.1), with the content it returned.
using ForwardedReport = mts::ReportDeliveryArgument;

const asn1::Type& schema(asn1::Of<GeneralTextParameters>);
const asn1::Type& schema(asn1::Of<VoiceParameters>);
const asn1::Type& schema(asn1::Of<ForwardedContentParameters>);

/// One extended body part type. A basic type has an extended twin (X.420 7.3.12): the same types under object identifiers.
struct ExtendedBodyKind {
  BodyPartType type{};
  std::string_view name;                   ///< As in the standard: "general-text-body-part".
  const asn1::Type* parameters = nullptr;  ///< nullptr: it has none.
  const asn1::Type* data = nullptr;        ///< nullptr: an open one.
};
[[nodiscard]] std::span<const ExtendedBodyKind> extended_body_kinds();
/// By the object identifier of the data; a forwarded content by its prefix. nullptr where the standard has none.
[[nodiscard]] const ExtendedBodyKind* find_extended_body_kind(const asn1::Oid& data_type);
/// What an EXTERNAL with this identifier holds, be it the parameters' or the data's; nullptr where it is not known.
[[nodiscard]] const asn1::Type* body_part_type(const asn1::Oid& oid);

/// The content type of a forwarded content, from the identifier of its data ({id-et-content content-type}); empty for other identifiers.
[[nodiscard]] std::optional<asn1::Oid> forwarded_content_type(const asn1::Oid& data_type);
/// {id-et-content content-type}, {id-ep-content content-type}.
[[nodiscard]] asn1::Oid forwarded_content_oid(Category category, const asn1::Oid& content_type);

/// A value inside an EXTERNAL, as T. BadInput names what is wrong.
template <class T>
[[nodiscard]] Result<T> held_value(const ExternalValue& external, const asn1::DecodeOptions& options = {},
                                   const asn1::Type& type = schema(asn1::Of<T>{})) {
  POSTERN_TRY(const ByteView ber, external.open_value());
  return asn1::decode<T>(ber, options, type);
}
/// An extended body part of values that encode.
template <class Parameters, class Data>
[[nodiscard]] Result<ExtendedBodyPart> extended_body_part(BodyPartType type, const Parameters& parameters, const Data& data) {
  POSTERN_TRY(asn1::Any parameters_ber, asn1::to_any(parameters));
  POSTERN_TRY(asn1::Any data_ber, asn1::to_any(data));
  return ExtendedBodyPart{ExternalValue::instance(id_ep(type), std::move(parameters_ber)),
                          ExternalValue::instance(id_et(type), std::move(data_ber))};
}

}  // namespace postern::ipm
