// Upper bounds of X.411 (MTSUpperBounds, annex B). Sizes of strings are characters, of lists elements, of numbers values.
#pragma once

#include <cstdint>

namespace postern::mts::ub {

inline constexpr std::int64_t additional_info = 1024;
inline constexpr std::int64_t bilateral_info = 1024;
inline constexpr std::int64_t bit_options = 16;
inline constexpr std::int64_t built_in_content_type = 32767;
inline constexpr std::int64_t built_in_encoded_information_types = 32;
inline constexpr std::int64_t certificates = 64;
inline constexpr std::int64_t content_correlator_length = 512;
inline constexpr std::int64_t content_id_length = 16;
inline constexpr std::int64_t content_length = 2147483647;
inline constexpr std::int64_t content_types = 1024;
inline constexpr std::int64_t deliverable_class = 256;
inline constexpr std::int64_t diagnostic_codes = 32767;
inline constexpr std::int64_t dl_expansions = 512;
inline constexpr std::int64_t encoded_information_types = 1024;
inline constexpr std::int64_t extension_types = 256;
inline constexpr std::int64_t integer_options = 256;
inline constexpr std::int64_t labels_and_redirections = 256;
inline constexpr std::int64_t local_id_length = 32;
inline constexpr std::int64_t mta_name_length = 32;
inline constexpr std::int64_t mts_user_types = 256;
inline constexpr std::int64_t orig_and_dl_expansions = dl_expansions + 1;
inline constexpr std::int64_t password_length = 62;
inline constexpr std::int64_t privacy_mark_length = 128;
inline constexpr std::int64_t queue_size = 2147483647;
inline constexpr std::int64_t reason_codes = 32767;
inline constexpr std::int64_t recipient_number_for_advice_length = 32;
inline constexpr std::int64_t recipients = 32767;
inline constexpr std::int64_t redirection_classes = 256;
inline constexpr std::int64_t redirections = 512;
inline constexpr std::int64_t restrictions = 1024;
inline constexpr std::int64_t security_categories = 64;
inline constexpr std::int64_t security_labels = 256;
inline constexpr std::int64_t security_problems = 256;
inline constexpr std::int64_t supplementary_info_length = 256;
inline constexpr std::int64_t transfers = 512;
inline constexpr std::int64_t tsap_id_length = 16;
inline constexpr std::int64_t x121_address_length = 16;

}  // namespace postern::mts::ub
