// The session service of X.215 as values: the primitives a user gives to a session engine and gets from it.
//
// Each primitive is one struct, whichever way it goes. What one user passes to Session::request() as a request comes out of the peer's
// Session::next_event() as the indication; a response comes out there as the confirm. The names are the standard's: SActivityStart is
// S-ACTIVITY-START request and indication, SActivityEndResponse is S-ACTIVITY-END response and confirm.
//
// Ownership: every octet string is owned by the primitive. Limits are the standard's and checked by the engine, in both directions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"

namespace postern::osi {

/// X.225 8.3.1.16 (PI 20): one bit for each functional unit; the bits are those on the wire.
enum class FunctionalUnit : std::uint16_t {
  HalfDuplex = 0x0001,
  Duplex = 0x0002,
  Expedited = 0x0004,
  MinorSynchronize = 0x0008,
  MajorSynchronize = 0x0010,
  Resynchronize = 0x0020,
  ActivityManagement = 0x0040,
  NegotiatedRelease = 0x0080,
  CapabilityData = 0x0100,
  Exceptions = 0x0200,
  TypedData = 0x0400,
  SymmetricSynchronize = 0x0800,
  DataSeparation = 0x1000,
};

/// A set of functional units. The kernel is always there and has no bit.
struct FunctionalUnits {
  std::uint16_t bits = 0;

  constexpr FunctionalUnits() = default;
  constexpr explicit FunctionalUnits(std::uint16_t value) : bits(value) {}
  template <class... Units>
  static constexpr FunctionalUnits of(Units... units) {
    return FunctionalUnits(static_cast<std::uint16_t>((0U | ... | static_cast<unsigned>(units))));
  }
  [[nodiscard]] constexpr bool has(FunctionalUnit unit) const noexcept { return (bits & static_cast<unsigned>(unit)) != 0; }
  [[nodiscard]] constexpr FunctionalUnits without(FunctionalUnit unit) const noexcept {
    return FunctionalUnits(static_cast<std::uint16_t>(bits & ~static_cast<unsigned>(unit)));
  }
  friend constexpr FunctionalUnits operator&(FunctionalUnits a, FunctionalUnits b) noexcept {
    return FunctionalUnits(static_cast<std::uint16_t>(a.bits & b.bits));
  }
  friend constexpr bool operator==(FunctionalUnits, FunctionalUnits) = default;
};

/// X.228 (RTSE): half-duplex, minor synchronize, exceptions, activity management.
inline constexpr FunctionalUnits kRtseUnits = FunctionalUnits::of(FunctionalUnit::HalfDuplex, FunctionalUnit::MinorSynchronize,
                                                                  FunctionalUnit::Exceptions, FunctionalUnit::ActivityManagement);
/// P3 and P7 over ROSE alone: kernel and duplex.
inline constexpr FunctionalUnits kRoseUnits = FunctionalUnits::of(FunctionalUnit::Duplex);
/// What this engine knows; a CONNECT that proposes others gets the intersection.
inline constexpr FunctionalUnits kSupportedUnits = FunctionalUnits::of(
    FunctionalUnit::HalfDuplex, FunctionalUnit::Duplex, FunctionalUnit::MinorSynchronize, FunctionalUnit::MajorSynchronize,
    FunctionalUnit::ActivityManagement, FunctionalUnit::NegotiatedRelease, FunctionalUnit::Exceptions, FunctionalUnit::TypedData);
/// X.225 8.3.1.16: what a CONNECT without the parameter proposes.
inline constexpr FunctionalUnits kDefaultUnits =
    FunctionalUnits::of(FunctionalUnit::HalfDuplex, FunctionalUnit::MinorSynchronize, FunctionalUnit::ActivityManagement,
                        FunctionalUnit::CapabilityData, FunctionalUnit::Exceptions);

/// X.225 8.3.2.10 (PI 16): the bits of a Token Item.
enum class Token : std::uint8_t { Data = 0x01, SynchronizeMinor = 0x04, MajorActivity = 0x10, Release = 0x40 };

struct Tokens {
  std::uint8_t bits = 0;

  constexpr Tokens() = default;
  constexpr explicit Tokens(std::uint8_t value) : bits(value) {}
  template <class... Each>
  static constexpr Tokens of(Each... tokens) {
    return Tokens(static_cast<std::uint8_t>((0U | ... | static_cast<unsigned>(tokens))));
  }
  static constexpr Tokens all() { return of(Token::Data, Token::SynchronizeMinor, Token::MajorActivity, Token::Release); }
  [[nodiscard]] constexpr bool has(Token token) const noexcept { return (bits & static_cast<unsigned>(token)) != 0; }
  [[nodiscard]] constexpr bool contains(Tokens others) const noexcept { return (bits & others.bits) == others.bits; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits == 0; }
  friend constexpr Tokens operator&(Tokens a, Tokens b) noexcept { return Tokens(static_cast<std::uint8_t>(a.bits & b.bits)); }
  friend constexpr Tokens operator|(Tokens a, Tokens b) noexcept { return Tokens(static_cast<std::uint8_t>(a.bits | b.bits)); }
  /// The tokens of `a` that are not in `b`.
  friend constexpr Tokens operator-(Tokens a, Tokens b) noexcept { return Tokens(static_cast<std::uint8_t>(a.bits & ~b.bits)); }
  friend constexpr bool operator==(Tokens, Tokens) = default;
};

/// "data and minor" for an error or a log; "none" for the empty set.
[[nodiscard]] std::string name_of(Tokens tokens);
/// X.215 7: the tokens that exist in a session with these units.
[[nodiscard]] Tokens available_tokens(FunctionalUnits units) noexcept;

/// X.225 8.3.1.14 (PI 26): who holds a token at first.
enum class TokenSetting : std::uint8_t { Requestor = 0, Acceptor = 1, AcceptorChooses = 2 };
struct TokenSettings {
  TokenSetting data = TokenSetting::Requestor;
  TokenSetting synchronize_minor = TokenSetting::Requestor;
  TokenSetting major_activity = TokenSetting::Requestor;
  TokenSetting release = TokenSetting::Requestor;
  static constexpr TokenSettings all(TokenSetting setting) { return {setting, setting, setting, setting}; }
  friend bool operator==(const TokenSettings&, const TokenSettings&) = default;
};

/// Serial numbers of synchronization points: 0..999999 (X.225 8.3.1.13: up to six digits).
using SerialNumber = std::uint32_t;
inline constexpr SerialNumber kMaxSerialNumber = 999'999;

/// X.215 12.1: the session connection identifier of one side. At most 64, 64 and 4 octets.
struct ConnectionIdentifier {
  Bytes user_reference;  ///< SS-user reference: calling in a request and indication, called in a response and confirm.
  Bytes common_reference;
  Bytes additional_information;
  friend bool operator==(const ConnectionIdentifier&, const ConnectionIdentifier&) = default;
};

/// S-CONNECT request, indication. Selectors at most 16 octets; user data as SessionOptions::max_connect_data bounds it
/// (version 1: 512 octets).
struct SConnect {
  ConnectionIdentifier identifier;
  Bytes calling_selector;  ///< Empty: not sent.
  Bytes called_selector;
  FunctionalUnits requirements = kRtseUnits;
  TokenSettings token_settings;                ///< Only those of available tokens count.
  std::optional<SerialNumber> initial_serial;  ///< Needed with minor or major synchronize without activity management; 1 is sent if unset.
  Bytes user_data;
  friend bool operator==(const SConnect&, const SConnect&) = default;
};
/// S-CONNECT response, confirm with result "accept".
struct SConnectAccept {
  ConnectionIdentifier identifier;
  Bytes responding_selector;
  /// In a response: what the responder wants; in a confirm: what was selected (both sides' intersection). Where both half-duplex and
  /// duplex were proposed the responder must name exactly one.
  FunctionalUnits requirements = kRtseUnits;
  TokenSettings token_settings;  ///< Where the requestor left the choice (AcceptorChooses); otherwise ignored in a response.
  Tokens tokens_requested;       ///< Token Item: the acceptor asks for these, as S-TOKEN-PLEASE would.
  std::optional<SerialNumber> initial_serial;
  Bytes user_data;
  friend bool operator==(const SConnectAccept&, const SConnectAccept&) = default;
};
/// X.225 8.3.5.10 (PI 50) in a REFUSE: below 128 the called user refused, from 128 on the provider.
enum class RefuseReason : std::uint8_t {
  UserUnspecified = 0,
  UserCongestion = 1,
  UserData = 2,  ///< The user's own reason is in user_data.
  SelectorUnknown = 129,
  UserNotAttached = 130,
  ProviderCongestion = 131,
  VersionsNotSupported = 132,
  ProviderUnspecified = 133,
  ImplementationRestriction = 134,
};
/// "session selector unknown", and so on; unknown octets are named by number.
[[nodiscard]] std::string describe(RefuseReason reason);
/// S-CONNECT response, confirm with result "reject". User data goes only with UserData (version 1: 512 octets).
struct SConnectRefuse {
  RefuseReason reason = RefuseReason::UserUnspecified;
  ConnectionIdentifier identifier;
  Bytes user_data;
  friend bool operator==(const SConnectRefuse&, const SConnectRefuse&) = default;
};

/// S-RELEASE request, indication. Needs all available tokens, and no activity in progress.
struct SRelease {
  Bytes user_data;
  friend bool operator==(const SRelease&, const SRelease&) = default;
};
/// S-RELEASE response, confirm. A negative answer needs the negotiated release unit.
struct SReleaseResponse {
  bool affirmative = true;
  Bytes user_data;
  friend bool operator==(const SReleaseResponse&, const SReleaseResponse&) = default;
};
/// S-U-ABORT request, indication. Version 1: at most 9 octets of user data.
struct SUAbort {
  Bytes user_data;
  friend bool operator==(const SUAbort&, const SUAbort&) = default;
};

/// S-DATA: one SSDU, whole. An empty one is not sent (X.215 13.1: at least one octet).
struct SData {
  Bytes user_data;
  friend bool operator==(const SData&, const SData&) = default;
};
/// S-TYPED-DATA: without regard to the data token or an activity; needs the typed data unit.
struct STypedData {
  Bytes user_data;
  friend bool operator==(const STypedData&, const STypedData&) = default;
};

/// S-TOKEN-GIVE: tokens that the requestor owns.
struct STokenGive {
  Tokens tokens;
  friend bool operator==(const STokenGive&, const STokenGive&) = default;
};
/// S-TOKEN-PLEASE: tokens that the other side owns. RTSE puts the turn's priority into the user data.
struct STokenPlease {
  Tokens tokens;
  Bytes user_data;
  friend bool operator==(const STokenPlease&, const STokenPlease&) = default;
};
/// S-CONTROL-GIVE: all available tokens, outside an activity (RT-TURN-GIVE). The engine confirms it by itself.
struct SControlGive {
  friend bool operator==(const SControlGive&, const SControlGive&) = default;
};

/// S-SYNC-MINOR request, indication. The engine numbers the point: `serial` is filled in an indication, and told by Session::request().
struct SSyncMinor {
  bool explicit_confirmation = true;  ///< Sync type item: whether the requestor asks for a response.
  SerialNumber serial = 0;
  Bytes user_data;
  friend bool operator==(const SSyncMinor&, const SSyncMinor&) = default;
};
/// S-SYNC-MINOR response, confirm: all points up to `serial` are confirmed.
struct SSyncMinorResponse {
  SerialNumber serial = 0;
  Bytes user_data;
  friend bool operator==(const SSyncMinorResponse&, const SSyncMinorResponse&) = default;
};
struct SSyncMajor {
  SerialNumber serial = 0;  ///< As in SSyncMinor.
  Bytes user_data;
  friend bool operator==(const SSyncMajor&, const SSyncMajor&) = default;
};
struct SSyncMajorResponse {
  Bytes user_data;
  friend bool operator==(const SSyncMajorResponse&, const SSyncMajorResponse&) = default;
};

/// X.225 8.3.25.2, 8.3.28.2, 8.3.30.2 (PI 50): why an activity is interrupted, discarded, or an exception reported.
enum class ExceptionReason : std::uint8_t {
  Unspecified = 0,
  ReceivingAbilityJeopardized = 1,
  UserSequenceError = 3,
  LocalUserError = 5,
  UnrecoverableProceduralError = 6,
  DemandDataToken = 128,
};
/// "receiving ability jeopardized", and so on; unknown octets are named by number.
[[nodiscard]] std::string describe(ExceptionReason reason);

/// S-U-EXCEPTION-REPORT: by the side without the data token.
struct SUExceptionReport {
  ExceptionReason reason = ExceptionReason::Unspecified;
  Bytes user_data;
  friend bool operator==(const SUExceptionReport&, const SUExceptionReport&) = default;
};
/// S-P-EXCEPTION-REPORT: the peer's provider met an error that the holder of the data token should recover from. Indication only.
struct SPExceptionReport {
  Bytes reflected;  ///< What the peer's provider could not use, as it sent it back.
  friend bool operator==(const SPExceptionReport&, const SPExceptionReport&) = default;
};

/// S-ACTIVITY-START. An identifier is 1 to 6 octets.
struct SActivityStart {
  Bytes activity;
  Bytes user_data;
  friend bool operator==(const SActivityStart&, const SActivityStart&) = default;
};
/// S-ACTIVITY-RESUME: goes on with `old_activity` after its point `serial`. The references name the session it began in, if another.
struct SActivityResume {
  Bytes activity;
  Bytes old_activity;
  SerialNumber serial = 0;
  Bytes calling_reference;
  Bytes called_reference;
  Bytes common_reference;
  Bytes additional_information;
  Bytes user_data;
  friend bool operator==(const SActivityResume&, const SActivityResume&) = default;
};
struct SActivityInterrupt {
  ExceptionReason reason = ExceptionReason::Unspecified;
  friend bool operator==(const SActivityInterrupt&, const SActivityInterrupt&) = default;
};
struct SActivityInterruptResponse {
  friend bool operator==(const SActivityInterruptResponse&, const SActivityInterruptResponse&) = default;
};
struct SActivityDiscard {
  ExceptionReason reason = ExceptionReason::Unspecified;
  friend bool operator==(const SActivityDiscard&, const SActivityDiscard&) = default;
};
struct SActivityDiscardResponse {
  friend bool operator==(const SActivityDiscardResponse&, const SActivityDiscardResponse&) = default;
};
struct SActivityEnd {
  SerialNumber serial = 0;  ///< As in SSyncMinor.
  Bytes user_data;
  friend bool operator==(const SActivityEnd&, const SActivityEnd&) = default;
};
struct SActivityEndResponse {
  Bytes user_data;
  friend bool operator==(const SActivityEndResponse&, const SActivityEndResponse&) = default;
};

/// Why the provider ended the session.
enum class PAbortReason : std::uint8_t {
  TransportDisconnect,  ///< The transport connection went away under it.
  ProtocolError,        ///< This side met an error of the peer and said so (ABORT with "protocol error").
  PeerProtocolError,    ///< The peer's provider says that we made one.
  PeerUnspecified,      ///< The peer's provider gives no reason.
  PeerRestriction,      ///< The peer's provider: an implementation restriction stated in its PICS.
  Timeout,              ///< A timer of this side ran out.
};
/// S-P-ABORT. Indication only.
struct SPAbort {
  PAbortReason reason = PAbortReason::TransportDisconnect;
  std::string text;  ///< For an operator: what was met, in which state, and the clause; no user data.
  Bytes reflected;   ///< Reflect parameter values of the peer's ABORT, at most 9 octets.
  friend bool operator==(const SPAbort&, const SPAbort&) = default;
};

using SessionRequest = std::variant<SConnect, SConnectAccept, SConnectRefuse, SRelease, SReleaseResponse, SUAbort, SData, STypedData,
                                    STokenGive, STokenPlease, SControlGive, SSyncMinor, SSyncMinorResponse, SSyncMajor, SSyncMajorResponse,
                                    SUExceptionReport, SActivityStart, SActivityResume, SActivityInterrupt, SActivityInterruptResponse,
                                    SActivityDiscard, SActivityDiscardResponse, SActivityEnd, SActivityEndResponse>;
using SessionEvent =
    std::variant<SConnect, SConnectAccept, SConnectRefuse, SRelease, SReleaseResponse, SUAbort, SData, STypedData, STokenGive, STokenPlease,
                 SControlGive, SSyncMinor, SSyncMinorResponse, SSyncMajor, SSyncMajorResponse, SUExceptionReport, SActivityStart,
                 SActivityResume, SActivityInterrupt, SActivityInterruptResponse, SActivityDiscard, SActivityDiscardResponse, SActivityEnd,
                 SActivityEndResponse, SPExceptionReport, SPAbort>;

/// "S-ACTIVITY-START", for errors and logs.
[[nodiscard]] std::string_view name_of(const SessionRequest& primitive) noexcept;
[[nodiscard]] std::string_view name_of(const SessionEvent& primitive) noexcept;

}  // namespace postern::osi
