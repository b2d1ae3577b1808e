// P1 of 1984 (X.411-1984 3.4): the same octets as 1988 under other names, without extensions, extended identifiers and newer codes. So
// the C++ values are those of p1.hpp, and this is their description of 1984:
//
//   asn1::decode<MTSApdu>(octets, options, mpdu_1984())            // UserMPDU [0], DeliveryReportMPDU [1], ProbeMPDU [2]
//   POSTERN_CHECK(downgrade_to_1984(apdu, port)); asn1::encode(apdu, mpdu_1984());
//
// Elements of later versions that a peer sends in 1984 mode nonetheless are kept in `unknown` and do not survive a downgrade.
#pragma once

#include <functional>

#include "mts/p1.hpp"

namespace postern::mts {

/// "MPDU".
[[nodiscard]] const asn1::Type& mpdu_1984();
/// "UMPDUEnvelope", of MessageTransferEnvelope: for transfer_stream.hpp.
[[nodiscard]] const asn1::Type& umpdu_envelope_1984();

/// Why an APDU cannot go to a system of 1984; a non-delivery report carries it (X.419 annex B).
struct NoDowngrade {
  NonDeliveryReasonCode reason = NonDeliveryReasonCode::UnableToTransfer;
  NonDeliveryDiagnosticCode diagnostic = NonDeliveryDiagnosticCode::UnableToDowngrade;
  std::string why;
};

/// How the content is made fit, which room ipm knows: P22 to P2. Nothing to say: the content of the message (may be replaced) now is of
/// the type interpersonal-messaging-1984; else why it cannot be. Empty: content of 1988 is not sent to 1984.
using DowngradeContent = std::function<std::optional<NoDowngrade>(Message& message)>;

/// Takes away, in place, what 1984 cannot say (X.419 annex B): extensions that are not critical for transfer or delivery, extended
/// encoded information types, directory names, codes; common-name becomes a domain-defined attribute. What must not be lost is an answer
/// and not an error. Afterwards encode with mpdu_1984(). On an answer, `apdu` is as good as lost: work on a copy.
[[nodiscard]] std::optional<NoDowngrade> downgrade_to_1984(MTSApdu& apdu, const DowngradeContent& content = {});

/// Extended types become `unknown`.
void downgrade_to_1984(EncodedInformationTypes& types);
/// One name: nullopt where it fits now, else why it does not.
[[nodiscard]] std::optional<NoDowngrade> downgrade_to_1984(ORName& name);

}  // namespace postern::mts
