#include "oraddress/extension.hpp"

#include <array>
#include <functional>

#include "oraddress/bounds.hpp"

namespace postern::oraddress {

using namespace asn1;

namespace {

/// UniversalOrBMPString{bound}: the bound counts characters, so each bound is a description of its own.
template <std::int64_t Bound>
const Type& character_encoding() {
  using T = UniversalOrBMPString::CharacterEncoding;
  static const Type type = choice<&T::value>("", {
                                                     alternative<&T::value, 0>("two-octets").size(1, Bound),
                                                     alternative<&T::value, 1>("four-octets").size(1, Bound),
                                                 });
  return type;
}
template <std::int64_t Bound>
const Type& universal() {
  using T = UniversalOrBMPString;
  static const Type type =
      set<T>("UniversalOrBMPString", {
                                         field<&T::character_encoding>("character-encoding").as(character_encoding<Bound>()),
                                         field<&T::iso_639_language_code>("iso-639-language-code").size(2, 5),
                                     });
  return type;
}

template <class String, std::int64_t Bound>
const Type& sized() {
  static const Type type = renamed<String>("", schema(Of<String>{})).size(1, Bound);
  return type;
}
template <std::int64_t Bound>
const Type& teletex() {
  return sized<TeletexString, Bound>();
}
template <std::int64_t Bound>
const Type& printable() {
  return sized<PrintableString, Bound>();
}

template <class T>
Type list_of_units(std::string_view name, const Type& (*element)()) {
  return sequence_of_type<T>(name, element).size(1, ub_organizational_units);
}
const Type& teletex_units() {
  static const Type type = list_of_units<TeletexString>("TeletexOrganizationalUnitNames", &teletex<ub_organizational_unit_name_length>);
  return type;
}
const Type& universal_units() {
  static const Type type =
      list_of_units<UniversalOrBMPString>("UniversalOrganizationalUnitNames", &universal<ub_organizational_unit_name_length>);
  return type;
}
const Type& teletex_attributes() {
  static const Type type =
      sequence_of_type<TeletexDomainDefinedAttribute>("TeletexDomainDefinedAttributes").size(1, ub_domain_defined_attributes);
  return type;
}
const Type& universal_attributes() {
  static const Type type =
      sequence_of_type<UniversalDomainDefinedAttribute>("UniversalDomainDefinedAttributes").size(1, ub_domain_defined_attributes);
  return type;
}
const Type& printable_lines() {
  static const Type type =
      sequence_of_type<PrintableString>("", &printable<ub_pds_parameter_length>).size(1, ub_pds_physical_address_lines);
  return type;
}
template <class T>
const Type& described() {
  return schema(Of<T>{});
}

/// X.411 8.5.5, ExtensionAttributeTable.
struct Row {
  ExtensionAttributeType number;
  std::string_view name;
  const Type& (*type)();
};
using enum ExtensionAttributeType;
constexpr auto kUniversalParameter = &universal<ub_pds_parameter_length>;
constexpr auto kParameter = &described<PDSParameter>;
constexpr std::array kTable{
    Row{common_name, "common-name", &printable<ub_common_name_length>},
    Row{teletex_common_name, "teletex-common-name", &teletex<ub_common_name_length>},
    Row{teletex_organization_name, "teletex-organization-name", &teletex<ub_organization_name_length>},
    Row{teletex_personal_name, "teletex-personal-name", &described<TeletexPersonalName>},
    Row{teletex_organizational_unit_names, "teletex-organizational-unit-names", &teletex_units},
    Row{teletex_domain_defined_attributes, "teletex-domain-defined-attributes", &teletex_attributes},
    Row{pds_name, "pds-name", &printable<ub_pds_name_length>},
    Row{physical_delivery_country_name, "physical-delivery-country-name", &described<PhysicalDeliveryCountryName>},
    Row{postal_code, "postal-code", &described<PostalCode>},
    Row{physical_delivery_office_name, "physical-delivery-office-name", kParameter},
    Row{physical_delivery_office_number, "physical-delivery-office-number", kParameter},
    Row{extension_OR_address_components, "extension-OR-address-components", kParameter},
    Row{physical_delivery_personal_name, "physical-delivery-personal-name", kParameter},
    Row{physical_delivery_organization_name, "physical-delivery-organization-name", kParameter},
    Row{extension_physical_delivery_address_components, "extension-physical-delivery-address-components", kParameter},
    Row{unformatted_postal_address, "unformatted-postal-address", &described<UnformattedPostalAddress>},
    Row{street_address, "street-address", kParameter},
    Row{post_office_box_address, "post-office-box-address", kParameter},
    Row{poste_restante_address, "poste-restante-address", kParameter},
    Row{unique_postal_name, "unique-postal-name", kParameter},
    Row{local_postal_attributes, "local-postal-attributes", kParameter},
    Row{extended_network_address, "extended-network-address", &described<ExtendedNetworkAddress>},
    Row{terminal_type, "terminal-type", &described<TerminalType>},
    Row{universal_common_name, "universal-common-name", &universal<ub_common_name_length>},
    Row{universal_organization_name, "universal-organization-name", &universal<ub_organization_name_length>},
    Row{universal_personal_name, "universal-personal-name", &described<UniversalPersonalName>},
    Row{universal_organizational_unit_names, "universal-organizational-unit-names", &universal_units},
    Row{universal_domain_defined_attributes, "universal-domain-defined-attributes", &universal_attributes},
    Row{universal_physical_delivery_office_name, "universal-physical-delivery-office-name", kUniversalParameter},
    Row{universal_physical_delivery_office_number, "universal-physical-delivery-office-number", kUniversalParameter},
    Row{universal_extension_OR_address_components, "universal-extension-OR-address-components", kUniversalParameter},
    Row{universal_physical_delivery_personal_name, "universal-physical-delivery-personal-name", kUniversalParameter},
    Row{universal_physical_delivery_organization_name, "universal-physical-delivery-organization-name", kUniversalParameter},
    Row{universal_extension_physical_delivery_address_components, "universal-extension-physical-delivery-address-components",
        kUniversalParameter},
    Row{universal_unformatted_postal_address, "universal-unformatted-postal-address", &universal<ub_unformatted_address_length>},
    Row{universal_street_address, "universal-street-address", kUniversalParameter},
    Row{universal_post_office_box_address, "universal-post-office-box-address", kUniversalParameter},
    Row{universal_poste_restante_address, "universal-poste-restante-address", kUniversalParameter},
    Row{universal_unique_postal_name, "universal-unique-postal-name", kUniversalParameter},
    Row{universal_local_postal_attributes, "universal-local-postal-attributes", kUniversalParameter},
};
static_assert([] {
  for (std::size_t i = 0; i < kTable.size(); ++i)
    if (static_cast<std::size_t>(kTable[i].number) != i + 1) return false;
  return kTable.size() == 40;
}());

const Row* row_of(ExtensionAttributeType type) noexcept {
  const auto number = static_cast<std::int64_t>(type);
  return number >= 1 && number <= static_cast<std::int64_t>(kTable.size()) ? &kTable[static_cast<std::size_t>(number - 1)] : nullptr;
}

std::vector<NamedNumber> names_of_types() {
  std::vector<NamedNumber> out;
  for (const Row& row : kTable) out.push_back({row.name, static_cast<std::int64_t>(row.number)});
  return out;
}

template <class T>
Type personal_name(std::string_view name, const Type& surname, const Type& given_name, const Type& initials, const Type& generation) {
  return set<T>(name, {
                          field<&T::surname>("surname").as(surname).implicitly(context(0)),
                          field<&T::given_name>("given-name").as(given_name).implicitly(context(1)),
                          field<&T::initials>("initials").as(initials).implicitly(context(2)),
                          field<&T::generation_qualifier>("generation-qualifier").as(generation).implicitly(context(3)),
                      });
}

}  // namespace

const Type* value_type(ExtensionAttributeType type) {
  const Row* row = row_of(type);
  return row == nullptr ? nullptr : &row->type();
}
std::string name_of(ExtensionAttributeType type) {
  const Row* row = row_of(type);
  return row == nullptr ? "extension-attribute " + std::to_string(static_cast<std::int64_t>(type)) : std::string(row->name);
}

const Any* find_extension(const ORAddress& address, ExtensionAttributeType type) noexcept {
  if (!address.extension_attributes) return nullptr;
  const auto found = std::ranges::find(*address.extension_attributes, type, &ExtensionAttribute::extension_attribute_type);
  return found == address.extension_attributes->end() ? nullptr : &found->extension_attribute_value;
}

void set_extension(ORAddress& address, ExtensionAttributeType type, Any value) {
  if (!address.extension_attributes) address.extension_attributes.emplace();
  ExtensionAttributes& all = *address.extension_attributes;
  const auto found = std::ranges::find(all, type, &ExtensionAttribute::extension_attribute_type);
  if (found == all.end())
    all.push_back({type, std::move(value)});
  else
    found->extension_attribute_value = std::move(value);
}

void erase_extension(ORAddress& address, ExtensionAttributeType type) {
  if (!address.extension_attributes) return;
  std::erase_if(*address.extension_attributes, [&](const ExtensionAttribute& held) { return held.extension_attribute_type == type; });
  if (address.extension_attributes->empty()) address.extension_attributes.reset();
}

Result<UniversalOrBMPString> UniversalOrBMPString::from_utf8(std::string_view text) {
  UniversalOrBMPString out;
  if (auto two = asn1::from_utf8(Alphabet::Bmp, text)) {
    out.character_encoding.value = BmpString(*std::move(two));
    return out;
  }
  POSTERN_TRY(std::string four, asn1::from_utf8(Alphabet::Universal, text));
  out.character_encoding.value = UniversalString(std::move(four));
  return out;
}
Result<std::string> UniversalOrBMPString::utf8() const {
  if (const auto* two = std::get_if<BmpString>(&character_encoding.value)) return to_utf8(Alphabet::Bmp, two->octets);
  return to_utf8(Alphabet::Universal, std::get<UniversalString>(character_encoding.value).octets);
}

const Type& schema(Of<ExtensionAttributeType>) {
  static const Type type = [] {
    Type made = integer<ExtensionAttributeType>("ExtensionAttributeType", {});
    made.names = names_of_types();
    return made;
  }();
  return type;
}
const Type& schema(Of<UniversalOrBMPString::CharacterEncoding>) { return character_encoding<ub_unformatted_address_length>(); }
const Type& schema(Of<UniversalOrBMPString>) { return universal<ub_unformatted_address_length>(); }

const Type& schema(Of<TeletexPersonalName>) {
  static const Type type =
      personal_name<TeletexPersonalName>("TeletexPersonalName", teletex<ub_surname_length>(), teletex<ub_given_name_length>(),
                                         teletex<ub_initials_length>(), teletex<ub_generation_qualifier_length>());
  return type;
}
const Type& schema(Of<UniversalPersonalName>) {
  static const Type type = personal_name<UniversalPersonalName>(
      "UniversalPersonalName", universal<ub_universal_surname_length>(), universal<ub_universal_given_name_length>(),
      universal<ub_universal_initials_length>(), universal<ub_universal_generation_qualifier_length>());
  return type;
}

const Type& schema(Of<TeletexDomainDefinedAttribute>) {
  using T = TeletexDomainDefinedAttribute;
  static const Type type =
      sequence<T>("TeletexDomainDefinedAttribute", {
                                                       field<&T::type>("type").size(1, ub_domain_defined_attribute_type_length),
                                                       field<&T::value>("value").size(1, ub_domain_defined_attribute_value_length),
                                                   });
  return type;
}
const Type& schema(Of<UniversalDomainDefinedAttribute>) {
  using T = UniversalDomainDefinedAttribute;
  static const Type type = sequence<T>("UniversalDomainDefinedAttribute",
                                       {
                                           field<&T::type>("type").as(universal<ub_domain_defined_attribute_type_length>()),
                                           field<&T::value>("value").as(universal<ub_domain_defined_attribute_value_length>()),
                                       });
  return type;
}

const Type& schema(Of<PhysicalDeliveryCountryName>) {
  using T = NumericOrPrintable;
  static const Type type = choice<&T::value>(
      "PhysicalDeliveryCountryName",
      {
          alternative<&T::value, 0>("x121-dcc-code").size(ub_country_name_numeric_length, ub_country_name_numeric_length),
          alternative<&T::value, 1>("iso-3166-alpha2-code").size(ub_country_name_alpha_length, ub_country_name_alpha_length),
      });
  return type;
}
const Type& schema(Of<PostalCode>) {
  using T = NumericOrPrintable;
  static const Type type = choice<&T::value>("PostalCode", {
                                                               alternative<&T::value, 0>("numeric-code").size(1, ub_postal_code_length),
                                                               alternative<&T::value, 1>("printable-code").size(1, ub_postal_code_length),
                                                           });
  return type;
}

const Type& schema(Of<PDSParameter>) {
  using T = PDSParameter;
  static const Type type = set<T>("PDSParameter", {
                                                      field<&T::printable_string>("printable-string").size(1, ub_pds_parameter_length),
                                                      field<&T::teletex_string>("teletex-string").size(1, ub_pds_parameter_length),
                                                  });
  return type;
}
const Type& schema(Of<UnformattedPostalAddress>) {
  using T = UnformattedPostalAddress;
  static const Type type =
      set<T>("UnformattedPostalAddress", {
                                             field<&T::printable_address>("printable-address").as(printable_lines()),
                                             field<&T::teletex_string>("teletex-string").size(1, ub_unformatted_address_length),
                                         });
  return type;
}

// X.520 5.11.1
const Type& schema(Of<PresentationAddress>) {
  using T = PresentationAddress;
  static const Type type = sequence<T>("PresentationAddress",
                                       {
                                           field<&T::pSelector>("pSelector").explicitly(context(0)),
                                           field<&T::sSelector>("sSelector").explicitly(context(1)),
                                           field<&T::tSelector>("tSelector").explicitly(context(2)),
                                           field<&T::nAddresses>("nAddresses").as(set_of<OctetString>()).explicitly(context(3)).size(1, 64),
                                       });
  return type;
}
const Type& schema(Of<E163_4Address>) {
  using T = E163_4Address;
  static const Type type =
      sequence<T>("", {
                          field<&T::number>("number").implicitly(context(0)).size(1, ub_e163_4_number_length),
                          field<&T::sub_address>("sub-address").implicitly(context(1)).size(1, ub_e163_4_sub_address_length),
                      });
  return type;
}
const Type& schema(Of<ExtendedNetworkAddress>) {
  using T = ExtendedNetworkAddress;
  static const Type type = choice<&T::value>("ExtendedNetworkAddress", {
                                                                           alternative<&T::value, 0>("e163-4-address"),
                                                                           alternative<&T::value, 1>("psap-address").implicitly(context(0)),
                                                                       });
  return type;
}
const Type& schema(Of<TerminalType>) {
  static const Type type =
      integer<TerminalType>("TerminalType",
                            {{"telex", 3}, {"teletex", 4}, {"g3-facsimile", 5}, {"g4-facsimile", 6}, {"ia5-terminal", 7}, {"videotex", 8}})
          .size(0, ub_integer_options);
  return type;
}

}  // namespace postern::oraddress
