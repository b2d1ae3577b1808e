// The inside of an association. association.cpp: the pump between the layers; association_connect.cpp: opening, initiator's side;
// association_request.cpp: opening, responder's side; association_data.cpp: an open association; association_end.cpp: release and abort.
#pragma once

#include <array>
#include <deque>

#include "asn1/ber.hpp"
#include "osi/association.hpp"
#include "osi/cotp.hpp"
#include "osi/session.hpp"

namespace postern::osi {

enum class AssociationPhase : std::uint8_t {
  WaitTransport,  ///< Initiator: CR sent. Responder: CR awaited.
  WaitAnswer,     ///< Initiator: CONNECT sent.
  WaitRequest,    ///< Responder: CONNECT awaited.
  WaitDecision,   ///< Responder: the user decides.
  Open,
  WaitReleaseConfirm,
  WaitReleaseAnswer,  ///< The user answers a release.
  Ended,              ///< The last event is out; lower layers may still be going down.
};
enum class AssociationInput : std::uint8_t {
  Accept,
  Refuse,
  Release,
  AnswerRelease,
  Use,
  Confirmed,
  Requested,
  Data,
  ReleaseIndication,
  ReleaseConfirm
};

inline constexpr std::size_t kAssociationInputs = 10;
/// [phase][input] -> next phase; kNoPhase: not allowed.
inline constexpr std::uint8_t kNoPhase = 0xFF;
extern const std::array<std::array<std::uint8_t, kAssociationInputs>, 8> kAssociationTable;

struct Association::Machine {
  using Phase = AssociationPhase;
  using Input = AssociationInput;

  Machine(AssociationOptions given, AssociationOpen request, bool is_initiator, Transport made, SteadyTime at);

  // ---- association.cpp
  /// The phase goes on, or stays and it is not allowed.
  [[nodiscard]] bool step(Input input);
  [[nodiscard]] Status step_or_conflict(Input input, std::string_view what);
  void pump();
  bool pump_up();
  void pump_down();
  [[nodiscard]] bool blocked() const noexcept;
  void deliver(AssociationEvent event);
  /// The last event. What RTSE had under way is reported before it.
  void end(AssociationEvent event, const std::string& text, bool transfer_completed = false);
  void on_transport(TransportEvent event);
  void make_session();
  void on_session(SessionEvent event);
  /// Resume points name the session connection they belong to.
  void name_connection(AssociationEvent& event) const;
  /// Octets of something that the peer has begun and not ended.
  [[nodiscard]] std::size_t pending() const noexcept;
  [[nodiscard]] SteadyTime stall_deadline() const noexcept;
  void tick();
  [[nodiscard]] Status request_session(SessionRequest primitive);

  // ---- what both sides of opening share (association_connect.cpp)
  [[nodiscard]] bool x410() const noexcept { return is_x410; }
  [[nodiscard]] bool has_rtse() const noexcept { return service->profile != AssociationProfile::Rose; }
  [[nodiscard]] bool has_rose() const noexcept {
    return service->profile == AssociationProfile::Rose || service->profile == AssociationProfile::RoseOverRtse;
  }
  [[nodiscard]] std::vector<asn1::Oid> all_syntaxes() const;
  [[nodiscard]] FunctionalUnits units() const noexcept { return has_rtse() ? kRtseUnits : kRoseUnits; }
  void opened(const RTOACapdu& agreed, bool turn);
  [[nodiscard]] UserInformation information(asn1::Any value) const;
  [[nodiscard]] Result<std::optional<UserInformation>> rtse_information(RtseApdu apdu) const;
  [[nodiscard]] Result<std::optional<UserInformation>> bind_information(const ConnectionData& data) const;
  [[nodiscard]] Result<UserData> acse_user_data(AcseApdu apdu) const;
  [[nodiscard]] Result<AcseApdu> read_acse(const std::optional<UserData>& data, const PresentationContexts& set) const;
  /// The value of the EXTERNAL on the context of the bind syntax; nullopt: there is none.
  [[nodiscard]] Result<std::optional<asn1::Any>> bind_value(const std::optional<UserInformation>& information) const;

  // ---- association_connect.cpp
  [[nodiscard]] Status connect();
  [[nodiscard]] Result<Bytes> connect_ppdu();
  [[nodiscard]] RTORQapdu proposal() const;
  [[nodiscard]] Status confirmed(const SConnectAccept& accept);
  [[nodiscard]] Status confirmed_normal(const CpaPpdu::Normal& cpa, AssociationOpened event);
  [[nodiscard]] Status check_agreed(const RTOACapdu& agreed) const;
  void refused(const SConnectRefuse& refuse);
  [[nodiscard]] AssociationRefused read_refusal(ByteView user_data) const;
  void read_refusal(const CprPpdu::Normal& cpr, AssociationRefused& event) const;

  // ---- association_request.cpp
  void requested(SConnect connect);
  [[nodiscard]] Status requested_x410(const RTORQapdu& rtorq);
  [[nodiscard]] Status requested_normal(const CpPpdu::Normal& cp);
  [[nodiscard]] Status requested_service(const CpPpdu::Normal& cp, const AarqApdu& aarq);
  [[nodiscard]] Status read_request(const AarqApdu& aarq, AssociationRequested& event);
  void take_rtorq(const RTORQapdu& rtorq, AssociationRequested& event);
  [[nodiscard]] AssociationRequested request_event() const;
  /// A refusal by this side before the user was asked.
  void refuse_presentation(PresentationRefuseReason reason, std::string text, AbortOrigin origin);
  void refuse_acse(const AssociationRefusal& refusal, std::string text);
  [[nodiscard]] Status send_refusal(const AssociationRefusal& refusal);
  [[nodiscard]] Result<Bytes> refusal_ppdu(const AssociationRefusal& refusal) const;
  [[nodiscard]] Status accept(const AssociationAccept& answer);
  [[nodiscard]] Result<Bytes> accept_ppdu(const AssociationAccept& answer, const RTOACapdu& rtoac) const;

  // ---- association_data.cpp
  [[nodiscard]] Status on_data(SessionEvent event);
  [[nodiscard]] Status on_rose_data(ByteView ssdu);
  [[nodiscard]] Result<Bytes> unwrap(ByteView ssdu) const;
  [[nodiscard]] Result<Bytes> unwrap_rttr(ByteView ssdu) const;
  [[nodiscard]] Status send_rtse(SessionRequest primitive);
  [[nodiscard]] Status pump_rtse();
  [[nodiscard]] Status pump_rose();
  [[nodiscard]] Status pump_rose_over_rtse();
  [[nodiscard]] Status on_rtse_event(RtseEvent event);
  [[nodiscard]] Status rose_over_rtse_event(RtseEvent event);
  [[nodiscard]] Status use_rtse(std::string_view what);

  // ---- association_end.cpp
  [[nodiscard]] Status release(std::optional<asn1::Any> unbind);
  [[nodiscard]] Status send_release(SRelease primitive);
  [[nodiscard]] Status answer_release(std::optional<asn1::Any> result);
  void release_requested(const SRelease& indication);
  void release_confirmed(const SReleaseResponse& confirm);
  [[nodiscard]] Result<Bytes> release_user_data(AcseApdu apdu) const;
  [[nodiscard]] std::optional<asn1::Any> read_release(ByteView user_data) const;
  void abort(RtseAbortReason reason, AbortOrigin origin, std::string text);
  [[nodiscard]] Bytes abort_user_data(RtseAbortReason reason, AbortSource source) const;
  void protocol_error(const Error& error);
  void on_abort(const SUAbort& abort);
  [[nodiscard]] AssociationAborted read_abort(ByteView user_data) const;
  void read_abort(const AruPpdu& aru, AssociationAborted& event) const;
  void on_abort(const SPAbort& abort);

  AssociationOptions options;
  AssociationOpen open_request;
  bool initiator;
  Transport transport;
  SteadyTime now;
  SteadyTime last_input;
  Phase phase = Phase::WaitTransport;
  std::optional<Session> session;
  const AssociationService* service;  ///< Responder: the first one until the request is read.
  bool is_x410 = false;               ///< Mode of the connection (responder: once the request is read).
  asn1::Oid application_context;      ///< As asked for.
  std::size_t service_index = 0;
  PresentationContexts contexts;
  Selectors called, calling;
  SConnect connection;                                    ///< Responder: what was asked, without its user data.
  std::optional<SessionConnectionIdentifier> session_id;  ///< Of this session connection, whoever opened it.
  RTORQapdu rtorq;                                        ///< As proposed, either way.
  std::optional<Rtse> rtse;
  std::optional<Rose> rose;
  std::int64_t acse_id = 0;
  std::int64_t bind_id = 0;
  std::int64_t apdu_id = 0;

  // ROSE over RTSE
  std::optional<RoseOutput> rose_out;  ///< Being transferred.
  std::size_t rose_sent = 0;
  Bytes rose_in;
  bool turn_pleased = false;
  bool peer_pleases = false;
  std::optional<SRelease> rose_release;  ///< Waits for the turn, and for what was to be said before.

  std::deque<AssociationEvent> events;
  std::size_t event_octets = 0;
  std::size_t unread_stops = 0;  ///< RtTransferStopped among them.
  Bytes output;
};

}  // namespace postern::osi
