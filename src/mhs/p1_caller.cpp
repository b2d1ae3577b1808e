#include "mhs/p1_caller.hpp"

#include <algorithm>
#include <atomic>

#include "base/log.hpp"
#include "base/random.hpp"
#include "io/dialer.hpp"
#include "io/mx.hpp"

namespace postern::mhs {
namespace {

constexpr auto kRelease = std::chrono::seconds(10);

tl::unexpected<CallFailure> failed(std::string text, bool refused = false) {
  return tl::unexpected<CallFailure>(CallFailure{std::move(text), refused});
}

/// Of our own engine and workers, not of the peer: trying again is worth it.
bool may_pass(ErrorCode code) { return code == ErrorCode::Unavailable || code == ErrorCode::Exhausted || code == ErrorCode::Timeout; }

io::Task<Result<std::vector<io::Endpoint>>> endpoints_of(io::Resolver& resolver, osi::PresentationAddress address) {
  if (const auto literal = io::IpAddress::parse(address.host)) co_return std::vector<io::Endpoint>{{*literal, address.port, {}}};
  POSTERN_CO_TRY(const io::MxHost host, co_await io::resolve_host(resolver, address.host, io::MxOptions()));
  co_return io::endpoints_of(host, address.port);
}

/// Two characters (X.225 has room for four octets, of which BER takes two): another pair for each of some thousand connections in a row.
std::string next_mark() {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  static std::atomic<std::uint32_t> count{SystemRandom().bytes(1).front()};
  const std::uint32_t n = count++;
  return {kAlphabet[n / kAlphabet.size() % kAlphabet.size()], kAlphabet[n % kAlphabet.size()]};
}

io::Task<Result<OwnBind>> own_bind(const CallParts& parts, const Peer& peer) {
  const auto make = [&parts, &peer] { return bind_argument(parts.mta, peer, peer.mode); };
  if (!peer.strong) co_return make();
  co_return co_await parts.workers.run(make);
}

/// TLS and who the peer is by it, before anything is said. The road in words; empty: what the connection itself shows says it.
io::Task<tl::expected<std::string, CallFailure>> secured_road(const Peer& peer, io::Stream& stream, SteadyTime deadline) {
  std::string road;
  if (peer.tls.required) {
    const Status secured = co_await stream.start_tls_client(peer.tls.context(), peer.tls.options, deadline);
    if (!secured) co_return failed("TLS: " + secured.error().text(), secured.error().code == ErrorCode::Denied);
  }
  if (peer.tls.required && peer.tls.check) {
    auto path = peer.tls.check(stream);
    if (!path) co_return failed(path.error().text(), true);
    Result<std::string> standing = std::string();
    if (peer.tls.judge) standing = co_await peer.tls.judge(stream, *std::move(path));
    if (!standing) co_return failed("TLS: " + standing.error().text(), !may_pass(standing.error().code));
    road = stream.info().version + " verified" + *standing;
  }
  if (const Status good = check_road(peer, road_of(stream)); !good) co_return failed(good.error().text(), true);
  co_return road;
}

osi::AssociationOptions options_of(const CallParts& parts, const Peer& peer) {
  osi::AssociationOptions out;
  out.services = {service_of(peer.mode)};
  out.peer = {peer.address->transport_selector, peer.address->session_selector, peer.address->presentation_selector};
  out.checkpoint_size = peer.checkpoint_size;
  out.window_size = peer.window_size;
  if (peer.alternate) out.dialogue = osi::DialogueMode::TwoWayAlternate;
  out.limits = parts.mta.limits;
  out.transcript = parts.transcript;
  return out;
}

}  // namespace

osi::SessionConnectionIdentifier connection_name(const std::string& hostname, TransferMode mode, WallTime now) {
  osi::SessionConnectionIdentifier out;
  if (mode == TransferMode::Normal)
    out.calling_ss_user_reference.value = asn1::OctetString(hostname.substr(0, 60));
  else
    out.calling_ss_user_reference.value = asn1::TeletexString(hostname.substr(0, 60));
  out.common_reference = asn1::UtcTime::at(unix_seconds(now));
  out.additional_reference_information = asn1::TeletexString(next_mark());
  return out;
}

io::Task<tl::expected<std::unique_ptr<P1Caller>, CallFailure>> P1Caller::open(const CallParts& parts, const Peer& peer,
                                                                              SteadyTime deadline) {
  if (!peer.address) co_return failed("no address of " + peer.name + " is known: it only calls us");
  auto endpoints = co_await endpoints_of(parts.resolver, *peer.address);
  if (!endpoints) co_return failed(peer.address->host + ": " + endpoints.error().text());
  io::DialOptions dial;
  dial.deadline = deadline;
  auto stream = co_await io::dial(*std::move(endpoints), dial);
  if (!stream) co_return failed(stream.error().text());
  auto road = co_await secured_road(peer, *stream, deadline);
  if (!road) co_return tl::unexpected<CallFailure>(std::move(road).error());
  auto own = co_await own_bind(parts, peer);
  if (!own) co_return failed(own.error().text(), !may_pass(own.error().code));
  osi::AssociationOpen open;
  open.data.value = std::move(own->data);
  open.connection = connection_name(parts.hostname, peer.mode, parts.clock.now());
  const auto connection = open.connection;
  auto association = osi::Association::initiate(options_of(parts, peer), std::move(open), parts.clock.steady());
  if (!association) co_return failed(association.error().text(), true);
  std::unique_ptr<P1Caller> caller(new P1Caller(parts, peer, Wire(*std::move(stream), *std::move(association))));
  caller->m_sender.name_connection(connection);
  caller->m_sender.name_road(*std::move(road));
  caller->m_random_number = std::move(own->random_number);
  auto failure = co_await caller->bind(deadline);
  if (failure) co_return tl::unexpected<CallFailure>(*std::move(failure));
  co_return caller;
}

io::Task<std::optional<CallFailure>> P1Caller::bind(SteadyTime deadline) {
  const auto event = co_await m_wire.next(deadline);
  if (!event) {
    co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "no answer to the bind in time");
    co_return CallFailure{"the bind: " + event.error().text(), false};
  }
  if (const auto* refused = std::get_if<osi::AssociationRefused>(&*event)) co_return CallFailure{words_of(*refused), !refused->transient};
  if (const auto* aborted = std::get_if<osi::AssociationAborted>(&*event))
    co_return CallFailure{"the bind was aborted by " + std::string(osi::name_of(aborted->origin)) + ": " + aborted->text, false};
  const auto* opened = std::get_if<osi::AssociationOpened>(&*event);
  const auto* data = opened == nullptr ? nullptr : std::get_if<asn1::Any>(&opened->data.value);
  const auto result =
      data == nullptr ? Result<mts::Bound<mts::MTABindResult>>(fail(ErrorCode::BadInput, "no bind result")) : read_bind_result(*data);
  const Status good = result ? co_await check(result->value) : Status(fail(result.error()));
  if (good) co_return std::nullopt;
  const bool passing = may_pass(good.error().code);
  co_await m_wire.abort(passing ? osi::RtseAbortReason::TemporaryProblem : osi::RtseAbortReason::UserError,
                        passing ? "the bind result could not be judged now" : "the bind result is not that of " + m_peer.name);
  co_return CallFailure{good.error().text(), !passing};
}

/// Public key operations are a worker's business.
io::Task<Status> P1Caller::check(const mts::MTABindResult& result) {
  const auto judge = [this, &result] { return check_result(m_mta, m_peer, result, m_random_number); };
  if (!m_peer.strong) co_return judge();
  POSTERN_CO_CHECK(co_await m_workers.run([&judge]() -> Result<bool> {
    POSTERN_CHECK(judge());
    return true;
  }));
  co_return Status();
}

io::Task<void> P1Caller::release() {
  if (!m_wire.over() && m_wire->release()) {
    for (;;) {
      const auto event = co_await m_wire.next(io::deadline_in(kRelease));
      if (!event || m_wire.over()) break;
    }
  }
  if (!m_wire.over()) co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "this side closes");
}

// ---- two-way alternate

bool P1Caller::is_alternate() noexcept {
  const osi::RtseAgreement* agreed = m_wire.association().agreement();
  return m_peer.alternate && agreed != nullptr && agreed->dialogue == osi::DialogueMode::TwoWayAlternate;
}

io::Task<P1Caller::Woken> P1Caller::wait(SteadyTime until) {
  for (;;) {
    const auto event = co_await m_wire.next(until, io::WakeOn::Anything);
    if (!event) co_return event.error().field == "call" ? Woken::Called : Woken::End;
    if (std::holds_alternative<osi::RtTurnPleased>(*event)) co_return Woken::TurnAsked;
    if (m_wire.over()) co_return Woken::End;
  }
}

io::Task<void> P1Caller::lend_turn(P1Parts& parts) {
  m_sender.take_turn_asked();
  if (!m_wire->give_turn()) co_return;
  co_await receive_until_turn(parts, m_wire, m_peer, m_sender.connection());
}

bool P1Caller::alive() noexcept { return !m_wire.over() && m_wire->open() && !m_wire.stream().peer_gone(); }

}  // namespace postern::mhs
