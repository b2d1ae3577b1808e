// Presentation addresses over RFC 1006 in text: three selectors and a host.
//
// Two forms are read:
//   simple     tsel[/ssel[/psel]]@host[:port]       x400n@mta.example.net:102     'C0FFEE'H/ses/pres@[2001:db8::1]
//   RFC 1278   [[[psel/]ssel/]tsel/]network         "pres"/"ses"/"x400n"/Internet=mta.example.net+102
//              with network one of Internet=host[+port] and RFC-1006+03+host[+port] (RFC 1278 4.2)
// Selectors: ASCII ("x400n", or bare in the simple form), hexadecimal ('78'H, 0x78 in the simple form), a number as RFC 1278 has it (#256:
// two octets), empty. Written is the simple form, without selectors at the end that are empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace postern::osi {

inline constexpr std::uint16_t kRfc1006Port = 102;

struct PresentationAddress {
  Bytes transport_selector;     ///< At most 32 octets.
  Bytes session_selector;       ///< At most 16 octets.
  Bytes presentation_selector;  ///< At most 16 octets here (X.226 sets no limit).
  std::string host;             ///< A name or an address, without brackets.
  std::uint16_t port = kRfc1006Port;
  friend bool operator==(const PresentationAddress&, const PresentationAddress&) = default;
};

/// BadInput says what is wrong, and in which part.
[[nodiscard]] Result<PresentationAddress> parse_presentation_address(std::string_view text);
/// Reads back as the same address.
[[nodiscard]] std::string format_presentation_address(const PresentationAddress& address);

}  // namespace postern::osi
