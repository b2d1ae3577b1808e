// Object identifiers of the message transfer protocols (X.411 annex A, X.419 annex A "MHSProtocolObjectIdentifiers").
#pragma once

#include "asn1/values.hpp"

namespace postern::mts::oids {

// Application contexts: 2.6.0.1.n
[[nodiscard]] inline asn1::Oid ac_mts_access_88() { return {2, 6, 0, 1, 0}; }
[[nodiscard]] inline asn1::Oid ac_mts_forced_access_88() { return {2, 6, 0, 1, 1}; }
[[nodiscard]] inline asn1::Oid ac_mts_reliable_access_88() { return {2, 6, 0, 1, 2}; }
[[nodiscard]] inline asn1::Oid ac_mts_forced_reliable_access_88() { return {2, 6, 0, 1, 3}; }
[[nodiscard]] inline asn1::Oid ac_ms_access_88() { return {2, 6, 0, 1, 4}; }
[[nodiscard]] inline asn1::Oid ac_ms_reliable_access_88() { return {2, 6, 0, 1, 5}; }
[[nodiscard]] inline asn1::Oid ac_mts_transfer() { return {2, 6, 0, 1, 6}; }
[[nodiscard]] inline asn1::Oid ac_mts_access_94() { return {2, 6, 0, 1, 7}; }
[[nodiscard]] inline asn1::Oid ac_mts_forced_access_94() { return {2, 6, 0, 1, 8}; }
[[nodiscard]] inline asn1::Oid ac_mts_reliable_access_94() { return {2, 6, 0, 1, 9}; }
[[nodiscard]] inline asn1::Oid ac_mts_forced_reliable_access_94() { return {2, 6, 0, 1, 10}; }
[[nodiscard]] inline asn1::Oid ac_ms_access_94() { return {2, 6, 0, 1, 11}; }
[[nodiscard]] inline asn1::Oid ac_ms_reliable_access_94() { return {2, 6, 0, 1, 12}; }

// In X.410-1984 mode there is no application context: RTSE carries a number instead (X.419 12.1, X.228 annex).
inline constexpr std::int64_t application_protocol_mts_transfer_1984 = 1;   ///< mts-transfer-protocol-1984
inline constexpr std::int64_t application_protocol_mts_transfer_1988 = 12;  ///< mts-transfer-protocol

// Abstract syntaxes: 2.6.0.2.n
[[nodiscard]] inline asn1::Oid as_msse() { return {2, 6, 0, 2, 1}; }      ///< Submission.
[[nodiscard]] inline asn1::Oid as_mdse_88() { return {2, 6, 0, 2, 2}; }   ///< Delivery.
[[nodiscard]] inline asn1::Oid as_mrse_88() { return {2, 6, 0, 2, 5}; }   ///< Retrieval (P7).
[[nodiscard]] inline asn1::Oid as_mase_88() { return {2, 6, 0, 2, 6}; }   ///< Administration.
[[nodiscard]] inline asn1::Oid as_mtse() { return {2, 6, 0, 2, 7}; }      ///< Transfer (P1).
[[nodiscard]] inline asn1::Oid as_mts_rtse() { return {2, 6, 0, 2, 8}; }  ///< Bind of P3 over RTSE.
[[nodiscard]] inline asn1::Oid as_ms() { return {2, 6, 0, 2, 9}; }        ///< Bind of P7.
[[nodiscard]] inline asn1::Oid as_ms_rtse() { return {2, 6, 0, 2, 10}; }
[[nodiscard]] inline asn1::Oid as_mts() { return {2, 6, 0, 2, 11}; }       ///< Bind of P3.
[[nodiscard]] inline asn1::Oid as_mta_rtse() { return {2, 6, 0, 2, 12}; }  ///< Bind of P1.
[[nodiscard]] inline asn1::Oid as_mdse_94() { return {2, 6, 0, 2, 14}; }
[[nodiscard]] inline asn1::Oid as_mrse_94() { return {2, 6, 0, 2, 15}; }
[[nodiscard]] inline asn1::Oid as_mase_94() { return {2, 6, 0, 2, 16}; }

// MTSObjectIdentifiers: 2.6.3.n
[[nodiscard]] inline asn1::Oid att_physical_rendition_basic() { return {2, 6, 3, 5, 0}; }
[[nodiscard]] inline asn1::Oid tok_asymmetric_token() { return {2, 6, 3, 6, 0}; }

}  // namespace postern::mts::oids
