// The character string types: which octets each has, and what they mean as Unicode (X.680 41, T.61).
#include <algorithm>
#include <array>
#include <bitset>

#include "asn1/teletex.hpp"
#include "asn1/unicode.hpp"
#include "asn1/values.hpp"

namespace postern::asn1 {
namespace {

using Octets = std::bitset<256>;

constexpr std::string_view kPrintable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?";  // X.680 41.4
constexpr std::string_view kNumeric = "0123456789 ";                                                                   // X.680 41.2

Octets octets_of(std::string_view characters) {
  Octets made;
  for (const char c : characters) made.set(static_cast<Byte>(c));
  return made;
}
Octets range(unsigned first, unsigned last) {
  Octets made;
  for (unsigned c = first; c <= last; ++c) made.set(c);
  return made;
}

/// How an alphabet is checked and converted.
enum class Form : std::uint8_t {
  Ascii,    ///< One octet a character, those of ASCII.
  Teletex,  ///< T.61.
  Wide,     ///< `width` octets a character, the code point.
  Utf8,
};

struct Entry {
  std::string_view name;
  std::uint32_t tag = 0;
  Form form{};
  std::size_t width = 1;
  Octets octets;  ///< For Form::Ascii: those that may stand in a value.
};

// X.680 table 8 for the sets, X.690 8.23.5 for escape sequences: Graphic and General strings may designate any registered set, so only the
// control octets of the first are foreign to it. Videotex (T.100, T.101) has no octet that could not be part of it.
const Entry& entry_of(Alphabet alphabet) {
  static const Octets graphic = range(0x20, 0x7E) | range(0xA0, 0xFF) | octets_of("\x1B");
  static const std::array<Entry, 12> entries{{
      {"NumericString", 18, Form::Ascii, 1, octets_of(kNumeric)},
      {"PrintableString", 19, Form::Ascii, 1, octets_of(kPrintable)},
      {"TeletexString", 20, Form::Teletex, 1, {}},
      {"VideotexString", 21, Form::Ascii, 1, range(0, 0xFF)},
      {"IA5String", 22, Form::Ascii, 1, range(0, 0x7F)},
      {"GraphicString", 25, Form::Ascii, 1, graphic},
      {"VisibleString", 26, Form::Ascii, 1, range(0x20, 0x7E)},
      {"GeneralString", 27, Form::Ascii, 1, range(0, 0xFF)},
      {"UniversalString", 28, Form::Wide, 4, {}},
      {"BMPString", 30, Form::Wide, 2, {}},
      {"UTF8String", 12, Form::Utf8, 1, {}},
      {"ObjectDescriptor", 7, Form::Ascii, 1, graphic},
  }};
  return entries[static_cast<std::size_t>(alphabet)];
}

std::string hex_octet(char octet) { return "0x" + hex_encode(as_bytes({&octet, 1})); }

std::string code_point_name(char32_t c) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "U+%04X", static_cast<unsigned>(c));
  return text.data();
}

tl::unexpected<Error> not_a_character(const Entry& entry, std::string_view octets, std::size_t at) {
  return fail(ErrorCode::BadInput,
              "octet " + hex_octet(octets[at]) + " at offset " + std::to_string(at) + " is not a character of " + std::string(entry.name));
}

char32_t wide_at(std::string_view octets, std::size_t width) {
  char32_t c = 0;
  for (std::size_t i = 0; i < width; ++i) c = c << 8 | static_cast<Byte>(octets[i]);
  return c;
}

std::optional<std::size_t> first_foreign_wide(std::string_view octets, std::size_t width) noexcept {
  std::size_t at = 0;
  for (; octets.size() - at >= width; at += width)
    if (!is_scalar(wide_at(octets.substr(at), width))) return at;
  if (at != octets.size()) return at;
  return std::nullopt;
}

std::optional<std::size_t> first_foreign_utf8(std::string_view octets) noexcept {
  const std::size_t size = octets.size();
  while (!octets.empty())
    if (!take_utf8(octets)) return size - octets.size();
  return std::nullopt;
}

/// One character of an alphabet with one octet (or `width` octets) each; T.61 has its own.
bool append_character(const Entry& entry, char32_t c, std::string& out) {
  if (entry.form == Form::Teletex) return append_teletex(c, out);
  if (entry.form == Form::Ascii) {
    if (c >= 0x80 || !entry.octets.test(c)) return false;
    out.push_back(static_cast<char>(c));
    return true;
  }
  if (entry.width == 2 && c > 0xFFFF) return false;
  for (std::size_t i = entry.width; i-- > 0;) out.push_back(static_cast<char>((c >> (8 * i)) & 0xFFU));
  return true;
}

}  // namespace

std::string_view name_of(Alphabet alphabet) noexcept { return entry_of(alphabet).name; }
Tag tag_of(Alphabet alphabet) noexcept { return universal(entry_of(alphabet).tag); }

std::optional<std::size_t> first_foreign_octet(Alphabet alphabet, std::string_view octets) noexcept {
  const Entry& entry = entry_of(alphabet);
  switch (entry.form) {
    case Form::Teletex: return first_foreign_teletex(octets);
    case Form::Wide: return first_foreign_wide(octets, entry.width);
    case Form::Utf8: return first_foreign_utf8(octets);
    case Form::Ascii: break;
  }
  const auto* found = std::ranges::find_if_not(octets, [&](char c) { return entry.octets.test(static_cast<Byte>(c)); });
  if (found == octets.end()) return std::nullopt;
  return static_cast<std::size_t>(found - octets.begin());
}

Result<std::string> to_utf8(Alphabet alphabet, std::string_view octets) {
  const Entry& entry = entry_of(alphabet);
  if (const auto foreign = first_foreign_octet(alphabet, octets)) return not_a_character(entry, octets, *foreign);
  if (entry.form == Form::Utf8) return std::string(octets);
  std::string out;
  out.reserve(octets.size());
  std::string_view left = octets;
  while (!left.empty()) {
    const std::size_t at = octets.size() - left.size();
    if (entry.form == Form::Teletex) {
      if (!take_teletex(left, out)) return not_a_character(entry, octets, at);
      continue;
    }
    const char32_t c = wide_at(left, entry.width);
    if (entry.form == Form::Ascii && c >= 0x80) return not_a_character(entry, octets, at);
    append_utf8(c, out);
    left.remove_prefix(entry.width);
  }
  return out;
}

Result<std::string> from_utf8(Alphabet alphabet, std::string_view utf8) {
  const Entry& entry = entry_of(alphabet);
  if (const auto foreign = first_foreign_utf8(utf8))
    return fail(ErrorCode::BadInput, "the text is not UTF-8 from octet " + std::to_string(*foreign) + " on");
  if (entry.form == Form::Utf8) return std::string(utf8);
  std::string out;
  out.reserve(utf8.size() * entry.width);
  while (!utf8.empty()) {
    const char32_t c = *take_utf8(utf8);
    if (!append_character(entry, c, out))
      return fail(ErrorCode::BadInput, "the character " + code_point_name(c) + " is not one of " + std::string(entry.name));
  }
  return out;
}

}  // namespace postern::asn1
