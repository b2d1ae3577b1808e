#include "capture/tcp_connections.hpp"

#include <algorithm>

namespace postern::capture {

Bytes TcpConnection::stream(bool from_client) const {
  Bytes out;
  for (const Piece& each : pieces)
    if (each.from_client == from_client) append(out, each.octets);
  return out;
}

void TcpConnections::add(const TcpSegment& segment, std::int64_t time) {
  Open* const open = of(segment);
  if (open == nullptr) return void(++m_left_out);
  const bool from_client = segment.from == open->seen.client;
  Direction& into = from_client ? open->from_client : open->from_server;
  if (segment.syn && !into.next) into.next = segment.sequence + 1;  // RFC 9293 3.4: the SYN counts as one octet
  if (segment.payload.empty()) return;
  const std::uint32_t first = segment.sequence + (segment.syn ? 1 : 0);
  if (!into.next) into.next = first;
  put(into, first, segment.payload,
      [&](ByteView octets) { open->seen.pieces.push_back({from_client, time, Bytes(octets.begin(), octets.end())}); });
}

TcpConnections::Open* TcpConnections::of(const TcpSegment& segment) {
  const bool opens = segment.syn && !segment.ack, answers = segment.syn && segment.ack;
  auto found = m_now.find({segment.from, segment.to});
  if (found == m_now.end()) found = m_now.find({segment.to, segment.from});
  Open* const known = found == m_now.end() ? nullptr : &m_all[found->second];
  if (known != nullptr && (!opens || known->set_up == segment.sequence)) return known;
  Open* const made = answers ? begin(segment.to, segment.from) : begin(segment.from, segment.to);
  if (made != nullptr && opens) made->set_up = segment.sequence;
  return made;
}

TcpConnections::Open* TcpConnections::begin(const Endpoint& client, const Endpoint& server) {
  if (m_all.size() == kMaxConnections) return nullptr;
  m_now.erase({server, client});  // the ports were used the other way round before
  m_now[{client, server}] = m_all.size();
  Open& made = m_all.emplace_back();
  made.seen.client = client;
  made.seen.server = server;
  return &made;
}

void TcpConnections::put(Direction& into, std::uint32_t sequence, ByteView octets, const std::function<void(ByteView)>& whole) {
  if (into.lost) return;
  const auto ahead = static_cast<std::int32_t>(sequence - *into.next);  // modulo 2^32, RFC 9293 3.4
  if (ahead > 0) {
    into.lost = into.waiting + octets.size() > kMaxEarly || into.early.size() == kMaxEarlySegments;
    if (into.lost) return into.early.clear();
    Bytes& kept = into.early[into.at + static_cast<std::uint64_t>(ahead)];
    if (kept.size() >= octets.size()) return;  // sent again
    into.waiting += octets.size() - kept.size();
    kept.assign(octets.begin(), octets.end());
    return;
  }
  const auto take = [&](std::uint64_t known, ByteView more) {
    if (known >= more.size()) return;
    const ByteView fresh = more.subspan(static_cast<std::size_t>(known));
    whole(fresh);
    into.at += fresh.size();
    *into.next += static_cast<std::uint32_t>(fresh.size());
  };
  take(static_cast<std::uint64_t>(-std::int64_t{ahead}), octets);
  while (!into.early.empty() && into.early.begin()->first <= into.at) {
    const auto waited = into.early.extract(into.early.begin());
    into.waiting -= waited.mapped().size();
    take(into.at - waited.key(), waited.mapped());
  }
}

std::vector<TcpConnection> TcpConnections::take() {
  std::vector<TcpConnection> out;
  for (Open& each : m_all) {
    each.seen.gap_from_client = each.from_client.lost || !each.from_client.early.empty();
    each.seen.gap_from_server = each.from_server.lost || !each.from_server.early.empty();
    out.push_back(std::move(each.seen));
  }
  m_all.clear();
  m_now.clear();
  return out;
}

Status read_connections(ByteView file, std::vector<TcpConnection>& out, PassedOver* passed) {
  TcpConnections connections;
  std::size_t others = 0;
  const auto read = [&]() -> Status {
    POSTERN_TRY(CaptureReader reader, CaptureReader::open(file));
    for (;;) {
      POSTERN_TRY(const auto frame, reader.next());
      if (!frame) return {};
      if (const auto segment = tcp_segment(*frame))
        connections.add(*segment, frame->time);
      else
        ++others;
    }
  };
  const Status status = read();
  if (passed != nullptr) *passed = {others, connections.left_out()};
  out = connections.take();
  return status;
}

}  // namespace postern::capture
