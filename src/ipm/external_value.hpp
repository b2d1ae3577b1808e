// EXTERNAL and INSTANCE OF (X.690 8.18, X.681 annex C) as one flat value: the same octets as asn1::External, with its three encodings side
// by side, so that the object identifier can tell value notation what they hold.
#pragma once

#include "asn1/ber.hpp"

namespace postern::ipm {

/// Exactly one of the last three is there in a value that means something; a peer that sends none is told so by open_value().
struct ExternalValue {
  std::optional<asn1::Oid> direct_reference;  ///< type-id of INSTANCE OF.
  std::optional<std::int64_t> indirect_reference;
  std::optional<asn1::ObjectDescriptor> data_value_descriptor;
  std::optional<asn1::Any> single_asn1_type;
  std::optional<asn1::OctetString> octet_aligned;
  std::optional<asn1::BitString> arbitrary;

  /// INSTANCE OF: the type's identifier and one value.
  [[nodiscard]] static ExternalValue instance(asn1::Oid type, asn1::Any value);
  /// The octets of the BER value inside, whichever encoding carries it. BadInput where there is none.
  [[nodiscard]] Result<ByteView> open_value() const;
  friend bool operator==(const ExternalValue&, const ExternalValue&) = default;
};
const asn1::Type& schema(asn1::Of<ExternalValue>);

}  // namespace postern::ipm
