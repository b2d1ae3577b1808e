#include "mhs/p1_sender.hpp"

#include <algorithm>

#include "mhs/downgrade.hpp"
#include "mts/p1_1984.hpp"
#include "mts/rules_envelope.hpp"
#include "mts/transfer_stream.hpp"

namespace postern::mhs {
namespace {

/// Of a transfer that makes no progress: no checkpoint confirmed, no answer to its end.
constexpr auto kStall = std::chrono::minutes(5);
constexpr auto kLastWord = std::chrono::seconds(10);
constexpr std::size_t kPiece = 64U * 1024;

/// X.228, RTAB: a temporary problem says nothing about what can go on where; nor does a connection that was lost.
bool may_pass(const osi::AssociationAborted& aborted) {
  if (aborted.rtse_reason) return *aborted.rtse_reason == osi::RtseAbortReason::TemporaryProblem;
  return aborted.origin == osi::AbortOrigin::NetworkLost;
}

}  // namespace

/// The octets of the APDU that is sent, from any place on.
class ApduSource {
 public:
  /// `content`: sent in place of the item's.
  static Result<ApduSource> make(const mts::MTSApdu& apdu, TransferMode mode, Outgoing& item, std::optional<Bytes> content) {
    ApduSource out(item);
    out.m_content = std::move(content);
    POSTERN_CHECK(out.encode(apdu, mode));
    return out;
  }
  [[nodiscard]] std::uint64_t size() const { return m_writer ? m_writer->size() : m_whole.size(); }
  [[nodiscard]] std::uint64_t at() const { return m_writer ? m_writer->at() : m_at; }
  [[nodiscard]] bool is_quick() const { return !m_writer || m_content || m_item->in_memory(); }
  [[nodiscard]] Status seek(std::uint64_t at) {
    if (m_writer) return m_writer->seek(at);
    if (at > m_whole.size()) return fail(ErrorCode::BadInput, "a place behind the end of the APDU");
    m_at = static_cast<std::size_t>(at);
    return {};
  }
  [[nodiscard]] Result<std::size_t> pull(ByteSpan out) {
    if (m_writer) return m_writer->pull(out, [this](std::uint64_t offset, ByteSpan piece) { return read_content(offset, piece); });
    const std::size_t size = std::min(out.size(), m_whole.size() - m_at);
    std::copy_n(m_whole.begin() + static_cast<std::ptrdiff_t>(m_at), size, out.begin());
    m_at += size;
    return size;
  }

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

 private:
  explicit ApduSource(Outgoing& item) : m_item(&item) {}

  Result<std::size_t> read_content(std::uint64_t offset, ByteSpan out) const {
    if (!m_content) return m_item->read(offset, out);
    const ByteView left = ByteView(*m_content).subspan(static_cast<std::size_t>(std::min<std::uint64_t>(offset, m_content->size())));
    const std::size_t size = std::min(out.size(), left.size());
    std::copy_n(left.begin(), size, out.begin());
    return size;
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
      POSTERN_TRY(m_writer, mts::MessageWriter::make(message->envelope, m_content ? m_content->size() : m_item->content_size(), options));
      return {};
    }
    const asn1::Type& type = mode == TransferMode::X410_1984 ? mts::mpdu_1984() : schema(asn1::Of<mts::MTSApdu>{});
    POSTERN_TRY(m_whole, asn1::encode(apdu, type, asn1::EncodeRules::Lenient));
    return {};
  }

  Outgoing* m_item;
  std::optional<Bytes> m_content;
  std::optional<mts::MessageWriter> m_writer;
  Bytes m_whole;
  std::size_t m_at = 0;
};

namespace {

TransferOutcome never(const mts::NoDowngrade& why) {
  TransferOutcome out;
  out.how = TransferOutcome::How::Never;
  out.text = "a system of 1984 cannot take it: " + why.why;
  out.report.non_delivery_reason_code = why.reason;
  out.report.non_delivery_diagnostic_code = why.diagnostic;
  return out;
}

}  // namespace

io::Task<Result<TransferOutcome>> P1Sender::transfer(Outgoing& item, std::optional<osi::ResumePoint> from) {
  POSTERN_CO_TRY(mts::MTSApdu apdu, ApduSource::copy_for(m_mta, m_peer, item));
  std::optional<Bytes> content;
  if (m_peer.mode == TransferMode::X410_1984) {
    const auto fit = [&] { return downgrade_for_1984(apdu, item, content); };
    POSTERN_CO_TRY(const std::optional<mts::NoDowngrade> no, co_await m_workers.run(fit));
    if (no) co_return never(*no);
  }
  POSTERN_CO_TRY(ApduSource source, ApduSource::make(apdu, m_peer.mode, item, std::move(content)));
  m_point = from;
  m_untaken = from.has_value();
  m_may_pass = false;
  auto outcome = co_await send(source, from);
  outcome.untaken = m_untaken && m_may_pass && outcome.how == TransferOutcome::How::Broken;
  if (outcome.untaken)
    outcome.point = std::move(from);  // by the name that the peer is sure to know
  else if (m_untaken)
    outcome.point.reset();  // the peer would not go on there: the next try begins anew
  co_return outcome;
}

io::Task<TransferOutcome> P1Sender::send(ApduSource& source, std::optional<osi::ResumePoint> from) {
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
    auto got = source.is_quick() ? pull() : co_await m_workers.run(pull);
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
io::Task<std::optional<TransferOutcome>> P1Sender::settle_one() {
  using How = TransferOutcome::How;
  const auto event = co_await m_wire.next(io::deadline_in(kStall));
  if (!event) {
    const std::string text = event.error().text();
    co_await m_wire.abort(osi::RtseAbortReason::TemporaryProblem, "the transfer makes no progress");
    co_return TransferOutcome{How::Broken, text, m_point};
  }
  if (const auto* confirmed = std::get_if<osi::RtCheckpointConfirmed>(&*event)) {
    m_point = confirmed->point;
    m_untaken = false;
  }
  if (std::holds_alternative<osi::RtTurnPleased>(*event)) m_turn_asked = true;
  if (std::holds_alternative<osi::RtTransferConfirmed>(*event))
    co_return TransferOutcome{How::Done, "transferred to " + m_peer.name, std::nullopt};
  if (const auto* failure = std::get_if<osi::RtTransferFailed>(&*event)) co_return co_await broken_off(*failure);
  if (const auto* aborted = std::get_if<osi::AssociationAborted>(&*event))
    co_return TransferOutcome{How::Broken, std::string(osi::name_of(aborted->origin)) + ": " + aborted->text, m_point};
  co_return std::nullopt;
}

/// Why an association ended under a transfer stands in its last event, behind this one.
io::Task<TransferOutcome> P1Sender::broken_off(osi::RtTransferFailed failure) {
  using How = TransferOutcome::How;
  if (failure.how == osi::RtFailure::Aborted) {
    const auto end = co_await m_wire.next(io::deadline_in(kLastWord));
    const auto* aborted = end ? std::get_if<osi::AssociationAborted>(&*end) : nullptr;
    m_may_pass = aborted != nullptr && may_pass(*aborted);
  }
  co_return TransferOutcome{failure.how == osi::RtFailure::Discarded ? How::Refused : How::Broken, std::move(failure.text),
                            std::move(failure.point)};
}

std::string P1Sender::road() const {
  if (!m_road.empty()) return m_road;
  const io::TlsInfo& info = m_wire.stream().info();
  if (info.version.empty()) return "plain";
  return info.version + (m_peer.tls.pins.empty() ? (info.verified ? " verified" : " unverified") : " pinned");
}

}  // namespace postern::mhs
