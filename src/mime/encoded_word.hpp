// RFC 2047 encoded words in header text, both ways.
#pragma once

#include <string>
#include <string_view>

namespace postern {

/// Unstructured header text to UTF-8: unfolds and decodes encoded words; charsets by name through iconv. Octets that are not valid in their
/// charset become U+FFFD, so the answer is always UTF-8.
[[nodiscard]] std::string decode_header_text(std::string_view value);

/// UTF-8 to header text: unchanged when it is printable ASCII that no reader would take for an encoded word, else encoded words of at most
/// 75 characters separated by one space (fold_field() breaks there). Control characters become spaces.
[[nodiscard]] std::string encode_header_text(std::string_view utf8);

/// The same for a phrase (display name): atoms, a quoted string, or encoded words whose alphabet is safe there (RFC 2047 5(3)).
[[nodiscard]] std::string encode_phrase(std::string_view utf8);

}  // namespace postern
