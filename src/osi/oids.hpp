// Object identifiers of the OSI layers and of the X.400 protocols that stand on them (X.690, X.227, X.419 Annex A).
#pragma once

#include <string>

#include "asn1/values.hpp"

namespace postern::osi::oid {

/// X.690 5.1: the transfer syntax, Basic Encoding Rules. The only one that is ever agreed on here.
[[nodiscard]] const asn1::Oid& basic_encoding();  // 2.1.1
/// X.227 9.1: ACSE's abstract syntax.
[[nodiscard]] const asn1::Oid& acse();  // 2.2.1.0.1

// X.419, abstract syntaxes {joint-iso-ccitt mhs(6) protocols(0) as(2)}
[[nodiscard]] const asn1::Oid& as_msse();      // 1: message submission
[[nodiscard]] const asn1::Oid& as_mdse();      // 2: message delivery
[[nodiscard]] const asn1::Oid& as_mrse();      // 5: message retrieval
[[nodiscard]] const asn1::Oid& as_mase();      // 6: message administration
[[nodiscard]] const asn1::Oid& as_mtse();      // 7: message transfer
[[nodiscard]] const asn1::Oid& as_mts_rtse();  // 8: RTSE with MTS bind
[[nodiscard]] const asn1::Oid& as_ms();        // 9: MS bind and unbind
[[nodiscard]] const asn1::Oid& as_ms_rtse();   // 10: RTSE with MS bind
[[nodiscard]] const asn1::Oid& as_mts();       // 11: MTS bind and unbind
[[nodiscard]] const asn1::Oid& as_mta_rtse();  // 12: RTSE with MTA bind

// X.419, application contexts {joint-iso-ccitt mhs(6) protocols(0) ac(1)}
[[nodiscard]] const asn1::Oid& ac_mts_access();                  // 0
[[nodiscard]] const asn1::Oid& ac_mts_forced_access();           // 1
[[nodiscard]] const asn1::Oid& ac_mts_reliable_access();         // 2
[[nodiscard]] const asn1::Oid& ac_mts_forced_reliable_access();  // 3
[[nodiscard]] const asn1::Oid& ac_ms_access();                   // 4
[[nodiscard]] const asn1::Oid& ac_ms_reliable_access();          // 5
[[nodiscard]] const asn1::Oid& ac_mts_transfer();                // 6

/// "id-ac-mts-transfer (2.6.0.1.6)" for one of these, the dotted form for any other.
[[nodiscard]] std::string describe(const asn1::Oid& oid);

}  // namespace postern::osi::oid
