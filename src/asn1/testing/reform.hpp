// The same value in another of the encodings that X.690 section 8 allows: lengths in longer forms, definite lengths made indefinite,
// strings in segments. For tests and fuzzers: a decoder must read the same from each.
#pragma once

#include "asn1/ber.hpp"

namespace postern::asn1 {

/// What a re-former cannot see in the octets themselves.
struct Reform {
  bool (*is_string)(Tag) = nullptr;  ///< Under this tag, not a universal one, stands an octet or character string.
  bool (*is_kept)(Tag) = nullptr;    ///< An element under this tag stays as it is: an open value is compared by its octets.
};

class Reformer {
 public:
  /// Draws on `entropy` from the front; when it is used up, elements stay as they are.
  Reformer(const Reform& rules, ByteView& entropy) : m_rules(rules), m_entropy(entropy) {}

  /// `input` is whole elements. Those of indefinite length stay as they are: our encoder writes none, so they are in open values.
  [[nodiscard]] Bytes operator()(ByteView input) {
    Bytes out;
    while (!input.empty()) {
      const Header header = peek_header(input).value().value();
      const std::size_t size = element_size(input).value();
      element(input.first(size), header, out);
      input = input.subspan(size);
    }
    return out;
  }

 private:
  unsigned draw(unsigned limit) {
    if (m_entropy.empty()) return 0;
    const Byte taken = m_entropy.front();
    m_entropy = m_entropy.subspan(1);
    return taken % limit;
  }

  void element(ByteView whole, const Header& header, Bytes& out) {
    const ByteView content = whole.subspan(header.octets);
    if (!header.length || (m_rules.is_kept != nullptr && m_rules.is_kept(header.tag))) return append(out, whole);
    if (header.constructed) return wrap(header.tag, (*this)(content), out);
    const bool is_bits = header.tag == universal(3);
    if ((is_bits || is_string(header.tag)) && draw(2) == 1) return wrap(header.tag, segments(content, is_bits), out);
    lengthened(header.tag, false, content, out);
  }
  [[nodiscard]] bool is_string(Tag tag) const {
    if (tag.tag_class != TagClass::Universal) return m_rules.is_string != nullptr && m_rules.is_string(tag);
    return tag.number == 4 || tag.number == 12 || (tag.number >= 18 && tag.number <= 30);
  }

  /// X.690 8.6.4, 8.7.3, 8.21.3: segments of any length, themselves of segments.
  Bytes segments(ByteView content, bool is_bits) {
    Bytes out;
    const Byte unused = is_bits ? content[0] : Byte{0};
    if (is_bits) content = content.subspan(1);
    while (!content.empty()) {
      const ByteView piece = content.first(std::min<std::size_t>(content.size(), 1 + draw(9)));
      content = content.subspan(piece.size());
      Bytes segment;
      if (is_bits) segment.push_back(content.empty() ? unused : Byte{0});
      append(segment, piece);
      const Tag tag = universal(is_bits ? 3 : 4);
      if (draw(4) == 1)
        wrap(tag, segments(segment, is_bits), out);
      else
        lengthened(tag, false, segment, out);
    }
    return out;
  }
  /// A constructed element, of indefinite length or not.
  void wrap(Tag tag, ByteView content, Bytes& out) {
    if (draw(2) == 0) return lengthened(tag, true, content, out);
    write_header(out, tag, true, 0);
    out.back() = 0x80;
    append(out, content);
    out.insert(out.end(), 2, Byte{0});
  }
  /// X.690 8.1.3.5: more length octets than are needed.
  void lengthened(Tag tag, bool constructed, ByteView content, Bytes& out) {
    const unsigned more = content.empty() ? 0 : draw(4);  // OpenSSL, a judge here, refuses 84 00 00 00 00 at the end of its input
    if (more == 0) {
      write_header(out, tag, constructed, content.size());
    } else {
      write_header(out, tag, constructed, 0);
      const unsigned octets = 3 + more;
      out.back() = static_cast<Byte>(0x80 | octets);
      for (unsigned i = octets; i-- > 0;) out.push_back(i < 8 ? static_cast<Byte>(content.size() >> (8 * i)) : Byte{0});
    }
    append(out, content);
  }

  const Reform& m_rules;
  ByteView& m_entropy;
};

}  // namespace postern::asn1
