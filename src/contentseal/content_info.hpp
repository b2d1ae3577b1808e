// ContentInfo (RFC 5652 3): the outermost wrapping of a CMS object, put on and taken off. Inside this room only.
#pragma once

#include "asn1/schema.hpp"

namespace postern::contentseal {

struct ContentInfo {
  asn1::Oid content_type;
  asn1::Any content;  ///< [0] EXPLICIT: SignedData, EnvelopedData, AuthEnvelopedData.
  friend bool operator==(const ContentInfo&, const ContentInfo&) = default;
};
const asn1::Type& schema(asn1::Of<ContentInfo>);

/// What `octets` are, by their first ones: the type of a ContentInfo around signed or encrypted data; nothing otherwise. A ContentInfo
/// needs at most kContentInfoFront octets to be known.
inline constexpr std::size_t kContentInfoFront = 32;
[[nodiscard]] std::optional<asn1::Oid> sealed_type_of(ByteView octets);

/// RFC 3854 3.4: a nested object stands in the outer one as it is, without a ContentInfo. BadInput: no ContentInfo.
[[nodiscard]] Result<ContentInfo> read_content_info(ByteView der);
[[nodiscard]] Result<Bytes> write_content_info(asn1::Oid type, ByteView content);

}  // namespace postern::contentseal
