// A P1 message, a bind and what goes with them, written by hand for tests: the layers below X.411 carry what a dissector can read.
#pragma once

#include <string>
#include <string_view>

#include "asn1/ber.hpp"

namespace postern::osi::testing {

/// One element with this identifier octet.
inline Bytes element(Byte identifier, ByteView content) {
  Bytes out;
  asn1::write_header(out, {static_cast<asn1::TagClass>(identifier >> 6), identifier & 0x1FU}, (identifier & 0x20) != 0, content.size());
  append(out, content);
  return out;
}
inline Bytes element(Byte identifier, std::string_view text) { return element(identifier, as_bytes(text)); }
template <class... More>
Bytes joined(const More&... parts) {
  Bytes out;
  (append(out, parts), ...);
  return out;
}

/// MTABind argument and result: simple credentials, [16] and [17] as X.411's bind operations have them.
inline asn1::Any mta_bind(std::string_view name, std::string_view password) {
  return {element(0xB0, element(0xA1, joined(element(0x80, name), element(0xA1, element(0x04, password)))))};
}
inline asn1::Any mta_bind_result(std::string_view name, std::string_view password) {
  return {element(0xB1, element(0xA1, joined(element(0x80, name), element(0xA1, element(0x04, password)))))};
}

/// A message with one IA5 text of this size.
inline Bytes p1_message(std::size_t text_size) {
  const Bytes country = element(0x61, element(0x13, "DE")), adm = element(0x62, element(0x13, "A"));
  const Bytes domain = element(0x63, joined(country, adm));
  const Bytes name = element(0x30, joined(country, adm));
  const Bytes arrival = element(0x31, joined(element(0x80, "261126052500Z"), element(0x82, Bytes{0})));
  const Bytes recipient = element(0x31, joined(element(0x60, name), element(0x80, Bytes{1}), element(0x81, Bytes{7, 0xA8, 0})));
  const Bytes envelope =
      element(0x31, joined(element(0x64, joined(domain, element(0x16, "id-1"))), element(0x60, name), Bytes{0x46, 1, 0x16},
                           element(0x69, element(0x30, joined(domain, arrival))), element(0xA2, recipient)));
  const Bytes text = element(0xA0, joined(element(0x31, Bytes{0x80, 1, 5}), element(0x16, std::string(text_size, 'x'))));
  const Bytes heading = element(0x31, element(0x6B, element(0x13, "ipm-1")));
  const Bytes content = element(0xA0, joined(heading, element(0x30, text)));
  return element(0xA0, joined(envelope, element(0x04, content)));
}

}  // namespace postern::osi::testing
