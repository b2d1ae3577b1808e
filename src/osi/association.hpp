// One association over RFC 1006, all seven layers of it, without I/O: octets and ticks in; octets, events and a deadline out.
//
// It composes transport, session, presentation, ACSE, RTSE and ROSE for what X.419 needs: RTSE in normal mode (P1 1988), RTSE in
// X.410-1984 mode (P1 1984, and 1988 to such peers), ROSE over presentation (P3, P7), ROSE over RTSE (their reliable contexts).
//
// The shell's loop, over one TCP or TLS connection:
//
//   write association.take_output();
//   while (auto event = association.next_event()) handle(*event);
//   if (association.wants_close()) { write take_output(); close the connection; done }
//   if (association.wants_input()) read until association.deadline() -> feed(octets, now)
//   at end of file: network_lost(why); at the deadline: tick(now)
//
// wants_input() is false while the user must decide, events wait, or output is not written: then TCP holds the peer back. Requests that the
// state does not allow change nothing and say why (Conflict). Whatever the peer sends, the association ends at worst, with one last event
// (AssociationRefused, AssociationReleased or AssociationAborted) whose text is for an operator; no text holds user data.
//
// Events may be read late. An answer (accept, refuse, answer_release, confirm_…, refuse_…, accept_resume, result, error, reject) to what a
// later event has overtaken, or after the last event, is accepted and does nothing: the event that says so is in the queue.
//
// Memory is bounded by AssociationLimits: an APDU in transfer by RTSE is a stream (rtse.hpp), what ROSE carries is whole and capped.
// Not thread safe; movable.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "osi/association_events.hpp"
#include "osi/transcript.hpp"

namespace postern::osi {

enum class AssociationProfile : std::uint8_t { RtseNormal, RtseX410, Rose, RoseOverRtse };

/// An application context: what it stands on and which abstract syntaxes it has.
struct AssociationService {
  std::string name;  ///< For logs.
  AssociationProfile profile = AssociationProfile::RtseNormal;
  asn1::Oid application_context;          ///< All but X.410 mode.
  std::int64_t application_protocol = 0;  ///< X.410 mode.
  asn1::Oid bind_syntax;                  ///< Of the bind: RTSE's abstract syntax; with ROSE alone that of bind and unbind, or none.
  std::vector<asn1::Oid> syntaxes;        ///< Of the APDUs; P1 has one.
};
// X.419: what P1, P3 and P7 use.
[[nodiscard]] AssociationService mts_transfer();                // 12.1.1: P1, RTSE normal mode
[[nodiscard]] AssociationService mts_transfer_protocol();       // P1 1988 in X.410-1984 mode
[[nodiscard]] AssociationService mts_transfer_protocol_1984();  // P1 1984
[[nodiscard]] AssociationService mts_access();                  // P3 over ROSE
[[nodiscard]] AssociationService mts_reliable_access();         // P3 over ROSE over RTSE
[[nodiscard]] AssociationService mts_forced_access();
[[nodiscard]] AssociationService mts_forced_reliable_access();
[[nodiscard]] AssociationService ms_access();           // P7 over ROSE
[[nodiscard]] AssociationService ms_reliable_access();  // P7 over ROSE over RTSE

struct AssociationLimits {
  std::size_t max_tpdu = 65'531;            ///< Octets of a TPDU; peers of old have 2048.
  std::uint16_t max_tsdu = 0;               ///< Offered session TSDU size each way; 0: none.
  std::size_t max_ssdu = 1024U * 1024;      ///< One reassembled SSDU: a piece of a transfer, or a ROSE APDU. Not accepted yet: 128 KiB.
  std::size_t max_apdu = 8U * 1024 * 1024;  ///< A ROSE APDU over RTSE, which is whole in memory.
  std::size_t output_mark = 256U * 1024;    ///< Unwritten octets above which nothing more is made or read.
  std::size_t event_mark = 1024U * 1024;    ///< Octets in unread events above which nothing more is read.
  RtseLimits rtse;
  RoseLimits rose;
  std::chrono::seconds connect_timeout{60};
  std::chrono::seconds release_timeout{60};
  std::chrono::seconds disconnect_timeout{15};
  std::chrono::seconds stall_timeout{
      180};  ///< A transfer or APDU of the peer that is unfinished and brings no octet for so long is aborted.
};

struct AssociationOptions {
  std::vector<AssociationService> services;  ///< Initiator: one. Responder: those that are offered.
  Selectors local;                           ///< Initiator: calling. Responder: responding.
  Selectors peer;                            ///< Initiator: called.
  /// Responder: what must have been called, exactly. Unset parts: anything, the user looks at AssociationRequested::called.
  std::optional<Bytes> transport_selector;
  std::optional<Bytes> session_selector;
  std::optional<Bytes> presentation_selector;
  AeTitle local_title;
  AeTitle peer_title;
  std::int64_t checkpoint_size = 63;  ///< Proposed, or the most that is agreed to; units of 1024 octets, 0..2^31-1.
  std::int64_t window_size = 3;
  DialogueMode dialogue = DialogueMode::Monologue;  ///< Initiator.
  bool responder_has_turn = false;                  ///< Initiator: who holds the turn first.
  AssociationLimits limits;
  TranscriptHook transcript;
};

/// RT-OPEN or A-ASSOCIATE request.
struct AssociationOpen {
  ConnectionData data;                     ///< The bind argument, or the old connection to recover. ROSE alone: open; empty: no bind.
  SessionConnectionIdentifier connection;  ///< Of this connection: names and the time now. Used by RTSE.
};
/// RT-OPEN or A-ASSOCIATE response, positive.
struct AssociationAccept {
  ConnectionData data;  ///< The bind result, or the recovered connection.
};
/// RT-OPEN or A-ASSOCIATE response, negative.
struct AssociationRefusal {
  RtseRefuseReason rtse_reason = RtseRefuseReason::ValidationFailure;
  AssociateResult result = AssociateResult::RejectedPermanent;
  AcseUserDiagnostic diagnostic = AcseUserDiagnostic::NoReason;
  std::optional<asn1::Any> user_data;  ///< The bind error. Not in X.410 mode.
};
enum class ResumeRefusal : std::uint8_t {
  Unrecognized,  ///< No such activity here (any more): the sender begins it anew.
  Completed,     ///< That APDU was committed: the sender takes it as confirmed.
};

class Association {
 public:
  /// The TCP connection exists as of `now`. BadInput: options that contradict each other.
  [[nodiscard]] static Result<Association> initiate(AssociationOptions options, AssociationOpen open, SteadyTime now);
  [[nodiscard]] static Result<Association> respond(AssociationOptions options, SteadyTime now);
  ~Association();
  Association(Association&&) noexcept;
  Association& operator=(Association&&) noexcept;

  // ---- association
  [[nodiscard]] Status accept(AssociationAccept answer);
  [[nodiscard]] Status refuse(AssociationRefusal refusal);
  /// ROSE APDUs of so many octets may come and go from here on, once it is known who is there (AssociationLimits::max_ssdu, max_apdu). It
  /// never shrinks.
  void allow(std::size_t apdu) noexcept;
  /// With RTSE alone only by the holder of the turn, and while nothing is transferred. With ROSE over RTSE the turn is asked for, and what
  /// waits for it is transferred first.
  [[nodiscard]] Status release(std::optional<asn1::Any> unbind = std::nullopt);
  [[nodiscard]] Status answer_release(std::optional<asn1::Any> result = std::nullopt);
  /// In every state. AssociationAborted follows.
  void abort(RtseAbortReason reason = RtseAbortReason::LocalSystemProblem, std::string text = "aborted by this side");

  // ---- RTSE (see rtse.hpp). Conflict with another profile, and before AssociationOpened or accept().
  /// `context` of the transfer is set from the service's first abstract syntax.
  [[nodiscard]] Status transfer(RtTransfer transfer);
  [[nodiscard]] Result<std::uint64_t> resume(RtTransfer transfer, const ResumePoint& point, bool other_connection);
  [[nodiscard]] std::size_t wants_octets() const noexcept;
  [[nodiscard]] Status supply(ByteView octets, bool last);
  [[nodiscard]] Status interrupt();
  [[nodiscard]] Status discard();
  [[nodiscard]] Status confirm_checkpoint(SerialNumber serial);
  [[nodiscard]] Status confirm_end();
  [[nodiscard]] Status refuse_transfer(ExceptionReason reason);
  [[nodiscard]] Status accept_resume(const ResumePoint& point);
  [[nodiscard]] Status refuse_resume(ResumeRefusal refusal);
  [[nodiscard]] Status give_turn();
  [[nodiscard]] Status please_turn(std::int64_t priority);

  // ---- ROSE (see rose.hpp). Over RTSE the turn is asked for and given by the association.
  /// NotFound: the peer did not accept that abstract syntax.
  [[nodiscard]] Result<std::int64_t> invoke(const asn1::Oid& abstract_syntax, RoseInvocation invocation);
  [[nodiscard]] Status result(std::int64_t invoke_id, std::optional<RorsApdu::Outcome> outcome);
  [[nodiscard]] Status error(std::int64_t invoke_id, RoseCode error, std::optional<asn1::Any> parameter);
  [[nodiscard]] Status reject(std::int64_t invoke_id, InvokeProblem problem);
  void forget(std::int64_t invoke_id);

  // ---- wire
  void feed(ByteView octets, SteadyTime now);
  void network_lost(std::string_view why, SteadyTime now);
  void tick(SteadyTime now);
  [[nodiscard]] Bytes take_output();
  [[nodiscard]] std::optional<AssociationEvent> next_event();
  [[nodiscard]] bool wants_input() const noexcept;
  /// Write what take_output() gives, then close the network connection.
  [[nodiscard]] bool wants_close() const noexcept;
  /// max(): nothing is awaited.
  [[nodiscard]] SteadyTime deadline() const noexcept;

  // ---- state
  /// Octets of the peer that are in memory here: of what is unfinished, and in events that were not read. For a budget that several share.
  [[nodiscard]] std::size_t octets_held() const noexcept;
  [[nodiscard]] bool open() const noexcept;
  [[nodiscard]] bool has_turn() const noexcept;
  /// What RTSE agreed on; nullptr with ROSE alone and before it is open.
  [[nodiscard]] const RtseAgreement* agreement() const noexcept;
  [[nodiscard]] const PresentationContexts& contexts() const noexcept;

 private:
  struct Machine;
  explicit Association(std::unique_ptr<Machine> machine);
  std::unique_ptr<Machine> m_machine;
};

}  // namespace postern::osi
