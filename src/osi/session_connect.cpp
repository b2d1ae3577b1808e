// Connection establishment: the actions of X.225 7.1 to 7.5.
#include <algorithm>

#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

constexpr std::uint32_t pair_of(std::uint16_t to_responder, std::uint16_t to_initiator) {
  return static_cast<std::uint32_t>(to_responder) << 16 | to_initiator;
}

// Zero is "no limit", so it loses against any other.
std::uint16_t smaller_limit(std::uint16_t a, std::uint16_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

ConnectionIdentifier identifier_from(const Spdu& spdu, const Spdu::Octets& reference) {
  return {owned(reference), owned(spdu.common_reference), owned(spdu.additional_information)};
}

void put_identifier(Spdu& spdu, const ConnectionIdentifier& identifier) {
  (spdu.kind == SpduKind::CN ? spdu.calling_reference : spdu.called_reference) = sent(identifier.user_reference);
  spdu.common_reference = sent(identifier.common_reference);
  spdu.additional_information = sent(identifier.additional_information);
}

// X.225 8.3.1.13: points are numbered from the connection on only where activities do not number them.
bool numbers_points(FunctionalUnits units) {
  return (units.has(FunctionalUnit::MinorSynchronize) || units.has(FunctionalUnit::MajorSynchronize)) &&
         !units.has(FunctionalUnit::ActivityManagement);
}

// X.215 8: exceptions need half-duplex, so they go where it was not selected.
FunctionalUnits selected(FunctionalUnits proposed, FunctionalUnits answered) {
  const FunctionalUnits both = proposed & answered;
  return both.has(FunctionalUnit::HalfDuplex) ? both : both.without(FunctionalUnit::Exceptions);
}

FunctionalUnits units_in(const Spdu& spdu) {
  return FunctionalUnits(static_cast<std::uint16_t>(spdu.requirements.value_or(kDefaultUnits.bits)));
}

std::uint8_t highest(unsigned versions) { return (versions & kSessionVersion2) != 0 ? 2 : 1; }

bool has_choice(const TokenSettings& settings) {
  constexpr TokenSetting kChoice = TokenSetting::AcceptorChooses;
  return settings.data == kChoice || settings.synchronize_minor == kChoice || settings.major_activity == kChoice ||
         settings.release == kChoice;
}

Tokens held_by(TokenSetting side, const TokenSettings& settings) {
  Tokens held;
  if (settings.data == side) held = held | Tokens::of(Token::Data);
  if (settings.synchronize_minor == side) held = held | Tokens::of(Token::SynchronizeMinor);
  if (settings.major_activity == side) held = held | Tokens::of(Token::MajorActivity);
  if (settings.release == side) held = held | Tokens::of(Token::Release);
  return held;
}

}  // namespace

// --- Initiator

void SessionMachine::send_connect(SessionInput& input) {
  const SConnect& connect = as<SConnect>(input);
  m_proposal.units = connect.requirements;
  m_proposal.settings = connect.token_settings;
  m_proposal.initial_serial = connect.initial_serial;
  // X.225 8.3.1.17: extended user data is of version 2 alone.
  m_proposal.versions = input.data.size() > kMaxUserDataVersion1 ? kSessionVersion2 : m_options.versions;
  Spdu spdu;
  spdu.kind = SpduKind::CN;
  put_identifier(spdu, connect.identifier);
  spdu.protocol_options = m_options.extended_concatenation ? kExtendedConcatenation : 0;
  if (m_options.max_tsdu_out != 0 || m_options.max_tsdu_in != 0) spdu.tsdu_maximum = pair_of(m_options.max_tsdu_out, m_options.max_tsdu_in);
  spdu.versions = m_proposal.versions;
  if (numbers_points(connect.requirements) || connect.initial_serial) spdu.initial_serial = connect.initial_serial.value_or(1);
  spdu.token_settings = octet_of(connect.token_settings);
  spdu.requirements = connect.requirements.bits;
  spdu.calling_selector = sent(connect.calling_selector);
  spdu.called_selector = sent(connect.called_selector);
  const std::size_t now = std::min(input.data.size(), kMaxExtendedUserData);
  if (now < input.data.size()) {  // 8.3.1.18: the rest follows in CONNECT DATA OVERFLOW
    spdu.data_overflow = 1;
    m_proposal.user_data.assign(input.data.begin() + static_cast<std::ptrdiff_t>(now), input.data.end());
  }
  emit(spdu, ByteView(input.data).first(now));
}

void SessionMachine::send_overflow(SessionInput&) {
  m_selection.version = 2;
  Spdu spdu;
  spdu.kind = SpduKind::CDO;
  spdu.enclosure = kBeginningOfSsdu | kEndOfSsdu;
  emit(spdu, m_proposal.user_data);
  m_proposal.user_data.clear();
}

void SessionMachine::confirm_accept(SessionInput& input) {
  const Spdu& spdu = *input.spdu;
  m_selection.version = highest(spdu.versions.value_or(kSessionVersion1) & m_proposal.versions);
  const std::uint32_t sizes = spdu.tsdu_maximum.value_or(0);
  m_selection.max_tsdu_out = static_cast<std::uint16_t>(sizes >> 16);
  m_selection.max_tsdu_in = static_cast<std::uint16_t>(sizes);
  const TokenSettings settings = settle(token_settings_from(spdu.token_settings.value_or(0)));
  const FunctionalUnits units = selected(m_proposal.units, units_in(spdu));
  establish(units, settings, spdu.initial_serial ? spdu.initial_serial : m_proposal.initial_serial);
  SConnectAccept accept;
  accept.identifier = identifier_from(spdu, spdu.called_reference ? spdu.called_reference : spdu.calling_reference);
  accept.responding_selector = owned(spdu.called_selector);
  accept.requirements = units;
  accept.token_settings = settings;
  accept.tokens_requested = Tokens(static_cast<std::uint8_t>(spdu.tokens.value_or(0))) & m_owned;
  accept.initial_serial = spdu.initial_serial;
  accept.user_data = std::move(input.data);
  tell(std::move(accept));
}

void SessionMachine::confirm_refuse(SessionInput& input) {
  const Spdu& spdu = *input.spdu;
  SConnectRefuse refuse;
  refuse.identifier = identifier_from(spdu, spdu.called_reference ? spdu.called_reference : spdu.calling_reference);
  refuse.reason = RefuseReason::ProviderUnspecified;
  if (spdu.reason && !spdu.reason->empty()) {
    refuse.reason = static_cast<RefuseReason>(spdu.reason->front());
    refuse.user_data.assign(spdu.reason->begin() + 1, spdu.reason->end());
  }
  tell(std::move(refuse));
  m_wants_disconnect = true;
}

// --- Responder

void SessionMachine::read_proposal(const Spdu& spdu) {
  m_proposal.versions = static_cast<std::uint8_t>(spdu.versions.value_or(kSessionVersion1) & m_options.versions);
  m_selection.version = highest(m_proposal.versions);
  m_proposal.units = units_in(spdu) & m_options.units;
  m_proposal.settings = token_settings_from(spdu.token_settings.value_or(0));
  m_proposal.initial_serial = spdu.initial_serial;
  m_proposal.tsdu_maximum = spdu.tsdu_maximum;
  SConnect& connect = m_proposal.connect;
  connect.identifier = identifier_from(spdu, spdu.calling_reference);
  connect.calling_selector = owned(spdu.calling_selector);
  connect.called_selector = owned(spdu.called_selector);
  connect.requirements = m_proposal.units;
  connect.token_settings = m_proposal.settings;
  connect.initial_serial = spdu.initial_serial;
}

void SessionMachine::accept_overflow(SessionInput& input) {
  read_proposal(*input.spdu);
  m_selection.version = 2;
  m_proposal.user_data = std::move(input.data);
  Spdu spdu;
  spdu.kind = SpduKind::OA;
  if (m_options.max_tsdu_in != 0) spdu.tsdu_maximum = pair_of(m_options.max_tsdu_in, m_options.max_tsdu_out);
  spdu.versions = kSessionVersion2;
  emit(spdu, {});
}

void SessionMachine::indicate_connect(SessionInput& input) {
  read_proposal(*input.spdu);
  m_proposal.connect.user_data = std::move(input.data);
  tell(std::exchange(m_proposal.connect, {}));
}

void SessionMachine::indicate_connect_overflow(SessionInput& input) {
  m_proposal.connect.user_data = std::exchange(m_proposal.user_data, {});
  append(m_proposal.connect.user_data, input.data);
  tell(std::exchange(m_proposal.connect, {}));
}

void SessionMachine::send_accept(SessionInput& input) {
  const SConnectAccept& accept = as<SConnectAccept>(input);
  const FunctionalUnits units = selected(m_proposal.units, accept.requirements);
  const std::uint32_t sizes = m_proposal.tsdu_maximum.value_or(0);
  const std::uint16_t in = smaller_limit(static_cast<std::uint16_t>(sizes >> 16), m_options.max_tsdu_in);
  const std::uint16_t out = smaller_limit(static_cast<std::uint16_t>(sizes), m_options.max_tsdu_out);
  Spdu spdu;
  spdu.kind = SpduKind::AC;
  put_identifier(spdu, accept.identifier);
  spdu.protocol_options = m_options.extended_concatenation ? kExtendedConcatenation : 0;
  if (m_proposal.tsdu_maximum) spdu.tsdu_maximum = pair_of(in, out);
  spdu.versions = m_selection.version == 2 ? kSessionVersion2 : kSessionVersion1;
  const std::optional<SerialNumber> serial = accept.initial_serial ? accept.initial_serial : m_proposal.initial_serial;
  if (numbers_points(units)) spdu.initial_serial = serial.value_or(1);
  const TokenSettings settings = settle(accept.token_settings);
  // X.225 8.3.2 wants it where the choice was ours; it is said wherever there are tokens, as ISODE does and some peers insist.
  if (has_choice(m_proposal.settings) || !osi::available_tokens(units).empty()) spdu.token_settings = octet_of(settings);
  if (!accept.tokens_requested.empty()) spdu.tokens = accept.tokens_requested.bits;
  spdu.requirements = units.bits;
  spdu.called_selector = sent(accept.responding_selector);
  emit(spdu, input.data);
  if (m_proposal.tsdu_maximum) {  // 8.3.1.11: without the initiator's parameter there is no limit
    m_selection.max_tsdu_in = in;
    m_selection.max_tsdu_out = out;
  }
  establish(units, settings, serial);
}

void SessionMachine::send_refuse(SessionInput& input) {
  const SConnectRefuse& refusal = as<SConnectRefuse>(input);
  refuse(refusal.reason, refusal.identifier, input.data);
}

// 8.3.5: the reason's octet, and behind "rejected by the user, with data" the data.
void SessionMachine::refuse(RefuseReason reason, const ConnectionIdentifier& identifier, ByteView data) {
  Spdu spdu;
  spdu.kind = SpduKind::RF;
  put_identifier(spdu, identifier);
  spdu.transport_disconnect = kTransportReleased;
  if (reason == RefuseReason::VersionsNotSupported) spdu.versions = m_options.versions;
  if (reason == RefuseReason::ImplementationRestriction) spdu.requirements = m_options.units.bits;
  Bytes octets = {static_cast<Byte>(reason)};
  append(octets, data);
  spdu.reason = octets;
  emit(spdu, {});
}

void SessionMachine::refuse_version(SessionInput&) { refuse(RefuseReason::VersionsNotSupported, {}, {}); }
void SessionMachine::refuse_selector(SessionInput&) { refuse(RefuseReason::SelectorUnknown, {}, {}); }
void SessionMachine::refuse_units(SessionInput&) { refuse(RefuseReason::ImplementationRestriction, {}, {}); }

// --- Both

// X.215 12.1.2.9: the acceptor's choice counts where the requestor left it.
TokenSettings SessionMachine::settle(const TokenSettings& chosen) const {
  const auto one = [](TokenSetting proposed, TokenSetting answer) {
    if (proposed != TokenSetting::AcceptorChooses) return proposed;
    return answer == TokenSetting::Acceptor ? TokenSetting::Acceptor : TokenSetting::Requestor;
  };
  const TokenSettings& proposed = m_proposal.settings;
  return {one(proposed.data, chosen.data), one(proposed.synchronize_minor, chosen.synchronize_minor),
          one(proposed.major_activity, chosen.major_activity), one(proposed.release, chosen.release)};
}

void SessionMachine::establish(FunctionalUnits units, const TokenSettings& settings, std::optional<SerialNumber> serial) {
  m_selection.units = units;
  m_available = osi::available_tokens(units);
  const bool initiator = m_options.role == SessionRole::Initiator;
  m_owned = m_available & held_by(initiator ? TokenSetting::Requestor : TokenSetting::Acceptor, settings);
  m_next = m_unconfirmed = serial.value_or(1);
  m_connected = true;
  m_proposal = {};
}

}  // namespace postern::osi
