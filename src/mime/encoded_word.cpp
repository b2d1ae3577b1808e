#include "mime/encoded_word.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "mime/address_cursor.hpp"
#include "mime/gmime.hpp"
#include "mime/message.hpp"

namespace postern {
namespace {

constexpr std::string_view kPrefixB = "=?utf-8?B?";
constexpr std::string_view kPrefixQ = "=?utf-8?Q?";
constexpr std::size_t kMaxWord = 75;  // RFC 2047 2
constexpr std::size_t kPayload = kMaxWord - kPrefixB.size() - 2;
constexpr std::size_t kLongestPlainWord = 900;  // so that a fold is always possible below 998

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// Control characters can come out of an encoded word; a CR or LF there would break out of the next header it is put into.
std::string without_controls(std::string text) {
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text;
}

/// RFC 2047 5(3): the characters that may stand for themselves in a Q word anywhere.
bool is_q_safe(char c) noexcept { return is_alnum(c) || std::string_view("!*+-/").find(c) != std::string_view::npos; }

std::string q_encoded(std::string_view character) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  if (character == " ") return "_";
  if (character.size() == 1 && is_q_safe(character.front())) return std::string(character);
  std::string out;
  for (const char c : character) {
    out += '=';
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

/// The UTF-8 character in front of well-formed text.
std::string_view first_character(std::string_view text) noexcept {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) ++size;
  return text.substr(0, size);
}

std::string as_q_words(std::string_view text) {
  std::string out;
  std::string word;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    const std::string encoded = q_encoded(character);
    if (word.size() + encoded.size() > kPayload) {
      out += std::string(kPrefixQ) + word + "?= ";
      word.clear();
    }
    word += encoded;
    text.remove_prefix(character.size());
  }
  return out + std::string(kPrefixQ) + word + "?=";
}

std::string as_b_words(std::string_view text) {
  constexpr std::size_t room = kPayload / 4 * 3;
  std::string out;
  while (!text.empty()) {
    std::size_t size = 0;  // RFC 2047 5: no character is split between words
    while (size < text.size()) {
      const std::size_t next = first_character(text.substr(size)).size();
      if (size + next > room) break;
      size += next;
    }
    out += (out.empty() ? "" : " ") + std::string(kPrefixB) + base64_encode(as_bytes(text.substr(0, size))) + "?=";
    text.remove_prefix(size);
  }
  return out;
}

std::string as_words(std::string_view text) {
  const auto plain = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return is_q_safe(c) || c == ' '; }));
  return plain * 3 >= text.size() * 2 ? as_q_words(text) : as_b_words(text);
}

bool needs_encoding(std::string_view text) {
  if (!is_ascii(text) || text.find("=?") != std::string_view::npos) return true;
  const auto words = split(text, ' ');
  return std::any_of(words.begin(), words.end(), [](std::string_view w) { return w.size() > kLongestPlainWord; });
}

}  // namespace

std::string decode_header_text(std::string_view value) {
  std::string text = without_controls(unfold(value));
  if (is_ascii(text) && text.find("=?") == std::string::npos) return text;
  ensure_gmime();
  const GString8 decoded(g_mime_utils_header_decode_text(nullptr, text.c_str()));
  return without_controls(made_valid_utf8(text_or_empty(decoded.get())));
}

std::string encode_header_text(std::string_view utf8) {
  const std::string text = without_controls(is_utf8(utf8) ? std::string(utf8) : made_valid_utf8(utf8));
  return needs_encoding(text) ? as_words(text) : text;
}

std::string encode_phrase(std::string_view utf8) {
  const std::string text = without_controls(is_utf8(utf8) ? std::string(utf8) : made_valid_utf8(utf8));
  if (needs_encoding(text)) return as_words(text);
  const bool atoms = !text.empty() && text.front() != ' ' && text.back() != ' ' && text.find("  ") == std::string::npos &&
                     std::all_of(text.begin(), text.end(), [](char c) { return is_atext(c) || c == ' '; });
  return atoms ? text : quote(text);
}

}  // namespace postern
