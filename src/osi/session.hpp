// The session protocol machine (SPM) of X.225, without I/O: primitives, TSDUs and ticks in; TSDUs, primitives and a deadline out.
//
// Both roles; protocol versions 1 and 2; kernel, half-duplex, duplex, minor and major synchronize, exceptions, activity management,
// negotiated release, typed data. One session uses one transport connection, which exists when the session is made and ends with it.
//
// The owner's loop, T being the transport (osi/cotp.hpp):
//
//   T-DATA indication        -> session.receive(tsdu, now)
//   T-DISCONNECT indication  -> session.transport_disconnected(why)
//   at session.deadline()    -> session.tick(now)
//   after each of these and after each request():
//     while (auto tsdu = session.take_tsdu())   T-DATA request
//     while (auto event = session.next_event()) to the user
//     if (session.wants_disconnect())           T-DISCONNECT request, once take_tsdu() is empty
//
// request() either does all of what it is asked or, when state, tokens, units or limits forbid it, changes nothing and says why
// (Conflict, TooLarge, Unsupported, BadInput). Whatever the peer sends, a wrong SPDU ends in ABORT and one SPAbort with a text, never in
// a crash; after SPAbort, SUAbort, SConnectRefuse or an affirmative SReleaseResponse there is no further event.
//
// The table of transitions is src/osi/session_table.cpp. Not thread safe. It does not: reuse transport connections, use transport expedited
// data, do resynchronize, capability data, expedited data, symmetric synchronize, data separation.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "osi/session_service.hpp"

namespace postern::osi {

/// Who opened the transport connection; only that side sends CONNECT (X.225 6.1).
enum class SessionRole : std::uint8_t { Initiator, Responder };

/// X.225 8.3.1.12 (PI 22): bits of the protocol versions.
inline constexpr std::uint8_t kSessionVersion1 = 0x01;
inline constexpr std::uint8_t kSessionVersion2 = 0x02;

struct SessionTimeouts {
  std::chrono::seconds connect{60};     ///< Initiator: CONNECT to ACCEPT or REFUSE. Responder: transport to CONNECT.
  std::chrono::seconds release{60};     ///< FINISH to DISCONNECT.
  std::chrono::seconds disconnect{15};  ///< X.225 A.5.4 TIM: after ABORT, REFUSE or DISCONNECT until the peer lets the transport go.
};

struct SessionOptions {
  SessionRole role = SessionRole::Initiator;
  std::uint8_t versions = kSessionVersion1 | kSessionVersion2;  ///< Proposed or accepted; the highest common one is used.
  /// Responder: a CONNECT whose called selector is not exactly this is refused (129). Unset: the user looks at it and decides.
  std::optional<Bytes> selector;
  FunctionalUnits units = kSupportedUnits;  ///< Responder: others are dropped from a proposal before the user sees it.
  std::uint16_t max_tsdu_out = 0;           ///< Offered TSDU maximum sizes, each way; 0: no limit. Below 64 counts as 64.
  std::uint16_t max_tsdu_in = 0;
  std::size_t max_ssdu = 16U * 1024 * 1024;   ///< Octets of one reassembled SSDU; more is a protocol error.
  std::size_t max_connect_data = 64U * 1024;  ///< User data of CONNECT, the part over 10,240 in overflow.
  /// Tells the peer that it may put several category 2 SPDUs into one TSDU (X.225 6.3.7). We never do so ourselves.
  bool extended_concatenation = false;
  SessionTimeouts timeouts;
};

/// What was agreed on. Valid once connected.
struct SessionSelection {
  std::uint8_t version = 2;  ///< 1 or 2
  FunctionalUnits units;
  std::uint16_t max_tsdu_out = 0;  ///< 0: no limit
  std::uint16_t max_tsdu_in = 0;
};

class SessionMachine;  // session_machine.hpp, private

class Session {
 public:
  /// X.225 Annex A, Table A.3: the states that these functional units can reach.
  enum class State : std::uint8_t;

  /// The transport connection exists as of `now`.
  Session(SessionOptions options, SteadyTime now);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// A request or response primitive. For SSyncMinor, SSyncMajor and SActivityEnd the value is the serial number it got; otherwise 0.
  [[nodiscard]] Result<SerialNumber> request(SessionRequest primitive, SteadyTime now);

  /// One whole TSDU.
  void receive(ByteView tsdu, SteadyTime now);
  /// The transport connection is gone; `why` goes into SPAbort::text when that was not expected.
  void transport_disconnected(std::string_view why);
  /// SSDUs of so many octets may come and go from here on; SessionOptions::max_ssdu, once it is known who is there. It never shrinks.
  void allow(std::size_t ssdu) noexcept;
  /// Octets of an SSDU that wait for its last segment.
  [[nodiscard]] std::size_t pending() const noexcept;
  void tick(SteadyTime now);

  [[nodiscard]] std::optional<Bytes> take_tsdu();
  [[nodiscard]] std::optional<SessionEvent> next_event();
  /// T-DISCONNECT request is due, after what take_tsdu() still gives.
  [[nodiscard]] bool wants_disconnect() const noexcept;
  /// max() when nothing is awaited.
  [[nodiscard]] SteadyTime deadline() const noexcept;

  [[nodiscard]] State state() const noexcept;
  [[nodiscard]] bool connected() const noexcept;  ///< ACCEPT was exchanged and neither abort nor release has completed.
  [[nodiscard]] bool closed() const noexcept;     ///< Nothing can happen any more.
  /// X.225 A.6, STA 18: the tokens were given by S-CONTROL-GIVE and the peer has not answered. No token may be asked for before.
  [[nodiscard]] bool waits_for_control_ack() const noexcept;
  [[nodiscard]] const SessionSelection& selection() const noexcept;
  [[nodiscard]] Tokens owned_tokens() const noexcept;
  [[nodiscard]] Tokens available_tokens() const noexcept;
  [[nodiscard]] bool activity_in_progress() const noexcept;
  /// V(M): the serial number of the next synchronization point. V(A): the lowest one not yet confirmed. (X.225 5.5)
  [[nodiscard]] SerialNumber next_serial() const noexcept;
  [[nodiscard]] SerialNumber unconfirmed_serial() const noexcept;

 private:
  std::unique_ptr<SessionMachine> m_machine;
};

/// X.225 Annex A: STA numbers in comments.
enum class Session::State : std::uint8_t {
  Idle,                     ///< 01C: transport there, no session yet.
  WaitOverflowData,         ///< 01D: CONNECT DATA OVERFLOW is to come.
  WaitAccept,               ///< 02A
  WaitOverflowAccept,       ///< 02B
  WaitConnectResponse,      ///< 08
  DataTransfer,             ///< 713
  WaitDisconnect,           ///< 03: FINISH sent.
  WaitReleaseResponse,      ///< 09
  WaitMajorAck,             ///< 04A
  WaitActivityEndAck,       ///< 04B
  WaitMajorResponse,        ///< 10A
  WaitActivityEndResponse,  ///< 10B
  WaitInterruptAck,         ///< 05B
  WaitDiscardAck,           ///< 05C
  WaitInterruptResponse,    ///< 11B
  WaitDiscardResponse,      ///< 11C
  WaitControlAck,           ///< 18: GIVE TOKENS CONFIRM sent.
  WaitRecoveryIndication,   ///< 19: EXCEPTION DATA sent.
  WaitRecoveryRequest,      ///< 20: EXCEPTION DATA or REPORT received.
  WaitAbortAccept,          ///< 01A
  WaitTransportDisconnect,  ///< 16
  Closed,                   ///< 01
};
[[nodiscard]] std::string_view name_of(Session::State state) noexcept;

}  // namespace postern::osi
