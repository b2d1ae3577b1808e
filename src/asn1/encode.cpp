#include <algorithm>
#include <cstring>

#include "asn1/ber.hpp"
#include "asn1/tagging.hpp"

namespace postern::asn1 {

namespace {

/// Grows towards the front: content is written before the header that tells its length, so one pass does it.
class ReverseBuffer {
 public:
  ReverseBuffer() : m_bytes(1024), m_start(m_bytes.size()) {}
  [[nodiscard]] std::size_t size() const noexcept { return m_bytes.size() - m_start; }
  [[nodiscard]] ByteView view() const noexcept { return ByteView(m_bytes).subspan(m_start); }
  void prepend(Byte octet) {
    reserve(1);
    m_bytes[--m_start] = octet;
  }
  void prepend(ByteView octets) {
    if (octets.empty()) return;
    reserve(octets.size());
    m_start -= octets.size();
    std::memcpy(m_bytes.data() + m_start, octets.data(), octets.size());
  }

 private:
  void reserve(std::size_t room) {
    if (m_start >= room) return;
    const std::size_t used = size();
    RawBytes larger(std::max(m_bytes.size() * 2, used + room + 1024));
    std::memcpy(larger.data() + larger.size() - used, m_bytes.data() + m_start, used);
    m_bytes = std::move(larger);
    m_start = m_bytes.size() - used;
  }
  RawBytes m_bytes;
  std::size_t m_start;
};

class Encoder {
 public:
  Encoder(std::string_view root, EncodeRules rules) : m_path(root), m_strict(rules == EncodeRules::Strict) {}
  [[nodiscard]] ByteView view() const noexcept { return m_out.view(); }

  Status value(const Type& type, const void* object, const Field* field) {
    const std::size_t before = m_out.size();
    POSTERN_CHECK(content(type, object, bounds_of(type, field)));
    const TagList tags(type, field != nullptr ? field->tagging : std::nullopt);
    bool constructed = is_list(type.kind) || is_structure(type.kind) || is_untagged(type.kind);
    for (auto tag = tags.all().rbegin(); tag != tags.all().rend(); ++tag) {
      header(*tag, constructed, m_out.size() - before);
      constructed = true;
    }
    return {};
  }

 private:
  tl::unexpected<Error> wrong(std::string what) const { return fail(ErrorCode::BadInput, std::move(what), m_path.text()); }
  Status within(const Bounds& bounds, std::int64_t n, std::string_view what) const {
    if (!m_strict || bounds.allow(n)) return {};
    return wrong(std::string(what) + " is " + std::to_string(n) + " where " + bounds.text() + " is allowed");
  }
  void header(Tag tag, bool constructed, std::size_t length) {
    if (tag.number < 0x1F && length < 0x80) {
      m_out.prepend(static_cast<Byte>(length));
      m_out.prepend(static_cast<Byte>(static_cast<unsigned>(tag.tag_class) << 6 | (constructed ? 0x20U : 0U) | tag.number));
      return;
    }
    m_header.clear();
    write_header(m_header, tag, constructed, length);
    m_out.prepend(m_header);
  }

  Status content(const Type& type, const void* object, const Bounds& bounds) {
    switch (type.kind) {
      case Kind::Boolean: return m_out.prepend(type.load(object) != 0 ? Byte{0xFF} : Byte{0}), Status{};
      case Kind::Integer:
      case Kind::Enumerated: return number(type.load(object), bounds);
      case Kind::Null: return {};
      case Kind::ObjectIdentifier: return object_identifier(*static_cast<const Oid*>(object));
      case Kind::BitString: return bit_string(*static_cast<const BitString*>(object), bounds);
      case Kind::OctetString: return octets(static_cast<const OctetString*>(object)->octets, bounds);
      case Kind::CharacterString: return characters(type.alphabet, *static_cast<const std::string*>(object), bounds);
      case Kind::UtcTime:
      case Kind::GeneralizedTime: return m_out.prepend(as_bytes(*static_cast<const std::string*>(object))), Status{};
      case Kind::Any: return open_value(*static_cast<const Any*>(object));
      case Kind::Choice: return alternative(type, object);
      case Kind::SequenceOf:
      case Kind::SetOf: return list(type, object, bounds);
      default: return structure(type, object);
    }
  }

  Status number(std::int64_t n, const Bounds& bounds) {
    POSTERN_CHECK(within(bounds, n, "the value"));
    // X.690 8.3.2: no octet more than needed.
    bool more = true;
    while (more) {
      const auto octet = static_cast<Byte>(n);
      m_out.prepend(octet);
      n >>= 8;
      more = !(n == 0 && octet < 0x80) && !(n == -1 && octet >= 0x80);
    }
    return {};
  }
  Status object_identifier(const Oid& oid) {
    if (oid.empty()) return wrong("an OBJECT IDENTIFIER without arcs");
    m_out.prepend(oid.content());
    return {};
  }
  Status bit_string(const BitString& bits, const Bounds& bounds) {
    if (bits.unused > 7 || (bits.octets.empty() && bits.unused != 0))
      return wrong("a BIT STRING with " + std::to_string(bits.unused) + " unused bits");
    POSTERN_CHECK(within(bounds, static_cast<std::int64_t>(bits.size()), "the size"));
    m_out.prepend(bits.octets);
    m_out.prepend(bits.unused);
    return {};
  }
  Status octets(const Bytes& bytes, const Bounds& bounds) {
    POSTERN_CHECK(within(bounds, static_cast<std::int64_t>(bytes.size()), "the size"));
    m_out.prepend(bytes);
    return {};
  }
  Status characters(Alphabet alphabet, const std::string& text, const Bounds& bounds) {
    POSTERN_CHECK(within(bounds, static_cast<std::int64_t>(text.size() / octets_per_character(alphabet)), "the length"));
    if (const auto foreign = m_strict ? first_foreign_octet(alphabet, text) : std::nullopt)
      return wrong("octet " + std::to_string(*foreign) + " of the string is outside " + std::string(name_of(alphabet)));
    m_out.prepend(as_bytes(text));
    return {};
  }
  Status open_value(const Any& any) {
    const auto size = element_size(any.ber);
    if (!size || *size != any.ber.size()) return wrong("an open value that is not one whole element");
    m_out.prepend(any.ber);
    return {};
  }
  Status alternative(const Type& type, const void* object) {
    const std::size_t index = type.index(object);
    const void* active = index < type.fields.size() ? type.active(object) : nullptr;
    if (active == nullptr) return wrong("no alternative of " + std::string(type.name) + " is chosen");
    return component(type.fields[index], active);
  }
  Status component(const Field& field, const void* object) {
    m_path.enter(field.name);
    POSTERN_CHECK(value(field.type(), object, &field));
    m_path.leave();
    return {};
  }
  Status list(const Type& type, const void* object, const Bounds& bounds) {
    const std::size_t count = type.count(object);
    POSTERN_CHECK(within(bounds, static_cast<std::int64_t>(count), "the number of elements"));
    const Type& element = type.element();
    for (std::size_t i = count; i-- > 0;) {
      m_path.enter(i);
      POSTERN_CHECK(value(element, type.at(object, i), nullptr));
      m_path.leave();
    }
    return {};
  }
  Status structure(const Type& type, const void* object) {
    for (auto field = type.fields.rbegin(); field != type.fields.rend(); ++field) {
      const void* present = field->peek(object);
      if (present == nullptr || (field->has_default && field->is_default != nullptr && field->is_default(object))) continue;
      if (field->is_rest) {
        POSTERN_CHECK(unknown(*static_cast<const std::vector<Any>*>(present)));
      } else {
        POSTERN_CHECK(component(*field, present));
      }
    }
    return {};
  }
  Status unknown(const std::vector<Any>& elements) {
    for (auto each = elements.rbegin(); each != elements.rend(); ++each) POSTERN_CHECK(open_value(*each));
    return {};
  }

  ReverseBuffer m_out;
  Bytes m_header;
  Path m_path;
  bool m_strict;
};

}  // namespace

Status encode_value(const Type& type, const void* object, Bytes& out, EncodeRules rules) {
  Encoder encoder(type.name, rules);
  POSTERN_CHECK(encoder.value(type, object, nullptr));
  append(out, encoder.view());
  return {};
}

}  // namespace postern::asn1
