// ACSE APDUs (X.227 9, module ACSE-1): association, release, abort. Values and their descriptions; encode and decode with asn1/ber.hpp.
//
// Titles and qualifiers are kept as open values, since form 1 is a Directory name and form 2 an object identifier or a number:
// title_form2(), qualifier_form2() make the second, describe_title() says either.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "asn1/ber.hpp"

namespace postern::osi {

struct AcseVersion : asn1::BitString {
  AcseVersion() : asn1::BitString(asn1::BitString::of({0})) {}
};
using UserInformation = std::vector<asn1::External>;

/// A title of an application entity, as AARQ and AARE carry it in four parts.
struct AeTitle {
  std::optional<asn1::Any> ap_title;
  std::optional<asn1::Any> ae_qualifier;
  std::optional<std::int64_t> ap_invocation;
  std::optional<std::int64_t> ae_invocation;
  friend bool operator==(const AeTitle&, const AeTitle&) = default;
};
[[nodiscard]] Result<asn1::Any> title_form2(const asn1::Oid& title);
[[nodiscard]] Result<asn1::Any> qualifier_form2(std::int64_t qualifier);
/// "1.3.27.1" or "1.3.27.1, qualifier 7"; of a form 1 name that it is one and how long; "" where there is none.
[[nodiscard]] std::string describe_title(const AeTitle& title);

struct AarqApdu {
  AcseVersion protocol_version;
  asn1::Oid application_context;
  std::optional<asn1::Any> called_ap_title;
  std::optional<asn1::Any> called_ae_qualifier;
  std::optional<std::int64_t> called_ap_invocation;
  std::optional<std::int64_t> called_ae_invocation;
  std::optional<asn1::Any> calling_ap_title;
  std::optional<asn1::Any> calling_ae_qualifier;
  std::optional<std::int64_t> calling_ap_invocation;
  std::optional<std::int64_t> calling_ae_invocation;
  std::optional<asn1::GraphicString> implementation_information;
  std::optional<UserInformation> user_information;
  friend bool operator==(const AarqApdu&, const AarqApdu&) = default;
};

enum class AssociateResult : std::int64_t { Accepted = 0, RejectedPermanent = 1, RejectedTransient = 2 };
enum class AcseUserDiagnostic : std::int64_t {
  Null = 0,
  NoReason = 1,
  ApplicationContextNotSupported = 2,
  CallingApTitleNotRecognized = 3,
  CallingApInvocationNotRecognized = 4,
  CallingAeQualifierNotRecognized = 5,
  CallingAeInvocationNotRecognized = 6,
  CalledApTitleNotRecognized = 7,
  CalledApInvocationNotRecognized = 8,
  CalledAeQualifierNotRecognized = 9,
  CalledAeInvocationNotRecognized = 10,
  MechanismNotRecognized = 11,
  MechanismRequired = 12,
  AuthenticationFailure = 13,
  AuthenticationRequired = 14,
};
enum class AcseProviderDiagnostic : std::int64_t { Null = 0, NoReason = 1, NoCommonVersion = 2 };
struct AssociateDiagnostic {
  std::variant<AcseUserDiagnostic, AcseProviderDiagnostic> value = AcseUserDiagnostic::Null;
  friend bool operator==(const AssociateDiagnostic&, const AssociateDiagnostic&) = default;
};
/// "rejected (permanent): application context name not supported".
[[nodiscard]] std::string describe(AssociateResult result, const AssociateDiagnostic& diagnostic);

struct AareApdu {
  AcseVersion protocol_version;
  asn1::Oid application_context;
  AssociateResult result = AssociateResult::Accepted;
  AssociateDiagnostic diagnostic;
  std::optional<asn1::Any> responding_ap_title;
  std::optional<asn1::Any> responding_ae_qualifier;
  std::optional<std::int64_t> responding_ap_invocation;
  std::optional<std::int64_t> responding_ae_invocation;
  std::optional<asn1::GraphicString> implementation_information;
  std::optional<UserInformation> user_information;
  friend bool operator==(const AareApdu&, const AareApdu&) = default;
};

enum class ReleaseRequestReason : std::int64_t { Normal = 0, Urgent = 1, UserDefined = 30 };
struct RlrqApdu {
  std::optional<ReleaseRequestReason> reason;
  std::optional<UserInformation> user_information;
  friend bool operator==(const RlrqApdu&, const RlrqApdu&) = default;
};
enum class ReleaseResponseReason : std::int64_t { Normal = 0, NotFinished = 1, UserDefined = 30 };
struct RlreApdu {
  std::optional<ReleaseResponseReason> reason;
  std::optional<UserInformation> user_information;
  friend bool operator==(const RlreApdu&, const RlreApdu&) = default;
};
enum class AbortSource : std::int64_t { ServiceUser = 0, ServiceProvider = 1 };
enum class AbortDiagnostic : std::int64_t {
  NoReason = 1,
  ProtocolError = 2,
  MechanismNotRecognized = 3,
  MechanismRequired = 4,
  AuthenticationFailure = 5,
  AuthenticationRequired = 6,
};
struct AbrtApdu {
  AbortSource source = AbortSource::ServiceUser;
  std::optional<AbortDiagnostic> diagnostic;
  std::optional<UserInformation> user_information;
  friend bool operator==(const AbrtApdu&, const AbrtApdu&) = default;
};
[[nodiscard]] std::string describe(const AbrtApdu& apdu);

struct AcseApdu {
  std::variant<AarqApdu, AareApdu, RlrqApdu, RlreApdu, AbrtApdu> value;
  friend bool operator==(const AcseApdu&, const AcseApdu&) = default;
};
/// "AARQ".
[[nodiscard]] std::string_view name_of(const AcseApdu& apdu) noexcept;

[[nodiscard]] AeTitle called_title(const AarqApdu& apdu);
[[nodiscard]] AeTitle calling_title(const AarqApdu& apdu);
[[nodiscard]] AeTitle responding_title(const AareApdu& apdu);

/// EXTERNAL as ACSE user information: Basic Encoding by direct reference and the presentation context by indirect reference, as peers do.
[[nodiscard]] asn1::External make_external(std::int64_t context, asn1::Any value);

const asn1::Type& schema(asn1::Of<AcseVersion>);
const asn1::Type& schema(asn1::Of<AarqApdu>);
const asn1::Type& schema(asn1::Of<AssociateResult>);
const asn1::Type& schema(asn1::Of<AcseUserDiagnostic>);
const asn1::Type& schema(asn1::Of<AcseProviderDiagnostic>);
const asn1::Type& schema(asn1::Of<AssociateDiagnostic>);
const asn1::Type& schema(asn1::Of<AareApdu>);
const asn1::Type& schema(asn1::Of<ReleaseRequestReason>);
const asn1::Type& schema(asn1::Of<RlrqApdu>);
const asn1::Type& schema(asn1::Of<ReleaseResponseReason>);
const asn1::Type& schema(asn1::Of<RlreApdu>);
const asn1::Type& schema(asn1::Of<AbortSource>);
const asn1::Type& schema(asn1::Of<AbortDiagnostic>);
const asn1::Type& schema(asn1::Of<AbrtApdu>);
const asn1::Type& schema(asn1::Of<AcseApdu>);

}  // namespace postern::osi
