// Heading, recipient and notification extensions of X.420 (annex B, module IPMSHeadingExtensions; annex "IPMSSecurityExtensions"), typed.
//
//   POSTERN_TRY(const auto languages, heading_extension<HeadingExtensionType::Languages>(heading));   // std::optional<Languages>
//   POSTERN_CHECK(set_heading_extension<HeadingExtensionType::AutoSubmitted>(heading, AutoSubmitted::auto_generated));
//
// Extensions that nobody here knows stay in the heading as they came.
#pragma once

#include <algorithm>

#include "ipm/heading.hpp"
#include "ipm/oids.hpp"
#include "mts/types.hpp"
#include "oraddress/extension.hpp"

namespace postern::ipm {

// X.420 annex K.
inline constexpr std::int64_t ub_circulation_list_members = 256;
inline constexpr std::int64_t ub_distribution_codes = 16;
inline constexpr std::int64_t ub_extended_subject_length = 256;
inline constexpr std::int64_t ub_information_categories = 16;
inline constexpr std::int64_t ub_manual_handling_instructions = 16;
inline constexpr std::int64_t ub_precedence = 127;

using oraddress::UniversalOrBMPString;

struct IncompleteCopy : asn1::Null {};                               ///< B.1.1: body parts or heading fields are missing.
using Languages = std::vector<asn1::PrintableString>;                ///< B.1.2, SET OF: ISO 639, "de" or "de-CH".
enum class AutoSubmitted : std::int64_t {                            ///  B.1.3
  not_auto_submitted = 0,
  auto_generated = 1,
  auto_replied = 2
};

/// B.1.4: a signature over one body part; certificates stay as they came.
struct BodyPartSignature {
  std::int64_t body_part_number = 1;
  asn1::Any body_part_signature;
  std::vector<asn1::Any> unknown;  ///< originator-certificates [0], originator-certificate-selector [1], what comes later.
  friend bool operator==(const BodyPartSignature&, const BodyPartSignature&) = default;
};
using BodyPartSignatures = std::vector<BodyPartSignature>;  ///< SET OF

/// B.1.5.
struct BodyPartSecurityLabel {
  std::variant<asn1::Null, mts::SecurityLabel> value;  ///< body-part-unlabelled [0], body-part-security-label [1]
  friend bool operator==(const BodyPartSecurityLabel&, const BodyPartSecurityLabel&) = default;
};
struct IPMSecurityLabel {
  mts::SecurityLabel content_security_label;
  std::optional<mts::SecurityLabel> heading_security_label;
  std::optional<std::vector<BodyPartSecurityLabel>> body_part_security_labels;
  friend bool operator==(const IPMSecurityLabel&, const IPMSecurityLabel&) = default;
};

using AuthorizationTime = asn1::GeneralizedTime;  ///< B.1.6

/// B.1.7: who has to see the message, in turn, and who has.
struct CirculationSignature {
  asn1::Any circulation_signature_data;
  asn1::Any algorithm_identifier;
  asn1::BitString encrypted;
  friend bool operator==(const CirculationSignature&, const CirculationSignature&) = default;
};
struct Checkmark {
  std::variant<asn1::Null, asn1::GeneralizedTime, CirculationSignature> value;  ///< simple, timestamped, signed
  friend bool operator==(const Checkmark&, const Checkmark&) = default;
};
struct CirculationMember {
  RecipientSpecifier circulation_recipient;
  std::optional<Checkmark> checked;
  friend bool operator==(const CirculationMember&, const CirculationMember&) = default;
};
using CirculationList = std::vector<CirculationMember>;

/// B.1.8.
struct DistributionCode {
  std::optional<asn1::Oid> oid_code;
  std::optional<UniversalOrBMPString> alphanumeric_code;
  std::optional<ORDescriptor> or_descriptor;
  friend bool operator==(const DistributionCode&, const DistributionCode&) = default;
};
using DistributionCodes = std::vector<DistributionCode>;

using ExtendedSubject = UniversalOrBMPString;  ///< B.1.9: stands in place of the subject field.

/// B.1.10.
struct InformationCategory {
  std::optional<asn1::Oid> reference;
  std::optional<UniversalOrBMPString> description;
  friend bool operator==(const InformationCategory&, const InformationCategory&) = default;
};
using InformationCategories = std::vector<InformationCategory>;

using ManualHandlingInstructions = std::vector<UniversalOrBMPString>;  ///< B.1.11
using OriginatorsReference = UniversalOrBMPString;                     ///< B.1.12
using PrecedencePolicyIdentifier = asn1::Oid;                          ///< B.1.13

/// B.2.1, a recipient extension: the recipient is on the circulation list.
struct CirculationListIndicator : asn1::Null {};
/// B.2.2, a recipient extension: 0..ub_precedence, of the policy that the heading names.
enum class Precedence : std::int64_t {};
/// IPMSSecurityExtensions, a recipient extension.
struct RecipientSecurityRequest : asn1::BitString {
  static constexpr std::size_t content_non_repudiation = 0, content_proof = 1, ipn_non_repudiation = 2, ipn_proof = 3;
};
/// IPMSSecurityExtensions, a notification extension: what was asked to be proved, as it came.
struct IpnSecurityResponse {
  std::vector<asn1::Any> unknown;  ///< original-content or original-security-arguments, security-diagnostic-code.
  friend bool operator==(const IpnSecurityResponse&, const IpnSecurityResponse&) = default;
};

const asn1::Type& schema(asn1::Of<IncompleteCopy>);
const asn1::Type& schema(asn1::Of<AutoSubmitted>);
const asn1::Type& schema(asn1::Of<BodyPartSignature>);
const asn1::Type& schema(asn1::Of<BodyPartSecurityLabel>);
const asn1::Type& schema(asn1::Of<IPMSecurityLabel>);
const asn1::Type& schema(asn1::Of<CirculationSignature>);
const asn1::Type& schema(asn1::Of<Checkmark>);
const asn1::Type& schema(asn1::Of<CirculationMember>);
const asn1::Type& schema(asn1::Of<DistributionCode>);
const asn1::Type& schema(asn1::Of<InformationCategory>);
const asn1::Type& schema(asn1::Of<CirculationListIndicator>);
const asn1::Type& schema(asn1::Of<Precedence>);
const asn1::Type& schema(asn1::Of<RecipientSecurityRequest>);
const asn1::Type& schema(asn1::Of<IpnSecurityResponse>);

/// An extension that X.420 defines.
struct ExtensionKind {
  asn1::Oid oid;
  std::string_view name;  ///< As in the standard: "auto-submitted".
  const asn1::Type* type = nullptr;
};
/// All of them: heading, recipient, security and other-notification extensions.
[[nodiscard]] const std::vector<ExtensionKind>& extension_kinds();
[[nodiscard]] const ExtensionKind* find_extension_kind(const asn1::Oid& oid);
/// What the extension's value is described by; nullptr for one that X.420 does not have.
[[nodiscard]] const asn1::Type* extension_type(const asn1::Oid& oid);

namespace detail {
template <HeadingExtensionType N>
auto heading_extension_value() {
  using enum HeadingExtensionType;
  if constexpr (N == IncompleteCopy) return ipm::IncompleteCopy{};
  if constexpr (N == Languages) return ipm::Languages{};
  if constexpr (N == AutoSubmitted) return ipm::AutoSubmitted{};
  if constexpr (N == BodyPartSignatures) return ipm::BodyPartSignatures{};
  if constexpr (N == IpmSecurityLabel) return ipm::IPMSecurityLabel{};
  if constexpr (N == AuthorizationTime) return ipm::AuthorizationTime{};
  if constexpr (N == CirculationListRecipients) return ipm::CirculationList{};
  if constexpr (N == DistributionCodes) return ipm::DistributionCodes{};
  if constexpr (N == ExtendedSubject || N == OriginatorsReference) return UniversalOrBMPString{};
  if constexpr (N == InformationCategory) return ipm::InformationCategories{};
  if constexpr (N == ManualHandlingInstructions) return ipm::ManualHandlingInstructions{};
  if constexpr (N == PrecedencePolicyId) return asn1::Oid{};
}
}  // namespace detail
template <HeadingExtensionType N>
using HeadingExtensionValue = decltype(detail::heading_extension_value<N>());

/// The value of the first extension of that type; BadInput where its octets are not of the type X.420 gives it.
template <class T>
[[nodiscard]] Result<std::optional<T>> extension_value(const IPMSExtensions& extensions, const asn1::Oid& oid) {
  const IPMSExtension* found = find_extension(extensions, oid);
  if (found == nullptr) return std::optional<T>{};
  const ExtensionKind* kind = find_extension_kind(oid);
  POSTERN_TRY(auto value, asn1::from_any<T>(found->value, {}, *kind->type));
  return std::optional<T>{std::move(value)};
}
template <HeadingExtensionType N>
[[nodiscard]] Result<std::optional<HeadingExtensionValue<N>>> heading_extension(const Heading& heading) {
  return extension_value<HeadingExtensionValue<N>>(heading.extensions, id_hex(N));
}
/// In place of one of the same type.
template <class T>
[[nodiscard]] Status set_extension(IPMSExtensions& extensions, const asn1::Oid& oid, const T& value) {
  POSTERN_TRY(asn1::Any any, asn1::to_any(value, *extension_type(oid)));
  std::erase_if(extensions, [&](const IPMSExtension& each) { return each.type == oid; });
  extensions.push_back({oid, std::move(any)});
  return {};
}
template <HeadingExtensionType N>
[[nodiscard]] Status set_heading_extension(Heading& heading, const HeadingExtensionValue<N>& value) {
  return set_extension(heading.extensions, id_hex(N), value);
}

}  // namespace postern::ipm
