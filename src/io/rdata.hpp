// RDATA of one record, in the uncompressed wire form libunbound hands out, to the values of dns/.
#pragma once

#include "dns/record.hpp"

namespace postern::io {

/// BadInput when the bytes do not have the form of the type (RFC 1035 3.3, RFC 2782, RFC 6698, RFC 8659) or carry a name that is not
/// printable ASCII. Types without a form here become OpaqueData.
[[nodiscard]] Result<dns::RecordData> decode_rdata(dns::RecordType type, ByteView rdata);

}  // namespace postern::io
