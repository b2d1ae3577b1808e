#include "contentseal/content_info.hpp"

#include <algorithm>

#include "asn1/ber.hpp"
#include "contentseal/oids.hpp"

namespace postern::contentseal {

const asn1::Type& schema(asn1::Of<ContentInfo>) {
  static const asn1::Type type =
      asn1::sequence<ContentInfo>("ContentInfo", {
                                                     asn1::field<&ContentInfo::content_type>("contentType"),
                                                     asn1::field<&ContentInfo::content>("content").explicitly(asn1::context(0)),
                                                 });
  return type;
}

namespace {

/// The header of the element at the front, if it is all there and of this tag; `input` moves past it.
std::optional<asn1::Header> take_header(ByteView& input, asn1::Tag tag) {
  const auto header = asn1::peek_header(input);
  if (!header || !*header || (*header)->tag != tag) return std::nullopt;
  input = input.subspan((*header)->octets);
  return **header;
}

}  // namespace

std::optional<asn1::Oid> sealed_type_of(ByteView octets) {
  constexpr asn1::Tag kSequence = asn1::universal(16), kObjectIdentifier = asn1::universal(6);
  if (!take_header(octets, kSequence)) return std::nullopt;
  const auto header = take_header(octets, kObjectIdentifier);
  if (!header || !header->length || *header->length > octets.size()) return std::nullopt;
  auto oid = asn1::Oid::from_content(octets.first(static_cast<std::size_t>(*header->length)));
  if (!oid) return std::nullopt;
  for (const asn1::Oid& known : {id_signed_data(), id_enveloped_data(), id_ct_auth_enveloped_data(), id_ct_compressed_data()})
    if (*oid == known) return known;
  return std::nullopt;
}

Result<ContentInfo> read_content_info(ByteView der) { return asn1::decode<ContentInfo>(der); }

Result<Bytes> write_content_info(asn1::Oid type, ByteView content) {
  return asn1::encode(ContentInfo{std::move(type), asn1::Any{Bytes(content.begin(), content.end())}});
}

}  // namespace postern::contentseal
