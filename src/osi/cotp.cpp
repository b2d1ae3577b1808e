#include "osi/cotp.hpp"

#include <algorithm>

namespace postern::osi {

namespace {

// X.224 13.3.4 b: 128 to 8192 by powers of two; RFC 1006 6: without the parameter the limit is what a TPKT holds.
std::size_t rounded_size(std::size_t wanted) {
  if (wanted >= kMaxTpdu) return kMaxTpdu;
  std::size_t size = 128;
  while (size < 8192 && size * 2 <= wanted) size *= 2;
  return size;
}

std::optional<std::size_t> as_parameter(std::size_t size) { return size == kMaxTpdu ? std::nullopt : std::optional(size); }
std::optional<Bytes> as_parameter(const Bytes& tsap_id) { return tsap_id.empty() ? std::nullopt : std::optional(tsap_id); }

std::string with_information(const DisconnectRequest& tpdu) {
  std::string text = describe(tpdu.reason);
  const std::string_view said = as_text(tpdu.information);
  const bool readable = !said.empty() && std::ranges::all_of(said, [](char c) { return c >= ' ' && c <= '~'; });
  return readable ? text + " (" + std::string(said) + ")" : text;
}

}  // namespace

Result<Transport> Transport::open(TransportOptions options, SteadyTime now, TranscriptHook transcript) {
  if (options.reference == 0) return fail(ErrorCode::BadInput, "must not be 0 (X.224 13.3.3)", "reference");
  if (options.calling.size() > 32) return fail(ErrorCode::BadInput, "has more than 32 octets", "calling");
  if (options.called.size() > 32) return fail(ErrorCode::BadInput, "has more than 32 octets", "called");
  if (options.max_tpdu < 128) return fail(ErrorCode::BadInput, "must be at least 128 (X.224 13.3.4)", "max_tpdu");
  return Transport(std::move(options), now, std::move(transcript));
}

Transport::Transport(TransportOptions options, SteadyTime now, TranscriptHook transcript)
    : m_options(std::move(options)),
      m_transcript(std::move(transcript)),
      m_state(m_options.role == TransportRole::Initiator ? State::WaitConfirm : State::WaitRequest),
      m_deadline(now + m_options.connect_timeout),
      m_tpdu_size(rounded_size(m_options.max_tpdu)) {
  if (m_options.role != TransportRole::Initiator) return;
  ConnectionRequest request;
  request.source = m_options.reference;
  request.calling = as_parameter(m_options.calling);
  request.called = as_parameter(m_options.called);
  request.tpdu_size = as_parameter(m_tpdu_size);
  send_tpdu(request);
}

Status Transport::accept(ByteView responding) {
  if (m_state != State::WaitDecision) return fail(ErrorCode::Conflict, "there is no CONNECTION REQUEST to answer");
  m_tpdu_size = std::min(m_tpdu_size, m_proposed_size.value_or(kMaxTpdu));  // X.224 6.5.4: equal or smaller
  ConnectionConfirm confirm;
  confirm.destination = m_peer_reference;
  confirm.source = m_options.reference;
  confirm.called = as_parameter(Bytes(responding.begin(), responding.end()));
  confirm.tpdu_size = as_parameter(m_tpdu_size);
  m_state = State::Open;
  send_tpdu(confirm);
  return {};
}

Status Transport::refuse(DisconnectReason reason) {
  if (m_state != State::WaitDecision) return fail(ErrorCode::Conflict, "there is no CONNECTION REQUEST to answer");
  send_tpdu(DisconnectRequest{m_peer_reference, 0, reason, {}});  // X.224 6.6
  close({TDisconnectCause::Local, static_cast<std::uint8_t>(reason), "refused: " + describe(reason)});
  return {};
}

Status Transport::send(ByteView tsdu) {
  if (m_state != State::Open) return fail(ErrorCode::Conflict, "there is no transport connection");
  if (tsdu.empty()) return fail(ErrorCode::BadInput, "has no octets (X.214 12.2.1)", "tsdu");
  const std::size_t piece = m_tpdu_size - kDataTpduHeader;
  const std::size_t from = m_output.size();
  m_output.reserve(from + tsdu.size() + (tsdu.size() / piece + 1) * (kTpktHeader + kDataTpduHeader));
  while (!tsdu.empty()) {  // X.224 6.3
    const std::size_t size = std::min(piece, tsdu.size());
    const std::size_t length = kTpktHeader + kDataTpduHeader + size;
    const Byte header[] = {
        3, 0, static_cast<Byte>(length >> 8), static_cast<Byte>(length), 2, 0xF0, size == tsdu.size() ? Byte{0x80} : Byte{0}};
    append(m_output, header);
    append(m_output, tsdu.first(size));
    tsdu = tsdu.subspan(size);
  }
  queue(from);
  return {};
}

void Transport::disconnect() {
  if (m_state != State::Closed) close({TDisconnectCause::Local, 0, "disconnected by this side"});
}

void Transport::receive(ByteView octets, SteadyTime) {
  if (m_state == State::Closed) return;
  if (m_transcript) m_transcript(Direction::In, octets);
  m_reader.feed(octets);
  while (m_state != State::Closed) {
    const auto tpdu = m_reader.next();
    if (!tpdu) return close({TDisconnectCause::ProtocolError, 0, tpdu.error().text()});  // No framing, no ERROR.
    if (!*tpdu) return;
    receive_tpdu(**tpdu);
  }
}

void Transport::network_lost(std::string_view why) {
  if (m_state != State::Closed) close({TDisconnectCause::NetworkLost, 0, std::string(why)});
}

void Transport::tick(SteadyTime now) {
  if (m_state == State::Closed || now < m_deadline) return;
  close({TDisconnectCause::Timeout, 0,
         m_state == State::WaitConfirm ? "no answer to the CONNECTION REQUEST in time" : "no CONNECTION REQUEST in time"});
}

std::optional<TransportEvent> Transport::next_event() {
  if (m_events.empty()) return std::nullopt;
  TransportEvent event = std::move(m_events.front());
  m_events.pop_front();
  return event;
}

void Transport::send_tpdu(const Tpdu& tpdu) {
  Bytes octets;
  write_tpdu(octets, tpdu);
  const std::size_t from = m_output.size();
  write_tpkt(m_output, octets);
  queue(from);
}

void Transport::queue(std::size_t from) {
  if (m_state == State::Open) m_deadline = SteadyTime::max();
  if (m_transcript) m_transcript(Direction::Out, ByteView(m_output).subspan(from));
}

void Transport::receive_tpdu(ByteView octets) {
  const auto tpdu = read_tpdu(octets);
  if (!tpdu) return protocol_error(tpdu.error().cause, octets.first(std::min(octets.size(), tpdu.error().offset + 1)), tpdu.error().what);
  std::visit([&](const auto& each) { on(each, octets); }, *tpdu);
}

void Transport::on(const ConnectionRequest& tpdu, ByteView octets) {
  if (m_state != State::WaitRequest)
    return protocol_error(RejectCause::InvalidTpduType, octets.first(2), "a CONNECTION REQUEST out of turn");
  m_peer_reference = tpdu.source;
  if ((tpdu.classes & 1U) == 0) {  // X.224 6.5.4: none of the proposed classes is ours
    send_tpdu(DisconnectRequest{m_peer_reference, 0, DisconnectReason::NegotiationFailed, {}});
    return close({TDisconnectCause::ProtocolError, static_cast<std::uint8_t>(DisconnectReason::NegotiationFailed),
                  "the peer does not propose transport class 0"});
  }
  m_proposed_size = tpdu.tpdu_size;
  m_state = State::WaitDecision;
  m_deadline = SteadyTime::max();
  m_events.emplace_back(TConnect{tpdu.calling.value_or(Bytes()), tpdu.called.value_or(Bytes())});
}

void Transport::on(const ConnectionConfirm& tpdu, ByteView octets) {
  if (m_state != State::WaitConfirm)
    return protocol_error(RejectCause::InvalidTpduType, octets.first(2), "a CONNECTION CONFIRM out of turn");
  m_peer_reference = tpdu.source;
  if (tpdu.destination != m_options.reference)
    return protocol_error(RejectCause::InvalidParameterValue, octets.first(4), "a CONNECTION CONFIRM for another reference (X.224 13.4.3)");
  if (tpdu.transport_class != 0)
    return protocol_error(RejectCause::InvalidParameterValue, octets.first(7),
                          "the peer chose a class that was not proposed (X.224 6.5.4)");
  if (tpdu.tpdu_size.value_or(0) > m_tpdu_size)
    return protocol_error(RejectCause::InvalidParameterValue, octets, "the peer chose a TPDU size above the proposed one (X.224 6.5.4)");
  // Without the parameter the default would hold, which may be above what was proposed: what was proposed is what is safe.
  m_tpdu_size = tpdu.tpdu_size.value_or(m_tpdu_size);
  m_state = State::Open;
  m_deadline = SteadyTime::max();
  m_events.emplace_back(TConnected{tpdu.called.value_or(Bytes())});
}

void Transport::on(const DisconnectRequest& tpdu, ByteView octets) {
  if (m_state == State::WaitRequest)
    return protocol_error(RejectCause::InvalidTpduType, octets.first(2), "a DISCONNECT REQUEST out of turn");
  // Some peers (ISODE) send it in class 0 where the clause has the network connection closed; it says the same.
  const auto cause = m_state == State::WaitConfirm ? TDisconnectCause::Refused : TDisconnectCause::PeerReset;
  close({cause, static_cast<std::uint8_t>(tpdu.reason), with_information(tpdu)});
}

void Transport::on(const ErrorTpdu& tpdu, ByteView) {
  // X.224 6.22: in class 0 there is nothing to recover; and an ERROR is never answered by one.
  close({TDisconnectCause::PeerError, static_cast<std::uint8_t>(tpdu.cause), "the peer rejects what we sent: " + describe(tpdu.cause)});
}

void Transport::on(const DataTpdu& tpdu, ByteView octets) {
  if (m_state != State::Open) return protocol_error(RejectCause::InvalidTpduType, octets.first(2), "DATA before the connection is there");
  if (tpdu.data.size() > m_options.max_tsdu - m_tsdu.size())
    return protocol_error(RejectCause::Unspecified, octets.first(kDataTpduHeader),
                          "a TSDU of more than " + std::to_string(m_options.max_tsdu) + " octets");
  append(m_tsdu, tpdu.data);
  if (tpdu.end_of_tsdu) m_events.emplace_back(TData{std::exchange(m_tsdu, {})});
}

// X.224 6.22.2: ERROR, then the network connection is closed.
void Transport::protocol_error(RejectCause cause, ByteView invalid, std::string text) {
  send_tpdu(ErrorTpdu{m_peer_reference, cause, Bytes(invalid.begin(), invalid.end())});
  close({TDisconnectCause::ProtocolError, static_cast<std::uint8_t>(cause), std::move(text)});
}

void Transport::close(TDisconnect why) {
  m_state = State::Closed;
  m_deadline = SteadyTime::max();
  m_tsdu = {};
  m_events.emplace_back(std::move(why));
}

}  // namespace postern::osi
