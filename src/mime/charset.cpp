#include "mime/charset.hpp"

#include <array>
#include <cerrno>

#include "base/text.hpp"
#include "mime/gmime.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

class Converter {
 public:
  explicit Converter(const std::string& charset) : m_handle(g_iconv_open("UTF-8", g_mime_charset_iconv_name(charset.c_str()))) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (known()) g_iconv_close(m_handle);
  }
  [[nodiscard]] bool known() const noexcept { return m_handle != reinterpret_cast<GIConv>(-1); }

  /// Total: an octet that cannot be converted becomes U+FFFD.
  [[nodiscard]] std::string convert(std::string_view text) const {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    std::array<char, 4096> buffer{};
    gchar* in = const_cast<char*>(text.data());  // iconv's signature; it does not write there
    gsize in_left = text.size();
    while (in_left > 0) {
      gchar* to = buffer.data();
      gsize to_left = buffer.size();
      const bool failed = g_iconv(m_handle, &in, &in_left, &to, &to_left) == static_cast<gsize>(-1);
      const int why = errno;
      out.append(buffer.data(), buffer.size() - to_left);
      if (!failed || why == E2BIG) continue;
      out += kReplacement;
      if (in_left == 0) break;
      ++in;
      --in_left;
    }
    return out;
  }

 private:
  GIConv m_handle;
};

}  // namespace

std::string to_utf8(std::string_view text, const std::string& charset) {
  ensure_gmime();
  const bool claims_utf8 = charset == "utf-8" || charset == "us-ascii" || charset.empty();
  if (claims_utf8 && is_utf8(text)) return std::string(text);
  if (charset == "utf-8") return made_valid_utf8(text);
  const Converter named(charset.empty() || charset == "us-ascii" ? "windows-1252" : charset);
  if (named.known()) return made_valid_utf8(named.convert(text));
  if (is_utf8(text)) return std::string(text);
  return Converter("windows-1252").convert(text);
}

std::string text_of(const MimePart& part) { return to_utf8(as_text(part.content), part.charset); }

}  // namespace postern
