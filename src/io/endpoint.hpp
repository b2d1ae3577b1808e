// Networks and socket endpoints as plain values. Text in, text out; no name lookup.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "dns/ip_address.hpp"

namespace postern::io {

using dns::IpAddress;

/// RFC 5321 4.1.3 address literal: "[192.0.2.1]", "[IPv6:2001:db8::1]".
[[nodiscard]] std::string address_literal(const IpAddress& ip);

/// "192.0.2.0/24", "2001:db8::/32" or a single address. Bits below the prefix must be zero.
class IpNetwork {
 public:
  [[nodiscard]] static Result<IpNetwork> parse(std::string_view text);
  /// IPv4-mapped IPv6 addresses count as the IPv4 address they carry.
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] std::string text() const;

 private:
  IpAddress m_base;
  unsigned m_prefix = 32;
};

/// Where a socket is bound or connected: address and port, or a path in the file system.
struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;
  std::string path;  ///< Not empty: a Unix-domain socket.

  /// "127.0.0.1:25", "[::1]:25", "*:25" (all addresses, IPv6 and IPv4), "unix:/run/postern.sock". Port 0 is allowed: "any".
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] bool is_unix() const noexcept { return !path.empty(); }
  [[nodiscard]] std::string text() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace postern::io
