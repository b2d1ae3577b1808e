#include "ipm/general_text.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ipm/charset_tables.hpp"

namespace postern::ipm {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr char escape = '\x1B';

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | (c >> shift & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6U);
    tail(0);
  } else {
    out += static_cast<char>(0xE0U | c >> 12U);
    tail(6);
    tail(0);
  }
}

bool is_utf8_registration(std::int64_t registration) { return registration == 196 || (registration >= 190 && registration <= 192); }

const RightHalf* half_by_registration(std::int64_t registration) {
  const auto found =
      std::ranges::find_if(right_halves(), [&](const RightHalf& each) { return std::int64_t{each.registration} == registration; });
  return found == right_halves().end() ? nullptr : &*found;
}
const RightHalf* half_by_final(char final_octet) {
  const auto found = std::ranges::find(right_halves(), final_octet, &RightHalf::final_octet);
  return found == right_halves().end() ? nullptr : &*found;
}

/// CR LF and CR become LF.
std::string with_lf(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t from = 0;
  for (std::size_t at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', from)) {
    out.append(text.substr(from, at - from)) += '\n';
    from = at + (text.substr(at).starts_with("\r\n") ? 2 : 1);
  }
  return out += text.substr(from);
}

/// An 8-bit environment of ISO 2022: ISO 646 on the left, one 96-character set on the right, or UTF-8 in place of both.
class Reader {
 public:
  Reader(const GeneralTextParameters& parameters, std::string_view octets) : m_octets(octets) {
    for (const std::int64_t each : parameters) {
      if (is_utf8_registration(each)) m_utf8 = true;
      if (const RightHalf* half = half_by_registration(each); half != nullptr && m_right == nullptr) m_right = half;
    }
  }

  PlainText read() {
    while (m_at < m_octets.size()) step();
    m_out.utf8 = with_lf(m_out.utf8);
    return std::move(m_out);
  }

 private:
  void step() {
    const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != escape; };
    const auto* const from = m_octets.begin() + m_at;
    const auto run = static_cast<std::size_t>(std::find_if_not(from, m_octets.end(), plain) - from);
    m_out.utf8 += m_octets.substr(m_at, run);
    m_at += run;
    if (m_at == m_octets.size()) return;
    if (m_octets[m_at] == escape)
      escaped();
    else if (m_utf8)
      utf8_character();
    else
      right(static_cast<unsigned char>(m_octets[m_at]));
  }
  void right(unsigned char value) {
    ++m_at;
    const char16_t c = m_right != nullptr && value >= 0xA0 ? m_right->characters.at(value - 0xA0U) : u'\0';
    if (c == 0) return lose(1, "octets outside the character sets that are named");
    append_utf8(m_out.utf8, c);
  }
  void utf8_character() {
    for (std::size_t length = 2; length <= 4 && m_at + length <= m_octets.size(); ++length) {
      const std::string_view character = m_octets.substr(m_at, length);
      if (!is_utf8(character)) continue;
      m_out.utf8 += character;
      m_at += length;
      return;
    }
    ++m_at;
    lose(1, "octets that are no UTF-8");
  }
  void escaped() {
    // ISO 2022 6.2: intermediate octets 2/0 to 2/15, then the final one.
    std::size_t end = m_at + 1;
    while (end < m_octets.size() && m_octets[end] >= 0x20 && m_octets[end] <= 0x2F) ++end;
    const std::size_t length = std::min(end + 1, m_octets.size()) - m_at;
    const std::string_view sequence = m_octets.substr(m_at + 1, length - 1);
    m_at += length;
    if (!designate(sequence)) lose(length, "an escape sequence to a character set that is not known");
  }
  bool designate(std::string_view sequence) {
    if (sequence == "(B" || sequence == "(@" || sequence == "!@") return true;  // ISO 646 to G0, C0 of ISO 646
    if (sequence == "%G" || sequence == "%/G" || sequence == "%/H" || sequence == "%/I") return m_utf8 = true;
    if (sequence == "%@") return m_utf8 = false, true;
    const RightHalf* half = sequence.size() == 2 && sequence[0] == '-' ? half_by_final(sequence[1]) : nullptr;
    if (half != nullptr) m_right = half;
    return half != nullptr;
  }
  void lose(std::size_t octets, std::string_view why) {
    m_out.utf8 += replacement;
    m_out.lost += octets;
    if (m_out.remark.empty()) m_out.remark = why;
  }

  std::string_view m_octets;
  std::size_t m_at = 0;
  const RightHalf* m_right = nullptr;
  bool m_utf8 = false;
  PlainText m_out;
};

/// A code point of well-formed UTF-8 below U+0100, the only ones ISO 8859-1 has; 0 for others. C1 controls are none of its characters.
std::string to_latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto value = static_cast<unsigned char>(utf8[i]);
    if (value < 0x80) {
      out += utf8[i];
      continue;
    }
    const unsigned char next = i + 1 < utf8.size() ? static_cast<unsigned char>(utf8[i + 1]) : 0;
    const unsigned code = (value & 0x1FU) << 6U | (next & 0x3FU);
    if (value > 0xC3 || code < 0xA0) return {};
    out += static_cast<char>(code);
    ++i;
  }
  return out;
}

Result<BodyPart> general_text(GeneralTextParameters parameters, std::string octets) {
  POSTERN_TRY(ExtendedBodyPart part, extended_body_part(BodyPartType::GeneralText, parameters, GeneralTextData(std::move(octets))));
  return BodyPart{std::move(part)};
}

}  // namespace

std::string with_crlf(std::string_view text) {
  const std::string lines = with_lf(text);
  std::string out;
  out.reserve(lines.size());
  std::size_t from = 0;
  for (std::size_t at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', from)) {
    out.append(lines, from, at - from) += "\r\n";
    from = at + 1;
  }
  return out.append(lines, from);
}

PlainText general_text_to_utf8(const GeneralTextParameters& parameters, std::string_view octets) {
  return Reader(parameters, octets).read();
}

PlainText text_to_utf8(asn1::Alphabet alphabet, std::string_view octets) {
  if (auto utf8 = asn1::to_utf8(alphabet, octets)) return {with_lf(*utf8), 0, {}};
  PlainText out = Reader({}, octets).read();
  if (out.remark.empty()) out.remark = "octets outside the alphabet";
  return out;
}

TextForm smallest_form(std::string_view utf8) {
  const bool ascii = std::ranges::all_of(utf8, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return TextForm::Ia5;
  return to_latin1(utf8).empty() ? TextForm::Utf8 : TextForm::Latin1;
}

Result<BodyPart> text_body_part(std::string_view utf8, TextForm form) {
  if (!is_utf8(utf8)) return fail(ErrorCode::BadInput, "not UTF-8", "text");
  if (form < smallest_form(utf8)) return fail(ErrorCode::BadInput, "characters that this form of text does not have", "text");
  const std::string lines = with_crlf(utf8);
  switch (form) {
    case TextForm::Ia5: return BodyPart{IA5TextBodyPart{{}, lines}};
    case TextForm::Latin1: return general_text({1, 6, 100}, to_latin1(lines));
    case TextForm::Utf8: return general_text({1, 6, 196}, lines);
  }
  return fail(ErrorCode::Internal, "no such form of text", "text");
}

}  // namespace postern::ipm
