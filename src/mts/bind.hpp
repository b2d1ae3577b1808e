// Binds: who is there and how he proves it. Between MTAs (P1: X.411 12.1.1, X.411-1984 for the X.410 form) and between a user and the MTS
// (P3: X.411 8.1.1). The octets travel as user data of RTSE or ACSE, which room osi carries; bind_rules.hpp judges them.
#pragma once

#include "mts/extensions.hpp"

namespace postern::mts {

// ---- P1
/// As it stands in MTABindArgument, and without security-context in MTABindResult.
struct MTAAuthentication {
  MTAName name;  ///< initiator-name, responder-name
  Credentials credentials;
  std::optional<SecurityContext> security_context;
  friend bool operator==(const MTAAuthentication&, const MTAAuthentication&) = default;
};

struct AuthenticatedArgument : MTAAuthentication {};
const asn1::Type& schema(asn1::Of<AuthenticatedArgument>);
struct MTABindArgument {
  std::variant<asn1::Null, AuthenticatedArgument> value;  ///< unauthenticated, authenticated
  friend bool operator==(const MTABindArgument&, const MTABindArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MTABindArgument>);

struct AuthenticatedResult : MTAAuthentication {};
const asn1::Type& schema(asn1::Of<AuthenticatedResult>);
struct MTABindResult {
  std::variant<asn1::Null, AuthenticatedResult> value;
  friend bool operator==(const MTABindResult&, const MTABindResult&) = default;
};
const asn1::Type& schema(asn1::Of<MTABindResult>);

/// Of P1 and P3 alike (X.411 8.1.1.2, 12.1.1.2).
enum class BindError : std::int64_t {
  Busy = 0,
  AuthenticationError = 2,
  UnacceptableDialogueMode = 3,
  UnacceptableSecurityContext = 4,
  InadequateAssociationConfidentiality = 5,
};
const asn1::Type& schema(asn1::Of<BindError>);
using MTABindError = BindError;
using MTSBindError = BindError;
/// A sentence for the operator: what the peer said and what to look at.
[[nodiscard]] std::string words_of(BindError error);

/// How the two sides of a bind are encoded. 1984 (X.411-1984 4.4: user data of the RTS) has the password bare under [1]; 1988 has a CHOICE
/// of credentials there.
enum class BindForm : std::uint8_t { P1984, P1988 };
/// Either form; which one it was tells the second member. BadInput names octet and path, never a password.
template <class T>
struct Bound {
  T value;
  BindForm form = BindForm::P1988;
};
[[nodiscard]] Result<Bound<MTABindArgument>> decode_mta_bind_argument(ByteView octets);
[[nodiscard]] Result<Bound<MTABindResult>> decode_mta_bind_result(ByteView octets);
/// Unsupported: 1984 knows simple credentials only.
[[nodiscard]] Result<Bytes> encode_mta_bind(const MTABindArgument& argument, BindForm form);
[[nodiscard]] Result<Bytes> encode_mta_bind(const MTABindResult& result, BindForm form);

// ---- P3
struct ObjectName {
  std::variant<ORAddressAndOptionalDirectoryName, MTAName, ORAddressAndOptionalDirectoryName> value;  ///< user-agent, mTA, message-store
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};
const asn1::Type& schema(asn1::Of<ObjectName>);

struct DeliveryQueue {
  std::int64_t messages = 0;
  std::optional<std::int64_t> octets;
  friend bool operator==(const DeliveryQueue&, const DeliveryQueue&) = default;
};
const asn1::Type& schema(asn1::Of<DeliveryQueue>);

struct MessagesWaiting {
  DeliveryQueue urgent;
  DeliveryQueue normal;
  DeliveryQueue non_urgent;
  friend bool operator==(const MessagesWaiting&, const MessagesWaiting&) = default;
};
const asn1::Type& schema(asn1::Of<MessagesWaiting>);

/// Bind of P3, and of P7 where room ms adds to it. 1988 has the same without extensions.
struct MTSBindArgument {
  ObjectName initiator_name;
  std::optional<MessagesWaiting> messages_waiting;
  InitiatorCredentials initiator_credentials;
  std::optional<SecurityContext> security_context;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MTSBindArgument&, const MTSBindArgument&) = default;
};
const asn1::Type& schema(asn1::Of<MTSBindArgument>);

struct MTSBindResult {
  ObjectName responder_name;
  std::optional<MessagesWaiting> messages_waiting;
  ResponderCredentials responder_credentials;
  Extensions extensions;
  std::vector<asn1::Any> unknown;
  friend bool operator==(const MTSBindResult&, const MTSBindResult&) = default;
};
const asn1::Type& schema(asn1::Of<MTSBindResult>);

}  // namespace postern::mts
