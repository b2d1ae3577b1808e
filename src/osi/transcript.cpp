#include "osi/transcript.hpp"

#include <algorithm>
#include <cstdio>

namespace postern::osi {

namespace {

constexpr std::size_t kPerLine = 16;

}  // namespace

std::string hex_dump(Direction direction, ByteView octets) {
  // text2pcap -D: a line with I or O begins a packet; offset 0 begins one as well.
  std::string text = direction == Direction::In ? "I\n" : "O\n";
  for (std::size_t at = 0; at < octets.size(); at += kPerLine) {
    char offset[16];
    std::snprintf(offset, sizeof offset, "%06zx", at);
    text += offset;
    for (const Byte octet : octets.subspan(at, std::min(kPerLine, octets.size() - at))) {
      text += ' ';
      text += hex_encode({&octet, 1});
    }
    text += '\n';
  }
  return text;
}

}  // namespace postern::osi
