// The TCP segment in a captured frame (RFC 9293 3.1, RFC 791, RFC 8200).
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "capture/capture_file.hpp"
#include "dns/ip_address.hpp"

namespace postern::capture {

struct Endpoint {
  dns::IpAddress address;
  std::uint16_t port = 0;
  /// "192.0.2.1:102", "[2001:db8::1]:102".
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct TcpSegment {
  Endpoint from, to;
  std::uint32_t sequence = 0;
  bool syn = false, ack = false, fin = false, rst = false;
  ByteView payload;  ///< Borrowed from the frame.
};

/// nullopt: something else (another protocol, a fragment, a link type that is not known), or cut off within its headers.
[[nodiscard]] std::optional<TcpSegment> tcp_segment(const Frame& frame);

}  // namespace postern::capture
