// Reads TCP conversations out of pcap and pcapng files (little-endian, Ethernet or raw IPv4), for tests against captured traffic. The
// captures stand outside the repository: $POSTERN_SHARED_DATA, else shared/data beside it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "base/bytes.hpp"

namespace postern::osi::testing {

inline std::optional<Bytes> read_capture(const char* name) {
  std::error_code ignored;
  std::filesystem::path folder;
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) folder = given;
  for (auto at = std::filesystem::current_path(ignored); folder.empty() && at != at.parent_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "shared/data", ignored)) folder = at / "shared/data";
  std::ifstream in(folder / "x400" / name, std::ios::binary);
  if (!in) return std::nullopt;
  std::stringstream text;
  text << in.rdbuf();
  return to_bytes(text.str());
}

namespace detail {

inline std::uint32_t little(ByteView at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | at[i];
  return value;
}
inline std::uint32_t big(ByteView at, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | at[i];
  return value;
}

struct Stream {
  std::optional<std::uint32_t> next;
  std::map<std::uint32_t, Bytes> early;
  Bytes octets;

  void add(std::uint32_t sequence, bool syn, ByteView payload) {
    if (syn) next = sequence + 1;
    if (syn || payload.empty()) return;
    if (!next) next = sequence;
    early.emplace(sequence, Bytes(payload.begin(), payload.end()));
    for (auto found = early.find(*next); found != early.end(); found = early.find(*next)) {
      append(octets, found->second);
      *next += static_cast<std::uint32_t>(found->second.size());
    }
  }
};

inline std::vector<ByteView> packets(ByteView file) {
  std::vector<ByteView> found;
  std::uint32_t type = 1;
  const auto add = [&](ByteView frame) { found.push_back(frame.subspan(std::min<std::size_t>(type == 1 ? 14 : 0, frame.size()))); };
  if (little(file, 4) == 0xA1B2C3D4) {
    type = little(file.subspan(20), 4);
    for (std::size_t at = 24; at + 16 <= file.size(); at += 16 + little(file.subspan(at + 8), 4))
      add(file.subspan(at + 16, little(file.subspan(at + 8), 4)));
    return found;
  }
  for (std::size_t at = 0; at + 12 <= file.size(); at += std::max<std::size_t>(12, little(file.subspan(at + 4), 4))) {
    const std::uint32_t block = little(file.subspan(at), 4);
    if (block == 1) type = little(file.subspan(at + 8), 2);
    if (block == 6) add(file.subspan(at + 28, little(file.subspan(at + 20), 4)));
  }
  return found;
}

}  // namespace detail

struct Conversation {
  Bytes to_responder, to_initiator;
};
inline std::vector<Conversation> conversations(ByteView file) {
  using Ports = std::pair<std::uint32_t, std::uint32_t>;
  std::map<Ports, detail::Stream> streams;
  std::vector<Ports> initiators;
  for (const ByteView ip : detail::packets(file)) {
    if (ip.size() < 40 || ip[0] >> 4 != 4 || ip[9] != 6) continue;
    const std::size_t header = std::size_t{ip[0] & 0x0FU} * 4;
    const ByteView tcp = ip.subspan(header, detail::big(ip.subspan(2), 2) - header);
    const Ports ports{detail::big(tcp, 2), detail::big(tcp.subspan(2), 2)};
    const bool syn = (tcp[13] & 0x02) != 0, ack = (tcp[13] & 0x10) != 0;
    if (!streams.contains(ports) && !streams.contains({ports.second, ports.first}) && (!syn || !ack)) initiators.push_back(ports);
    streams[ports].add(detail::big(tcp.subspan(4), 4), syn, tcp.subspan(std::size_t{tcp[12]} / 16 * 4));
  }
  std::vector<Conversation> found;
  for (const Ports& ports : initiators) found.push_back({streams[ports].octets, streams[{ports.second, ports.first}].octets});
  return found;
}

}  // namespace postern::osi::testing
