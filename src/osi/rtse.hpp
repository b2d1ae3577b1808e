// The reliable transfer machine (X.228; X.410-1984 4), without I/O: RT primitives in and out above, session primitives in and out below.
// Association control (RTORQ, RTOAC, RTORJ, RTAB) is osi/association.hpp's; this is what happens on an open association: transfers, turn.
//
// An APDU is a stream in both directions and is never whole in memory. Sending: transfer(), then supply() as many octets as
// wants_octets() says, the last with `last`. The engine cuts them into S-DATA of one checkpoint, puts S-SYNC-MINOR between them, waits when
// `window` checkpoints are not confirmed, and ends with S-ACTIVITY-END; RtTransferConfirmed says that the receiver has committed.
// Receiving: RtTransferBegin, RtTransferOctets …, RtTransferCheckpoint (make the octets so far durable, then confirm_checkpoint()),
// RtTransferEnd (commit, then confirm_end()). Nothing is confirmed to the peer before the user says so.
//
// Events may be read late: an answer to what a later event has overtaken (a checkpoint, an end, a resumption of a transfer that stopped
// meanwhile) is accepted and does nothing. An answer to what was never asked is a Conflict.
//
// After an interruption, either side's ResumePoint tells where to go on: the sender resume()s with it, on the same or another
// association; the receiver gets RtResumeRequested and accept_resume()s with the point it kept for that checkpoint.
//
// The user data of the session primitives is RTSE's own: a piece of the APDU in SData, RTTP in STokenPlease; presentation wraps them in
// normal mode. Legal transitions: rtse_table.hpp. Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "osi/rtse_external.hpp"
#include "osi/rtse_pdu.hpp"
#include "osi/session_service.hpp"

namespace postern::osi {

enum class RtseMode : std::uint8_t { Normal, X410 };

/// What RTORQ and RTOAC agreed on.
struct RtseAgreement {
  RtseMode mode = RtseMode::Normal;
  DialogueMode dialogue = DialogueMode::Monologue;
  std::size_t checkpoint = 0;  ///< Octets between two checkpoints at most; 0: no checkpoints.
  std::uint32_t window = 3;    ///< Checkpoints that may be unconfirmed before sending waits; 0 counts as 1.
  bool turn = false;           ///< We hold it first.
};

struct RtseLimits {
  std::size_t piece = 64U * 1024;               ///< Octets of one S-DATA, whatever the checkpoint size allows. At least 512.
  std::uint64_t apdu = std::uint64_t{1} << 30;  ///< Octets of a received APDU; more is refused (exception report).
  std::chrono::seconds recovery{60};            ///< For the answer to an interrupt or discard.
};

/// Where a transfer can go on. Plain data, to be stored by the user; the activity identifier is the interrupted one.
struct ResumePoint {
  Bytes activity;
  std::optional<SessionConnectionIdentifier> connection;  ///< The session connection it began on.
  SerialNumber serial = 0;                                ///< Of the last confirmed checkpoint.
  /// Of the APDU before it. A receiver's may be up to four fewer than the sender's: those are in `envelope`, and come out first.
  std::uint64_t octets = 0;
  std::optional<std::uint64_t> size;  ///< Sender: the APDU's, as given to transfer().
  Bytes envelope;                     ///< Receiver: state of the EXTERNAL; opaque.
  friend bool operator==(const ResumePoint&, const ResumePoint&) = default;
};

/// RT-TRANSFER request.
struct RtTransfer {
  std::int64_t context = 0;                  ///< Normal mode: the presentation context of the APDU.
  std::optional<std::uint64_t> size;         ///< Octets of the APDU, if known: definite lengths.
  std::chrono::seconds transfer_time{3600};  ///< In which it has to be confirmed; then it is discarded.
};

// ---- events of the sender
/// The receiver has confirmed a checkpoint: `point` is where an interrupted transfer would go on.
struct RtCheckpointConfirmed {
  ResumePoint point;
};
/// RT-TRANSFER confirm, positive: the receiver has the APDU and is responsible for it.
struct RtTransferConfirmed {
  Bytes activity;
};
enum class RtFailure : std::uint8_t { Interrupted, Discarded, Aborted };
/// RT-TRANSFER confirm, negative. With a point the transfer can be resumed; without one it begins again.
struct RtTransferFailed {
  RtFailure how = RtFailure::Discarded;
  std::string text;
  std::optional<ResumePoint> point;
};
// ---- events of the receiver
struct RtTransferBegin {
  Bytes activity;
};
struct RtTransferOctets {
  Bytes octets;
};
struct RtTransferCheckpoint {
  ResumePoint point;
};
/// RT-TRANSFER indication: the APDU is whole. `context`: its presentation context (normal mode).
struct RtTransferEnd {
  std::uint64_t octets = 0;
  std::optional<std::int64_t> context;
};
/// The transfer stops. Interrupted and aborted: what is after `point` (the last confirmed checkpoint) is void; discarded: everything.
struct RtTransferStopped {
  RtFailure how = RtFailure::Discarded;
  std::optional<ResumePoint> point;
};
/// (decide) The peer goes on with `old_activity` after checkpoint `serial`: accept_resume() or refuse_resume().
struct RtResumeRequested {
  Bytes activity;  ///< What it is called from now on.
  Bytes old_activity;
  SerialNumber serial = 0;
  std::optional<SessionConnectionIdentifier> connection;  ///< Where it began on another session connection.
};
// ---- events of the turn
struct RtTurnGiven {};
struct RtTurnPleased {
  std::int64_t priority = 0;
};
using RtseEvent = std::variant<RtCheckpointConfirmed, RtTransferConfirmed, RtTransferFailed, RtTransferBegin, RtTransferOctets,
                               RtTransferCheckpoint, RtTransferEnd, RtTransferStopped, RtResumeRequested, RtTurnGiven, RtTurnPleased>;

/// Activities are numbered 1, 2, … on a session connection; the identifier is that INTEGER's BER, as in X.410 and as peers do.
[[nodiscard]] Bytes activity_identifier(std::uint32_t number);

/// The side that sends an APDU. Used through Rtse.
class RtseSender {
 public:
  enum class State : std::uint8_t { Idle, Sending, WaitEnd, WaitInterrupt, WaitDiscard };

  RtseSender(const RtseAgreement& agreement, const RtseLimits& limits, std::deque<SessionRequest>& requests, std::deque<RtseEvent>& events);

  [[nodiscard]] Status transfer(RtTransfer transfer, SteadyTime now);
  [[nodiscard]] Status resume(RtTransfer transfer, const ResumePoint& point, bool other_connection, SteadyTime now);
  [[nodiscard]] std::size_t wants_octets() const noexcept;
  [[nodiscard]] Status supply(ByteView octets, bool last);
  /// S-ACTIVITY-INTERRUPT or -DISCARD by this side.
  [[nodiscard]] Status stop(RtFailure how, ExceptionReason reason, std::string text, SteadyTime now);
  [[nodiscard]] Status checkpoint_confirmed(SerialNumber serial);
  [[nodiscard]] Status end_confirmed();
  [[nodiscard]] Status stop_confirmed(RtFailure how);
  /// S-U-EXCEPTION-REPORT or S-P-EXCEPTION-REPORT: interrupt or discard, as the reason says.
  [[nodiscard]] Status exception(ExceptionReason reason, std::string text, SteadyTime now);
  /// Timeout: nothing answers any more, the association has to be aborted.
  [[nodiscard]] Status tick(SteadyTime now);
  void broken(const std::string& text);
  /// The peer says that the APDU it was asked to go on with is there already.
  void completed();

  [[nodiscard]] SteadyTime deadline() const noexcept { return m_deadline; }
  [[nodiscard]] State state() const noexcept { return m_state; }

 private:
  struct Outstanding {
    SerialNumber serial;
    std::uint64_t octets;
  };
  void start(RtTransfer transfer, SteadyTime now);
  void flush();
  void send_piece();
  void send_checkpoint();
  void fail_with(RtFailure how);
  [[nodiscard]] std::size_t piece() const noexcept;
  [[nodiscard]] std::uint32_t window() const noexcept;
  [[nodiscard]] std::optional<ResumePoint> point() const;

  const RtseAgreement& m_agreement;
  const RtseLimits& m_limits;
  std::deque<SessionRequest>& m_requests;
  std::deque<RtseEvent>& m_events;

  State m_state = State::Idle;
  SteadyTime m_deadline = SteadyTime::max();
  std::uint32_t m_number = 0;
  Bytes m_activity;
  RtTransfer m_transfer;
  ExternalFrame m_frame;
  std::size_t m_prefix_unsent = 0;
  std::uint64_t m_supplied = 0;  ///< Octets of the APDU taken from the user.
  std::uint64_t m_sent = 0;      ///< Octets of the APDU in S-DATA.
  bool m_last = false;
  bool m_checkpoint_due = false;
  SerialNumber m_serial = 0;  ///< Of the last checkpoint set.
  std::deque<Outstanding> m_outstanding;
  SerialNumber m_confirmed = 0;
  std::uint64_t m_confirmed_octets = 0;
  Bytes m_buffer;
  std::string m_why;
};

/// The side that receives an APDU. Used through Rtse.
class RtseReceiver {
 public:
  enum class State : std::uint8_t { Idle, Receiving, WaitResume, WaitCommit, WaitRecovery };

  RtseReceiver(const RtseAgreement& agreement, const RtseLimits& limits, std::deque<SessionRequest>& requests,
               std::deque<RtseEvent>& events);

  [[nodiscard]] Status started(SActivityStart start);
  [[nodiscard]] Status resumed(SActivityResume resume);
  [[nodiscard]] Status data(ByteView piece);
  [[nodiscard]] Status checkpoint(SerialNumber serial);
  [[nodiscard]] Status ended();
  [[nodiscard]] Status stopped(RtFailure how);
  void broken();

  [[nodiscard]] Status confirm_checkpoint(SerialNumber serial);
  [[nodiscard]] Status confirm_end();
  [[nodiscard]] Status refuse(ExceptionReason reason);
  [[nodiscard]] Status accept_resume(const ResumePoint& point);

  [[nodiscard]] State state() const noexcept { return m_state; }

 private:
  void begin(Bytes activity);
  [[nodiscard]] ResumePoint point(SerialNumber serial) const;

  const RtseAgreement& m_agreement;
  const RtseLimits& m_limits;
  std::deque<SessionRequest>& m_requests;
  std::deque<RtseEvent>& m_events;

  State m_state = State::Idle;
  Bytes m_activity;
  ExternalReader m_reader;
  std::uint64_t m_octets = 0;
  std::deque<ResumePoint> m_unconfirmed;
  std::optional<ResumePoint> m_confirmed;
  SerialNumber m_resume_serial = 0;
  bool m_overtaken = false;  ///< The transfer stopped, and its user may not have read that yet.
};

class Rtse {
 public:
  Rtse(RtseAgreement agreement, RtseLimits limits);
  Rtse(const Rtse&) = delete;
  Rtse& operator=(const Rtse&) = delete;

  // ---- sending. Conflict: without the turn, while a transfer is under way either way.
  [[nodiscard]] Status transfer(RtTransfer transfer, SteadyTime now);
  /// The value is the octet of the APDU to supply() from. `other_connection`: the point is of another session connection than this.
  [[nodiscard]] Result<std::uint64_t> resume(RtTransfer transfer, const ResumePoint& point, bool other_connection, SteadyTime now);
  [[nodiscard]] std::size_t wants_octets() const noexcept { return m_sender.wants_octets(); }
  /// TooLarge above wants_octets(); BadInput when the octets do not come to the size given. A last supply may be empty.
  [[nodiscard]] Status supply(ByteView octets, bool last) { return m_sender.supply(octets, last); }
  [[nodiscard]] Status interrupt(SteadyTime now);
  [[nodiscard]] Status discard(SteadyTime now);
  // ---- receiving
  [[nodiscard]] Status confirm_checkpoint(SerialNumber serial) { return m_receiver.confirm_checkpoint(serial); }
  [[nodiscard]] Status confirm_end() { return m_receiver.confirm_end(); }
  /// S-U-EXCEPTION-REPORT: this APDU cannot be taken; the sender interrupts or discards.
  [[nodiscard]] Status refuse(ExceptionReason reason) { return m_receiver.refuse(reason); }
  /// `point.serial` must be the one that was requested.
  [[nodiscard]] Status accept_resume(const ResumePoint& point) { return m_receiver.accept_resume(point); }
  // ---- turn (two-way alternate)
  [[nodiscard]] Status give_turn();
  [[nodiscard]] Status please_turn(std::int64_t priority);

  /// An indication or confirm of the session layer. An error is a protocol error of the peer: abort with it.
  [[nodiscard]] Status receive(SessionEvent event, SteadyTime now);
  /// An error: abort the association.
  [[nodiscard]] Status tick(SteadyTime now) { return m_sender.tick(now); }
  /// The association is gone. `completed`: by the peer's RTAB "transfer completed", while a resumed transfer was under way.
  void broken(const std::string& text, bool completed = false);

  [[nodiscard]] std::optional<SessionRequest> take_request();
  [[nodiscard]] std::optional<RtseEvent> next_event();
  [[nodiscard]] SteadyTime deadline() const noexcept { return m_sender.deadline(); }
  [[nodiscard]] bool has_turn() const noexcept { return m_turn; }
  [[nodiscard]] bool sending() const noexcept { return m_sender.state() != RtseSender::State::Idle; }
  [[nodiscard]] bool receiving() const noexcept { return m_receiver.state() != RtseReceiver::State::Idle; }
  [[nodiscard]] bool idle() const noexcept { return !sending() && !receiving(); }
  /// Nothing more of the peer can be taken before accept_resume() or refuse().
  [[nodiscard]] bool waits_for_decision() const noexcept { return m_receiver.state() == RtseReceiver::State::WaitResume; }
  [[nodiscard]] const RtseAgreement& agreement() const noexcept { return m_agreement; }

 private:
  [[nodiscard]] Status may_send() const;
  [[nodiscard]] Status turn_event(const SessionEvent& event);
  [[nodiscard]] Status pleased(const STokenPlease& please);
  [[nodiscard]] Status sender_event(const SessionEvent& event, SteadyTime now);
  [[nodiscard]] Status receiver_event(SessionEvent event);

  RtseAgreement m_agreement;
  RtseLimits m_limits;
  std::deque<SessionRequest> m_requests;
  std::deque<RtseEvent> m_events;
  RtseSender m_sender;
  RtseReceiver m_receiver;
  bool m_turn;
};

}  // namespace postern::osi
