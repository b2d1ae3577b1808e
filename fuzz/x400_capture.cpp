// rooms: mhs
// A capture file of anybody: its frames, segments and connections, and every layer of X.400 in them. No octet of a connection is there
// twice, and whatever cannot be read is said.
#include <cstdlib>

#include "capture/tcp_connections.hpp"
#include "mhs/dissection.hpp"

namespace {

using namespace postern;

void must(bool holds) {
  if (!holds) std::abort();
}

void dissect(const capture::TcpConnection& connection) {
  mhs::Dissection dissection;
  for (const auto& piece : connection.pieces)
    for (const mhs::DissectedUnit& unit : dissection.feed(piece.from_client, piece.octets))
      must(!unit.layers.empty() || !unit.trouble.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<capture::TcpConnection> connections;
  const Status read = capture::read_connections(ByteView(data, size), connections);
  must(read.has_value() || !read.error().what.empty());
  std::size_t octets = 0;
  for (const capture::TcpConnection& each : connections) {
    for (const auto& piece : each.pieces) {
      must(!piece.octets.empty());
      octets += piece.octets.size();
    }
    dissect(each);
  }
  must(octets <= size);
  return 0;
}
