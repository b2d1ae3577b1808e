#include "smtp/proxy_protocol.hpp"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(char command, char family, const std::string& body) {
  return kSignature + command + family + static_cast<char>(body.size() >> 8) + static_cast<char>(body.size()) + body;
}
const std::string kIpv4Body("\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x00\x19", 12);

std::string tlv(char type, const std::string& value) {
  return std::string(1, type) + static_cast<char>(value.size() >> 8) + static_cast<char>(value.size()) + value;
}

/// Short enough is "need more" at every length, and the whole is the answer, with or without bytes behind it.
ProxyAnswer parse_every_way(const std::string& header) {
  for (std::size_t i = 0; i < header.size(); ++i)
    EXPECT_TRUE(std::holds_alternative<ProxyNeedMore>(parse_proxy_header(as_bytes(std::string_view(header).substr(0, i))))) << i;
  return parse_proxy_header(as_bytes(header + "EHLO x\r\n"));
}

TEST(ProxyProtocol, Version1) {  // proxy-protocol.txt 2.1
  const std::string text = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 25\r\n";
  const auto header = std::get<ProxyHeader>(parse_every_way(text));
  EXPECT_EQ(header.consumed, text.size());
  EXPECT_EQ(header.source, (ProxyEndpoint{"192.0.2.1", 12345}));
  EXPECT_EQ(header.destination, (ProxyEndpoint{"198.51.100.2", 25}));
  EXPECT_EQ(std::get<ProxyHeader>(parse_every_way("PROXY TCP6 2001:DB8:0::1 ::1 1 2\r\n")).source.address, "2001:db8::1");
  EXPECT_TRUE(std::get<ProxyHeader>(parse_every_way("PROXY UNKNOWN\r\n")).local);
  EXPECT_TRUE(std::get<ProxyHeader>(parse_every_way("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n")).local);
}

TEST(ProxyProtocol, Version1Refusals) {
  for (const char* bad :
       {"EHLO x\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n", "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY \r\n", "PROXX", "X"})
    EXPECT_TRUE(std::holds_alternative<ProxyError>(parse_proxy_header(as_bytes(bad)))) << bad;
  EXPECT_TRUE(std::holds_alternative<ProxyError>(parse_proxy_header(as_bytes("PROXY TCP4 " + std::string(107, 'x')))));
}

TEST(ProxyProtocol, Version2) {  // proxy-protocol.txt 2.2
  const auto header = std::get<ProxyHeader>(parse_every_way(v2('\x21', '\x11', kIpv4Body)));
  EXPECT_EQ(header.source, (ProxyEndpoint{"192.0.2.1", 12345}));
  EXPECT_EQ(header.destination, (ProxyEndpoint{"198.51.100.2", 25}));
  EXPECT_EQ(header.consumed, 28U);
  const std::string ssl = std::string("\x07\0\0\0\0", 5) + tlv('\x21', "TLSv1.3") + tlv('\x22', "client.example");
  const auto secure = std::get<ProxyHeader>(
      parse_every_way(v2('\x21', '\x11', kIpv4Body + tlv('\x02', "mx.example") + tlv('\x20', ssl) + tlv('\x04', "pad"))));
  EXPECT_TRUE(secure.tls && secure.client_verified);
  EXPECT_EQ(secure.tls_version, "TLSv1.3");
  EXPECT_EQ(secure.client_name, "client.example");
  EXPECT_EQ(secure.authority, "mx.example");
  EXPECT_TRUE(std::get<ProxyHeader>(parse_every_way(v2('\x20', '\x11', kIpv4Body))).local);  // LOCAL
  EXPECT_TRUE(std::get<ProxyHeader>(parse_every_way(v2('\x21', '\0', ""))).local);
}

TEST(ProxyProtocol, Version2Ipv6) {
  std::string body(36, '\0');
  body[0] = '\x20', body[1] = '\x01', body[15] = '\x01', body[31] = '\x02', body[33] = '\x07';
  const auto header = std::get<ProxyHeader>(parse_every_way(v2('\x21', '\x21', body)));
  EXPECT_EQ(header.source, (ProxyEndpoint{"2001::1", 7}));
  EXPECT_EQ(header.destination.address, "::2");
}

TEST(ProxyProtocol, Version2Refusals) {
  const std::string good = v2('\x21', '\x11', kIpv4Body);
  for (const std::string& bad :
       {v2('\x31', '\x11', kIpv4Body), v2('\x22', '\x11', kIpv4Body), v2('\x21', '\x12', kIpv4Body), v2('\x21', '\x21', kIpv4Body),
        v2('\x21', '\x11', "short"), v2('\x21', '\x11', kIpv4Body + "\x02"), v2('\x21', '\x11', kIpv4Body + tlv('\x20', "x")),
        v2('\x21', '\x11', kIpv4Body + tlv('\x03', std::string(4, '\x01'))), v2('\x21', '\x11', std::string(kMaxProxyHeader, 'x'))})
    EXPECT_TRUE(std::holds_alternative<ProxyError>(parse_proxy_header(as_bytes(bad)))) << testing::PrintToString(bad);
}

TEST(ProxyProtocol, Checksum) {
  // CRC-32C of the header with a zero field, computed independently (Castagnoli, reflected 0x82f63b78).
  const std::string zero = v2('\x21', '\x11', kIpv4Body + tlv('\x03', std::string(4, '\0')));
  std::uint32_t crc = ~0U;
  for (const char c : zero) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
  }
  crc = ~crc;
  std::string good = zero;
  for (int i = 0; i < 4; ++i) good[good.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
  EXPECT_TRUE(std::holds_alternative<ProxyHeader>(parse_proxy_header(as_bytes(good))));
  good[20] ^= 1;
  EXPECT_TRUE(std::holds_alternative<ProxyError>(parse_proxy_header(as_bytes(good))));
}

}  // namespace
}  // namespace postern::smtp
