// What the store says about the body of an interpersonal message without opening it (X.420 19.6.1).
#pragma once

#include "ipm/body.hpp"
#include "ms/types.hpp"

namespace postern::ms {

/// X.420 19.6.1.1.
enum class IPMEntryType : std::int64_t { Ipm = 0, Rn = 1, Nrn = 2, On = 3 };
const asn1::Type& schema(asn1::Of<IPMEntryType>);

/// X.420 19.6.1.3: one body part. Sizes are octets of its encoding.
struct BodyPartDescriptor {
  asn1::Oid data;
  std::optional<asn1::Oid> parameters;
  std::optional<SequenceNumber> this_child_entry;  ///< Of a forwarded message that is an entry of its own.
  std::int64_t position = 1;
  std::int64_t size = 0;
  bool processed = false;
  friend bool operator==(const BodyPartDescriptor&, const BodyPartDescriptor&) = default;
};
const asn1::Type& schema(asn1::Of<BodyPartDescriptor>);

/// The descriptor of a part, without `this_child_entry`. A basic part is described by its extended twin's identifiers.
[[nodiscard]] BodyPartDescriptor describe(const ipm::BodyPart& part, std::int64_t position);
/// The message that a part forwards, be it basic or extended; nullopt: it forwards none, or one that cannot be read.
[[nodiscard]] std::optional<ipm::MessageBodyPart> forwarded_message(const ipm::BodyPart& part);

}  // namespace postern::ms
