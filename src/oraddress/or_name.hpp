// O/R names and O/R addresses as X.411 8.5.5 ("OR Names") defines them in ASN.1, types and components under the standard's own names.
//
// Plain values that own their octets. Whether an address makes sense (its form, its alphabet) is asked in or_text.hpp and compare.hpp; the
// encoder refuses what breaks an upper bound of X.411 annex B, the decoder notes it as a quirk.
// Extension attributes are kept as they came (type and open value), so that one that nobody knows passes through untouched; extension.hpp
// gives typed access.
#pragma once

#include "asn1/schema.hpp"

namespace postern::oraddress {

// ---- X.501 8: directory names. Values of attributes stay as they came.
struct AttributeTypeAndValue {
  asn1::Oid type;
  asn1::Any value;
  friend bool operator==(const AttributeTypeAndValue&, const AttributeTypeAndValue&) = default;
};
using RelativeDistinguishedName = std::vector<AttributeTypeAndValue>;  ///< SET OF
using RDNSequence = std::vector<RelativeDistinguishedName>;            ///< The root first.
struct Name {
  std::variant<RDNSequence> value;
  [[nodiscard]] const RDNSequence& rdn_sequence() const { return std::get<RDNSequence>(value); }
  friend bool operator==(const Name&, const Name&) = default;
};

// ---- names of domains
/// A CHOICE that several types share: digits or printable characters, with one meaning (X.402 18.4: they compare as characters).
struct NumericOrPrintable {
  std::variant<asn1::NumericString, asn1::PrintableString> value{asn1::PrintableString{}};
  [[nodiscard]] bool is_numeric() const noexcept { return value.index() == 0; }
  [[nodiscard]] const std::string& text() const noexcept { return is_numeric() ? std::get<0>(value).octets : std::get<1>(value).octets; }
  /// Digits become the numeric alternative, everything else the printable one.
  void assign(std::string_view text);
  friend bool operator==(const NumericOrPrintable&, const NumericOrPrintable&) = default;
};
/// `make<CountryName>("DE")`, `make<PrivateDomainName>("4711")`.
template <class T>
[[nodiscard]] T make(std::string_view text) {
  T out;
  out.assign(text);
  return out;
}

struct CountryName : NumericOrPrintable {};  ///< x121-dcc-code (three digits) or iso-3166-alpha2-code.
/// X.402 18.3.1: one space stands for any administration domain of the country; "0" for a private domain that none reaches.
struct AdministrationDomainName : NumericOrPrintable {};
struct PrivateDomainName : NumericOrPrintable {};
using PrivateDomainIdentifier = PrivateDomainName;

/// Names one management domain all over the world (X.411 8.5.4).
struct GlobalDomainIdentifier {
  CountryName country_name;
  AdministrationDomainName administration_domain_name;
  std::optional<PrivateDomainIdentifier> private_domain_identifier;
  friend bool operator==(const GlobalDomainIdentifier&, const GlobalDomainIdentifier&) = default;
};

// ---- built-in standard attributes
using X121Address = asn1::NumericString;
using NetworkAddress = X121Address;
using TerminalIdentifier = asn1::PrintableString;
using OrganizationName = asn1::PrintableString;
using NumericUserIdentifier = asn1::NumericString;
using OrganizationalUnitName = asn1::PrintableString;
using OrganizationalUnitNames = std::vector<OrganizationalUnitName>;  ///< The unit nearest to the organization first, at most four.

/// PersonalName and its two variants in other alphabets.
template <class String>
struct PersonalNameIn {
  String surname;
  std::optional<String> given_name;
  std::optional<String> initials;  ///< Without that of the surname.
  std::optional<String> generation_qualifier;
  friend bool operator==(const PersonalNameIn&, const PersonalNameIn&) = default;
};
using PersonalName = PersonalNameIn<asn1::PrintableString>;

struct BuiltInStandardAttributes {
  std::optional<CountryName> country_name;
  std::optional<AdministrationDomainName> administration_domain_name;
  std::optional<NetworkAddress> network_address;
  std::optional<TerminalIdentifier> terminal_identifier;
  std::optional<PrivateDomainName> private_domain_name;
  std::optional<OrganizationName> organization_name;
  std::optional<NumericUserIdentifier> numeric_user_identifier;
  std::optional<PersonalName> personal_name;
  std::optional<OrganizationalUnitNames> organizational_unit_names;
  friend bool operator==(const BuiltInStandardAttributes&, const BuiltInStandardAttributes&) = default;
};

// ---- domain-defined attributes
template <class String>
struct DomainDefinedAttributeIn {
  String type;
  String value;
  friend bool operator==(const DomainDefinedAttributeIn&, const DomainDefinedAttributeIn&) = default;
};
using BuiltInDomainDefinedAttribute = DomainDefinedAttributeIn<asn1::PrintableString>;
using BuiltInDomainDefinedAttributes = std::vector<BuiltInDomainDefinedAttribute>;

// ---- extension attributes
enum class ExtensionAttributeType : std::int64_t {
  common_name = 1,
  teletex_common_name = 2,
  teletex_organization_name = 3,
  teletex_personal_name = 4,
  teletex_organizational_unit_names = 5,
  teletex_domain_defined_attributes = 6,
  pds_name = 7,
  physical_delivery_country_name = 8,
  postal_code = 9,
  physical_delivery_office_name = 10,
  physical_delivery_office_number = 11,
  extension_OR_address_components = 12,
  physical_delivery_personal_name = 13,
  physical_delivery_organization_name = 14,
  extension_physical_delivery_address_components = 15,
  unformatted_postal_address = 16,
  street_address = 17,
  post_office_box_address = 18,
  poste_restante_address = 19,
  unique_postal_name = 20,
  local_postal_attributes = 21,
  extended_network_address = 22,
  terminal_type = 23,
  universal_common_name = 24,
  universal_organization_name = 25,
  universal_personal_name = 26,
  universal_organizational_unit_names = 27,
  universal_domain_defined_attributes = 28,
  universal_physical_delivery_office_name = 29,
  universal_physical_delivery_office_number = 30,
  universal_extension_OR_address_components = 31,
  universal_physical_delivery_personal_name = 32,
  universal_physical_delivery_organization_name = 33,
  universal_extension_physical_delivery_address_components = 34,
  universal_unformatted_postal_address = 35,
  universal_street_address = 36,
  universal_post_office_box_address = 37,
  universal_poste_restante_address = 38,
  universal_unique_postal_name = 39,
  universal_local_postal_attributes = 40,
};

struct ExtensionAttribute {
  ExtensionAttributeType extension_attribute_type{};
  asn1::Any extension_attribute_value;
  friend bool operator==(const ExtensionAttribute&, const ExtensionAttribute&) = default;
};
using ExtensionAttributes = std::vector<ExtensionAttribute>;  ///< SET OF, in the order they came.

// ---- the names themselves
struct ORAddress {
  BuiltInStandardAttributes built_in_standard_attributes;
  std::optional<BuiltInDomainDefinedAttributes> built_in_domain_defined_attributes;
  std::optional<ExtensionAttributes> extension_attributes;
  /// X.411 8.5.5: no attribute at all; an O/R name then is its directory name.
  [[nodiscard]] bool is_absent() const;
  friend bool operator==(const ORAddress&, const ORAddress&) = default;
};
/// [APPLICATION 0] SEQUENCE {COMPONENTS OF ORAddress, directory-name [0] Name OPTIONAL}: a base class for COMPONENTS OF.
struct ORName : ORAddress {
  std::optional<Name> directory_name;
  friend bool operator==(const ORName&, const ORName&) = default;
};
using ORAddressAndOrDirectoryName = ORName;
using ORAddressAndOptionalDirectoryName = ORName;

const asn1::Type& schema(asn1::Of<AttributeTypeAndValue>);
const asn1::Type& schema(asn1::Of<Name>);
const asn1::Type& schema(asn1::Of<CountryName>);
const asn1::Type& schema(asn1::Of<AdministrationDomainName>);
const asn1::Type& schema(asn1::Of<PrivateDomainName>);
const asn1::Type& schema(asn1::Of<GlobalDomainIdentifier>);
const asn1::Type& schema(asn1::Of<PersonalName>);
const asn1::Type& schema(asn1::Of<BuiltInStandardAttributes>);
const asn1::Type& schema(asn1::Of<BuiltInDomainDefinedAttribute>);
const asn1::Type& schema(asn1::Of<ExtensionAttributeType>);
const asn1::Type& schema(asn1::Of<ExtensionAttribute>);
const asn1::Type& schema(asn1::Of<ORAddress>);
const asn1::Type& schema(asn1::Of<ORName>);

}  // namespace postern::oraddress
