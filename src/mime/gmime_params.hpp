// Content-Type details shared by the tree and the parameter parser. Internal to mime/.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mime/gmime.hpp"

namespace postern {

/// Whether a Content-Type value begins with type "/" subtype (RFC 2045 5.1).
[[nodiscard]] bool is_media_type(std::string_view value) noexcept;
/// Names in lower case; of a repeated name the first counts.
[[nodiscard]] std::map<std::string, std::string> parameters_of(GMimeParamList* list);

/// g_mime_content_type_parse() of a raw, folded value.
[[nodiscard]] GPtr<GMimeContentType> parsed_type(std::string_view value);
/// g_mime_content_disposition_parse() of a raw, folded value.
[[nodiscard]] GPtr<GMimeContentDisposition> parsed_disposition(std::string_view value);

}  // namespace postern
