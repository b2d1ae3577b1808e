// Object identifiers of interpersonal messaging (X.420 annex A): joint-iso-itu-t mhs(6) ipms(1), by category and last arc.
#pragma once

#include <cstdint>

#include "asn1/values.hpp"

namespace postern::ipm {

/// X.420 annex A "Categories": the arc after 2.6.1.
enum class Category : std::uint32_t {
  ExtendedBodyPartType = 4,        ///< id-et
  HeadingExtension = 5,            ///< id-hex
  MessageContentType = 10,         ///< id-mct
  ExtendedBodyPartParameter = 11,  ///< id-ep
  EncodedInformationType = 12,     ///< id-eit
  SecurityExtension = 18,          ///< id-sec
  OtherNotification = 19,          ///< id-on
  RecipientExtension = 20,         ///< id-rex
};
[[nodiscard]] inline asn1::Oid oid_of(Category category, std::uint32_t last) {
  return {2, 6, 1, static_cast<std::uint32_t>(category), last};
}

/// The last arcs of id-et and id-ep (X.420 annex A; 13 is no longer defined).
enum class BodyPartType : std::uint32_t {
  Ia5Text = 0,
  G3Facsimile = 2,
  G4Class1 = 3,
  Teletex = 4,
  Videotex = 5,
  Encrypted = 6,
  Message = 7,
  MixedMode = 8,
  BilaterallyDefined = 9,
  NationallyDefined = 10,
  GeneralText = 11,
  FileTransfer = 12,
  Report = 14,
  Notification = 15,
  Voice = 16,
  Content = 17,  ///< A prefix: the content type's arcs follow.
  Pkcs7 = 18,
};
[[nodiscard]] inline asn1::Oid id_et(BodyPartType type) { return oid_of(Category::ExtendedBodyPartType, static_cast<std::uint32_t>(type)); }
[[nodiscard]] inline asn1::Oid id_ep(BodyPartType type) {
  return oid_of(Category::ExtendedBodyPartParameter, static_cast<std::uint32_t>(type));
}

/// The last arcs of id-hex.
enum class HeadingExtensionType : std::uint32_t {
  IncompleteCopy = 0,
  Languages = 1,
  AutoSubmitted = 2,
  BodyPartSignatures = 3,
  IpmSecurityLabel = 4,
  AuthorizationTime = 5,
  CirculationListRecipients = 6,
  DistributionCodes = 7,
  ExtendedSubject = 8,
  InformationCategory = 9,
  ManualHandlingInstructions = 10,
  OriginatorsReference = 11,
  PrecedencePolicyId = 12,
};
[[nodiscard]] inline asn1::Oid id_hex(HeadingExtensionType type) {
  return oid_of(Category::HeadingExtension, static_cast<std::uint32_t>(type));
}

[[nodiscard]] inline asn1::Oid id_rex_circulation_list_indicator() { return oid_of(Category::RecipientExtension, 0); }
[[nodiscard]] inline asn1::Oid id_rex_precedence() { return oid_of(Category::RecipientExtension, 1); }
[[nodiscard]] inline asn1::Oid id_sec_ipm_security_request() { return oid_of(Category::SecurityExtension, 0); }
[[nodiscard]] inline asn1::Oid id_sec_security_common_fields() { return oid_of(Category::SecurityExtension, 1); }
[[nodiscard]] inline asn1::Oid id_on_absence_advice() { return oid_of(Category::OtherNotification, 0); }
[[nodiscard]] inline asn1::Oid id_on_change_of_address_advice() { return oid_of(Category::OtherNotification, 1); }
[[nodiscard]] inline asn1::Oid id_mct_p2_1984() { return oid_of(Category::MessageContentType, 0); }
[[nodiscard]] inline asn1::Oid id_mct_p2_1988() { return oid_of(Category::MessageContentType, 1); }
[[nodiscard]] inline asn1::Oid id_eit_file_transfer() { return oid_of(Category::EncodedInformationType, 0); }
[[nodiscard]] inline asn1::Oid id_eit_voice() { return oid_of(Category::EncodedInformationType, 1); }

/// X.420 20.4: the encoded information type of a general text body part's character set, by its registration number.
[[nodiscard]] inline asn1::Oid id_cs_eit_authority(std::uint32_t registration) { return {1, 0, 10021, 7, 1, 0, registration}; }

/// ISO 8571-2: document type FTAM-3 and the abstract syntax of its data.
[[nodiscard]] inline asn1::Oid id_ftam_unstructured_binary() { return {1, 0, 8571, 5, 3}; }
[[nodiscard]] inline asn1::Oid id_ftam_unstructured_text() { return {1, 0, 8571, 5, 1}; }
[[nodiscard]] inline asn1::Oid id_ftam_unstructured_binary_as() { return {1, 0, 8571, 2, 4}; }

}  // namespace postern::ipm
