// Matching rules of attribute values (X.413 11.2.1, 12; X.420 19.6): keys and orders that the attribute table is made of.
#pragma once

#include "ipm/keys.hpp"
#include "ms/attributes.hpp"
#include "oraddress/compare.hpp"

namespace postern::ms::match {

/// Integers, enumerations, booleans, of any tag that T's description gives them.
template <class T>
Result<std::int64_t> number(const asn1::Any& value) {
  POSTERN_TRY(const T decoded, asn1::from_any<T>(value));
  return static_cast<std::int64_t>(decoded);
}
template <class T>
Result<std::string> number_key(const asn1::Any& value) {
  POSTERN_TRY(const std::int64_t decoded, number<T>(value));
  return std::to_string(decoded);
}
template <class T>
Result<std::int64_t> time(const asn1::Any& value) {
  POSTERN_TRY(const T decoded, asn1::from_any<T>(value));
  return decoded.unix_seconds();
}
/// Times are equal as instants, whatever zone they are written in.
template <class T>
Result<std::string> time_key(const asn1::Any& value) {
  POSTERN_TRY(const std::int64_t seconds, time<T>(value));
  return std::to_string(seconds);
}
/// Equal where the value is the same, however it was encoded.
template <class T>
Result<std::string> exact(const asn1::Any& value) {
  POSTERN_TRY(const T decoded, asn1::from_any<T>(value));
  POSTERN_TRY(const Bytes octets, asn1::encode_as_taken(decoded));
  return std::string(as_text(octets));
}
/// X.413 mS-string matching: letters of either case, folded spaces, whatever string type of the alphabet's family it comes in.
[[nodiscard]] Result<std::string> any_text(const asn1::Any& value);
template <class T, asn1::Alphabet A>
Result<std::string> text(const asn1::Any& value) {
  const auto decoded = asn1::from_any<T>(value);
  if (!decoded) return any_text(value);
  POSTERN_TRY(const std::string utf8, asn1::to_utf8(A, decoded->octets));
  return oraddress::folded(utf8);
}
/// O/R names, identifiers and descriptors by their comparison keys (X.402 18.4).
[[nodiscard]] Result<std::string> name(const asn1::Any& value);
[[nodiscard]] Result<std::string> mts_identifier(const asn1::Any& value);
[[nodiscard]] Result<std::string> ipm_identifier(const asn1::Any& value);
[[nodiscard]] Result<std::string> descriptor(const asn1::Any& value);
[[nodiscard]] Result<std::string> recipient_specifier(const asn1::Any& value);
/// UniversalOrBMPString.
[[nodiscard]] Result<std::string> wide_text(const asn1::Any& value);

}  // namespace postern::ms::match
