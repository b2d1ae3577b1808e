#include "dns/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace postern::dns {

Result<IpAddress> IpAddress::parse(std::string_view text) {
  IpAddress out;
  // inet_pton wants a C string; nothing longer than this is an address.
  if (text.size() < INET6_ADDRSTRLEN && text.find('\0') == std::string_view::npos) {
    const std::string copy(text);
    if (inet_pton(AF_INET, copy.c_str(), out.m_bytes.data()) == 1) return out;
    out.m_size = 16;
    if (inet_pton(AF_INET6, copy.c_str(), out.m_bytes.data()) == 1) return out;
  }
  return fail(ErrorCode::BadInput, "not an IP address; write 192.0.2.1 or 2001:db8::1", "ip");
}

Result<IpAddress> IpAddress::from_bytes(ByteView bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return fail(ErrorCode::BadInput, "an IP address has 4 or 16 octets", "ip");
  IpAddress out;
  out.m_size = bytes.size();
  std::copy(bytes.begin(), bytes.end(), out.m_bytes.begin());
  return out;
}

std::string IpAddress::text() const {
  if (is_v4()) {  // for each request and session: without the C library's printf
    std::array<char, INET_ADDRSTRLEN> out{};
    char* to = out.data();
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *to++ = '.';
      to = std::to_chars(to, out.data() + out.size(), m_bytes[i]).ptr;
    }
    return {out.data(), to};
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(AF_INET6, m_bytes.data(), out.data(), out.size());
  return out.data();
}

IpAddress IpAddress::unmapped() const {
  constexpr std::array<Byte, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // RFC 4291 2.5.5.2
  if (!is_v6() || !std::equal(mapped.begin(), mapped.end(), m_bytes.begin())) return *this;
  IpAddress out;
  std::copy(m_bytes.begin() + 12, m_bytes.end(), out.m_bytes.begin());
  return out;
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return m_bytes[0] == 127;
  return std::all_of(m_bytes.begin(), m_bytes.end() - 1, [](Byte b) { return b == 0; }) && m_bytes.back() == 1;
}

bool IpAddress::in_network(const IpAddress& network, unsigned prefix) const noexcept {
  if (m_size != network.m_size || prefix > m_size * 8) return false;
  const std::size_t whole = prefix / 8;
  if (!std::equal(m_bytes.begin(), m_bytes.begin() + static_cast<std::ptrdiff_t>(whole), network.m_bytes.begin())) return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || (m_bytes[whole] ^ network.m_bytes[whole]) >> (8 - rest) == 0;
}

std::string IpAddress::reverse_name() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = m_size; i-- > 0;) {
    if (is_v4()) {
      out += std::to_string(m_bytes[i]) + ".";
    } else {
      out += digits[m_bytes[i] & 15];
      out += '.';
      out += digits[m_bytes[i] >> 4];
      out += '.';
    }
  }
  return out + (is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

}  // namespace postern::dns
