// Value notation in JSON by description, for people, the command line and the console. Lossless: from_json(to_json(v)) == v.
//
//   SEQUENCE, SET   object, component names as in the standard, absent components left out     CHOICE  {"alternative-name": value}
//   SEQUENCE OF, SET OF  array         BOOLEAN, INTEGER  true, 5 (a named number: its name)     ENUMERATED  its name, or the number NULL
//   null OBJECT IDENTIFIER  "2.6.1.10.1"    BIT STRING  array of names where every set bit has one, else "'010011'B"                OCTET
//   STRING  "'0AFF'H" character strings  the characters in UTF-8; octets that do not convert: {"octets": "'…'H"}      UTCTime,
//   GeneralizedTime  their characters ANY  {"tag": "[3]", "octets": "'A303…'H"}; with a known content: {"holds": "TypeName", "value": …}
#pragma once

#include <boost/json/value.hpp>

#include "asn1/schema.hpp"

namespace postern::asn1 {

[[nodiscard]] boost::json::value to_json_value(const Type& type, const void* object);
[[nodiscard]] Status from_json_value(const Type& type, void* object, const boost::json::value& json);

template <class T>
[[nodiscard]] boost::json::value to_json(const T& value, const Type& type = schema(Of<T>{})) {
  return to_json_value(type, &value);
}
/// BadInput names the path and what was expected there.
template <class T>
[[nodiscard]] Result<T> from_json(const boost::json::value& json, const Type& type = schema(Of<T>{})) {
  T value{};
  POSTERN_CHECK(from_json_value(type, &value, json));
  return value;
}

}  // namespace postern::asn1
