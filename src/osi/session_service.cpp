#include "osi/session_service.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "osi/session_machine.hpp"

namespace postern::osi {

namespace {

constexpr std::array<std::string_view, 26> kPrimitives = {
    "S-CONNECT",
    "S-CONNECT (accept)",
    "S-CONNECT (reject)",
    "S-RELEASE",
    "S-RELEASE (answer)",
    "S-U-ABORT",
    "S-DATA",
    "S-TYPED-DATA",
    "S-TOKEN-GIVE",
    "S-TOKEN-PLEASE",
    "S-CONTROL-GIVE",
    "S-SYNC-MINOR",
    "S-SYNC-MINOR (answer)",
    "S-SYNC-MAJOR",
    "S-SYNC-MAJOR (answer)",
    "S-U-EXCEPTION-REPORT",
    "S-ACTIVITY-START",
    "S-ACTIVITY-RESUME",
    "S-ACTIVITY-INTERRUPT",
    "S-ACTIVITY-INTERRUPT (answer)",
    "S-ACTIVITY-DISCARD",
    "S-ACTIVITY-DISCARD (answer)",
    "S-ACTIVITY-END",
    "S-ACTIVITY-END (answer)",
    "S-P-EXCEPTION-REPORT",
    "S-P-ABORT",
};
static_assert(std::variant_size_v<SessionEvent> == kPrimitives.size());

constexpr std::array<std::string_view, 22> kStates = {
    "idle",
    "wait for connect data overflow",
    "wait for accept",
    "wait for overflow accept",
    "wait for the answer to a connect",
    "data transfer",
    "wait for disconnect",
    "wait for the answer to a release",
    "wait for major sync ack",
    "wait for activity end ack",
    "wait for the answer to a major sync",
    "wait for the answer to an activity end",
    "wait for activity interrupt ack",
    "wait for activity discard ack",
    "wait for the answer to an activity interrupt",
    "wait for the answer to an activity discard",
    "wait for give tokens ack",
    "wait for recovery by the other side",
    "wait for recovery by this side",
    "wait for abort accept",
    "wait for transport disconnect",
    "closed",
};
static_assert(kStates.size() == static_cast<std::size_t>(Session::State::Closed) + 1);

constexpr std::array<std::pair<RefuseReason, std::string_view>, 9> kRefuseReasons = {{
    {RefuseReason::UserUnspecified, "refused by the called user, no reason given"},
    {RefuseReason::UserCongestion, "refused by the called user: temporary congestion"},
    {RefuseReason::UserData, "refused by the called user"},
    {RefuseReason::SelectorUnknown, "session selector unknown: is the called S-selector right?"},
    {RefuseReason::UserNotAttached, "no user is attached to this session selector"},
    {RefuseReason::ProviderCongestion, "the session provider was congested when the connection was asked for"},
    {RefuseReason::VersionsNotSupported, "none of the proposed session versions is supported"},
    {RefuseReason::ProviderUnspecified, "refused by the session provider, no reason given"},
    {RefuseReason::ImplementationRestriction, "an implementation restriction that the provider's PICS states"},
}};
constexpr std::array<std::pair<ExceptionReason, std::string_view>, 6> kExceptionReasons = {{
    {ExceptionReason::Unspecified, "no specific reason"},
    {ExceptionReason::ReceivingAbilityJeopardized, "receiving ability jeopardized"},
    {ExceptionReason::UserSequenceError, "user sequence error"},
    {ExceptionReason::LocalUserError, "local user error"},
    {ExceptionReason::UnrecoverableProceduralError, "unrecoverable procedural error"},
    {ExceptionReason::DemandDataToken, "demand data token"},
}};

template <class Code, std::size_t N>
std::string describe_in(const std::array<std::pair<Code, std::string_view>, N>& table, Code code) {
  for (const auto& [known, text] : table)
    if (known == code) return std::string(text);
  return "reason " + std::to_string(static_cast<unsigned>(code));
}

TokenSetting setting_at(std::uint32_t octet, unsigned shift) { return static_cast<TokenSetting>(std::min((octet >> shift) & 3U, 2U)); }

}  // namespace

std::string name_of(Tokens tokens) {
  constexpr std::array<std::pair<Token, std::string_view>, 4> kNames = {{
      {Token::Data, "data"},
      {Token::SynchronizeMinor, "synchronize-minor"},
      {Token::MajorActivity, "major/activity"},
      {Token::Release, "release"},
  }};
  std::string text;
  for (const auto& [token, name] : kNames) {
    if (!tokens.has(token)) continue;
    if (!text.empty()) text += " and ";
    text += name;
  }
  return text.empty() ? "none" : text;
}

Tokens available_tokens(FunctionalUnits units) noexcept {
  Tokens tokens;
  if (units.has(FunctionalUnit::HalfDuplex)) tokens = tokens | Tokens::of(Token::Data);
  if (units.has(FunctionalUnit::MinorSynchronize)) tokens = tokens | Tokens::of(Token::SynchronizeMinor);
  if (units.has(FunctionalUnit::MajorSynchronize) || units.has(FunctionalUnit::ActivityManagement))
    tokens = tokens | Tokens::of(Token::MajorActivity);
  if (units.has(FunctionalUnit::NegotiatedRelease)) tokens = tokens | Tokens::of(Token::Release);
  return tokens;
}

std::string describe(RefuseReason reason) { return describe_in(kRefuseReasons, reason); }
std::string describe(ExceptionReason reason) { return describe_in(kExceptionReasons, reason); }

std::string_view name_of(const SessionRequest& primitive) noexcept { return kPrimitives[primitive.index()]; }
std::string_view name_of(const SessionEvent& primitive) noexcept { return kPrimitives[primitive.index()]; }
std::string_view name_of(Session::State state) noexcept { return kStates[static_cast<std::size_t>(state)]; }

// X.225 8.3.1.14: two bits each; 11 is reserved and read as the acceptor's choice.
TokenSettings token_settings_from(std::uint32_t octet) noexcept {
  return {setting_at(octet, 0), setting_at(octet, 2), setting_at(octet, 4), setting_at(octet, 6)};
}

std::uint32_t octet_of(const TokenSettings& settings) noexcept {
  return static_cast<std::uint32_t>(settings.data) | static_cast<std::uint32_t>(settings.synchronize_minor) << 2 |
         static_cast<std::uint32_t>(settings.major_activity) << 4 | static_cast<std::uint32_t>(settings.release) << 6;
}

}  // namespace postern::osi
