#include "mhs/bind_value.hpp"

namespace postern::mhs {
namespace {

asn1::Tag tag_of(RoseTag tag) { return asn1::context(static_cast<std::uint32_t>(tag)); }

}  // namespace

asn1::Any tagged(const asn1::Any& value, RoseTag tag) {
  asn1::Any out;
  asn1::write_header(out.ber, tag_of(tag), true, value.ber.size());
  append(out.ber, value.ber);
  return out;
}

asn1::Any untagged(const asn1::Any& value, RoseTag tag) {
  const auto header = asn1::peek_header(value.ber);
  if (!header || !*header || (*header)->tag != tag_of(tag) || !(*header)->constructed) return value;
  ByteView inner = ByteView(value.ber).subspan((*header)->octets);
  const auto size = asn1::element_size(inner);  // the end of an indefinite form stays behind it
  if (!size) return value;
  return {Bytes(inner.begin(), inner.begin() + static_cast<std::ptrdiff_t>(*size))};
}

}  // namespace postern::mhs
