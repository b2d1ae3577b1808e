#include "osi/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "osi/selector.hpp"

namespace postern::osi {

namespace {

constexpr std::size_t kMaxText = 1024;
constexpr std::array<std::size_t, 3> kLimits{32, 16, 16};  // transport, session, presentation
constexpr std::array<std::string_view, 3> kParts{"transport selector", "session selector", "presentation selector"};

tl::unexpected<Error> bad(std::string what, std::string_view part) { return fail(ErrorCode::BadInput, std::move(what), std::string(part)); }

/// At '/' outside quotes; a quoted string ends at the next quote of its kind.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  char quote = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '/') {
      parts.push_back(text.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  parts.push_back(text.substr(begin));
  return parts;
}

template <class Number>
Result<Number> number(std::string_view digits, std::string_view part) {
  Number value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty())
    return bad("'" + std::string(digits) + "' is not a number that fits", part);
  return value;
}

Result<Bytes> selector(std::string_view text, std::size_t index) {
  const std::string_view part = kParts.at(index);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    const std::string_view inner = text.substr(1, text.size() - 2);
    if (inner.size() > kLimits.at(index)) return bad("is longer than " + std::to_string(kLimits.at(index)) + " octets", part);
    return to_bytes(inner);
  }
  if (text.starts_with('#')) {
    // RFC 1278 3: a decimal number is two octets, most significant first.
    POSTERN_TRY(const auto value, number<std::uint16_t>(text.substr(1), part));
    return Bytes{static_cast<Byte>(value >> 8), static_cast<Byte>(value)};
  }
  auto parsed = parse_selector(text, kLimits.at(index));
  if (!parsed) return bad(parsed.error().what, part);
  return parsed;
}

Status set_port(PresentationAddress& address, std::string_view digits) {
  POSTERN_TRY(address.port, number<std::uint16_t>(digits, "port"));
  if (address.port == 0) return bad("0 is not a port", "port");
  return {};
}

Status set_host(PresentationAddress& address, std::string_view host) {
  const bool plain = std::ranges::all_of(
      host, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '@' && c != '"' && c != '\'' && c != '[' && c != ']'; });
  if (host.empty() || !plain) return bad("'" + std::string(host) + "' is neither a name nor an address", "host");
  address.host = host;
  return {};
}

Status simple_network(PresentationAddress& address, std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("a '[' without ']'", "host");
    POSTERN_CHECK(set_host(address, text.substr(1, end - 1)));
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return {};
    if (!rest.starts_with(':')) return bad("after ']' comes ':' and a port", "host");
    return set_port(address, rest.substr(1));
  }
  const std::size_t colon = text.find(':');
  POSTERN_CHECK(set_host(address, text.substr(0, colon)));
  return colon == std::string_view::npos ? Status() : set_port(address, text.substr(colon + 1));
}

Status rfc1278_network(PresentationAddress& address, std::string_view text) {
  if (text.find_first_of("_|") != std::string_view::npos && text.starts_with("NS+"))
    return bad("several network addresses: give one", "network");
  for (const std::string_view prefix : {std::string_view("Internet="), std::string_view("RFC-1006+03+")}) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view rest = text.substr(prefix.size());
    const std::size_t plus = rest.find('+');
    POSTERN_CHECK(set_host(address, rest.substr(0, plus)));
    return plus == std::string_view::npos ? Status() : set_port(address, rest.substr(plus + 1));
  }
  return bad("'" + std::string(text) + "' is not reached over TCP: write Internet=host+port", "network");
}

Status set_selectors(PresentationAddress& address, const std::vector<std::string_view>& parts, bool transport_first) {
  const std::array<Bytes*, 3> where{&address.transport_selector, &address.session_selector, &address.presentation_selector};
  if (parts.size() > where.size()) return bad("more than three selectors", "address");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t index = transport_first ? i : parts.size() - 1 - i;
    POSTERN_TRY(*where.at(index), selector(parts[i], index));
  }
  return {};
}

}  // namespace

Result<PresentationAddress> parse_presentation_address(std::string_view text) {
  if (text.size() > kMaxText) return bad("is longer than " + std::to_string(kMaxText) + " characters", "address");
  PresentationAddress address;
  std::vector<std::string_view> parts = split(text);
  const std::size_t at = parts.back().rfind('@');
  if (at != std::string_view::npos) {
    POSTERN_CHECK(simple_network(address, parts.back().substr(at + 1)));
    parts.back() = parts.back().substr(0, at);
    POSTERN_CHECK(set_selectors(address, parts, true));
    return address;
  }
  const std::string_view network = parts.back();
  const bool named = network.find('=') != std::string_view::npos || network.find('+') != std::string_view::npos;
  parts.pop_back();
  if (parts.empty() && !named) {
    POSTERN_CHECK(simple_network(address, network));
    return address;
  }
  POSTERN_CHECK(rfc1278_network(address, network));
  POSTERN_CHECK(set_selectors(address, parts, false));
  return address;
}

namespace {

/// Bare where that reads back, hexadecimal otherwise.
std::string format_part(const Bytes& octets) {
  const std::string_view text = as_text(octets);
  const bool bare = std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '@' && c != '"' && c != '\''; });
  if (bare && !text.starts_with('#')) return format_selector(octets);
  return "0x" + hex_encode(octets);
}

}  // namespace

std::string format_presentation_address(const PresentationAddress& address) {
  std::string text = format_part(address.transport_selector);
  if (!address.session_selector.empty() || !address.presentation_selector.empty()) text += "/" + format_part(address.session_selector);
  if (!address.presentation_selector.empty()) text += "/" + format_part(address.presentation_selector);
  text += "@";
  text += address.host.find(':') != std::string::npos ? "[" + address.host + "]" : address.host;
  return text + ":" + std::to_string(address.port);
}

}  // namespace postern::osi
