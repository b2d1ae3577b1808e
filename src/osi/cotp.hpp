// The transport engine: COTP class 0 (X.224) over TPKT (RFC 1006), without I/O: octets, TSDUs and ticks in; octets, events, a deadline out.
//
// The shell's loop:
//
//   write transport.take_output();
//   while (auto event = transport.next_event()) handle(*event);     // TConnect needs accept() or refuse()
//   if (transport.wants_close()) { write transport.take_output(); close the TCP connection; }
//   read until transport.deadline() -> transport.receive(octets, now); at end of file network_lost(why); at the deadline tick(now)
//
// Whatever the peer sends, what it holds is bounded: one TPKT, and one TSDU of TransportOptions::max_tsdu octets. The last event is
// TDisconnect, exactly once. Not thread safe. It does not: expedited data (RFC 1006 6 leaves it to negotiation; it is never agreed to),
// classes 1 to 4, several transport connections on one network connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "osi/tpdu.hpp"
#include "osi/tpkt.hpp"
#include "osi/transcript.hpp"

namespace postern::osi {

enum class TransportRole : std::uint8_t { Initiator, Responder };

struct TransportOptions {
  TransportRole role = TransportRole::Initiator;
  Bytes calling;                ///< TSAP-IDs of a CONNECTION REQUEST; empty: not sent. At most 32 octets.
  Bytes called;                 ///< (Initiator)
  std::uint16_t reference = 1;  ///< Our reference, not 0; RFC 1006 has one connection per TCP connection, so any will do.
  /// Longest TPDU in octets, header included. 65,531 is RFC 1006's default and is not sent as a parameter; otherwise one of 128, 256, 512,
  /// 1024, 2048, 4096, 8192, rounded down to these.
  std::size_t max_tpdu = kMaxTpdu;
  std::size_t max_tsdu = 16U * 1024 * 1024;  ///< Octets of one reassembled TSDU; more is answered with ERROR and the end.
  std::chrono::seconds connect_timeout{60};  ///< Initiator: CR to CC. Responder: TCP connection to CR.
};

/// (decide) T-CONNECT indication: accept() or refuse().
struct TConnect {
  Bytes calling;
  Bytes called;
  friend bool operator==(const TConnect&, const TConnect&) = default;
};
/// T-CONNECT confirm.
struct TConnected {
  Bytes responding;  ///< The called TSAP-ID of the CC; empty if it has none.
  friend bool operator==(const TConnected&, const TConnected&) = default;
};
struct TData {
  Bytes tsdu;
  friend bool operator==(const TData&, const TData&) = default;
};
enum class TDisconnectCause : std::uint8_t {
  Refused,        ///< The peer answered CR with DISCONNECT REQUEST; `reason` is its octet.
  PeerReset,      ///< DISCONNECT REQUEST on an open connection; `reason` is its octet.
  PeerError,      ///< The peer says that we sent an invalid TPDU (ERROR); `reason` is its reject cause.
  ProtocolError,  ///< The peer's octets are not what they should be; ERROR was queued where X.224 has one for it.
  NetworkLost,    ///< The TCP connection is gone. In class 0 that is also how an orderly peer disconnects.
  Timeout,
  Local,  ///< disconnect() or refuse() was called.
};
/// T-DISCONNECT indication: the last event.
struct TDisconnect {
  TDisconnectCause cause = TDisconnectCause::NetworkLost;
  std::uint8_t reason = 0;
  std::string text;  ///< For an operator.
  friend bool operator==(const TDisconnect&, const TDisconnect&) = default;
};
using TransportEvent = std::variant<TConnect, TConnected, TData, TDisconnect>;

class Transport {
 public:
  /// The TCP (or TLS) connection exists as of `now`. An initiator queues its CONNECTION REQUEST at once. BadInput: options out of range.
  [[nodiscard]] static Result<Transport> open(TransportOptions options, SteadyTime now, TranscriptHook transcript = {});

  /// Answers TConnect; `responding` goes into the CC where it is not empty. Conflict when there is nothing to answer.
  [[nodiscard]] Status accept(ByteView responding = {});
  [[nodiscard]] Status refuse(DisconnectReason reason);
  /// T-DATA request: one whole TSDU, segmented as negotiated. Conflict unless connected; an empty one is BadInput.
  [[nodiscard]] Status send(ByteView tsdu);
  /// X.224 6.7.1.5: class 0 disconnects by closing the network connection: wants_close() is true from here on, output stays to be written.
  void disconnect();
  /// TSDUs of so many octets are taken from here on; TransportOptions::max_tsdu, once it is known who is there. It never shrinks.
  void allow(std::size_t tsdu) noexcept { m_options.max_tsdu = std::max(m_options.max_tsdu, tsdu); }

  void receive(ByteView octets, SteadyTime now);
  void network_lost(std::string_view why);
  void tick(SteadyTime now);

  /// Octets that wait for the rest of their TPKT or TSDU.
  [[nodiscard]] std::size_t pending() const noexcept { return m_reader.pending() + m_tsdu.size(); }
  [[nodiscard]] bool has_output() const noexcept { return !m_output.empty(); }
  [[nodiscard]] Bytes take_output() { return std::exchange(m_output, {}); }
  [[nodiscard]] std::optional<TransportEvent> next_event();
  [[nodiscard]] bool wants_close() const noexcept { return m_state == State::Closed; }
  [[nodiscard]] bool connected() const noexcept { return m_state == State::Open; }
  [[nodiscard]] SteadyTime deadline() const noexcept { return m_deadline; }
  /// What was negotiated, octets of a TPDU with its header.
  [[nodiscard]] std::size_t tpdu_size() const noexcept { return m_tpdu_size; }

 private:
  enum class State : std::uint8_t { WaitConfirm, WaitRequest, WaitDecision, Open, Closed };

  Transport(TransportOptions options, SteadyTime now, TranscriptHook transcript);
  void send_tpdu(const Tpdu& tpdu);
  void queue(std::size_t from);
  void receive_tpdu(ByteView octets);
  void on(const ConnectionRequest& tpdu, ByteView octets);
  void on(const ConnectionConfirm& tpdu, ByteView octets);
  void on(const DisconnectRequest& tpdu, ByteView octets);
  void on(const ErrorTpdu& tpdu, ByteView octets);
  void on(const DataTpdu& tpdu, ByteView octets);
  void protocol_error(RejectCause cause, ByteView invalid, std::string text);
  void close(TDisconnect why);

  TransportOptions m_options;
  TranscriptHook m_transcript;
  State m_state;
  SteadyTime m_deadline = SteadyTime::max();
  std::size_t m_tpdu_size;
  std::uint16_t m_peer_reference = 0;
  std::optional<std::size_t> m_proposed_size;  ///< Of the CR that waits for a decision.
  TpktReader m_reader;
  Bytes m_tsdu;
  Bytes m_output;
  std::deque<TransportEvent> m_events;
};

}  // namespace postern::osi
