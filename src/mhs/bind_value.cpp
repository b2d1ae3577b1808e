#include "mhs/bind_value.hpp"

namespace postern::mhs {

asn1::Any wrap_bind(BindPart part, ByteView value) {
  asn1::Any out;
  asn1::write_header(out.ber, asn1::context(static_cast<std::uint32_t>(part)), true, value.size());
  append(out.ber, value);
  return out;
}

Result<Bytes> unwrap_bind(BindPart part, const asn1::Any& any) {
  POSTERN_TRY(const auto header, asn1::peek_header(any.ber));
  if (!header) return fail(ErrorCode::BadInput, "the bind is empty");
  const asn1::Tag tag = header->tag;
  const bool wrapped = tag.tag_class == asn1::TagClass::Context && tag.number >= 16 && tag.number <= 21;
  if (!wrapped) return any.ber;
  if (tag.number != static_cast<std::uint32_t>(part)) return fail(ErrorCode::BadInput, "another part of a bind: " + asn1::text_of(tag));
  const ByteView inside = ByteView(any.ber).subspan(header->octets);
  POSTERN_TRY(const std::size_t size, asn1::element_size(inside));
  const std::size_t after = header->length ? 0 : 2;  // end-of-contents octets
  if (size + after != inside.size()) return fail(ErrorCode::BadInput, "more than one value in a bind");
  return Bytes(inside.begin(), inside.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace postern::mhs
