#include "smtp/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/cursor.hpp"
#include "base/text.hpp"

namespace postern::smtp {

namespace {

constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kMaxV1 = 107;  // proxy-protocol.txt 2.1, with CRLF
constexpr std::size_t kHeadV2 = 16;

enum Tlv : std::uint8_t { kAuthority = 0x02, kCrc32c = 0x03, kSsl = 0x20, kSslVersion = 0x21, kSslCn = 0x22 };

ProxyError wrong(std::string what) { return {std::move(what)}; }

std::string address_text(int family, ByteView raw) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* end = inet_ntop(family, raw.data(), text.data(), text.size());
  return end == nullptr ? std::string() : std::string(end);
}

/// The canonical form, so that one host has one name whichever version told it.
std::optional<std::string> read_address(int family, std::string_view text) {
  std::array<Byte, 16> raw{};
  if (inet_pton(family, std::string(text).c_str(), raw.data()) != 1) return std::nullopt;
  return address_text(family, ByteView(raw).first(family == AF_INET ? 4 : 16));
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (text.empty() || leading_zero || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// ---- version 1: one line of text

ProxyAnswer parse_v1(std::string_view text) {
  const std::size_t end = text.substr(0, kMaxV1).find("\r\n");
  if (end == std::string_view::npos) {
    if (text.size() >= kMaxV1) return wrong("PROXY line without an end");
    return ProxyNeedMore{};
  }
  const auto words = split(text.substr(0, end), ' ');
  ProxyHeader header;
  header.consumed = end + 2;
  if (words.size() >= 2 && words[1] == "UNKNOWN") {  // 2.1: "the receiver must ignore anything presented before the CRLF"
    header.local = true;
    return header;
  }
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return wrong("malformed PROXY line");
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  const auto source = read_address(family, words[2]), destination = read_address(family, words[3]);
  const auto source_port = read_port(words[4]), destination_port = read_port(words[5]);
  if (!source || !destination || !source_port || !destination_port) return wrong("PROXY line with a malformed address or port");
  header.source = {*source, *source_port};
  header.destination = {*destination, *destination_port};
  return header;
}

// ---- version 2: binary

std::uint32_t crc32c(ByteView head, ByteView zeros, ByteView tail) {
  std::uint32_t crc = 0xffffffffU;
  const auto add = [&crc](Byte b) {
    crc ^= b;
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  };
  for (const Byte b : head) add(b);
  for (std::size_t i = 0; i < zeros.size(); ++i) add(0);
  for (const Byte b : tail) add(b);
  return ~crc;
}

/// 2.2: the checksum is computed "with its own field set to zero".
bool checksum_holds(ByteView whole, ByteView value) {
  if (value.size() != 4) return false;
  const auto at = static_cast<std::size_t>(value.data() - whole.data());
  const std::uint32_t told = static_cast<std::uint32_t>(value[0]) << 24 | static_cast<std::uint32_t>(value[1]) << 16 |
                             static_cast<std::uint32_t>(value[2]) << 8 | value[3];
  return crc32c(whole.first(at), value, whole.subspan(at + 4)) == told;
}

Result<std::pair<std::uint8_t, ByteView>> read_tlv(ByteReader& reader) {
  POSTERN_TRY(const std::uint8_t type, reader.read_u8("type"));
  POSTERN_TRY(const std::uint16_t size, reader.read_u16("length"));
  POSTERN_TRY(const ByteView value, reader.read_bytes(size, "value"));
  return std::pair(type, value);
}

/// 2.2.5: client flags, verify result (0 is "verified"), then TLVs of its own.
Status read_ssl(ByteView value, ProxyHeader& header) {
  ByteReader reader(value);
  POSTERN_TRY(const std::uint8_t client, reader.read_u8("client"));
  POSTERN_TRY(const std::uint32_t verify, reader.read_u32("verify"));
  constexpr unsigned kClientSsl = 1, kCertConnection = 2, kCertSession = 4;
  header.tls = (client & kClientSsl) != 0;
  header.client_verified = header.tls && verify == 0 && (client & (kCertConnection | kCertSession)) != 0;
  while (!reader.at_end()) {
    POSTERN_TRY(const auto tlv, read_tlv(reader));
    if (tlv.first == kSslVersion) header.tls_version = printable(as_text(tlv.second), 32);
    if (tlv.first == kSslCn) header.client_name = printable(as_text(tlv.second), 255);
  }
  return {};
}

Status read_tlvs(ByteReader& reader, ByteView whole, ProxyHeader& header) {
  while (!reader.at_end()) {
    POSTERN_TRY(const auto tlv, read_tlv(reader));
    if (tlv.first == kCrc32c && !checksum_holds(whole, tlv.second)) return fail(ErrorCode::BadInput, "checksum does not match");
    if (tlv.first == kAuthority) header.authority = printable(as_text(tlv.second), 255);
    if (tlv.first == kSsl) POSTERN_CHECK(read_ssl(tlv.second, header));
  }
  return {};
}

Status read_endpoints(ByteReader& reader, int family, ProxyHeader& header) {
  const std::size_t width = family == AF_INET ? 4 : 16;
  POSTERN_TRY(const ByteView source, reader.read_bytes(width, "source"));
  POSTERN_TRY(const ByteView destination, reader.read_bytes(width, "destination"));
  POSTERN_TRY(header.source.port, reader.read_u16("source port"));
  POSTERN_TRY(header.destination.port, reader.read_u16("destination port"));
  header.source.address = address_text(family, source);
  header.destination.address = address_text(family, destination);
  return {};
}

ProxyAnswer parse_v2_body(ByteView whole, std::uint8_t command, std::uint8_t family) {
  ProxyHeader header;
  header.consumed = whole.size();
  header.local = command == 0;
  if (header.local) return header;  // 2.2: LOCAL: "the receiver must ... discard the protocol block"
  ByteReader reader(whole.subspan(kHeadV2));
  constexpr std::uint8_t kTcp4 = 0x11, kTcp6 = 0x21, kUnspecified = 0x00, kUnixStream = 0x31;
  if (family == kTcp4 || family == kTcp6) {
    if (const Status read = read_endpoints(reader, family == kTcp4 ? AF_INET : AF_INET6, header); !read)
      return wrong("PROXY header too short for its addresses");
  } else if (family == kUnspecified || family == kUnixStream) {
    header.local = true;
    return header;
  } else {
    return wrong("PROXY header for something other than a TCP connection");
  }
  if (const Status read = read_tlvs(reader, whole, header); !read) return wrong("PROXY header: " + read.error().text());
  return header;
}

ProxyAnswer parse_v2(ByteView bytes) {
  if (bytes.size() < kHeadV2) return ProxyNeedMore{};
  const std::uint8_t version = bytes[12] >> 4, command = bytes[12] & 15;
  const std::size_t size = kHeadV2 + (static_cast<std::size_t>(bytes[14]) << 8 | bytes[15]);
  if (version != 2 || command > 1) return wrong("PROXY header of an unknown version or command");
  if (size > kMaxProxyHeader) return wrong("PROXY header longer than " + std::to_string(kMaxProxyHeader) + " octets");
  if (bytes.size() < size) return ProxyNeedMore{};
  return parse_v2_body(bytes.first(size), command, bytes[13]);
}

}  // namespace

ProxyAnswer parse_proxy_header(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  const auto may_be = [text](std::string_view signature) { return text.substr(0, signature.size()) == signature.substr(0, text.size()); };
  if (may_be(kSignature2)) return text.size() < kSignature2.size() ? ProxyAnswer(ProxyNeedMore{}) : parse_v2(bytes);
  if (may_be(kSignature1)) return text.size() < kSignature1.size() ? ProxyAnswer(ProxyNeedMore{}) : parse_v1(text);
  return wrong("no PROXY header where one was expected");
}

}  // namespace postern::smtp
