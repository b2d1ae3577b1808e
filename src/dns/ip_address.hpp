// An IPv4 or IPv6 address as a value. Pure text and bytes; no sockets.
#pragma once

#include <array>
#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace postern::dns {

class IpAddress {
 public:
  IpAddress() = default;  ///< 0.0.0.0
  /// Dotted quad or RFC 4291 text (lower or upper case, no zone). BadInput otherwise. An IPv4-mapped address stays IPv6; see unmapped().
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  /// 4 or 16 octets in network order.
  [[nodiscard]] static Result<IpAddress> from_bytes(ByteView bytes);

  [[nodiscard]] bool is_v4() const noexcept { return m_size == 4; }
  [[nodiscard]] bool is_v6() const noexcept { return m_size == 16; }
  [[nodiscard]] ByteView bytes() const noexcept { return {m_bytes.data(), m_size}; }
  /// RFC 5952 for IPv6.
  [[nodiscard]] std::string text() const;
  /// ::ffff:192.0.2.1 as 192.0.2.1; others unchanged.
  [[nodiscard]] IpAddress unmapped() const;
  [[nodiscard]] bool is_loopback() const noexcept;
  /// Same family and the first `prefix` bits are equal. A prefix longer than the address is never in.
  [[nodiscard]] bool in_network(const IpAddress& network, unsigned prefix) const noexcept;
  /// "1.2.0.192.in-addr.arpa" or the ip6.arpa nibbles.
  [[nodiscard]] std::string reverse_name() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::size_t m_size = 4;
  std::array<Byte, 16> m_bytes{};
};

}  // namespace postern::dns
