// P1 in the dialect of PP 6.0, the one open MTA: the type of an extension field under an explicit tag, `A0 03 02 01 17`, where the standard
// has `80 01 17` (seen on the wire). Reading needs nothing, since asn1::decode<MTSApdu>() takes both and notes a quirk; these descriptions
// are for writing to a peer that is configured as such:
//
//   asn1::encode(apdu, mts_apdu_pp(), asn1::EncodeRules::Lenient);
//   MessageWriter::make(envelope, length, {.external_context = 5, .envelope = &message_transfer_envelope_pp()});
#pragma once

#include "mts/p1.hpp"

namespace postern::mts {

[[nodiscard]] const asn1::Type& mts_apdu_pp();
[[nodiscard]] const asn1::Type& message_transfer_envelope_pp();

}  // namespace postern::mts
