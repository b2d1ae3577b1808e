// Whole APDUs of P1, P3 and P7 as one value each, with everything in them that has a type opened: for people, value notation and tests.
// What travels is the business of mts/, ms/ and osi/; here are descriptions only (asn1/schema.hpp).
//
//   POSTERN_TRY(const P7Apdu apdu, asn1::decode<P7Apdu>(octets));
//   POSTERN_CHECK(is_known(apdu));
//   show(asn1::to_json(apdu));          // {"roiv-apdu": {"invokeID": 1, "operation-value": {"local": "list"}, "argument": {"holds": …}}}
#pragma once

#include "ms/bind.hpp"
#include "mts/bind.hpp"
#include "mts/p1.hpp"
#include "osi/rose_pdu.hpp"

namespace postern::mhs {

/// MTSApdu with the content opened where it is interpersonal (P2, P22).
[[nodiscard]] const asn1::Type& p1_notation();
/// The same in the description of 1984.
[[nodiscard]] const asn1::Type& p1_1984_notation();

/// What goes over the access protocols: the four APDUs of ROSE, and the three values of a bind as X.219 tags them in normal mode.
template <class BindArgument, class BindResult, class BindError>
struct AccessApdu {
  std::variant<osi::RoivApdu, osi::RorsApdu, osi::RoerApdu, osi::RorjApdu, BindArgument, BindResult, BindError> value;
  friend bool operator==(const AccessApdu&, const AccessApdu&) = default;
};
/// P3. Its abstract syntax is not in an APDU: 2 is submission-control or delivery-control, "control" here, with the components of both.
using P3Apdu = AccessApdu<mts::MTSBindArgument, mts::MTSBindResult, mts::MTSBindError>;
/// P7 with the submission and administration of P3 that its application contexts have.
using P7Apdu = AccessApdu<ms::MSBindArgument, ms::MSBindResult, ms::MSBindError>;
const asn1::Type& schema(asn1::Of<P3Apdu>);
const asn1::Type& schema(asn1::Of<P7Apdu>);

/// BadInput: an operation or error that the protocol does not have, or an argument, result or parameter that is not of its type, with the
/// path to what is wrong.
[[nodiscard]] Status is_known(const P3Apdu& apdu);
[[nodiscard]] Status is_known(const P7Apdu& apdu);

}  // namespace postern::mhs
