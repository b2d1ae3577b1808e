// Names and RDATA of one record in wire form, without compression, to the values of record.hpp and back.
#pragma once

#include <string_view>

#include "dns/record.hpp"

namespace postern::dns {

/// BadInput when the bytes do not have the form of the type (RFC 1035 3.3, RFC 2782, RFC 6698, RFC 8659) or carry a name that is not
/// printable ASCII. Types without a form here become OpaqueData.
[[nodiscard]] Result<RecordData> decode_rdata(RecordType type, ByteView rdata);

/// RFC 1035 3.1: labels, each with its length, then the root. "" and "." are the root alone. BadInput as normalize_name(); case is kept.
[[nodiscard]] Result<Bytes> encode_name(std::string_view name);

/// The inverse of decode_rdata(). BadInput for a name that is none, or a TXT or CAA string of more than 255 octets (RFC 1035 3.3);
/// TooLarge for more than 65,535 octets.
[[nodiscard]] Result<Bytes> encode_rdata(const RecordData& data);

}  // namespace postern::dns
