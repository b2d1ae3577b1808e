#include "oraddress/value_text.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::oraddress {

namespace {

std::string braced(unsigned char octet) {
  return {'{', static_cast<char>('0' + octet / 100), static_cast<char>('0' + octet / 10 % 10), static_cast<char>('0' + octet % 10), '}'};
}

/// RFC 2156 4.1: "{" 1*(3DIGIT) "}" at the front of `rest`.
Result<std::string> take_octets(std::string_view& rest) {
  const std::size_t end = rest.find('}');
  if (end == std::string_view::npos) return fail(ErrorCode::BadInput, "a brace is not closed; write {123} for a brace itself");
  const std::string_view digits = rest.substr(1, end - 1);
  if (digits.empty() || digits.size() % 3 != 0 || !std::ranges::all_of(digits, is_digit))
    return fail(ErrorCode::BadInput, "braces hold octets of three decimal digits each, {165}");
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 3) {
    const int octet = (digits[i] - '0') * 100 + (digits[i + 1] - '0') * 10 + (digits[i + 2] - '0');
    if (octet > 255) return fail(ErrorCode::BadInput, "an octet is at most 255");
    out += static_cast<char>(octet);
  }
  rest.remove_prefix(end + 1);
  return out;
}

/// Calls literal(run) and octets(run) for the pieces of the text in turn.
template <class Literal, class Octets>
Status for_each_piece(std::string_view rest, Literal&& literal, Octets&& octets) {
  while (!rest.empty()) {
    const std::size_t brace = std::min(rest.find_first_of("{}"), rest.size());
    if (brace > 0) {
      POSTERN_CHECK(literal(rest.substr(0, brace)));
      rest.remove_prefix(brace);
      continue;
    }
    if (rest.front() == '}') return fail(ErrorCode::BadInput, "a closing brace without an opening one; write {125} for a brace itself");
    POSTERN_TRY(const std::string found, take_octets(rest));
    POSTERN_CHECK(octets(found));
  }
  return {};
}

Result<std::string> teletex_of(std::string_view text) {
  std::string out;
  POSTERN_CHECK(for_each_piece(
      text,
      [&](std::string_view run) -> Status {
        POSTERN_TRY(const std::string octets, asn1::from_utf8(asn1::Alphabet::Teletex, run));
        return out += octets, Status{};
      },
      [&](const std::string& octets) { return out += octets, Status{}; }));
  return out;
}

bool has_t61_octets(std::string_view text) {
  bool found = false;
  (void)for_each_piece(
      text, [](std::string_view) { return Status{}; },
      [&](const std::string& octets) { return found = found || !is_ascii(octets), Status{}; });
  return found;
}

Result<Attribute> variant(Keyword keyword, std::string_view type, std::string_view text, Form form) {
  if (form == Form::Teletex) {
    POSTERN_TRY(std::string type_octets, teletex_of(type));
    POSTERN_TRY(std::string octets, teletex_of(text));
    return Attribute{keyword, form, std::move(type_octets), std::move(octets)};
  }
  POSTERN_TRY(std::string type_text, unescaped(type));
  POSTERN_TRY(std::string characters, unescaped(text));
  if (form == Form::Printable && !(is_printable(characters) && is_printable(type_text)))
    return fail(ErrorCode::BadInput, "has characters outside PrintableString before the asterisk");
  return Attribute{keyword, form, std::move(type_text), std::move(characters)};
}

Result<ReadValue> chosen(Keyword keyword, std::string_view type, std::string_view text) {
  ReadValue out{{}, true};
  if (has_t61_octets(text) || has_t61_octets(type)) {
    POSTERN_TRY(Attribute octets, variant(keyword, type, text, Form::Teletex));
    out.variants.push_back(std::move(octets));
    return out;
  }
  POSTERN_TRY(const std::string type_text, unescaped(type));
  POSTERN_TRY(const std::string characters, unescaped(text));
  POSTERN_TRY(Attribute found, attribute_from_utf8(keyword, characters, type_text));
  out.variants.push_back(std::move(found));
  return out;
}

/// Octets as text that reads back as just these octets.
std::string lossless(const Attribute& each, const std::string& octets, bool ascii) {
  if (each.form == Form::Universal) return escaped(octets, false);
  if (each.form == Form::Teletex && !ascii) {
    const auto text = asn1::to_utf8(asn1::Alphabet::Teletex, octets);
    const auto back = text ? asn1::from_utf8(asn1::Alphabet::Teletex, *text) : text;
    if (text && back && *back == octets) return escaped(*text, false);
  }
  return escaped(octets, true);
}

}  // namespace

std::string escaped(std::string_view text, bool ascii) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool at_end = i == 0 || i + 1 == text.size();
    const bool special = c < ' ' || c == 0x7F || c == '*' || c == '{' || c == '}' || (c == ' ' && at_end) || (ascii && c >= 0x80);
    out += special ? braced(c) : std::string(1, text[i]);
  }
  return out;
}

Result<std::string> unescaped(std::string_view text) {
  std::string out;
  POSTERN_CHECK(for_each_piece(
      text, [&](std::string_view run) { return out += run, Status{}; },
      [&](const std::string& octets) -> Status {
        if (!is_ascii(octets)) return fail(ErrorCode::BadInput, "octets of T.61 in a value of another alphabet");
        return out += octets, Status{};
      }));
  return out;
}

Result<ReadValue> read_value(Keyword keyword, std::string_view type, std::string_view text) {
  if (const auto control = std::ranges::find_if(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
      control != text.end())
    return fail(ErrorCode::BadInput, "has a control character; write {ddd} for it");
  const std::vector<std::string_view> parts = split(text, '*');
  if (parts.size() == 1) return chosen(keyword, type, text);
  if (parts.size() > 3) return fail(ErrorCode::BadInput, "has more than two asterisks; write {042} for an asterisk itself");
  ReadValue out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) continue;
    POSTERN_TRY(Attribute found, variant(keyword, type, parts[i], static_cast<Form>(i)));
    out.variants.push_back(std::move(found));
  }
  if (out.variants.empty()) return fail(ErrorCode::BadInput, "is empty");
  return out;
}

std::string value_text(std::span<const Attribute> variants, bool ascii, bool bare) {
  std::string out;
  auto reached = bare && variants.size() == 1 ? variants.front().form : Form::Printable;
  for (const Attribute& each : variants) {
    for (; reached < each.form; reached = static_cast<Form>(static_cast<int>(reached) + 1)) out += '*';
    out += lossless(each, each.value, ascii);
  }
  return out;
}

bool reads_back_bare(const Attribute& each) {
  if (each.form == Form::Raw) return true;
  const auto again = chosen(each.keyword, lossless(each, each.type, false), lossless(each, each.value, false));
  return again && again->variants.front() == each;
}

Attribute widened(const Attribute& each, Form form) {
  Attribute out = each;
  if (form <= each.form) return out;
  if (each.form == Form::Teletex) {
    out.value = asn1::to_utf8(asn1::Alphabet::Teletex, each.value).value_or(each.value);
    out.type = asn1::to_utf8(asn1::Alphabet::Teletex, each.type).value_or(each.type);
  }
  out.form = form;
  return out;
}

}  // namespace postern::oraddress
