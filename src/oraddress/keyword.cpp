#include "oraddress/keyword.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "oraddress/bounds.hpp"

namespace postern::oraddress {

namespace {

using enum ExtensionAttributeType;

constexpr KeywordRow simple(Keyword keyword, std::string_view brief, std::string_view full, std::string_view about, std::int64_t most) {
  return {.keyword = keyword, .brief = brief, .full = full, .about = about, .most = most};
}
constexpr KeywordRow digits(Keyword keyword, std::string_view brief, std::string_view full, std::string_view about, std::int64_t most) {
  return {.keyword = keyword, .brief = brief, .full = full, .about = about, .digits = true, .most = most};
}
constexpr KeywordRow any_form(Keyword keyword, std::string_view brief, std::string_view full, std::string_view about, std::int64_t most,
                              std::int64_t most_universal) {
  return {.keyword = keyword,
          .brief = brief,
          .full = full,
          .about = about,
          .teletex = true,
          .universal = true,
          .most = most,
          .most_universal = most_universal};
}
constexpr KeywordRow postal(Keyword keyword, std::string_view brief, std::string_view full, std::string_view about,
                            ExtensionAttributeType extension, ExtensionAttributeType universal_extension) {
  KeywordRow row = any_form(keyword, brief, full, about, ub_pds_parameter_length, ub_pds_parameter_length);
  row.extension = extension;
  row.universal_extension = universal_extension;
  return row;
}
constexpr KeywordRow unit(Keyword keyword, std::string_view name) {
  return any_form(keyword, name, name, "organizational-unit-names", ub_organizational_unit_name_length, ub_organizational_unit_name_length);
}
constexpr KeywordRow address_line(Keyword keyword, std::string_view name) {
  return simple(keyword, name, name, "unformatted-postal-address", ub_pds_parameter_length);
}

constexpr std::array kRows{
    simple(Keyword::C, "C", "C", "country-name", ub_country_name_numeric_length),
    simple(Keyword::A, "A", "ADMD", "administration-domain-name", ub_domain_name_length),
    simple(Keyword::P, "P", "PRMD", "private-domain-name", ub_domain_name_length),
    digits(Keyword::X121, "X121", "X121", "network-address", ub_x121_address_length),
    digits(Keyword::NetNum, "NET-NUM", "NET-NUM", "extended-network-address.number", ub_e163_4_number_length),
    digits(Keyword::NetSub, "NET-SUB", "NET-SUB", "extended-network-address.sub-address", ub_e163_4_sub_address_length),
    simple(Keyword::Psap, "PSAP", "NET-PSAP", "extended-network-address.psap-address", 1024),
    simple(Keyword::TId, "T-ID", "T-ID", "terminal-identifier", ub_terminal_id_length),
    simple(Keyword::TTy, "T-TY", "T-TY", "terminal-type", 8),
    any_form(Keyword::O, "O", "O", "organization-name", ub_organization_name_length, ub_organization_name_length),
    unit(Keyword::OU1, "OU1"),
    unit(Keyword::OU2, "OU2"),
    unit(Keyword::OU3, "OU3"),
    unit(Keyword::OU4, "OU4"),
    digits(Keyword::NId, "N-ID", "UA-ID", "numeric-user-identifier", ub_numeric_user_id_length),
    any_form(Keyword::CN, "CN", "CN", "common-name", ub_common_name_length, ub_common_name_length),
    any_form(Keyword::S, "S", "S", "personal-name.surname", ub_surname_length, ub_universal_surname_length),
    any_form(Keyword::G, "G", "G", "personal-name.given-name", ub_given_name_length, ub_universal_given_name_length),
    any_form(Keyword::I, "I", "I", "personal-name.initials", ub_initials_length, ub_universal_initials_length),
    any_form(Keyword::Q, "Q", "GQ", "personal-name.generation-qualifier", ub_generation_qualifier_length,
             ub_universal_generation_qualifier_length),
    simple(Keyword::PdSn, "PD-SN", "PD-SERVICE", "pds-name", ub_pds_name_length),
    simple(Keyword::PdC, "PD-C", "PD-C", "physical-delivery-country-name", ub_country_name_numeric_length),
    simple(Keyword::PdPc, "PD-PC", "PD-CODE", "postal-code", ub_postal_code_length),
    postal(Keyword::PdOf, "PD-OF", "PD-OFFICE", "physical-delivery-office-name", physical_delivery_office_name,
           universal_physical_delivery_office_name),
    postal(Keyword::PdOfn, "PD-OFN", "PD-OFFICE-NUM", "physical-delivery-office-number", physical_delivery_office_number,
           universal_physical_delivery_office_number),
    postal(Keyword::PdO, "PD-O", "PD-O", "physical-delivery-organization-name", physical_delivery_organization_name,
           universal_physical_delivery_organization_name),
    postal(Keyword::PdPn, "PD-PN", "PD-PN", "physical-delivery-personal-name", physical_delivery_personal_name,
           universal_physical_delivery_personal_name),
    postal(Keyword::PdEa, "PD-EA", "PD-EXT-ADDRESS", "extension-OR-address-components", extension_OR_address_components,
           universal_extension_OR_address_components),
    postal(Keyword::PdEd, "PD-ED", "PD-EXT-DELIVERY", "extension-physical-delivery-address-components",
           extension_physical_delivery_address_components, universal_extension_physical_delivery_address_components),
    address_line(Keyword::PdA1, "PD-A1"),
    address_line(Keyword::PdA2, "PD-A2"),
    address_line(Keyword::PdA3, "PD-A3"),
    address_line(Keyword::PdA4, "PD-A4"),
    address_line(Keyword::PdA5, "PD-A5"),
    address_line(Keyword::PdA6, "PD-A6"),
    any_form(Keyword::PdAddress, "PD-ADDRESS", "PD-ADDRESS", "unformatted-postal-address", ub_unformatted_address_length,
             ub_unformatted_address_length),
    postal(Keyword::PdS, "PD-S", "PD-STREET", "street-address", street_address, universal_street_address),
    postal(Keyword::PdB, "PD-B", "PD-BOX", "post-office-box-address", post_office_box_address, universal_post_office_box_address),
    postal(Keyword::PdR, "PD-R", "PD-RESTANTE", "poste-restante-address", poste_restante_address, universal_poste_restante_address),
    postal(Keyword::PdU, "PD-U", "PD-UNIQUE", "unique-postal-name", unique_postal_name, universal_unique_postal_name),
    postal(Keyword::PdL, "PD-L", "PD-LOCAL", "local-postal-attributes", local_postal_attributes, universal_local_postal_attributes),
    any_form(Keyword::Dda, "DDA", "DD", "domain-defined-attribute", ub_domain_defined_attribute_value_length,
             ub_domain_defined_attribute_value_length),
    simple(Keyword::Ext, "EXT", "EXT", "extension-attribute", 1 << 16),
};
static_assert([] {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].keyword) != i) return false;
  return kRows.size() == static_cast<std::size_t>(Keyword::Ext) + 1;
}());

struct Synonym {
  std::string_view name;
  Keyword keyword;
};
constexpr Synonym kSynonyms[] = {
    {"COUNTRY", Keyword::C},      {"X.121", Keyword::X121},     {"E.164", Keyword::NetNum},           {"E.163", Keyword::NetNum},
    {"ISDN", Keyword::NetNum},    {"PD-SYSTEM", Keyword::PdSn}, {"PD-OFFICE NUMBER", Keyword::PdOfn}, {"PD-OFFICE-NUMBER", Keyword::PdOfn},
    {"PD-A", Keyword::PdAddress},
};

}  // namespace

std::span<const KeywordRow> keywords() noexcept { return kRows; }
const KeywordRow& row_of(Keyword keyword) noexcept { return kRows[static_cast<std::size_t>(keyword)]; }

std::optional<Keyword> keyword_named(std::string_view name) noexcept {
  for (const KeywordRow& row : kRows)
    if (row.keyword < Keyword::Dda && (iequals(row.brief, name) || iequals(row.full, name))) return row.keyword;
  for (const Synonym& synonym : kSynonyms)
    if (iequals(synonym.name, name)) return synonym.keyword;
  return std::nullopt;
}

}  // namespace postern::oraddress
