#include "osi/session.hpp"

#include <algorithm>
#include <utility>

#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

constexpr std::uint16_t kLeastTsdu = 64;  // Below it a TSDU maximum size is not valid (X.225 8.3.1.11).
constexpr std::uint32_t kWhole = kBeginningOfSsdu | kEndOfSsdu;

bool carries_information(SpduKind kind) noexcept { return kind == SpduKind::DT || kind == SpduKind::TD; }
bool is_segment(const Spdu& spdu) noexcept { return spdu.enclosure && (*spdu.enclosure & kWhole) != kWhole; }
bool begins(const Spdu& spdu) noexcept { return (*spdu.enclosure & kBeginningOfSsdu) != 0; }
bool ends(const Spdu& spdu) noexcept { return (*spdu.enclosure & kEndOfSsdu) != 0; }

// The SPDU of this kind in a TSDU that has been read before.
Spdu find_again(ByteView tsdu, SpduKind kind) {
  TsduReader reader(tsdu, true);
  Spdu spdu;
  while (!reader.at_end()) {
    const auto next = reader.next();
    if (!next) break;
    spdu = *next;
    if (spdu.kind == kind) break;
  }
  return spdu;
}

// Takes the user data out of a primitive, if it has any.
Bytes take_user_data(SessionRequest& primitive) {
  return std::visit(
      [](auto& each) {
        if constexpr (requires { each.user_data; })
          return std::exchange(each.user_data, {});
        else
          return Bytes();
      },
      primitive);
}

std::string too_much(std::size_t limit) { return "more than " + std::to_string(limit) + " octets of user data"; }

bool makes_point(const SessionRequest& primitive) {
  return std::holds_alternative<SSyncMinor>(primitive) || std::holds_alternative<SSyncMajor>(primitive) ||
         std::holds_alternative<SActivityEnd>(primitive);
}

}  // namespace

SessionMachine::SessionMachine(SessionOptions options, SteadyTime now) : m_options(std::move(options)), m_now(now) {
  m_options.versions &= kSessionVersion1 | kSessionVersion2;
  m_selection.version = (m_options.versions & kSessionVersion2) != 0 ? 2 : 1;
  for (std::uint16_t* size : {&m_options.max_tsdu_out, &m_options.max_tsdu_in})
    if (*size != 0) *size = std::max(*size, kLeastTsdu);
  if (m_options.role == SessionRole::Responder) m_deadline = now + m_options.timeouts.connect;
}

Result<SerialNumber> SessionMachine::request(SessionRequest primitive, SteadyTime now) {
  m_now = now;
  POSTERN_CHECK(check(primitive));
  SessionInput input{static_cast<SessionInputKind>(primitive.index()), &primitive, nullptr, take_user_data(primitive)};
  const auto row = find(input);
  if (!row)
    return fail(ErrorCode::Conflict,
                "is not allowed in state \"" + std::string(osi::name_of(m_state)) + "\": " + row.error() + " (X.225 Annex A)",
                std::string(osi::name_of(primitive)));
  const SerialNumber serial = makes_point(primitive) ? m_next : 0;
  run(**row, input);
  return serial;
}

void SessionMachine::receive(ByteView tsdu, SteadyTime now) {
  m_now = now;
  TsduReader reader(tsdu, m_options.extended_concatenation);
  std::optional<Spdu> leader;
  do {
    if (m_state == State::Closed) return;
    const auto spdu = reader.next();
    if (!spdu) return protocol_error(spdu.error().what + " (octet " + std::to_string(spdu.error().offset) + " of the TSDU)");
    if (category_of(spdu->kind) == 0)
      leader = *spdu;
    else
      receive_spdu(*spdu, tsdu);
  } while (!reader.at_end());
  // X.225 6.3.7.3: a category 0 SPDU takes effect behind those it leads, which were sent with its tokens. An empty one only leads.
  if (leader && (leader->tokens.value_or(0) != 0 || leader->user_data)) receive_spdu(*leader, tsdu);
}

void SessionMachine::receive_spdu(const Spdu& spdu, ByteView tsdu) {
  if (is_segment(spdu)) return receive_segment(spdu, tsdu);
  SessionInput input{osi::spdu(spdu.kind), nullptr, &spdu, {}};
  const auto row = find(input);
  if (!row) return protocol_error(std::string(osi::name_of(spdu.kind)) + ": " + row.error());
  input.data = owned(spdu.user_data);
  if (input.data.size() > data_limit(spdu.kind))
    return protocol_error(std::string(osi::name_of(spdu.kind)) + ": " + too_much(data_limit(spdu.kind)));
  run(**row, input);
}

// X.225 6.3.6: the first segment has the parameters, and whether it may come is decided by them.
void SessionMachine::receive_segment(const Spdu& spdu, ByteView tsdu) {
  if (ignores_input()) return;
  if (const auto wrong = add_segment(spdu, tsdu)) return protocol_error(std::string(osi::name_of(spdu.kind)) + ": " + *wrong);
  if (!m_assembly) return;
  const Spdu head = find_again(m_assembly->head, m_assembly->kind);
  SessionInput input{osi::spdu(head.kind), nullptr, &head, {}};
  const auto row = find(input);
  if (!row) return protocol_error(std::string(osi::name_of(head.kind)) + ": " + row.error());
  if ((*row)->action == &SessionMachine::discard) return m_assembly.reset();
  if (!ends(spdu)) return;
  const Bytes head_tsdu = std::move(m_assembly->head);  // `head` points into it.
  input.data = std::move(m_assembly->data);
  m_assembly.reset();
  run(**row, input);
}

std::size_t SessionMachine::data_limit(SpduKind kind) const noexcept {
  if (kind != SpduKind::CN && kind != SpduKind::CDO) return m_options.max_ssdu;
  return m_options.max_connect_data - std::min(m_options.max_connect_data, m_proposal.user_data.size());
}

std::optional<std::string> SessionMachine::add_segment(const Spdu& spdu, ByteView tsdu) {
  if (m_selection.version == 1 && !carries_information(spdu.kind)) return "is segmented in protocol version 1 (X.225 6.3.6)";
  if (begins(spdu)) {
    if (m_assembly) return "begins an SSDU within another one (X.225 8.3.11)";
    const ByteView head = carries_information(spdu.kind) ? tsdu.first(tsdu.size() - spdu.user_data->size()) : tsdu;
    m_assembly = Assembly{spdu.kind, Bytes(head.begin(), head.end()), {}};
  }
  if (!m_assembly) {
    // The rest of what was discarded goes the same way.
    const SessionInput input{osi::spdu(spdu.kind), nullptr, &spdu, {}};
    const auto row = find(input);
    if (row && (*row)->action == &SessionMachine::discard) return std::nullopt;
    return "goes on with an SSDU that has not begun (X.225 8.3.11)";
  }
  const bool same = spdu.kind == m_assembly->kind || (spdu.kind == SpduKind::AE && m_assembly->kind == SpduKind::MAP);
  if (!same) return "comes within the segments of a " + std::string(osi::name_of(m_assembly->kind));
  const std::size_t limit = data_limit(spdu.kind);
  const ByteView more = spdu.user_data.value_or(ByteView());
  if (more.size() > limit - std::min(limit, m_assembly->data.size())) return too_much(limit);
  append(m_assembly->data, more);
  return std::nullopt;
}

void SessionMachine::transport_gone(std::string_view why) {
  m_why = why;
  m_wants_disconnect = false;
  SessionInput input{kTransportGone, nullptr, nullptr, {}};
  if (const auto row = find(input)) run(**row, input);
}

void SessionMachine::tick(SteadyTime now) {
  m_now = now;
  if (now < m_deadline) return;
  SessionInput input{kTimer, nullptr, nullptr, {}};
  if (const auto row = find(input)) run(**row, input);
}

void SessionMachine::run(const Row& row, SessionInput& input) {
  (this->*row.action)(input);
  if (row.to) enter(*row.to);
}

void SessionMachine::enter(State state) {
  if (state == m_state) return;
  m_state = state;
  const auto timeout = timeout_of(state);
  m_deadline = timeout == std::chrono::seconds::zero() ? SteadyTime::max() : m_now + timeout;
  if (state == State::Closed || ignores_input()) {
    m_assembly.reset();
    m_connected = false;
  }
}

std::chrono::seconds SessionMachine::timeout_of(State state) const noexcept {
  switch (state) {
    case State::WaitAccept:
    case State::WaitOverflowAccept:
    case State::WaitOverflowData: return m_options.timeouts.connect;
    case State::WaitDisconnect: return m_options.timeouts.release;
    case State::WaitAbortAccept:
    case State::WaitTransportDisconnect: return m_options.timeouts.disconnect;
    default: return std::chrono::seconds::zero();
  }
}

bool SessionMachine::ignores_input() const noexcept {
  return m_state == State::WaitAbortAccept || m_state == State::WaitTransportDisconnect || m_state == State::Closed;
}

// X.225 A.4.1.2: what is invalid or out of turn is answered with ABORT.
void SessionMachine::protocol_error(std::string text) {
  if (ignores_input()) return;
  text += " (in state \"" + std::string(osi::name_of(m_state)) + "\", X.225 Annex A)";
  abort_by_provider(PAbortReason::ProtocolError, kProtocolErrorAbort, std::move(text));
  enter(State::WaitAbortAccept);
}

void SessionMachine::abort_by_provider(PAbortReason reason, std::uint32_t bits, std::string text) {
  Spdu abort;
  abort.kind = SpduKind::AB;
  abort.transport_disconnect = kTransportReleased | bits;
  emit(abort, {});
  tell(SPAbort{reason, std::move(text), {}});
}

void SessionMachine::emit(Spdu spdu, ByteView data) {
  const bool information = carries_information(spdu.kind);
  if (!data.empty() || information) spdu.user_data = data;
  const bool segmentable = information || (m_selection.version == 2 && spdu.kind != SpduKind::CN && spdu.kind != SpduKind::RF);
  std::size_t limit = m_selection.max_tsdu_out;
  if (limit == 0) limit = information ? data.size() + 64 : kMaxUserDataVersion2;
  Spdu head = spdu;
  if (!data.empty()) head.user_data = ByteView();
  const std::size_t size = write_tsdu(head).size() + data.size() + (data.size() > 254 ? 2 : 0);
  if (!segmentable || size <= limit) return m_tsdus.push_back(write_tsdu(spdu));
  emit_segments(spdu, data, limit);
}

void SessionMachine::emit_segments(const Spdu& spdu, ByteView data, std::size_t limit) {
  Spdu segment = spdu;
  segment.enclosure = kBeginningOfSsdu;
  while (!segment.enclosure || (*segment.enclosure & kEndOfSsdu) == 0) {
    segment.user_data = ByteView();
    const std::size_t head = write_tsdu(segment).size() + 2;  // The length of user data may need two octets more.
    const std::size_t piece = std::min(data.size(), limit > head ? limit - head : 1);
    segment.user_data = data.first(piece);
    data = data.subspan(piece);
    if (data.empty()) segment.enclosure = *segment.enclosure | kEndOfSsdu;
    m_tsdus.push_back(write_tsdu(segment));
    if (data.empty()) return;
    Spdu next;
    next.kind = spdu.kind;
    next.enclosure = 0;
    segment = next;
  }
}

// --- Session

Session::Session(SessionOptions options, SteadyTime now) : m_machine(std::make_unique<SessionMachine>(std::move(options), now)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<SerialNumber> Session::request(SessionRequest primitive, SteadyTime now) { return m_machine->request(std::move(primitive), now); }
void Session::receive(ByteView tsdu, SteadyTime now) { m_machine->receive(tsdu, now); }
void Session::transport_disconnected(std::string_view why) { m_machine->transport_gone(why); }
void Session::allow(std::size_t ssdu) noexcept { m_machine->m_options.max_ssdu = std::max(m_machine->m_options.max_ssdu, ssdu); }
std::size_t Session::pending() const noexcept { return m_machine->pending(); }
void Session::tick(SteadyTime now) { m_machine->tick(now); }

std::optional<Bytes> Session::take_tsdu() {
  if (m_machine->m_tsdus.empty()) return std::nullopt;
  Bytes tsdu = std::move(m_machine->m_tsdus.front());
  m_machine->m_tsdus.pop_front();
  return tsdu;
}

std::optional<SessionEvent> Session::next_event() {
  if (m_machine->m_events.empty()) return std::nullopt;
  SessionEvent event = std::move(m_machine->m_events.front());
  m_machine->m_events.pop_front();
  return event;
}

bool Session::wants_disconnect() const noexcept { return m_machine->m_wants_disconnect; }
SteadyTime Session::deadline() const noexcept { return m_machine->m_deadline; }
Session::State Session::state() const noexcept { return m_machine->m_state; }
bool Session::connected() const noexcept { return m_machine->m_connected; }
bool Session::closed() const noexcept { return m_machine->m_state == State::Closed; }
bool Session::waits_for_control_ack() const noexcept { return m_machine->m_state == State::WaitControlAck; }
const SessionSelection& Session::selection() const noexcept { return m_machine->m_selection; }
Tokens Session::owned_tokens() const noexcept { return m_machine->m_owned; }
Tokens Session::available_tokens() const noexcept { return m_machine->m_available; }
bool Session::activity_in_progress() const noexcept { return m_machine->m_activity; }
SerialNumber Session::next_serial() const noexcept { return m_machine->m_next; }
SerialNumber Session::unconfirmed_serial() const noexcept { return m_machine->m_unconfirmed; }

}  // namespace postern::osi
