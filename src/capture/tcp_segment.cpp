#include "capture/tcp_segment.hpp"

#include <algorithm>

namespace postern::capture {
namespace {

using Found = std::optional<ByteView>;

constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86DD;                    // EtherTypes
constexpr std::uint16_t kVlan = 0x8100, kServiceVlan = 0x88A8;             // IEEE 802.1Q
constexpr std::size_t kMaxTags = 4;                                        // of VLANs, one within the other
constexpr Byte kTcp = 6, kHopByHop = 0, kRouting = 43, kDestination = 60;  // IANA protocol numbers
constexpr std::size_t kMaxHeaders = 8;                                     // extension headers of IPv6
constexpr std::size_t kIpv6Header = 40, kTcpHeader = 20;

std::uint16_t number16(ByteView octets, std::size_t at) { return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]); }
std::uint32_t number32(ByteView octets, std::size_t at) { return std::uint32_t{number16(octets, at)} << 16 | number16(octets, at + 2); }

Found behind(ByteView octets, std::size_t size) { return octets.size() < size ? std::nullopt : Found(octets.subspan(size)); }
/// Behind a header of so many octets with an EtherType at `at`.
Found behind_type(ByteView octets, std::size_t size, std::size_t at) {
  if (octets.size() < size) return std::nullopt;
  const std::uint16_t type = number16(octets, at);
  return type == kIpv4 || type == kIpv6 ? behind(octets, size) : std::nullopt;
}
Found behind_ethernet(ByteView octets) {
  std::size_t type_at = 12;
  for (std::size_t tags = 0; tags < kMaxTags && octets.size() >= type_at + 2; ++tags, type_at += 4)
    if (const auto type = number16(octets, type_at); type != kVlan && type != kServiceVlan) break;
  return behind_type(octets, type_at + 2, type_at);
}

/// The IP packet; its version says which, whatever the link layer calls it.
Found ip_packet(const Frame& frame) {
  switch (frame.link) {
    case LinkType::Ethernet: return behind_ethernet(frame.octets);
    case LinkType::LinuxCooked: return behind_type(frame.octets, 16, 14);
    case LinkType::LinuxCooked2: return behind_type(frame.octets, 20, 0);
    case LinkType::Null:
    case LinkType::Loop: return behind(frame.octets, 4);
    case LinkType::RawIp:
    case LinkType::Ipv4:
    case LinkType::Ipv6: return frame.octets;
  }
  return std::nullopt;
}

std::optional<TcpSegment> read_tcp(ByteView tcp, ByteView from, ByteView to) {
  if (tcp.size() < kTcpHeader) return std::nullopt;
  const std::size_t header = std::size_t{tcp[12]} / 16 * 4;
  if (header < kTcpHeader || header > tcp.size()) return std::nullopt;
  TcpSegment out;
  out.from = {dns::IpAddress::from_bytes(from).value_or(dns::IpAddress()), number16(tcp, 0)};
  out.to = {dns::IpAddress::from_bytes(to).value_or(dns::IpAddress()), number16(tcp, 2)};
  out.sequence = number32(tcp, 4);
  const Byte flags = tcp[13];
  out.fin = (flags & 0x01U) != 0;
  out.syn = (flags & 0x02U) != 0;
  out.rst = (flags & 0x04U) != 0;
  out.ack = (flags & 0x10U) != 0;
  out.payload = tcp.subspan(header);
  return out;
}

/// RFC 791 3.1. Behind the packet stands what fills up a short Ethernet frame. A total length of 0: segmentation was left to the card.
std::optional<TcpSegment> in_ipv4(ByteView packet) {
  if (packet.size() < 20) return std::nullopt;
  const std::size_t header = std::size_t{packet[0] & 0x0FU} * 4, total = number16(packet, 2);
  const bool fragment = (number16(packet, 6) & 0x3FFFU) != 0;
  if (fragment || packet[9] != kTcp) return std::nullopt;
  if (total != 0) packet = packet.first(std::min(packet.size(), total));
  if (header < 20 || header > packet.size()) return std::nullopt;
  return read_tcp(packet.subspan(header), packet.subspan(12, 4), packet.subspan(16, 4));
}

/// RFC 8200 3, 4.
std::optional<TcpSegment> in_ipv6(ByteView packet) {
  if (packet.size() < kIpv6Header) return std::nullopt;
  const ByteView from = packet.subspan(8, 16), to = packet.subspan(24, 16);
  const std::size_t size = number16(packet, 4);
  Byte next = packet[6];
  ByteView rest = packet.subspan(kIpv6Header);
  if (size != 0) rest = rest.first(std::min(rest.size(), size));
  for (std::size_t count = 0; count < kMaxHeaders && (next == kHopByHop || next == kRouting || next == kDestination); ++count) {
    if (rest.size() < 8) return std::nullopt;
    const std::size_t header = (std::size_t{rest[1]} + 1) * 8;
    if (header > rest.size()) return std::nullopt;
    next = rest[0];
    rest = rest.subspan(header);
  }
  return next == kTcp ? read_tcp(rest, from, to) : std::nullopt;
}

}  // namespace

std::string Endpoint::text() const { return (address.is_v6() ? "[" + address.text() + "]" : address.text()) + ":" + std::to_string(port); }

std::optional<TcpSegment> tcp_segment(const Frame& frame) {
  const Found packet = ip_packet(frame);
  if (!packet || packet->empty()) return std::nullopt;
  switch ((*packet)[0] >> 4) {
    case 4: return in_ipv4(*packet);
    case 6: return in_ipv6(*packet);
    default: return std::nullopt;
  }
}

}  // namespace postern::capture
