// For tests: capture files and frames made octet by octet.
#pragma once

#include "capture/tcp_segment.hpp"

namespace postern::capture::testing {

/// Numbers of a file in either byte order.
struct Writer {
  bool big = false;
  Bytes octets;

  Writer& number(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) octets.push_back(static_cast<Byte>(value >> 8 * (big ? width - 1 - i : i)));
    return *this;
  }
  Writer& raw(ByteView more) {
    append(octets, more);
    return *this;
  }
  Writer& pad(std::size_t to) {
    while (octets.size() % to != 0) octets.push_back(0);
    return *this;
  }
  /// pcapng: type, length, body, length.
  Writer& block(std::uint32_t type, Writer body) {
    body.pad(4);
    return number(type, 4).number(body.octets.size() + 12, 4).raw(body.octets).number(body.octets.size() + 12, 4);
  }
};

inline Bytes pcap(const std::vector<Bytes>& frames, LinkType link = LinkType::RawIp, bool big = false, bool nano = false) {
  Writer out{big, {}};
  out.number(nano ? 0xA1B23C4D : 0xA1B2C3D4, 4)
      .number(2, 2)
      .number(4, 2)
      .number(0, 8)
      .number(262144, 4)
      .number(static_cast<unsigned>(link), 4);
  std::uint32_t second = 1'000'000;
  for (const Bytes& each : frames) out.number(second++, 4).number(7, 4).number(each.size(), 4).number(each.size(), 4).raw(each);
  return out.octets;
}

struct SegmentMaker {
  std::uint16_t from = 40000, to = 102;
  std::uint32_t sequence = 0;
  bool syn = false, ack = false;
  std::string payload = {};
  Byte last_octet = 1;  ///< Of both addresses.

  [[nodiscard]] Bytes tcp() const {
    Writer out{true, {}};
    out.number(from, 2)
        .number(to, 2)
        .number(sequence, 4)
        .number(0, 4)
        .number(0x50, 1)
        .number((syn ? 2 : 0) | (ack ? 16 : 0), 1)
        .number(0, 6);
    return out.raw(as_bytes(payload)).octets;
  }
  [[nodiscard]] Bytes ipv4() const {
    const Bytes inner = tcp();
    Writer out{true, {}};
    out.number(0x4500, 2).number(20 + inner.size(), 2).number(0, 4).number(64, 1).number(6, 1).number(0, 2);
    return out.number(0x7F000000U + last_octet, 4).number(0x7F000000U + last_octet, 4).raw(inner).octets;
  }
  [[nodiscard]] Bytes ipv6() const {
    const Bytes inner = tcp();
    Writer out{true, {}};
    out.number(0x60000000, 4).number(inner.size() + 8, 2).number(0, 1).number(64, 1);
    out.number(0, 8).number(last_octet, 8).number(0, 8).number(last_octet, 8);
    return out.number(0x06000104, 4).number(0, 4).raw(inner).octets;  // a hop-by-hop header, which is padding
  }
};

}  // namespace postern::capture::testing
