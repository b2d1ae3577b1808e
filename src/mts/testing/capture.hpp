// For tests: the shared captures of real P1 traffic, taken apart far enough to reach the APDUs (room osi has the real layers).
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "asn1/ber.hpp"
#include "capture/tcp_connections.hpp"

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

/// What each side of each connection sent, in order.
inline std::vector<Bytes> tcp_streams(ByteView file) {
  std::vector<capture::TcpConnection> connections;
  if (!capture::read_connections(file, connections)) return {};
  std::vector<Bytes> streams;
  for (const auto& each : connections)
    for (const bool from_client : {true, false}) streams.push_back(each.stream(from_client));
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
