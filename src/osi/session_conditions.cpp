// The predicates of X.225 A.5.3 that the table names.
#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

std::uint8_t versions_of(const Spdu& spdu) {  // X.225 8.3.1.12: without the parameter version 1
  return static_cast<std::uint8_t>(spdu.versions.value_or(kSessionVersion1));
}

FunctionalUnits proposed_units(const Spdu& spdu) {
  return FunctionalUnits(static_cast<std::uint16_t>(spdu.requirements.value_or(kDefaultUnits.bits)));
}

bool has_duplex_mode(FunctionalUnits units) { return units.has(FunctionalUnit::HalfDuplex) || units.has(FunctionalUnit::Duplex); }

bool is_size_usable(std::uint32_t size) { return size == 0 || size >= 64; }

Tokens tokens_in(const SessionInput& input) {
  if (input.spdu != nullptr) return Tokens(static_cast<std::uint8_t>(input.spdu->tokens.value_or(0))) & Tokens::all();
  if (const auto* give = std::get_if<STokenGive>(input.primitive)) return give->tokens;
  return std::get<STokenPlease>(*input.primitive).tokens;
}

SerialNumber serial_in(const SessionInput& input) {
  return input.spdu != nullptr ? input.spdu->serial.value_or(0) : std::get<SSyncMinorResponse>(*input.primitive).serial;
}

}  // namespace

bool SessionMachine::holds_for_answer(const Spdu& spdu) const {
  if ((versions_of(spdu) & m_proposal.versions) == 0) return false;
  if (spdu.kind == SpduKind::OA) return (versions_of(spdu) & kSessionVersion2) != 0;
  return has_one_duplex_mode(m_proposal.units & proposed_units(spdu)) && is_size_usable(spdu.tsdu_maximum.value_or(0) >> 16) &&
         is_size_usable(spdu.tsdu_maximum.value_or(0) & 0xFFFF);
}

bool SessionMachine::holds_for_tokens(Condition condition, Tokens tokens) const {
  switch (condition) {
    case Condition::GivesOurs: return !tokens.empty() && m_owned.contains(tokens);
    case Condition::GivesTheirs: return (m_available - m_owned).contains(tokens);
    case Condition::GivesData: return tokens.has(Token::Data);
    default: return !tokens.empty() && (m_available - m_owned).contains(tokens);
  }
}

bool SessionMachine::holds_for_serial(Condition condition, SerialNumber serial) const {
  const bool waits = serial >= m_unconfirmed && serial < m_next;
  switch (condition) {
    case Condition::SerialLeft: return m_next <= kMaxSerialNumber;
    case Condition::SerialNext: return serial == m_next;
    case Condition::SerialLast: return serial + 1 == m_next;
    case Condition::ConfirmsTheirs: return m_may_confirm && waits;
    default: return !m_may_confirm && waits;
  }
}

bool SessionMachine::holds(Condition condition, const SessionInput& input) const {
  const FunctionalUnits units = m_selection.units;
  switch (condition) {
    case Condition::IsInitiator: return m_options.role == SessionRole::Initiator;
    case Condition::IsResponder: return m_options.role == SessionRole::Responder;
    case Condition::NoCommonVersion: return (versions_of(*input.spdu) & m_options.versions) == 0;
    case Condition::SelectorDiffers: return m_options.selector && *m_options.selector != owned(input.spdu->called_selector);
    case Condition::NoCommonUnits: return !has_duplex_mode(proposed_units(*input.spdu) & m_options.units);
    case Condition::Overflows:
      return input.spdu != nullptr ? (input.spdu->data_overflow.value_or(0) & 1) != 0 : input.data.size() > kMaxExtendedUserData;
    case Condition::SizesUsable: {
      const std::uint32_t sizes = input.spdu->tsdu_maximum.value_or(0);
      const bool overflow_allowed = (versions_of(*input.spdu) & m_options.versions & kSessionVersion2) != 0;
      return is_size_usable(sizes >> 16) && is_size_usable(sizes & 0xFFFF) &&
             (overflow_allowed || input.spdu->data_overflow.value_or(0) == 0);
    }
    case Condition::AnswerUsable: return holds_for_answer(*input.spdu);
    case Condition::MinorUnit: return units.has(FunctionalUnit::MinorSynchronize);
    case Condition::MajorUnit: return units.has(FunctionalUnit::MajorSynchronize);
    case Condition::ActivityUnit: return units.has(FunctionalUnit::ActivityManagement);
    case Condition::ExceptionsUnit: return units.has(FunctionalUnit::Exceptions);
    case Condition::ReleaseUnit: return units.has(FunctionalUnit::NegotiatedRelease);
    case Condition::TypedUnit: return units.has(FunctionalUnit::TypedData);
    case Condition::InActivity: return m_activity;
    case Condition::NoActivity: return !m_activity;
    case Condition::ActivityIfManaged: return m_activity || !units.has(FunctionalUnit::ActivityManagement);
    case Condition::DataOurs: return ours(Token::Data);
    case Condition::MinorOurs: return ours(Token::SynchronizeMinor);
    case Condition::MajorOurs: return ours(Token::MajorActivity);
    case Condition::AllOurs: return m_owned == m_available;
    case Condition::DataTheirs: return theirs(Token::Data);
    case Condition::MinorTheirs: return theirs(Token::SynchronizeMinor);
    case Condition::MajorTheirs: return theirs(Token::MajorActivity);
    case Condition::AllTheirs: return m_owned.empty();
    case Condition::DataTokenOurs: return m_owned.has(Token::Data);
    case Condition::DataTokenTheirs: return (m_available - m_owned).has(Token::Data);
    case Condition::GivesOurs:
    case Condition::GivesTheirs:
    case Condition::GivesData:
    case Condition::PleasesTheirs: return holds_for_tokens(condition, tokens_in(input));
    case Condition::SerialLeft: return holds_for_serial(condition, 0);
    case Condition::SerialNext:
    case Condition::SerialLast:
    case Condition::ConfirmsTheirs:
    case Condition::ConfirmsOurs: return holds_for_serial(condition, serial_in(input));
    case Condition::Affirmative: return as<SReleaseResponse>(input).affirmative;
    case Condition::Negative: return !as<SReleaseResponse>(input).affirmative;
    case Condition::Collided: return m_collided;
    case Condition::NotFinishing: return !m_finishing;
  }
  return false;
}

}  // namespace postern::osi
