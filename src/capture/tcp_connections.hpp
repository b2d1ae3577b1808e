// TCP segments put into their order (RFC 9293): connections, with what each side sent, piece by piece as it became whole.
//
//   TcpConnections connections;
//   while (frame) if (const auto segment = tcp_segment(*frame)) connections.add(*segment, frame->time);
//   for (TcpConnection& each : connections.take()) …
//
// What was sent again is taken once. A segment that came before its predecessor waits for it, up to kMaxEarly octets in a direction; where
// the predecessor never comes, the direction ends in a gap. Between both directions the order is that in which octets became whole.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "capture/tcp_segment.hpp"

namespace postern::capture {

struct TcpConnection {
  Endpoint client, server;  ///< Who set it up; where that was not seen, who was seen first is taken for the client.
  struct Piece {
    bool from_client = false;
    std::int64_t time = 0;  ///< Frame::time.
    Bytes octets;
  };
  std::vector<Piece> pieces;
  bool gap_from_client = false, gap_from_server = false;  ///< Octets are missing, and what followed them is left out.

  /// All that one side sent.
  [[nodiscard]] Bytes stream(bool from_client) const;
};

class TcpConnections {
 public:
  static constexpr std::size_t kMaxEarly = 4U * 1024 * 1024;  ///< Octets that wait for an earlier segment, in a direction,
  static constexpr std::size_t kMaxEarlySegments = 4096;      ///< and segments.
  static constexpr std::size_t kMaxConnections = 100'000;     ///< Segments of further ones are left out.

  void add(const TcpSegment& segment, std::int64_t time);
  /// In the order in which they began.
  [[nodiscard]] std::vector<TcpConnection> take();
  /// Segments that were left out because of kMaxConnections.
  [[nodiscard]] std::size_t left_out() const noexcept { return m_left_out; }

 private:
  struct Direction {
    std::optional<std::uint32_t> next;     ///< Sequence number of the octet that comes next.
    std::uint64_t at = 0;                  ///< How many came before it.
    std::map<std::uint64_t, Bytes> early;  ///< By place in the stream.
    std::size_t waiting = 0;               ///< Octets of `early`.
    bool lost = false;                     ///< Too much waits for what does not come.
  };
  struct Open {
    TcpConnection seen;
    Direction from_client, from_server;
    std::optional<std::uint32_t> set_up;  ///< Sequence number of the client's SYN, where it was seen.
  };
  using Ends = std::pair<Endpoint, Endpoint>;

  /// nullptr: left out.
  [[nodiscard]] Open* of(const TcpSegment& segment);
  [[nodiscard]] Open* begin(const Endpoint& client, const Endpoint& server);
  /// The octets that follow what came, and those that waited for them.
  static void put(Direction& into, std::uint32_t sequence, ByteView octets, const std::function<void(ByteView)>& whole);

  std::vector<Open> m_all;
  std::map<Ends, std::size_t> m_now;  ///< The last one between two ends, client first.
  std::size_t m_left_out = 0;
};

/// What of a file is in none of its connections.
struct PassedOver {
  std::size_t frames = 0;    ///< Without a TCP segment: see tcp_segment().
  std::size_t segments = 0;  ///< TcpConnections::left_out().
};
/// Of a whole file. BadInput as CaptureReader; what came before the fault is in `out` all the same, and counted in `passed`.
[[nodiscard]] Status read_connections(ByteView file, std::vector<TcpConnection>& out, PassedOver* passed = nullptr);

}  // namespace postern::capture
