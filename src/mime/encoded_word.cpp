#include "mime/encoded_word.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "mime/address_cursor.hpp"
#include "mime/charset.hpp"
#include "mime/encoded_run.hpp"
#include "mime/gmime.hpp"
#include "mime/message.hpp"

namespace postern {
namespace {

constexpr std::string_view kPrefixB = "=?utf-8?B?";
constexpr std::string_view kPrefixQ = "=?utf-8?Q?";
constexpr std::size_t kMaxWord = 75;  // RFC 2047 2
constexpr std::size_t kPayload = kMaxWord - kPrefixB.size() - 2;
constexpr std::size_t kMaxWordRead = 1000;      // many write longer words than they should; the bound keeps reading linear
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

/// The octets of a B word. Forgiving, as readers are: what is not of the alphabet is skipped.
std::string b_decoded(std::string_view payload) {
  std::string out;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : payload) {
    const auto value = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (value == std::string_view::npos) continue;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xFF);
  }
  return out;
}

/// RFC 2047 4.2.
std::string q_decoded(std::string_view payload) {
  std::string out;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const auto octet = payload[i] == '=' ? hex_decode(payload.substr(i + 1, 2)) : Result<Bytes>(Bytes{});
    if (payload[i] == '=' && octet && octet->size() == 1) {
      out += static_cast<char>(octet->front());
      i += 2;
    } else {
      out += payload[i] == '_' ? ' ' : payload[i];
    }
  }
  return out;
}

struct EncodedWord {
  std::string charset;  // lower case, without the language of RFC 2231 5
  std::string octets;
  std::size_t size = 0;  // in the text; 0: there is none
};

/// RFC 2047 2: "=?" charset "?" encoding "?" encoded-text "?=" at the front of the text.
EncodedWord read_encoded_word(std::string_view text) {
  if (!text.starts_with("=?")) return {};
  text = text.substr(0, kMaxWordRead);
  const auto charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end == 2 || text.size() < charset_end + 3 || text[charset_end + 2] != '?') return {};
  const std::size_t begin = charset_end + 3;
  const auto end = text.find("?=", begin);
  if (end == std::string_view::npos) return {};
  const std::string_view charset = text.substr(2, charset_end - 2);
  const std::string_view payload = text.substr(begin, end - begin);
  if (payload.find_first_of(" ?") != std::string_view::npos || charset.find(' ') != std::string_view::npos) return {};
  const char encoding = ascii_lower(text[charset_end + 1]);
  if (encoding != 'b' && encoding != 'q') return {};
  return {to_lower(charset.substr(0, charset.find('*'))), encoding == 'b' ? b_decoded(payload) : q_decoded(payload), end + 2};
}

}  // namespace

/// Octets of neighbours in one charset are put together before they are converted: many writers split characters between words.
EncodedRun read_encoded_run(std::string_view text) {
  EncodedRun run;
  std::string charset;
  std::string octets;
  std::size_t at = 0;
  for (EncodedWord word = read_encoded_word(text); word.size != 0; word = read_encoded_word(text.substr(at))) {
    if (word.charset != charset) {
      run.text += to_utf8(octets, charset);
      octets.clear();
      charset = word.charset;
    }
    octets += word.octets;
    run.size = at + word.size;
    at = std::min(text.find_first_not_of(" \t", run.size), text.size());
  }
  if (!octets.empty()) run.text += to_utf8(octets, charset);
  return run;
}

std::string decode_header_text(std::string_view value) {
  const std::string text = without_controls(unfold(value));
  const std::string_view view = text;
  if (is_ascii(view) && view.find("=?") == std::string_view::npos) return text;
  std::string out;
  std::size_t plain = 0;  // where the text not yet written begins
  for (std::size_t at = view.find("=?"); at != std::string_view::npos; at = view.find("=?", at)) {
    const EncodedRun run = read_encoded_run(view.substr(at));
    if (run.size == 0) {
      at += 2;
      continue;
    }
    out += to_utf8(view.substr(plain, at - plain), {});
    out += run.text;
    plain = at += run.size;
  }
  out += to_utf8(view.substr(plain), {});
  return without_controls(std::move(out));
}

std::string decode_parameter_words(std::string_view value) {
  std::string out;
  bool quoted = false;
  for (std::size_t at = 0; at < value.size();) {
    const EncodedRun run = read_encoded_run(value.substr(at));
    if (run.size != 0) {
      const std::string text = quote(without_controls(run.text));
      out += quoted ? text.substr(1, text.size() - 2) : text;
      at += run.size;
      continue;
    }
    if (value[at] == '"') quoted = !quoted;
    if (value[at] == '\\' && quoted && at + 1 < value.size()) out += value[at++];
    out += value[at++];
  }
  return out;
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
