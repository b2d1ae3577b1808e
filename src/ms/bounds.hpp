// Upper bounds of X.413 (MSUpperBounds). Sizes of strings are characters, of lists elements, of numbers values.
#pragma once

#include <cstdint>

namespace postern::ms::ub {

inline constexpr std::int64_t alert_addresses = 16;
inline constexpr std::int64_t attribute_values = 32767;
inline constexpr std::int64_t attributes_supported = 1024;
inline constexpr std::int64_t auto_actions = 128;
inline constexpr std::int64_t auto_registrations = 1024;
inline constexpr std::int64_t default_registrations = 1024;
inline constexpr std::int64_t entry_classes = 128;
inline constexpr std::int64_t error_reasons = 16;
inline constexpr std::int64_t extensions = 32;
inline constexpr std::int64_t group_depth = 64;
inline constexpr std::int64_t group_descriptor_length = 256;
inline constexpr std::int64_t group_part_length = 128;
inline constexpr std::int64_t matching_rules = 1024;
inline constexpr std::int64_t message_groups = 8192;
inline constexpr std::int64_t messages = 2147483647;
inline constexpr std::int64_t modifications = 32767;
inline constexpr std::int64_t nested_filters = 32;
inline constexpr std::int64_t per_auto_action = 32767;
inline constexpr std::int64_t per_entry = 1024;
inline constexpr std::int64_t service_information_length = 2048;
inline constexpr std::int64_t summaries = 16;
inline constexpr std::int64_t supplementary_info_length = 256;
inline constexpr std::int64_t ua_registration_identifier_length = 32;
inline constexpr std::int64_t ua_registrations = 128;
inline constexpr std::int64_t ua_restrictions = 16;

}  // namespace postern::ms::ub
