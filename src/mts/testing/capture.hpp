// For tests: the shared captures of real P1 traffic, taken apart far enough to reach the APDUs (room osi has the real layers).
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "asn1/ber.hpp"

namespace postern::mts::testing {

/// $POSTERN_SHARED_DATA, else shared/data beside the repository, wherever in or beside it the test was started.
inline std::filesystem::path x400_data() {
  if (const char* given = std::getenv("POSTERN_SHARED_DATA")) return std::filesystem::path(given) / "x400";
  std::error_code ignored;
  const auto here = std::filesystem::current_path(ignored);
  for (auto at = here; at != at.parent_path(); at = at.parent_path()) {
    if (std::filesystem::is_directory(at / "shared/data/x400", ignored)) return at / "shared/data/x400";
  }
  return here / "../shared/data/x400";
}

inline Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What each side of each connection sent, in order (a capture of one loopback host: Ethernet, IPv4, TCP; little-endian pcap).
inline std::vector<Bytes> tcp_streams(ByteView pcap) {
  const auto le32 = [&](std::size_t at) {
    return pcap[at] | pcap[at + 1] << 8 | pcap[at + 2] << 16 | static_cast<std::uint32_t>(pcap[at + 3]) << 24;
  };
  std::map<std::uint64_t, std::map<std::uint32_t, Bytes>> flows;
  for (std::size_t at = 24; at + 16 <= pcap.size();) {
    const std::size_t length = le32(at + 8);
    const ByteView ip = pcap.subspan(at + 16, length).subspan(14);
    at += 16 + length;
    const auto be16 = [](ByteView v, std::size_t i) { return static_cast<std::size_t>(v[i] << 8 | v[i + 1]); };
    const ByteView tcp = ip.first(be16(ip, 2)).subspan(static_cast<std::size_t>(ip[0] & 15) * 4);
    const ByteView data = tcp.subspan(static_cast<std::size_t>(tcp[12] >> 4) * 4);
    if (data.empty()) continue;
    const auto sequence = static_cast<std::uint32_t>(be16(tcp, 4) << 16 | be16(tcp, 6));
    flows[be16(tcp, 0) << 16 | be16(tcp, 2)][sequence] = Bytes(data.begin(), data.end());
  }
  std::vector<Bytes> streams;
  for (const auto& [ports, segments] : flows) {
    Bytes& stream = streams.emplace_back();
    for (const auto& [sequence, data] : segments) append(stream, data);
  }
  return streams;
}

/// RFC 1006 and X.224: the TSDUs of the data TPDUs.
inline std::vector<Bytes> tsdus(ByteView stream) {
  std::vector<Bytes> all;
  Bytes current;
  while (stream.size() >= 7) {
    const std::size_t length = static_cast<std::size_t>(stream[2] << 8 | stream[3]);
    if (length < 7 || length > stream.size()) break;
    if (stream[5] == 0xF0) {
      append(current, stream.subspan(7, length - 7));
      if ((stream[6] & 0x80) != 0) all.push_back(std::exchange(current, {}));
    }
    stream = stream.subspan(length);
  }
  return all;
}

/// A PDV list with one value (X.226 8.4.2), as far as it is needed here.
struct Pdv {
  std::int64_t context = 0;
  asn1::Any value;
};
inline const asn1::Type& schema(asn1::Of<Pdv>) {
  static const asn1::Type type = asn1::sequence<Pdv>(
      "PDV-list", {asn1::field<&Pdv::context>("context"), asn1::field<&Pdv::value>("value").explicitly(asn1::context(0))});
  return type;
}
/// The APDUs that RTSE carried: GIVE TOKENS and DATA TRANSFER in one TSDU, in it one PDV of context 3 with an OCTET STRING, in that an
/// EXTERNAL with the APDU.
inline std::vector<Bytes> p1_apdus(ByteView pcap) {
  std::vector<Bytes> apdus;
  for (const Bytes& stream : tcp_streams(pcap)) {
    for (const Bytes& tsdu : tsdus(stream)) {
      if (tsdu.size() < 8 || tsdu[0] != 1 || tsdu[2] != 1 || tsdu[4] != 0x61) continue;
      static const asn1::Type user_data = asn1::sequence_of_type<Pdv>("User-data").implicitly(asn1::application(1));
      const auto pdvs = asn1::decode<std::vector<Pdv>>(ByteView(tsdu).subspan(4), {}, user_data);
      if (!pdvs || pdvs->size() != 1 || pdvs->front().context != 3) continue;
      const auto transfer = asn1::from_any<asn1::OctetString>(pdvs->front().value);
      if (!transfer) continue;
      const auto external = asn1::decode<asn1::External>(transfer->octets);
      if (!external) continue;
      if (const auto* any = std::get_if<asn1::Any>(&external->encoding.value)) apdus.push_back(any->ber);
    }
  }
  return apdus;
}

}  // namespace postern::mts::testing
