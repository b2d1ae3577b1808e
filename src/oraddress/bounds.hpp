// X.411 annex B: the upper bounds of O/R names. Lengths are characters.
#pragma once

#include <cstdint>

namespace postern::oraddress {

inline constexpr std::int64_t ub_common_name_length = 64;
inline constexpr std::int64_t ub_country_name_alpha_length = 2;
inline constexpr std::int64_t ub_country_name_numeric_length = 3;
inline constexpr std::int64_t ub_domain_defined_attributes = 4;
inline constexpr std::int64_t ub_domain_defined_attribute_type_length = 8;
inline constexpr std::int64_t ub_domain_defined_attribute_value_length = 128;
inline constexpr std::int64_t ub_domain_name_length = 16;
inline constexpr std::int64_t ub_extension_attributes = 256;
inline constexpr std::int64_t ub_e163_4_number_length = 15;
inline constexpr std::int64_t ub_e163_4_sub_address_length = 40;
inline constexpr std::int64_t ub_generation_qualifier_length = 3;
inline constexpr std::int64_t ub_given_name_length = 16;
inline constexpr std::int64_t ub_initials_length = 5;
inline constexpr std::int64_t ub_integer_options = 256;
inline constexpr std::int64_t ub_numeric_user_id_length = 32;
inline constexpr std::int64_t ub_organization_name_length = 64;
inline constexpr std::int64_t ub_organizational_unit_name_length = 32;
inline constexpr std::int64_t ub_organizational_units = 4;
inline constexpr std::int64_t ub_pds_name_length = 16;
inline constexpr std::int64_t ub_pds_parameter_length = 30;
inline constexpr std::int64_t ub_pds_physical_address_lines = 6;
inline constexpr std::int64_t ub_postal_code_length = 16;
inline constexpr std::int64_t ub_surname_length = 40;
inline constexpr std::int64_t ub_terminal_id_length = 24;
inline constexpr std::int64_t ub_unformatted_address_length = 180;
inline constexpr std::int64_t ub_universal_generation_qualifier_length = 16;
inline constexpr std::int64_t ub_universal_given_name_length = 40;
inline constexpr std::int64_t ub_universal_initials_length = 16;
inline constexpr std::int64_t ub_universal_surname_length = 64;
inline constexpr std::int64_t ub_x121_address_length = 16;

}  // namespace postern::oraddress
