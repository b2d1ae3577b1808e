// RTSE APDUs (X.228 Annex A, module Reliable-Transfer-APDUs), in normal mode and as they stand in X.410-1984 mode.
//
// Values and their descriptions; encode and decode with asn1/ber.hpp. The user's own data (a bind, its result) stays an open value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "asn1/schema.hpp"

namespace postern::osi {

/// The session connection an association began on (X.228 8.1.1.1, 9.1.1.5). The octets go to the session layer as BER: see
/// session_identifier().
struct CallingSSuserReference {
  std::variant<asn1::TeletexString, asn1::OctetString> value = asn1::OctetString();  ///< T61String in X.410-1984 mode.
  friend bool operator==(const CallingSSuserReference&, const CallingSSuserReference&) = default;
};
struct SessionConnectionIdentifier {
  CallingSSuserReference calling_ss_user_reference;
  asn1::UtcTime common_reference;
  std::optional<asn1::TeletexString> additional_reference_information;
  friend bool operator==(const SessionConnectionIdentifier&, const SessionConnectionIdentifier&) = default;
};
struct ConnectionData {
  std::variant<asn1::Any, SessionConnectionIdentifier> value;  ///< open [0], recover [1]
  friend bool operator==(const ConnectionData&, const ConnectionData&) = default;
};

enum class DialogueMode : std::int64_t { Monologue = 0, TwoWayAlternate = 1 };

struct RTORQapdu {
  std::int64_t checkpoint_size = 0;  ///< Units of 1024 octets; 0: no checkpoints.
  std::int64_t window_size = 3;
  DialogueMode dialogue_mode = DialogueMode::Monologue;
  ConnectionData connection_data;
  std::optional<std::int64_t> application_protocol;  ///< Solely in X.410-1984 mode: 1 is P1 1984, 12 P1 1988 (X.419 12.2).
  friend bool operator==(const RTORQapdu&, const RTORQapdu&) = default;
};
struct RTOACapdu {
  std::int64_t checkpoint_size = 0;
  std::int64_t window_size = 3;
  ConnectionData connection_data;
  friend bool operator==(const RTOACapdu&, const RTOACapdu&) = default;
};

enum class RtseRefuseReason : std::int64_t { Busy = 0, CannotRecover = 1, ValidationFailure = 2, UnacceptableDialogueMode = 3 };
/// "busy: try again later", and so on; unknown numbers by number.
[[nodiscard]] std::string describe(RtseRefuseReason reason);
struct RTORJapdu {
  std::optional<RtseRefuseReason> refuse_reason;
  std::optional<asn1::Any> user_data;
  friend bool operator==(const RTORJapdu&, const RTORJapdu&) = default;
};

enum class RtseAbortReason : std::int64_t {
  LocalSystemProblem = 0,
  InvalidParameter = 1,
  UnrecognizedActivity = 2,
  TemporaryProblem = 3,
  ProtocolError = 4,
  PermanentProblem = 5,
  UserError = 6,
  TransferCompleted = 7,
};
[[nodiscard]] std::string describe(RtseAbortReason reason);
struct RTABapdu {
  std::optional<RtseAbortReason> abort_reason;
  std::optional<asn1::BitString> reflected_parameter;  ///< With InvalidParameter; at most 8 bits.
  std::optional<asn1::Any> user_data;                  ///< Not in X.410-1984 mode.
  friend bool operator==(const RTABapdu&, const RTABapdu&) = default;
};

/// RTTP: the priority of who asks for the turn. RTTR: a piece of the APDU.
using RTTPapdu = std::int64_t;
using RTTRapdu = asn1::OctetString;

struct RtseApdu {
  std::variant<RTORQapdu, RTOACapdu, RTORJapdu, RTTPapdu, RTTRapdu, RTABapdu> value;
  friend bool operator==(const RtseApdu&, const RtseApdu&) = default;
};

const asn1::Type& schema(asn1::Of<CallingSSuserReference>);
const asn1::Type& schema(asn1::Of<SessionConnectionIdentifier>);
const asn1::Type& schema(asn1::Of<ConnectionData>);
const asn1::Type& schema(asn1::Of<DialogueMode>);
const asn1::Type& schema(asn1::Of<RTORQapdu>);
const asn1::Type& schema(asn1::Of<RTOACapdu>);
const asn1::Type& schema(asn1::Of<RtseRefuseReason>);
const asn1::Type& schema(asn1::Of<RTORJapdu>);
const asn1::Type& schema(asn1::Of<RtseAbortReason>);
const asn1::Type& schema(asn1::Of<RTABapdu>);
const asn1::Type& schema(asn1::Of<RtseApdu>);

}  // namespace postern::osi
