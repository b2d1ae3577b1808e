#include "identity/saslprep.hpp"

#include <stringprep.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace postern {
namespace {

// NFKC makes at most 11 times as many bytes of a character (U+FDFA); libidn wants room for the final NUL as well.
constexpr std::size_t kGrowth = 12;

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

const char* reason_of(int code) {
  switch (code) {
    case STRINGPREP_CONTAINS_PROHIBITED:
      return "contains a character that may not stand there (control, private use, or another of RFC 4013 2.3)";
    case STRINGPREP_CONTAINS_UNASSIGNED:
      return "contains a character that SASLprep does not know (RFC 4013 2.5; emoji and other young characters)";
    case STRINGPREP_BIDI_BOTH_L_AND_RAL:
    case STRINGPREP_BIDI_LEADTRAIL_NOT_RAL:
    case STRINGPREP_BIDI_CONTAINS_PROHIBITED:
      return "mixes letters of both writing directions, or has a digit or sign at an end of right-to-left text (RFC 4013 2.4)";
    default: return "cannot be prepared (RFC 4013)";
  }
}

}  // namespace

Result<SecretBytes> saslprep(std::string_view text, SaslPrepAs as, std::string_view what) {
  const auto refuse = [&](const char* why) { return fail(ErrorCode::BadInput, "the " + std::string(what) + " " + why, std::string(what)); };
  if (text.empty()) return refuse("is empty");
  if (!is_utf8(text)) return refuse("is not UTF-8");
  // 2.3 has the control characters, NUL among them, where libidn would see the end of the text.
  if (text.find('\0') != std::string_view::npos) return refuse(reason_of(STRINGPREP_CONTAINS_PROHIBITED));
  if (is_printable_ascii(text)) return SecretBytes::from_text(text);
  SecretBytes buffer(text.size() * kGrowth + 1);
  char* prepared = reinterpret_cast<char*>(buffer.span().data());
  std::ranges::copy(text, prepared);
  prepared[text.size()] = '\0';
  const auto flags = static_cast<Stringprep_profile_flags>(as == SaslPrepAs::Stored ? STRINGPREP_NO_UNASSIGNED : 0);
  const int code = stringprep(prepared, buffer.size(), flags, stringprep_saslprep);
  if (code != STRINGPREP_OK) return refuse(reason_of(code));
  const std::size_t size = ::strnlen(prepared, buffer.size());
  if (size == 0) return refuse("has no character that counts (RFC 4013 2.1)");
  return SecretBytes(buffer.view().first(size));
}

Result<std::string> saslprep_name(std::string_view text, SaslPrepAs as, std::string_view what) {
  POSTERN_TRY(const SecretBytes prepared, saslprep(text, as, what));
  return std::string(as_text(prepared.view()));
}

}  // namespace postern
