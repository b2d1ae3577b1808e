#include "osi/association.hpp"

#include <algorithm>
#include <utility>

#include "osi/association_machine.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

using Phase = AssociationPhase;
using Input = AssociationInput;

namespace {
constexpr std::uint8_t to(Phase phase) { return static_cast<std::uint8_t>(phase); }
constexpr std::uint8_t no = kNoPhase;
constexpr std::uint8_t open = to(Phase::Open), ended = to(Phase::Ended), releasing = to(Phase::WaitReleaseConfirm),
                       answering = to(Phase::WaitReleaseAnswer), decision = to(Phase::WaitDecision);
}  // namespace

// clang-format off
const std::array<std::array<std::uint8_t, kAssociationInputs>, 8> kAssociationTable{{
    //                       Accept Refuse Release    AnswRel Use   Confirmed Requested  Data       ReleaseInd ReleaseConf
    /* WaitTransport      */ {{no,   no,    no,        no,     no,   no,       no,        no,        no,        no}},
    /* WaitAnswer         */ {{no,   no,    no,        no,     no,   open,     no,        no,        no,        no}},
    /* WaitRequest        */ {{no,   no,    no,        no,     no,   no,       decision,  no,        no,        no}},
    /* WaitDecision       */ {{open, ended, no,        no,     no,   no,       no,        no,        no,        no}},
    /* Open               */ {{no,   no,    releasing, no,     open, no,       no,        open,      answering, no}},
    // With ROSE the peer's last APDUs may cross our release.
    /* WaitReleaseConfirm */ {{no,   no,    no,        no,     no,   no,       no,        releasing, no,        ended}},
    /* WaitReleaseAnswer  */ {{no,   no,    no,        ended,  no,   no,       no,        no,        no,        no}},
    /* Ended              */ {{no,   no,    no,        no,     no,   no,       no,        no,        no,        no}},
}};
// clang-format on

Association::Machine::Machine(AssociationOptions given, AssociationOpen request, bool is_initiator, Transport made, SteadyTime at)
    : options(std::move(given)),
      open_request(std::move(request)),
      initiator(is_initiator),
      transport(std::move(made)),
      now(at),
      last_input(at),
      service(options.services.data()),
      is_x410(is_initiator && service->profile == AssociationProfile::RtseX410),
      application_context(service->application_context) {
  pump();
}

bool Association::Machine::step(Input input) {
  const std::uint8_t next = kAssociationTable.at(to(phase)).at(static_cast<std::size_t>(input));
  if (next == kNoPhase) return false;
  phase = static_cast<Phase>(next);
  return true;
}

Status Association::Machine::step_or_conflict(Input input, std::string_view what) {
  if (step(input)) return {};
  return fail(ErrorCode::Conflict, std::string(what) + " does not fit the state of the association");
}

bool Association::Machine::blocked() const noexcept {
  // Behind an unread end of a transfer no other one begins, so that an answer always is to the transfer its user knows of.
  return event_octets >= options.limits.event_mark || unread_stops != 0 || (rtse && rtse->waits_for_decision());
}

void Association::Machine::pump() {
  pump_down();
  while (!blocked() && pump_up()) pump_down();
}

bool Association::Machine::pump_up() {
  // What the session has already understood comes first, so that no more than one TSDU lies between the layers.
  if (session) {
    if (auto event = session->next_event()) return on_session(*std::move(event)), true;
  }
  if (auto event = transport.next_event()) return on_transport(*std::move(event)), true;
  return false;
}

void Association::Machine::pump_down() {
  if (phase != Phase::Ended && (rtse || rose)) {
    Status done = rose && !rtse ? pump_rose() : pump_rtse();
    if (!done) abort(RtseAbortReason::LocalSystemProblem, AbortOrigin::Local, done.error().text());
  }
  if (session) {
    while (auto tsdu = session->take_tsdu())
      if (!transport.send(*tsdu)) break;  // the transport is going down; its event follows
    if (session->wants_disconnect()) transport.disconnect();
  }
  if (!transport.has_output()) return;
  Bytes more = transport.take_output();
  if (output.empty())
    output = std::move(more);
  else
    append(output, more);
}

namespace {

std::size_t size_of(const std::optional<asn1::Any>& value) { return value ? value->ber.size() : 0; }

/// What an unread event holds of the peer's octets.
std::size_t size_of(const AssociationEvent& event) {
  constexpr std::size_t kItself = sizeof(AssociationEvent);
  if (const auto* octets = std::get_if<RtTransferOctets>(&event)) return kItself + octets->octets.size();
  if (const auto* invoked = std::get_if<RoseInvoked>(&event)) return kItself + size_of(invoked->argument);
  if (const auto* result = std::get_if<RoseResult>(&event)) return kItself + size_of(result->result);
  if (const auto* error = std::get_if<RoseError>(&event)) return kItself + size_of(error->parameter);
  return kItself;
}

}  // namespace

void Association::Machine::name_connection(AssociationEvent& event) const {
  if (auto* confirmed = std::get_if<RtCheckpointConfirmed>(&event)) confirmed->point.connection = session_id;
  if (auto* checkpoint = std::get_if<RtTransferCheckpoint>(&event)) checkpoint->point.connection = session_id;
  if (auto* failed = std::get_if<RtTransferFailed>(&event); failed != nullptr && failed->point) failed->point->connection = session_id;
  if (auto* stopped = std::get_if<RtTransferStopped>(&event); stopped != nullptr && stopped->point) stopped->point->connection = session_id;
}

void Association::Machine::deliver(AssociationEvent event) {
  name_connection(event);
  if (std::holds_alternative<RtTransferStopped>(event)) ++unread_stops;
  event_octets += size_of(event);
  events.push_back(std::move(event));
}

void Association::Machine::end(AssociationEvent event, const std::string& text, bool transfer_completed) {
  if (rtse) {
    rtse->broken(text, transfer_completed);
    while (auto each = rtse->next_event())
      if (!rose) std::visit([this](auto& value) { deliver(std::move(value)); }, *each);
  }
  phase = Phase::Ended;
  deliver(std::move(event));
}

namespace {
/// Of a TSDU whose sender was not accepted yet: a bind with strong credentials and a certificate path is far below it.
constexpr std::size_t kBeforeAccept = 128U * 1024;
}  // namespace

void Association::Machine::make_session() {
  SessionOptions made;
  made.role = initiator ? SessionRole::Initiator : SessionRole::Responder;
  // X.226 6.1: X.410-1984 mode is for session version 1.
  if (initiator && x410()) made.versions = kSessionVersion1;
  made.selector = options.session_selector;
  made.max_tsdu_in = made.max_tsdu_out = options.limits.max_tsdu;
  made.max_ssdu = initiator ? options.limits.max_ssdu : std::min(options.limits.max_ssdu, kBeforeAccept);
  made.timeouts = {options.limits.connect_timeout, options.limits.release_timeout, options.limits.disconnect_timeout};
  session.emplace(std::move(made), now);
}

namespace {

AbortOrigin origin_of(TDisconnectCause cause) {
  switch (cause) {
    case TDisconnectCause::Timeout: return AbortOrigin::Timeout;
    case TDisconnectCause::ProtocolError: return AbortOrigin::ProtocolError;
    case TDisconnectCause::Local: return AbortOrigin::ProtocolError;  // the session layer gave up what it could not read
    case TDisconnectCause::PeerError: return AbortOrigin::PeerProvider;
    default: return AbortOrigin::NetworkLost;
  }
}

}  // namespace

void Association::Machine::on_transport(TransportEvent event) {
  if (auto* data = std::get_if<TData>(&event)) {
    if (session) session->receive(data->tsdu, now);
    return;
  }
  if (auto* connect = std::get_if<TConnect>(&event)) {
    calling.transport = connect->calling;
    called.transport = connect->called;
    if (options.transport_selector && *options.transport_selector != connect->called) {
      (void)transport.refuse(DisconnectReason::AddressUnknown);
      return end(AssociationAborted{AbortOrigin::Local, "the called transport selector is not ours: refused", {}, {}}, "");
    }
    make_session();
    phase = Phase::WaitRequest;
    (void)transport.accept();
    return;
  }
  if (std::holds_alternative<TConnected>(event)) {
    make_session();
    phase = Phase::WaitAnswer;
    if (const Status sent = this->connect(); !sent) abort(RtseAbortReason::LocalSystemProblem, AbortOrigin::Local, sent.error().text());
    return;
  }
  const auto& gone = std::get<TDisconnect>(event);
  if (session) {
    session->transport_disconnected(gone.text);
    while (auto last = session->next_event()) on_session(*std::move(last));
  }
  // A session that never began has nothing to say about its end.
  if (phase == Phase::Ended) return;
  if (gone.cause == TDisconnectCause::Refused) return end(AssociationRefused{Layer::Transport, false, gone.text, {}, {}}, gone.text);
  end(AssociationAborted{origin_of(gone.cause), gone.text, {}, {}}, gone.text);
}

void Association::Machine::on_session(SessionEvent event) {
  if (phase == Phase::Ended) return;
  if (const auto* abort = std::get_if<SUAbort>(&event)) return on_abort(*abort);
  if (const auto* abort = std::get_if<SPAbort>(&event)) return on_abort(*abort);
  if (auto* connect = std::get_if<SConnect>(&event)) return requested(std::move(*connect));
  if (const auto* accept = std::get_if<SConnectAccept>(&event)) {
    if (const Status done = confirmed(*accept); !done) protocol_error(done.error());
    return;
  }
  if (const auto* refuse = std::get_if<SConnectRefuse>(&event)) return refused(*refuse);
  if (const auto* indication = std::get_if<SRelease>(&event)) return release_requested(*indication);
  if (const auto* confirm = std::get_if<SReleaseResponse>(&event)) return release_confirmed(*confirm);
  if (!step(Input::Data)) return protocol_error({ErrorCode::BadInput, std::string(name_of(event)) + " before the association is open", ""});
  if (const Status done = on_data(std::move(event)); !done) protocol_error(done.error());
}

Status Association::Machine::request_session(SessionRequest primitive) {
  POSTERN_CHECK(session->request(std::move(primitive), now));
  return {};
}

std::size_t Association::Machine::pending() const noexcept {
  return transport.pending() + (session ? session->pending() : 0) + rose_in.size();
}

// A transfer of RTSE, or a TSDU (X.224 6.3) or SSDU (X.225 6.3.6) with an APDU of ROSE in it, of which a part is here. That the user has
// not read what came is none of the peer's fault.
SteadyTime Association::Machine::stall_deadline() const noexcept {
  const bool unfinished = pending() != 0 || (rtse && rtse->receiving());
  if (phase != Phase::Open || !unfinished || blocked() || event_octets != 0) return SteadyTime::max();
  return last_input + options.limits.stall_timeout;
}

void Association::Machine::tick() {
  transport.tick(now);
  if (session) session->tick(now);
  if (rtse && phase == Phase::Open)
    if (const Status alive = rtse->tick(now); !alive) abort(RtseAbortReason::TemporaryProblem, AbortOrigin::Timeout, alive.error().text());
  if (now >= stall_deadline())
    abort(RtseAbortReason::TemporaryProblem, AbortOrigin::Timeout, "what the peer began to send has brought nothing more for too long");
  pump();
}

// ---- the face

std::string_view name_of(Layer layer) noexcept {
  static constexpr std::array<std::string_view, 5> kNames{"transport", "session", "presentation", "association control",
                                                          "reliable transfer"};
  return kNames.at(static_cast<std::size_t>(layer));
}

std::string_view name_of(AbortOrigin origin) noexcept {
  static constexpr std::array<std::string_view, 6> kNames{"local", "peer", "peer's provider", "protocol error", "network", "timeout"};
  return kNames.at(static_cast<std::size_t>(origin));
}

namespace {

Status check(const AssociationOptions& options, bool initiator) {
  if (options.services.empty()) return fail(ErrorCode::BadInput, "at least one is needed", "services");
  if (initiator && options.services.size() != 1) return fail(ErrorCode::BadInput, "an initiator has one", "services");
  constexpr std::int64_t kMost = 0x7FFFFFFF;
  if (options.checkpoint_size < 0 || options.checkpoint_size > kMost)
    return fail(ErrorCode::BadInput, "is not in 0..2^31-1", "checkpoint_size");
  if (options.window_size < 0 || options.window_size > kMost) return fail(ErrorCode::BadInput, "is not in 0..2^31-1", "window_size");
  for (const AssociationService& service : options.services) {
    if (service.profile == AssociationProfile::RtseX410) continue;
    const bool needs_bind = service.profile != AssociationProfile::Rose;
    if (service.application_context.empty() || service.syntaxes.empty() || (needs_bind && service.bind_syntax.empty()))
      return fail(ErrorCode::BadInput, "an application context and abstract syntaxes are needed", "services");
  }
  return {};
}

/// Room for what a session PDU has around its user data.
constexpr std::size_t kAround = 64U * 1024;

TransportOptions transport_options(const AssociationOptions& options, bool initiator) {
  TransportOptions made;
  made.role = initiator ? TransportRole::Initiator : TransportRole::Responder;
  made.calling = initiator ? options.local.transport : Bytes();
  made.called = initiator ? options.peer.transport : Bytes();
  made.max_tpdu = options.limits.max_tpdu;
  made.max_tsdu = options.limits.max_ssdu + kAround;
  if (!initiator) made.max_tsdu = std::min(made.max_tsdu, kBeforeAccept);
  made.connect_timeout = options.limits.connect_timeout;
  return made;
}

}  // namespace

Result<Association> Association::initiate(AssociationOptions options, AssociationOpen open, SteadyTime now) {
  POSTERN_CHECK(check(options, true));
  POSTERN_TRY(Transport transport, Transport::open(transport_options(options, true), now, options.transcript));
  return Association(std::make_unique<Machine>(std::move(options), std::move(open), true, std::move(transport), now));
}

Result<Association> Association::respond(AssociationOptions options, SteadyTime now) {
  POSTERN_CHECK(check(options, false));
  POSTERN_TRY(Transport transport, Transport::open(transport_options(options, false), now, options.transcript));
  return Association(std::make_unique<Machine>(std::move(options), AssociationOpen{}, false, std::move(transport), now));
}

Association::Association(std::unique_ptr<Machine> machine) : m_machine(std::move(machine)) {}
Association::~Association() = default;
Association::Association(Association&&) noexcept = default;
Association& Association::operator=(Association&&) noexcept = default;

void Association::allow(std::size_t apdu) noexcept {
  AssociationLimits& limits = m_machine->options.limits;
  limits.max_ssdu = std::max(limits.max_ssdu, apdu);
  limits.max_apdu = std::max(limits.max_apdu, apdu);
  m_machine->transport.allow(limits.max_ssdu + kAround);
  if (m_machine->session) m_machine->session->allow(limits.max_ssdu);
}

Status Association::accept(AssociationAccept answer) {
  if (m_machine->phase == Phase::Ended) return {};
  Status done = m_machine->accept(answer);
  if (done) allow(0);  // what the limits allow, and no more
  m_machine->pump();
  return done;
}

Status Association::refuse(AssociationRefusal refusal) {
  if (m_machine->phase == Phase::Ended) return {};
  POSTERN_CHECK(m_machine->step_or_conflict(Input::Refuse, "a refusal"));
  Status done = m_machine->send_refusal(refusal);
  m_machine->deliver(AssociationAborted{AbortOrigin::Local, "the association was refused by this side", {}, {}});
  m_machine->pump();
  return done;
}

Status Association::release(std::optional<asn1::Any> unbind) {
  Status done = m_machine->release(std::move(unbind));
  m_machine->pump();
  return done;
}

Status Association::answer_release(std::optional<asn1::Any> result) {
  if (m_machine->phase == Phase::Ended) return {};
  Status done = m_machine->answer_release(std::move(result));
  m_machine->pump();
  return done;
}

void Association::abort(RtseAbortReason reason, std::string text) {
  if (m_machine->phase != Phase::Ended) m_machine->abort(reason, AbortOrigin::Local, std::move(text));
  m_machine->pump();
}

void Association::feed(ByteView octets, SteadyTime now) {
  m_machine->now = m_machine->last_input = now;
  m_machine->transport.receive(octets, now);
  m_machine->pump();
}

void Association::network_lost(std::string_view why, SteadyTime now) {
  m_machine->now = now;
  m_machine->transport.network_lost(why);
  // Nobody waits any more for what the user has not decided.
  if (m_machine->rtse && m_machine->rtse->waits_for_decision())
    m_machine->end(AssociationAborted{AbortOrigin::NetworkLost, std::string(why), {}, {}}, std::string(why));
  m_machine->pump();
}

void Association::tick(SteadyTime now) {
  m_machine->now = now;
  m_machine->tick();
}

Bytes Association::take_output() {
  Bytes taken = std::exchange(m_machine->output, {});
  m_machine->pump();  // what waited for room goes on
  return taken;
}

std::optional<AssociationEvent> Association::next_event() {
  Machine& machine = *m_machine;
  if (machine.events.empty()) machine.pump();
  if (machine.events.empty()) return std::nullopt;
  AssociationEvent event = std::move(machine.events.front());
  machine.events.pop_front();
  if (std::holds_alternative<RtTransferStopped>(event)) --machine.unread_stops;
  machine.event_octets = machine.events.empty() ? 0 : machine.event_octets - std::min(machine.event_octets, size_of(event));
  return event;
}

bool Association::wants_input() const noexcept {
  return !wants_close() && !m_machine->blocked() && m_machine->output.size() < m_machine->options.limits.output_mark;
}

bool Association::wants_close() const noexcept { return m_machine->transport.wants_close(); }

SteadyTime Association::deadline() const noexcept {
  SteadyTime first = std::min(m_machine->transport.deadline(), m_machine->stall_deadline());
  if (m_machine->session) first = std::min(first, m_machine->session->deadline());
  if (m_machine->rtse && m_machine->phase == Phase::Open) first = std::min(first, m_machine->rtse->deadline());
  return first;
}

std::size_t Association::octets_held() const noexcept { return m_machine->pending() + m_machine->event_octets; }
bool Association::open() const noexcept { return m_machine->phase == Phase::Open; }
bool Association::has_turn() const noexcept { return m_machine->rtse && m_machine->rtse->has_turn(); }
const RtseAgreement* Association::agreement() const noexcept { return m_machine->rtse ? &m_machine->rtse->agreement() : nullptr; }
const PresentationContexts& Association::contexts() const noexcept { return m_machine->contexts; }

}  // namespace postern::osi
