#include "oraddress/printable_encoding.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "oraddress/attribute.hpp"

namespace postern::oraddress {

namespace {

struct Code {
  char letter;
  char character;
};
constexpr Code kCodes[] = {{'a', '@'}, {'b', '!'}, {'l', '('}, {'p', '%'}, {'q', '"'}, {'r', ')'}, {'u', '_'}};

std::string coded(char c) {
  for (const Code& code : kCodes)
    if (code.character == c) return {'(', code.letter, ')'};
  return {'(', static_cast<char>('0' + c / 100), static_cast<char>('0' + c / 10 % 10), static_cast<char>('0' + c % 10), ')'};
}

/// The character that the code at the front stands for, and the size of the code; nothing where there is none.
std::optional<std::pair<char, std::size_t>> decoded(std::string_view text) {
  if (text.size() >= 3 && text[2] == ')') {
    const char letter = ascii_lower(text[1]);
    if (letter == 'h') return std::pair('#', std::size_t{3});
    for (const Code& code : kCodes)
      if (code.letter == letter) return std::pair(code.character, std::size_t{3});
  }
  if (text.size() < 5 || text[4] != ')' || !std::ranges::all_of(text.substr(1, 3), is_digit)) return std::nullopt;
  const int number = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
  if (number > 127) return std::nullopt;
  return std::pair(static_cast<char>(number), std::size_t{5});
}

}  // namespace

Result<std::string> to_printable(std::string_view ascii) {
  std::string out;
  for (std::size_t i = 0; i < ascii.size(); ++i) {
    const char c = ascii[i];
    if (static_cast<unsigned char>(c) >= 0x80)
      return fail(ErrorCode::BadInput, "at octet " + std::to_string(i) + ": a character outside ASCII has no form in PrintableString");
    out += c != '(' && c != ')' && is_printable({&c, 1}) ? std::string(1, c) : coded(c);
  }
  return out;
}

std::string from_printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto found = text.front() == '(' ? decoded(text) : std::nullopt;
    out += found ? found->first : text.front();
    text.remove_prefix(found ? found->second : 1);
  }
  return out;
}

}  // namespace postern::oraddress
