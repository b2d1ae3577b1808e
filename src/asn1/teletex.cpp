#include "asn1/teletex.hpp"

#include <algorithm>
#include <array>

#include "asn1/unicode.hpp"

namespace postern::asn1 {
namespace {

constexpr unsigned char kEscape = 0x1B;
constexpr unsigned char kUnderline = 0xCC;  ///< T.61 figure 2 note: the non-spacing underline goes with every character.
constexpr char32_t kCombiningUnderline = 0x0332;

/// A mark and the letters it goes with, each beside what the two are together. The space gives the mark alone.
struct Mark {
  unsigned char octet;
  std::string_view letters;
  std::u32string_view composed;
};
constexpr std::array<Mark, 13> kMarks{{
    {0xC1, "AEIOUaeiou", U"ÀÈÌÒÙàèìòù"},
    {0xC2, " ACEILNORSUYZaceilnorsuyz", U"´ÁĆÉÍĹŃÓŔŚÚÝŹáćéíĺńóŕśúýź"},
    {0xC3, "ACEGHIJOSUWYaceghijosuwy", U"ÂĈÊĜĤÎĴÔŜÛŴŶâĉêĝĥîĵôŝûŵŷ"},
    {0xC4, "AINOUainou", U"ÃĨÑÕŨãĩñõũ"},
    {0xC5, " AEIOUaeiou", U"¯ĀĒĪŌŪāēīōū"},
    {0xC6, " AGUagu", U"˘ĂĞŬăğŭ"},
    {0xC7, " CEGIZcegz", U"˙ĊĖĠİŻċėġż"},
    {0xC8, " AEIOUYaeiouy", U"¨ÄËÏÖÜŸäëïöüÿ"},
    {0xCA, " AUau", U"˚ÅŮåů"},
    {0xCB, " CGKLNRSTcgklnrst", U"¸ÇĢĶĻŅŖŞŢçģķļņŗşţ"},
    {0xCD, " OUou", U"˝ŐŰőű"},
    {0xCE, " AEIUaeiu", U"˛ĄĘĮŲąęįų"},
    {0xCF, " CDELNRSTZcdelnrstz", U"ˇČĎĚĽŇŘŠŤŽčďěľňřšťž"},
}};
static_assert(std::ranges::all_of(kMarks, [](const Mark& m) { return m.letters.size() == m.composed.size(); }));
constexpr unsigned char kUmlaut = 0xC9;  ///< An older code of the diaeresis (T.61 1984): read as it.

// 0 where T.61 has no character. From 0xA0.
constexpr std::u32string_view kSupplementary{
    U"\0¡¢£$¥#§¤\0\0«\0\0\0\0"
    U"°±²³×µ¶·÷\0\0»¼½¾¿"
    U"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    U"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    U"\u2126ÆÐªĦ\0ĲĿŁØŒºÞŦŊŉ"
    U"ĸæđðħıĳŀłøœßþŧŋ\0",
    96};

/// Control functions that stand for themselves: BS, LF, FF, CR, SUB of ISO-IR 106 and PLD, PLU, CSI of ISO-IR 107.
constexpr std::string_view kControls = "\x08\x0A\x0C\x0D\x1A\x8B\x8C\x9B";

constexpr char32_t kAbsent = 0;

/// The 96 of the left, where T.61 lacks the rest of ASCII.
constexpr char32_t primary(unsigned char octet) {
  if (octet == 0x24) return U'¤';
  constexpr std::string_view absent = "\\^`{}~";
  return absent.find(static_cast<char>(octet)) == std::string_view::npos ? octet : kAbsent;
}

constexpr char32_t single(unsigned char octet) {
  if (kControls.find(static_cast<char>(octet)) != std::string_view::npos) return octet;
  if (octet >= 0x20 && octet <= 0x7F) return primary(octet);
  return octet >= 0xA0 ? kSupplementary[octet - 0xA0U] : kAbsent;
}

constexpr char32_t composed(unsigned char mark, char letter) {
  const unsigned char wanted = mark == kUmlaut ? 0xC8 : mark;
  for (const Mark& known : kMarks) {
    if (known.octet != wanted) continue;
    const auto at = known.letters.find(letter);
    return at == std::string_view::npos ? kAbsent : known.composed[at];
  }
  return kAbsent;
}

/// What the octets at the front are: one code point or two (a letter and its underline).
struct Character {
  char32_t first = kAbsent, second = kAbsent;
  std::size_t octets = 0;
};

Character front(std::string_view octets) noexcept {
  const auto lead = static_cast<unsigned char>(octets[0]);
  if (lead < 0xC0 || lead > 0xCF) return {single(lead), kAbsent, 1};
  if (octets.size() < 2) return {};
  if (lead != kUnderline) return {composed(lead, octets[1]), kAbsent, 2};
  const auto under = static_cast<unsigned char>(octets[1]);
  const char32_t letter = under >= 0x20 ? single(under) : kAbsent;
  return {letter, kCombiningUnderline, 2};
}

bool append_single(char32_t c, std::string& octets) {
  if (c == kAbsent) return false;
  const auto right = kSupplementary.find(c);
  if (right != std::u32string_view::npos) {
    octets.push_back(static_cast<char>(0xA0 + right));
    return true;
  }
  if (c >= 0xA0 || single(static_cast<unsigned char>(c)) != c) return false;
  octets.push_back(static_cast<char>(c));
  return true;
}

bool append_composed(char32_t c, std::string& octets) {
  for (const Mark& mark : kMarks) {
    const auto at = mark.composed.find(c);
    if (at == std::u32string_view::npos) continue;
    octets.push_back(static_cast<char>(mark.octet));
    octets.push_back(mark.letters[at]);
    return true;
  }
  return false;
}

}  // namespace

bool take_teletex(std::string_view& octets, std::string& utf8) {
  const Character found = front(octets);
  if (found.first == kAbsent) return false;
  append_utf8(found.first, utf8);
  if (found.second != kAbsent) append_utf8(found.second, utf8);
  octets.remove_prefix(found.octets);
  return true;
}

bool append_teletex(char32_t c, std::string& octets) {
  if (c == U'Ω') c = U'\u2126';  // what keyboards have for the ohm of T.61
  if (c != kCombiningUnderline) return append_single(c, octets) || append_composed(c, octets);
  if (octets.empty()) return false;
  octets.insert(octets.size() - 1, 1, static_cast<char>(kUnderline));
  return true;
}

std::optional<std::size_t> first_foreign_teletex(std::string_view octets) noexcept {
  std::size_t at = 0;
  while (at < octets.size()) {
    if (static_cast<unsigned char>(octets[at]) == kEscape) return std::nullopt;
    const Character found = front(octets.substr(at));
    if (found.first == kAbsent) return at;
    at += found.octets;
  }
  return std::nullopt;
}

}  // namespace postern::asn1
