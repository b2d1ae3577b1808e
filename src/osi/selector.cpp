#include "osi/selector.hpp"

#include <algorithm>
#include <optional>

namespace postern::osi {

namespace {

// The digits of "0x…" or "'…'H", or nothing when the text is not of these forms.
std::optional<std::string_view> hex_digits(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return text.substr(2);
  if (text.size() >= 3 && text.front() == '\'' && (text.ends_with("'H") || text.ends_with("'h"))) return text.substr(1, text.size() - 3);
  return std::nullopt;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<Bytes> parse_selector(std::string_view text, std::size_t limit) {
  Bytes octets;
  if (const auto digits = hex_digits(text)) {
    auto decoded = hex_decode(*digits);
    if (!decoded) return fail(ErrorCode::BadInput, "has an odd number of digits or another character than hexadecimal ones", "selector");
    octets = *std::move(decoded);
  } else {
    if (!is_printable(text)) return fail(ErrorCode::BadInput, "has other octets than printable ASCII; write it as 0x…", "selector");
    octets = to_bytes(text);
  }
  if (octets.size() > limit)
    return fail(ErrorCode::BadInput, "has " + std::to_string(octets.size()) + " octets, at most " + std::to_string(limit) + " are allowed",
                "selector");
  return octets;
}

std::string format_selector(ByteView selector) {
  const std::string_view text = as_text(selector);
  if (is_printable(text) && !hex_digits(text)) return std::string(text);
  return "0x" + hex_encode(selector);
}

}  // namespace postern::osi
