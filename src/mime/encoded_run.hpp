// RFC 2047 words inside other syntax. Internal to mime/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

/// A run of encoded words with white space between them, at the front of a text.
struct EncodedRun {
  std::string text;      ///< UTF-8
  std::size_t size = 0;  ///< Octets it takes; 0: there is none.
};
[[nodiscard]] EncodedRun read_encoded_run(std::string_view text);

/// A Content-Type or Content-Disposition value with the encoded words in its parameters (which RFC 2047 5(3) forbids and many mailers
/// write) decoded and quoted. GMime would decode them too, but drops what stands behind a padded base64 word: enough to hide ".exe".
[[nodiscard]] std::string decode_parameter_words(std::string_view value);

}  // namespace postern
