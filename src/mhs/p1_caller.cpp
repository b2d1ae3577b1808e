#include "mhs/p1_caller.hpp"

#include <algorithm>
#include <atomic>

#include "base/log.hpp"
#include "base/random.hpp"
#include "io/dialer.hpp"
#include "io/mx.hpp"
#include "mts/p1_1984.hpp"
#include "mts/rules_envelope.hpp"
#include "mts/transfer_stream.hpp"

namespace postern::mhs {
namespace {

/// Of a transfer that makes no progress: no checkpoint confirmed, no answer to its end.
constexpr auto kStall = std::chrono::minutes(5);
constexpr auto kRelease = std::chrono::seconds(10);
constexpr std::size_t kPiece = 64U * 1024;

tl::unexpected<CallFailure> failed(std::string text, bool refused = false) {
  return tl::unexpected<CallFailure>(CallFailure{std::move(text), refused});
}

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

osi::AssociationOptions options_of(const CallParts& parts, const Peer& peer) {
  osi::AssociationOptions out;
  out.services = {service_of(peer.mode)};
  out.peer = {peer.address->transport_selector, peer.address->session_selector, peer.address->presentation_selector};
  out.checkpoint_size = peer.checkpoint_size;
  out.window_size = peer.window_size;
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

/// The octets of the APDU that is sent, from any place on.
class ApduSource {
 public:
  static Result<ApduSource> make(const Mta& mta, const Peer& peer, Outgoing& item) {
    ApduSource out(item);
    POSTERN_TRY(mts::MTSApdu apdu, copy_for(mta, peer, item));
    if (peer.mode == TransferMode::X410_1984)
      if (const auto no = mts::downgrade_to_1984(apdu)) return fail(ErrorCode::BadInput, "a system of 1984 cannot take it: " + no->why);
    POSTERN_CHECK(out.encode(apdu, peer.mode));
    return out;
  }
  [[nodiscard]] std::uint64_t size() const { return m_writer ? m_writer->size() : m_whole.size(); }
  [[nodiscard]] std::uint64_t at() const { return m_writer ? m_writer->at() : m_at; }
  [[nodiscard]] bool is_quick() const { return !m_writer || m_item->in_memory(); }
  [[nodiscard]] Status seek(std::uint64_t at) {
    if (m_writer) return m_writer->seek(at);
    if (at > m_whole.size()) return fail(ErrorCode::BadInput, "a place behind the end of the APDU");
    m_at = static_cast<std::size_t>(at);
    return {};
  }
  [[nodiscard]] Result<std::size_t> pull(ByteSpan out) {
    if (m_writer) return m_writer->pull(out, [this](std::uint64_t offset, ByteSpan piece) { return m_item->read(offset, piece); });
    const std::size_t size = std::min(out.size(), m_whole.size() - m_at);
    std::copy_n(m_whole.begin() + static_cast<std::ptrdiff_t>(m_at), size, out.begin());
    m_at += size;
    return size;
  }

 private:
  explicit ApduSource(Outgoing& item) : m_item(&item) {}

  /// X.411 14.3.6: the copy for this peer, which answers for the due recipients only; internal trace stays in the domain.
  static Result<mts::MTSApdu> copy_for(const Mta& mta, const Peer& peer, const Outgoing& item) {
    mts::MTSApdu out;
    if (const auto* message = std::get_if<mts::Message>(&item.apdu().value)) {
      auto copies = mts::split(message->envelope, routes_of(message->envelope.per_recipient_fields.size(), item));
      if (copies.size() != 1) return fail(ErrorCode::IntegrityFailed, "the queue's recipients are not those of the envelope");
      out.value.emplace<mts::Message>().envelope = std::move(copies.front().envelope);
    } else if (const auto* probe = std::get_if<mts::Probe>(&item.apdu().value)) {
      auto copies = mts::split(*probe, routes_of(probe->per_recipient_fields.size(), item));
      if (copies.size() != 1) return fail(ErrorCode::IntegrityFailed, "the queue's recipients are not those of the envelope");
      out.value = std::move(copies.front().envelope);
    } else {
      out = item.apdu();
    }
    if (!mts::same_domain(mta.domain, peer.domain)) mts::leave_domain(mts::trace_of(out));
    return out;
  }
  static std::vector<std::size_t> routes_of(std::size_t recipients, const Outgoing& item) {
    std::vector<std::size_t> out(recipients, mts::kNoRoute);
    for (const DueFate& due : item.due())
      if (due.fate.recipient < recipients) out[due.fate.recipient] = 0;
    return out;
  }
  Status encode(const mts::MTSApdu& apdu, TransferMode mode) {
    if (const auto* message = std::get_if<mts::Message>(&apdu.value)) {
      mts::MessageWriter::Options options;
      if (mode == TransferMode::X410_1984) options.envelope = &mts::umpdu_envelope_1984();
      POSTERN_TRY(m_writer, mts::MessageWriter::make(message->envelope, m_item->content_size(), options));
      return {};
    }
    const asn1::Type& type = mode == TransferMode::X410_1984 ? mts::mpdu_1984() : schema(asn1::Of<mts::MTSApdu>{});
    POSTERN_TRY(m_whole, asn1::encode(apdu, type, asn1::EncodeRules::Lenient));
    return {};
  }

  Outgoing* m_item;
  std::optional<mts::MessageWriter> m_writer;
  Bytes m_whole;
  std::size_t m_at = 0;
};

io::Task<tl::expected<std::unique_ptr<P1Caller>, CallFailure>> P1Caller::open(const CallParts& parts, const Peer& peer,
                                                                              SteadyTime deadline) {
  if (!peer.address) co_return failed("no address of " + peer.name + " is known: it only calls us");
  auto endpoints = co_await endpoints_of(parts.resolver, *peer.address);
  if (!endpoints) co_return failed(peer.address->host + ": " + endpoints.error().text());
  io::DialOptions dial;
  dial.deadline = deadline;
  auto stream = co_await io::dial(*std::move(endpoints), dial);
  if (!stream) co_return failed(stream.error().text());
  if (peer.tls.required) {
    const Status secured = co_await stream->start_tls_client(peer.tls.context(), peer.tls.options, deadline);
    if (!secured) co_return failed("TLS: " + secured.error().text(), secured.error().code == ErrorCode::Denied);
  }
  const Status proved = peer.tls.required && peer.tls.check ? peer.tls.check(*stream) : Status();
  if (const Status good = proved ? check_road(peer, road_of(*stream)) : proved; !good) co_return failed(good.error().text(), true);
  auto own = co_await own_bind(parts, peer);
  if (!own) co_return failed(own.error().text(), own.error().code != ErrorCode::Unavailable);
  osi::AssociationOpen open;
  open.data.value = std::move(own->data);
  open.connection = connection_name(parts.hostname, peer.mode, parts.clock.now());
  const auto connection = open.connection;
  auto association = osi::Association::initiate(options_of(parts, peer), std::move(open), parts.clock.steady());
  if (!association) co_return failed(association.error().text(), true);
  std::unique_ptr<P1Caller> caller(new P1Caller(parts, peer, Wire(*std::move(stream), *std::move(association))));
  caller->m_connection = connection;
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
  co_await m_wire.abort(osi::RtseAbortReason::UserError, "the bind result is not that of " + m_peer.name);
  co_return CallFailure{good.error().text(), true};
}

/// Public key operations are a worker's business.
io::Task<Status> P1Caller::check(const mts::MTABindResult& result) {
  const auto judge = [this, &result] { return check_result(m_parts.mta, m_peer, result, m_random_number); };
  if (!m_peer.strong) co_return judge();
  POSTERN_CO_CHECK(co_await m_parts.workers.run([&judge]() -> Result<bool> {
    POSTERN_CHECK(judge());
    return true;
  }));
  co_return Status();
}

io::Task<Result<TransferOutcome>> P1Caller::transfer(Outgoing& item, std::optional<osi::ResumePoint> from) {
  POSTERN_CO_TRY(ApduSource source, ApduSource::make(m_parts.mta, m_peer, item));
  m_point = from;
  m_untried = from.has_value();
  auto outcome = co_await send(source, std::move(from));
  if (m_untried) outcome.point.reset();  // the peer would not go on there: the next try begins anew
  co_return outcome;
}

io::Task<TransferOutcome> P1Caller::send(ApduSource& source, std::optional<osi::ResumePoint> from) {
  using How = TransferOutcome::How;
  osi::RtTransfer wish;
  wish.size = source.size();
  if (from) {
    const bool other = !from->connection || !m_connection || !(*from->connection == *m_connection);
    const auto place = m_wire->resume(wish, *from, other);
    if (!place || !source.seek(*place)) co_return TransferOutcome{How::Broken, "it cannot be resumed", std::nullopt};
  } else if (const Status begun = m_wire->transfer(wish); !begun) {
    co_return TransferOutcome{How::Broken, begun.error().text(), std::nullopt};
  }
  Bytes piece;
  bool last = false;
  while (!last) {
    const std::size_t room = std::min(m_wire->wants_octets(), kPiece);
    if (room == 0) {
      const auto ended = co_await settle_one();
      if (ended) co_return *ended;
      continue;
    }
    piece.resize(room);
    const auto pull = [&source, &piece] { return source.pull(piece); };
    auto got = source.is_quick() ? pull() : co_await m_parts.workers.run(pull);
    if (!got) {
      co_await m_wire.abort(osi::RtseAbortReason::LocalSystemProblem, "the content cannot be read");
      TransferOutcome unread{How::Broken, got.error().text(), m_point};
      unread.damaged = got.error().code == ErrorCode::IntegrityFailed;
      co_return unread;
    }
    last = source.at() == source.size();
    if (const Status supplied = m_wire->supply(ByteView(piece).first(*got), last); !supplied) {
      const auto ended = co_await settle_one();
      co_return ended ? *ended : TransferOutcome{How::Broken, supplied.error().text(), m_point};
    }
    co_await m_wire.flush();
  }
  for (;;) {
    const auto ended = co_await settle_one();
    if (ended) co_return *ended;
  }
}

/// One event; an outcome when the transfer has one. A peer that does not move is given up.
io::Task<std::optional<TransferOutcome>> P1Caller::settle_one() {
  using How = TransferOutcome::How;
  const auto event = co_await m_wire.next(io::deadline_in(kStall));
  if (!event) {
    const std::string text = event.error().text();
    co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "the transfer makes no progress");
    co_return TransferOutcome{How::Broken, text, m_point};
  }
  if (const auto* confirmed = std::get_if<osi::RtCheckpointConfirmed>(&*event)) {
    m_point = confirmed->point;
    m_untried = false;
  }
  if (std::holds_alternative<osi::RtTransferConfirmed>(*event))
    co_return TransferOutcome{How::Done, "transferred to " + m_peer.name, std::nullopt};
  if (const auto* failure = std::get_if<osi::RtTransferFailed>(&*event))
    co_return TransferOutcome{failure->how == osi::RtFailure::Discarded ? How::Refused : How::Broken, failure->text, failure->point};
  if (const auto* aborted = std::get_if<osi::AssociationAborted>(&*event))
    co_return TransferOutcome{How::Broken, std::string(osi::name_of(aborted->origin)) + ": " + aborted->text, m_point};
  co_return std::nullopt;
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

bool P1Caller::alive() noexcept { return !m_wire.over() && m_wire->open() && !m_wire.stream().peer_gone(); }

std::string P1Caller::road() const {
  const io::TlsInfo& info = m_wire.stream().info();
  if (info.version.empty()) return "plain";
  return info.version + (m_peer.tls.pins.empty() ? (info.verified ? " verified" : " unverified") : " pinned");
}

}  // namespace postern::mhs
