// Extension attributes of an O/R address by type (X.411 8.5.5, "ExtensionAttributeTable"): what each holds, and typed access.
//
//   POSTERN_TRY(auto name, extension<ExtensionAttributeType::common_name>(address));   // std::optional<asn1::PrintableString>
//   POSTERN_CHECK(set_extension<ExtensionAttributeType::postal_code>(address, make<PostalCode>("64293")));
#pragma once

#include <algorithm>

#include "asn1/ber.hpp"
#include "oraddress/or_name.hpp"

namespace postern::oraddress {

/// Characters of ISO 10646, two or four octets each, with the language they are in.
struct UniversalOrBMPString {
  struct CharacterEncoding {
    std::variant<asn1::BmpString, asn1::UniversalString> value;
    friend bool operator==(const CharacterEncoding&, const CharacterEncoding&) = default;
  };
  CharacterEncoding character_encoding;
  std::optional<asn1::PrintableString> iso_639_language_code;  ///< "de", or five characters with a country: "de-CH".

  /// BMPString where it suffices, UniversalString otherwise. BadInput where the text is not UTF-8.
  [[nodiscard]] static Result<UniversalOrBMPString> from_utf8(std::string_view text);
  [[nodiscard]] Result<std::string> utf8() const;
  friend bool operator==(const UniversalOrBMPString&, const UniversalOrBMPString&) = default;
};

using TeletexPersonalName = PersonalNameIn<asn1::TeletexString>;
using UniversalPersonalName = PersonalNameIn<UniversalOrBMPString>;
using TeletexOrganizationalUnitNames = std::vector<asn1::TeletexString>;
using UniversalOrganizationalUnitNames = std::vector<UniversalOrBMPString>;
using TeletexDomainDefinedAttribute = DomainDefinedAttributeIn<asn1::TeletexString>;
using TeletexDomainDefinedAttributes = std::vector<TeletexDomainDefinedAttribute>;
using UniversalDomainDefinedAttribute = DomainDefinedAttributeIn<UniversalOrBMPString>;
using UniversalDomainDefinedAttributes = std::vector<UniversalDomainDefinedAttribute>;

struct PhysicalDeliveryCountryName : NumericOrPrintable {};
struct PostalCode : NumericOrPrintable {};

/// One postal component, in either alphabet or in both with one meaning.
struct PDSParameter {
  std::optional<asn1::PrintableString> printable_string;
  std::optional<asn1::TeletexString> teletex_string;
  friend bool operator==(const PDSParameter&, const PDSParameter&) = default;
};
struct UnformattedPostalAddress {
  std::optional<std::vector<asn1::PrintableString>> printable_address;  ///< At most six lines of 30 characters.
  std::optional<asn1::TeletexString> teletex_string;                    ///< Lines end with CR LF.
  friend bool operator==(const UnformattedPostalAddress&, const UnformattedPostalAddress&) = default;
};

/// X.520 5.11.1 (a module with explicit tags).
struct PresentationAddress {
  std::optional<asn1::OctetString> pSelector;
  std::optional<asn1::OctetString> sSelector;
  std::optional<asn1::OctetString> tSelector;
  std::vector<asn1::OctetString> nAddresses;  ///< NSAP addresses, at least one.
  friend bool operator==(const PresentationAddress&, const PresentationAddress&) = default;
};
struct E163_4Address {
  asn1::NumericString number;
  std::optional<asn1::NumericString> sub_address;
  friend bool operator==(const E163_4Address&, const E163_4Address&) = default;
};
struct ExtendedNetworkAddress {
  std::variant<E163_4Address, PresentationAddress> value;
  friend bool operator==(const ExtendedNetworkAddress&, const ExtendedNetworkAddress&) = default;
};
enum class TerminalType : std::int64_t { telex = 3, teletex = 4, g3_facsimile = 5, g4_facsimile = 6, ia5_terminal = 7, videotex = 8 };

const asn1::Type& schema(asn1::Of<UniversalOrBMPString::CharacterEncoding>);
const asn1::Type& schema(asn1::Of<UniversalOrBMPString>);
const asn1::Type& schema(asn1::Of<TeletexPersonalName>);
const asn1::Type& schema(asn1::Of<UniversalPersonalName>);
const asn1::Type& schema(asn1::Of<TeletexDomainDefinedAttribute>);
const asn1::Type& schema(asn1::Of<UniversalDomainDefinedAttribute>);
const asn1::Type& schema(asn1::Of<PhysicalDeliveryCountryName>);
const asn1::Type& schema(asn1::Of<PostalCode>);
const asn1::Type& schema(asn1::Of<PDSParameter>);
const asn1::Type& schema(asn1::Of<UnformattedPostalAddress>);
const asn1::Type& schema(asn1::Of<PresentationAddress>);
const asn1::Type& schema(asn1::Of<E163_4Address>);
const asn1::Type& schema(asn1::Of<ExtendedNetworkAddress>);
const asn1::Type& schema(asn1::Of<TerminalType>);

namespace detail {
/// The C++ type of each extension attribute's value.
template <ExtensionAttributeType N>
auto extension_value() {
  using enum ExtensionAttributeType;
  if constexpr (N == common_name || N == pds_name)
    return asn1::PrintableString{};
  else if constexpr (N == teletex_common_name || N == teletex_organization_name)
    return asn1::TeletexString{};
  else if constexpr (N == teletex_personal_name)
    return TeletexPersonalName{};
  else if constexpr (N == teletex_organizational_unit_names)
    return TeletexOrganizationalUnitNames{};
  else if constexpr (N == teletex_domain_defined_attributes)
    return TeletexDomainDefinedAttributes{};
  else if constexpr (N == physical_delivery_country_name)
    return PhysicalDeliveryCountryName{};
  else if constexpr (N == postal_code)
    return PostalCode{};
  else if constexpr (N == unformatted_postal_address)
    return UnformattedPostalAddress{};
  else if constexpr (N == extended_network_address)
    return ExtendedNetworkAddress{};
  else if constexpr (N == terminal_type)
    return TerminalType{};
  else if constexpr (N == universal_personal_name)
    return UniversalPersonalName{};
  else if constexpr (N == universal_organizational_unit_names)
    return UniversalOrganizationalUnitNames{};
  else if constexpr (N == universal_domain_defined_attributes)
    return UniversalDomainDefinedAttributes{};
  else if constexpr (N >= physical_delivery_office_name && N <= local_postal_attributes)
    return PDSParameter{};
  else
    return UniversalOrBMPString{};
}
}  // namespace detail
template <ExtensionAttributeType N>
using ExtensionValue = decltype(detail::extension_value<N>());

/// What an extension attribute's value is described by; nullptr for a number that X.411 (1999) does not have.
[[nodiscard]] const asn1::Type* value_type(ExtensionAttributeType type);
/// "common-name", or "extension-attribute 77".
[[nodiscard]] std::string name_of(ExtensionAttributeType type);

/// The open value, nullptr where there is none. The first counts where a peer sent several.
[[nodiscard]] const asn1::Any* find_extension(const ORAddress& address, ExtensionAttributeType type) noexcept;
void set_extension(ORAddress& address, ExtensionAttributeType type, asn1::Any value);
void erase_extension(ORAddress& address, ExtensionAttributeType type);

/// BadInput, with the attribute's name as field, where its octets are not of its type.
template <ExtensionAttributeType N>
[[nodiscard]] Result<std::optional<ExtensionValue<N>>> extension(const ORAddress& address) {
  const asn1::Any* any = find_extension(address, N);
  if (any == nullptr) return std::optional<ExtensionValue<N>>{};
  auto value = asn1::from_any<ExtensionValue<N>>(*any, {}, *value_type(N));
  if (!value) return fail(value.error().code, std::move(value).error().what, name_of(N));
  return std::optional<ExtensionValue<N>>{*std::move(value)};
}
/// BadInput where the value breaks a bound of its type.
template <ExtensionAttributeType N>
[[nodiscard]] Status set_extension(ORAddress& address, const ExtensionValue<N>& value) {
  auto any = asn1::to_any(value, *value_type(N));
  if (!any) return fail(any.error().code, std::move(any).error().what, name_of(N));
  set_extension(address, N, *std::move(any));
  return {};
}

}  // namespace postern::oraddress
