// PPDUs (X.226 8.4, module ISO8823-PRESENTATION) that a kernel presentation service uses: connect, refuse, abort and user data, in normal
// and X.410-1984 mode. Values and their descriptions; encode and decode with asn1/ber.hpp. Elements that newer editions added are passed
// over where they stand at an extension point.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "asn1/schema.hpp"
#include "osi/rtse_pdu.hpp"

namespace postern::osi {

enum class PresentationMode : std::int64_t { X410 = 0, Normal = 1 };
struct ModeSelector {
  PresentationMode mode = PresentationMode::Normal;
  friend bool operator==(const ModeSelector&, const ModeSelector&) = default;
};

/// X.226 8.4.2: one value or more of one presentation context.
struct PdvList {
  struct Values {
    std::variant<asn1::Any, asn1::OctetString, asn1::BitString> value;  ///< single-ASN1-type [0], octet-aligned [1], arbitrary [2]
    friend bool operator==(const Values&, const Values&) = default;
  };
  std::optional<asn1::Oid> transfer_syntax;
  std::int64_t context = 0;
  Values values;
  friend bool operator==(const PdvList&, const PdvList&) = default;
};
struct FullyEncodedData : std::vector<PdvList> {
  using std::vector<PdvList>::vector;
};
struct SimplyEncodedData : asn1::OctetString {
  using asn1::OctetString::OctetString;
};
struct UserData {
  std::variant<SimplyEncodedData, FullyEncodedData> value = FullyEncodedData();
  friend bool operator==(const UserData&, const UserData&) = default;
};

struct ContextDefinition {
  std::int64_t id = 0;
  asn1::Oid abstract_syntax;
  std::vector<asn1::Oid> transfer_syntaxes;
  friend bool operator==(const ContextDefinition&, const ContextDefinition&) = default;
};
enum class ContextResult : std::int64_t { Acceptance = 0, UserRejection = 1, ProviderRejection = 2 };
enum class ContextReason : std::int64_t {
  NotSpecified = 0,
  AbstractSyntaxNotSupported = 1,
  TransferSyntaxesNotSupported = 2,
  LocalLimit = 3
};
struct ContextAnswer {
  ContextResult result = ContextResult::Acceptance;
  std::optional<asn1::Oid> transfer_syntax;
  std::optional<ContextReason> reason;
  friend bool operator==(const ContextAnswer&, const ContextAnswer&) = default;
};
struct DefaultContextName {
  asn1::Oid abstract_syntax;
  asn1::Oid transfer_syntax;
  friend bool operator==(const DefaultContextName&, const DefaultContextName&) = default;
};

/// PROTOCOL VERSION, PRESENTATION REQUIREMENTS: lists of bits whose default is version 1.
struct PresentationVersion : asn1::BitString {
  PresentationVersion() : asn1::BitString(asn1::BitString::of({0})) {}
};

struct CpPpdu {
  struct Normal {
    PresentationVersion protocol_version;
    std::optional<asn1::OctetString> calling_selector;
    std::optional<asn1::OctetString> called_selector;
    std::optional<std::vector<ContextDefinition>> contexts;
    std::optional<DefaultContextName> default_context;
    std::optional<asn1::BitString> presentation_requirements;
    std::optional<asn1::BitString> user_session_requirements;
    std::optional<UserData> user_data;
    friend bool operator==(const Normal&, const Normal&) = default;
  };
  ModeSelector mode_selector;
  std::optional<RTORQapdu> x410_mode;
  std::optional<Normal> normal_mode;
  friend bool operator==(const CpPpdu&, const CpPpdu&) = default;
};
struct CpaPpdu {
  struct Normal {
    PresentationVersion protocol_version;
    std::optional<asn1::OctetString> responding_selector;
    std::optional<std::vector<ContextAnswer>> contexts;
    std::optional<asn1::BitString> presentation_requirements;
    std::optional<asn1::BitString> user_session_requirements;
    std::optional<UserData> user_data;
    friend bool operator==(const Normal&, const Normal&) = default;
  };
  ModeSelector mode_selector;
  std::optional<RTOACapdu> x410_mode;
  std::optional<Normal> normal_mode;
  friend bool operator==(const CpaPpdu&, const CpaPpdu&) = default;
};

/// X.226 8.2.3.7: why the provider refuses.
enum class PresentationRefuseReason : std::int64_t {
  NotSpecified = 0,
  TemporaryCongestion = 1,
  LocalLimitExceeded = 2,
  CalledAddressUnknown = 3,
  VersionNotSupported = 4,
  DefaultContextNotSupported = 5,
  UserDataNotReadable = 6,
  NoPsapAvailable = 7,
};
[[nodiscard]] std::string describe(PresentationRefuseReason reason);
struct CprPpdu {
  struct Normal {
    PresentationVersion protocol_version;
    std::optional<asn1::OctetString> responding_selector;
    std::optional<std::vector<ContextAnswer>> contexts;
    std::optional<ContextResult> default_context;
    std::optional<PresentationRefuseReason> provider_reason;  ///< Absent: the user refused.
    std::optional<UserData> user_data;
    friend bool operator==(const Normal&, const Normal&) = default;
  };
  std::variant<RTORJapdu, Normal> value;
  friend bool operator==(const CprPpdu&, const CprPpdu&) = default;
};

struct ContextIdentifier {
  std::int64_t id = 0;
  asn1::Oid transfer_syntax;
  friend bool operator==(const ContextIdentifier&, const ContextIdentifier&) = default;
};
/// X.226 8.2.5.1: the numbers of Provider-reason in ARP.
enum class PresentationAbortReason : std::int64_t {
  NotSpecified = 0,
  UnrecognizedPpdu = 1,
  UnexpectedPpdu = 2,
  UnexpectedSessionServicePrimitive = 3,
  UnrecognizedPpduParameter = 4,
  UnexpectedPpduParameter = 5,
  InvalidPpduParameterValue = 6,
};
[[nodiscard]] std::string describe(PresentationAbortReason reason);
/// X.226 8.4.1 Event-identifier: what was met. Others are kept by number.
enum class PresentationEvent : std::int64_t {
  Cp = 0,
  Cpa = 1,
  Cpr = 2,
  Aru = 3,
  Arp = 4,
  Td = 7,
  Ttd = 8,
  ReleaseIndication = 14,
  ReleaseConfirm = 15
};
struct ArpPpdu {
  std::optional<PresentationAbortReason> reason;
  std::optional<PresentationEvent> event;
  friend bool operator==(const ArpPpdu&, const ArpPpdu&) = default;
};
struct AruPpdu {
  std::optional<std::vector<ContextIdentifier>> contexts;
  std::optional<UserData> user_data;
  friend bool operator==(const AruPpdu&, const AruPpdu&) = default;
};
/// Abort-type: ARU in X.410-1984 mode, ARU in normal mode, ARP.
struct AbortPpdu {
  std::variant<RTABapdu, AruPpdu, ArpPpdu> value = ArpPpdu();
  friend bool operator==(const AbortPpdu&, const AbortPpdu&) = default;
};

const asn1::Type& schema(asn1::Of<PresentationMode>);
const asn1::Type& schema(asn1::Of<ModeSelector>);
const asn1::Type& schema(asn1::Of<PdvList::Values>);
const asn1::Type& schema(asn1::Of<PdvList>);
const asn1::Type& schema(asn1::Of<FullyEncodedData>);
const asn1::Type& schema(asn1::Of<SimplyEncodedData>);
const asn1::Type& schema(asn1::Of<UserData>);
const asn1::Type& schema(asn1::Of<ContextDefinition>);
const asn1::Type& schema(asn1::Of<ContextResult>);
const asn1::Type& schema(asn1::Of<ContextReason>);
const asn1::Type& schema(asn1::Of<ContextAnswer>);
const asn1::Type& schema(asn1::Of<DefaultContextName>);
const asn1::Type& schema(asn1::Of<PresentationVersion>);
const asn1::Type& schema(asn1::Of<CpPpdu::Normal>);
const asn1::Type& schema(asn1::Of<CpPpdu>);
const asn1::Type& schema(asn1::Of<CpaPpdu::Normal>);
const asn1::Type& schema(asn1::Of<CpaPpdu>);
const asn1::Type& schema(asn1::Of<PresentationRefuseReason>);
const asn1::Type& schema(asn1::Of<CprPpdu::Normal>);
const asn1::Type& schema(asn1::Of<CprPpdu>);
const asn1::Type& schema(asn1::Of<ContextIdentifier>);
const asn1::Type& schema(asn1::Of<PresentationAbortReason>);
const asn1::Type& schema(asn1::Of<PresentationEvent>);
const asn1::Type& schema(asn1::Of<ArpPpdu>);
const asn1::Type& schema(asn1::Of<AruPpdu>);
const asn1::Type& schema(asn1::Of<AbortPpdu>);

}  // namespace postern::osi
