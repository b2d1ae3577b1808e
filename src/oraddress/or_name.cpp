#include "oraddress/or_name.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "oraddress/bounds.hpp"
#include "oraddress/extension.hpp"

namespace postern::oraddress {

using namespace asn1;

void NumericOrPrintable::assign(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_digit))
    value = NumericString(text);
  else
    value = PrintableString(text);
}

bool ORAddress::is_absent() const {
  return built_in_standard_attributes == BuiltInStandardAttributes{} && !built_in_domain_defined_attributes && !extension_attributes;
}

namespace {

Type domain_name(std::string_view name, std::int64_t least) {
  return choice<&NumericOrPrintable::value>(name,
                                            {
                                                alternative<&NumericOrPrintable::value, 0>("numeric").size(least, ub_domain_name_length),
                                                alternative<&NumericOrPrintable::value, 1>("printable").size(least, ub_domain_name_length),
                                            });
}

const Type& organizational_unit_name() {
  static const Type type =
      renamed<OrganizationalUnitName>("OrganizationalUnitName", schema(Of<PrintableString>{})).size(1, ub_organizational_unit_name_length);
  return type;
}
const Type& organizational_unit_names() {
  static const Type type = sequence_of_type<OrganizationalUnitName>("OrganizationalUnitNames", &organizational_unit_name);
  return type;
}
const Type& built_in_domain_defined_attributes_type() {
  static const Type type = sequence_of_type<BuiltInDomainDefinedAttribute>("BuiltInDomainDefinedAttributes");
  return type;
}
const Type& extension_attributes_type() {
  static const Type type = set_of_type<ExtensionAttribute>("ExtensionAttributes");
  return type;
}
const Type& relative_distinguished_name() {
  static const Type type = set_of_type<AttributeTypeAndValue>("RelativeDistinguishedName");
  return type;
}
const Type& rdn_sequence() {
  static const Type type = sequence_of_type<RelativeDistinguishedName>("RDNSequence", &relative_distinguished_name);
  return type;
}

Field built_in_standard_attributes_field() { return field<&ORAddress::built_in_standard_attributes>("built-in-standard-attributes"); }
Field built_in_domain_defined_attributes_field() {
  return field<&ORAddress::built_in_domain_defined_attributes>("built-in-domain-defined-attributes")
      .as(built_in_domain_defined_attributes_type())
      .size(1, ub_domain_defined_attributes);
}
Field extension_attributes_field() {
  return field<&ORAddress::extension_attributes>("extension-attributes").as(extension_attributes_type()).size(1, ub_extension_attributes);
}

}  // namespace

// X.501 8.2
const Type& schema(Of<AttributeTypeAndValue>) {
  static const Type type = sequence<AttributeTypeAndValue>(
      "AttributeTypeAndValue", {field<&AttributeTypeAndValue::type>("type"), field<&AttributeTypeAndValue::value>("value")});
  return type;
}
const Type& schema(Of<Name>) {
  static const Type type = choice<&Name::value>("Name", {alternative<&Name::value, 0>("rdnSequence").as(rdn_sequence())});
  return type;
}

// X.411 8.5.4, 8.5.5
const Type& schema(Of<CountryName>) {
  static const Type type = renamed<CountryName>("CountryName", schema(Of<PhysicalDeliveryCountryName>{})).implicitly(application(1));
  return type;
}
const Type& schema(Of<AdministrationDomainName>) {
  static const Type type = domain_name("AdministrationDomainName", 0).implicitly(application(2));
  return type;
}
const Type& schema(Of<PrivateDomainName>) {
  static const Type type = domain_name("PrivateDomainName", 1);
  return type;
}
const Type& schema(Of<GlobalDomainIdentifier>) {
  using T = GlobalDomainIdentifier;
  static const Type type = sequence<T>("GlobalDomainIdentifier",
                                       {
                                           field<&T::country_name>("country-name"),
                                           field<&T::administration_domain_name>("administration-domain-name"),
                                           field<&T::private_domain_identifier>("private-domain-identifier"),
                                       })
                               .implicitly(application(3));
  return type;
}

const Type& schema(Of<PersonalName>) {
  using T = PersonalName;
  static const Type type =
      set<T>("PersonalName",
             {
                 field<&T::surname>("surname").implicitly(context(0)).size(1, ub_surname_length),
                 field<&T::given_name>("given-name").implicitly(context(1)).size(1, ub_given_name_length),
                 field<&T::initials>("initials").implicitly(context(2)).size(1, ub_initials_length),
                 field<&T::generation_qualifier>("generation-qualifier").implicitly(context(3)).size(1, ub_generation_qualifier_length),
             });
  return type;
}

const Type& schema(Of<BuiltInStandardAttributes>) {
  using T = BuiltInStandardAttributes;
  static const Type type = sequence<T>(
      "BuiltInStandardAttributes",
      {
          field<&T::country_name>("country-name"),
          field<&T::administration_domain_name>("administration-domain-name"),
          field<&T::network_address>("network-address").implicitly(context(0)).size(1, ub_x121_address_length),
          field<&T::terminal_identifier>("terminal-identifier").implicitly(context(1)).size(1, ub_terminal_id_length),
          field<&T::private_domain_name>("private-domain-name").implicitly(context(2)),  // a CHOICE: explicit (X.680 31.2.7)
          field<&T::organization_name>("organization-name").implicitly(context(3)).size(1, ub_organization_name_length),
          field<&T::numeric_user_identifier>("numeric-user-identifier").implicitly(context(4)).size(1, ub_numeric_user_id_length),
          field<&T::personal_name>("personal-name").implicitly(context(5)),
          field<&T::organizational_unit_names>("organizational-unit-names")
              .as(organizational_unit_names())
              .implicitly(context(6))
              .size(1, ub_organizational_units),
      });
  return type;
}

const Type& schema(Of<BuiltInDomainDefinedAttribute>) {
  using T = BuiltInDomainDefinedAttribute;
  static const Type type =
      sequence<T>("BuiltInDomainDefinedAttribute", {
                                                       field<&T::type>("type").size(1, ub_domain_defined_attribute_type_length),
                                                       field<&T::value>("value").size(1, ub_domain_defined_attribute_value_length),
                                                   });
  return type;
}

const Type& schema(Of<ExtensionAttribute>) {
  using T = ExtensionAttribute;
  static const Type type = sequence<T>(
      "ExtensionAttribute",
      {
          field<&T::extension_attribute_type>("extension-attribute-type").implicitly(context(0)).size(0, ub_extension_attributes),
          field<&T::extension_attribute_value>("extension-attribute-value")
              .implicitly(context(1))  // an open type: explicit
              .holds([](const void* parent) { return value_type(static_cast<const T*>(parent)->extension_attribute_type); }),
      });
  return type;
}

const Type& schema(Of<ORAddress>) {
  static const Type type = sequence<ORAddress>("ORAddress", {
                                                                built_in_standard_attributes_field(),
                                                                built_in_domain_defined_attributes_field(),
                                                                extension_attributes_field(),
                                                            });
  return type;
}
const Type& schema(Of<ORName>) {
  static const Type type = sequence<ORName>("ORName",
                                            {
                                                built_in_standard_attributes_field(),
                                                built_in_domain_defined_attributes_field(),
                                                extension_attributes_field(),
                                                field<&ORName::directory_name>("directory-name").implicitly(context(0)),
                                            })
                               .implicitly(application(0));
  return type;
}

}  // namespace postern::oraddress
