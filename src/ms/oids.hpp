// Object identifiers of the message store (X.413 annex A, MSObjectIdentifiers: joint-iso-itu-t mhs(6) ms(4)), of the store attributes of
// X.420 annex A, and of what X.411 has by number and X.413 by identifier.
#pragma once

#include <cstdint>

#include "asn1/values.hpp"

namespace postern::ms {

/// X.413 annex A: general attribute types, 2.6.4.3.n.
[[nodiscard]] inline asn1::Oid id_att(std::uint32_t last) { return {2, 6, 4, 3, last}; }
/// X.413 annex A: auto-action types, 2.6.4.4.n.
[[nodiscard]] inline asn1::Oid id_act_ipm_auto_forward() { return {2, 6, 4, 4, 0}; }
[[nodiscard]] inline asn1::Oid id_act_auto_alert() { return {2, 6, 4, 4, 1}; }
[[nodiscard]] inline asn1::Oid id_act_auto_delete() { return {2, 6, 4, 4, 3}; }

/// X.420 annex A: summary, heading, body and notification attributes.
[[nodiscard]] inline asn1::Oid id_sat(std::uint32_t last) { return {2, 6, 1, 6, last}; }
[[nodiscard]] inline asn1::Oid id_hat(std::uint32_t last) { return {2, 6, 1, 7, last}; }
[[nodiscard]] inline asn1::Oid id_bat(std::uint32_t last) { return {2, 6, 1, 8, last}; }
[[nodiscard]] inline asn1::Oid id_nat(std::uint32_t last) { return {2, 6, 1, 9, last}; }

/// X.411 annex A: a built-in encoded information type as an identifier (id-eit), and the content type nobody named (id-cont).
[[nodiscard]] inline asn1::Oid id_eit(std::uint32_t bit) { return {2, 6, 3, 4, bit}; }
[[nodiscard]] inline asn1::Oid id_cont_undefined() { return {2, 6, 3, 3, 0}; }

// General attributes that the rules speak about by name; the others stand in the table only (attributes.cpp).
namespace att {
inline const asn1::Oid child_sequence_numbers = id_att(0);
inline const asn1::Oid content = id_att(1);
inline const asn1::Oid content_length = id_att(6);
inline const asn1::Oid content_type = id_att(8);
inline const asn1::Oid creation_time = id_att(11);
inline const asn1::Oid delivered_eits = id_att(12);
inline const asn1::Oid retrieval_status = id_att(15);
inline const asn1::Oid entry_type = id_att(16);
inline const asn1::Oid message_delivery_envelope = id_att(18);
inline const asn1::Oid parent_sequence_number = id_att(29);
inline const asn1::Oid report_delivery_envelope = id_att(34);
inline const asn1::Oid sequence_number = id_att(39);
inline const asn1::Oid body_parts_summary = id_sat(2);
inline const asn1::Oid expiry_time = id_hat(5);
inline const asn1::Oid body = id_bat(0);
}  // namespace att

}  // namespace postern::ms
