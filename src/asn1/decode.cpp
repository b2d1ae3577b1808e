#include <cstring>

#include "asn1/ber.hpp"
#include "asn1/tagging.hpp"

namespace postern::asn1 {

namespace {

constexpr std::size_t max_quirks = 100;

/// What is left of a constructed element's content. An indefinite one ends at its end-of-contents octets, and at the latest where what
/// surrounds it ends.
struct Frame {
  std::size_t end;
  bool indefinite;
};

class Decoder {
 public:
  Decoder(ByteView input, const DecodeOptions& options, std::string_view root) : m_input(input), m_options(options), m_path(root) {}

  Status value(const Type& type, void* object, const Frame& outer, const Field* field) {
    const TagList tags(type, field != nullptr ? field->tagging : std::nullopt);
    return layers(type, object, outer, tags.all(), field);
  }
  [[nodiscard]] std::size_t at() const noexcept { return m_at; }

 private:
  // ---- errors
  tl::unexpected<Error> wrong(std::string what, ErrorCode code = ErrorCode::BadInput) const {
    return fail(code, "at octet " + std::to_string(m_at) + ": " + what, m_path.text());
  }
  /// Tolerated, counted, or refused where the caller is strict.
  Status quirk(std::string what) {
    if (m_options.strict) return wrong(std::move(what));
    if (m_options.quirks != nullptr && m_options.quirks->size() < max_quirks)
      m_options.quirks->push_back({m_at, m_path.text(), std::move(what)});
    return {};
  }
  Status within(const Bounds& bounds, std::int64_t n, std::string_view what) {
    if (bounds.allow(n)) return {};
    return quirk(std::string(what) + " is " + std::to_string(n) + " where " + bounds.text() + " is allowed");
  }

  // ---- elements
  Result<Header> header(const Frame& frame) const {
    auto found = peek_header(m_input.subspan(m_at, frame.end - m_at));
    if (!found) return wrong(found.error().what);
    if (!*found) return wrong("ends within an identifier or length");
    return **found;
  }
  Result<bool> at_end(const Frame& frame) const {
    if (!frame.indefinite) return m_at == frame.end;
    if (frame.end - m_at < 2) return wrong("ends before the end-of-contents octets");
    return m_input[m_at] == 0 && m_input[m_at + 1] == 0;
  }
  /// Past the header of the element that must be there.
  Result<Header> open(const Frame& outer, Tag expected) {
    if (m_at == outer.end) return wrong("ends where " + text_of(expected) + " is expected");
    POSTERN_TRY(const Header found, header(outer));
    if (found.tag != expected) return wrong("expected " + text_of(expected) + ", found " + text_of(found.tag));
    POSTERN_CHECK(count_one());
    const std::size_t room = outer.end - m_at - found.octets;
    if (found.length && *found.length > room)
      return wrong("a length of " + std::to_string(*found.length) + " where " + std::to_string(room) + " octets follow");
    m_at += found.octets;
    return found;
  }
  Status count_one() {
    if (++m_elements > m_options.elements)
      return wrong("more than " + std::to_string(m_options.elements) + " elements", ErrorCode::TooLarge);
    return {};
  }
  Result<Frame> enter(const Header& opened, const Frame& outer) {
    if (!opened.constructed) return wrong("a primitive encoding where a constructed one is required");
    if (++m_depth > m_options.depth) return wrong("nested deeper than " + std::to_string(m_options.depth), ErrorCode::TooLarge);
    if (!opened.length) return Frame{outer.end, true};
    return Frame{m_at + static_cast<std::size_t>(*opened.length), false};
  }
  Status leave(const Frame& frame) {
    POSTERN_TRY(const bool ended, at_end(frame));
    if (!ended) return wrong("more follows where the value ends");
    if (frame.indefinite) m_at += 2;
    --m_depth;
    return {};
  }
  Result<ByteView> primitive(const Header& opened) {
    if (opened.constructed) return wrong("a constructed encoding where a primitive one is required");
    const ByteView content = m_input.subspan(m_at, static_cast<std::size_t>(opened.length.value_or(0)));
    m_at += content.size();
    return content;
  }
  Result<ByteView> whole_element(const Frame& outer) {
    const ByteView rest = m_input.subspan(m_at, outer.end - m_at);
    DecodeOptions left = m_options;
    left.depth = m_options.depth - std::min(m_depth, m_options.depth);
    auto size = element_size(rest, left);
    if (!size) return wrong(size.error().what, size.error().code);
    POSTERN_CHECK(count_one());
    m_at += *size;
    return rest.first(*size);
  }

  // ---- values
  Status layers(const Type& type, void* object, const Frame& outer, std::span<const Tag> tags, const Field* field) {
    if (tags.empty()) return type.kind == Kind::Choice ? alternative(type, object, outer) : open_value(object, outer);
    POSTERN_TRY(const Header opened, open(outer, tags.front()));
    if (tags.size() == 1 && !is_untagged(type.kind)) return content(type, object, opened, outer, field);
    POSTERN_TRY(const Frame inner, enter(opened, outer));
    POSTERN_CHECK(layers(type, object, inner, tags.subspan(1), field));
    return leave(inner);
  }

  Status alternative(const Type& type, void* object, const Frame& outer) {
    if (m_at == outer.end) return wrong("ends where a " + std::string(type.name) + " is expected");
    POSTERN_TRY(const Header next, header(outer));
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const Field& each = type.fields[i];
      if (!begins(each.type(), each.tagging, next.tag)) continue;
      return component(each, type.emplace(object, i), outer);
    }
    return wrong(text_of(next.tag) + " is no alternative of " + std::string(type.name));
  }
  Status component(const Field& field, void* object, const Frame& outer) {
    m_path.enter(field.name);
    POSTERN_CHECK(value(field.type(), object, outer, &field));
    m_path.leave();
    return {};
  }
  Status open_value(void* object, const Frame& outer) {
    POSTERN_TRY(const ByteView element, whole_element(outer));
    static_cast<Any*>(object)->ber.assign(element.begin(), element.end());
    return {};
  }

  Status content(const Type& type, void* object, const Header& opened, const Frame& outer, const Field* field) {
    const Bounds bounds = bounds_of(type, field);
    switch (type.kind) {
      case Kind::Boolean:
      case Kind::Integer:
      case Kind::Enumerated: return number(type, object, opened, outer, bounds);
      case Kind::Null: return null(opened);
      case Kind::ObjectIdentifier: return object_identifier(*static_cast<Oid*>(object), opened);
      case Kind::BitString: return bit_string(*static_cast<BitString*>(object), opened, outer, bounds);
      case Kind::OctetString: return octet_string(static_cast<OctetString*>(object)->octets, opened, outer, bounds);
      case Kind::CharacterString: return characters(type.alphabet, *static_cast<std::string*>(object), opened, outer, bounds);
      case Kind::UtcTime:
      case Kind::GeneralizedTime: return time(type.kind, *static_cast<std::string*>(object), opened, outer);
      default: return constructed(type, object, opened, outer, bounds);
    }
  }
  Status constructed(const Type& type, void* object, const Header& opened, const Frame& outer, const Bounds& bounds) {
    POSTERN_TRY(const Frame inner, enter(opened, outer));
    if (is_list(type.kind)) {
      POSTERN_CHECK(list(type, object, inner, bounds));
    } else if (type.kind == Kind::Sequence) {
      POSTERN_CHECK(sequence(type, object, inner));
    } else {
      POSTERN_CHECK(set(type, object, inner));
    }
    return leave(inner);
  }

  /// A peer that tags an INTEGER explicitly where the standard has an implicit tag means the same (PP does so in extension types).
  Status explicit_number(const Type& type, void* object, const Header& opened, const Frame& outer, const Bounds& bounds) {
    POSTERN_CHECK(quirk("tagged explicitly where the tag is implicit"));
    POSTERN_TRY(const Frame inner, enter(opened, outer));
    const std::uint32_t own = type.kind == Kind::Boolean ? 1 : type.kind == Kind::Integer ? 2 : 10;
    POSTERN_TRY(const Header number_header, open(inner, universal(own)));
    if (number_header.constructed) return wrong("a constructed encoding where a primitive one is required");
    POSTERN_CHECK(number(type, object, number_header, inner, bounds));
    return leave(inner);
  }
  Status number(const Type& type, void* object, const Header& opened, const Frame& outer, const Bounds& bounds) {
    if (opened.constructed && opened.tag.tag_class != TagClass::Universal) return explicit_number(type, object, opened, outer, bounds);
    POSTERN_TRY(const ByteView octets, primitive(opened));
    if (octets.empty()) return wrong(std::string(type.name) + " without content octets");
    if (type.kind == Kind::Boolean && octets.size() != 1)
      return wrong("a BOOLEAN of " + std::to_string(octets.size()) + " octets (X.690 8.2.1)");
    if (octets.size() > 8) return wrong("an INTEGER that does not fit in 64 bits", ErrorCode::TooLarge);
    std::uint64_t bits = (octets[0] & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
    for (const Byte octet : octets) bits = bits << 8 | octet;
    if (type.kind == Kind::Boolean) bits = bits != 0 ? 1 : 0;
    const auto n = static_cast<std::int64_t>(bits);
    type.store(object, n);
    return type.kind == Kind::Boolean ? Status{} : within(bounds, n, "the value");
  }
  Status null(const Header& opened) {
    POSTERN_TRY(const ByteView octets, primitive(opened));
    return octets.empty() ? Status{} : Status(wrong("a NULL with content octets (X.690 8.8.2)"));
  }
  Status object_identifier(Oid& oid, const Header& opened) {
    POSTERN_TRY(const ByteView octets, primitive(opened));
    auto read = Oid::from_content(octets);
    if (!read) return wrong(read.error().what);
    oid = *std::move(read);
    return {};
  }

  /// Calls take(content) for each primitive segment of a string (X.690 8.7.3, 8.21.3): segments are OCTET STRINGs, or of the string's own
  /// type.
  template <class Take>
  Status segments(const Header& opened, const Frame& outer, Tag own, Take&& take) {
    if (!opened.constructed) {
      POSTERN_TRY(const ByteView octets, primitive(opened));
      return take(octets);
    }
    POSTERN_TRY(const Frame inner, enter(opened, outer));
    for (;;) {
      POSTERN_TRY(const bool ended, at_end(inner));
      if (ended) return leave(inner);
      POSTERN_TRY(const Header next, header(inner));
      if (next.tag != own && next.tag != universal(4)) return wrong("a segment with tag " + text_of(next.tag) + " in a string");
      POSTERN_TRY(const Header segment, open(inner, next.tag));
      POSTERN_CHECK(segments(segment, inner, own, take));
    }
  }
  Status octet_string(Bytes& out, const Header& opened, const Frame& outer, const Bounds& bounds) {
    out.clear();  // a DEFAULT stands there
    POSTERN_CHECK(segments(opened, outer, universal(4), [&](ByteView octets) { return append(out, octets), Status{}; }));
    return within(bounds, static_cast<std::int64_t>(out.size()), "the size");
  }
  Status bit_string(BitString& out, const Header& opened, const Frame& outer, const Bounds& bounds) {
    out = {};  // a DEFAULT stands there
    bool first = true;
    const auto take = [&](ByteView octets) -> Status {
      // X.690 8.6.2, 8.6.4: only the last segment may leave bits unused.
      if (octets.empty()) return wrong("a BIT STRING without the octet of unused bits");
      if (octets[0] > 7 || (octets.size() == 1 && octets[0] != 0))
        return wrong(std::to_string(octets[0]) + " unused bits in a BIT STRING of " + std::to_string(octets.size() - 1) + " octets");
      if (!first && out.unused != 0) return wrong("unused bits before the last segment of a BIT STRING");
      first = false;
      out.unused = octets[0];
      append(out.octets, octets.subspan(1));
      return {};
    };
    POSTERN_CHECK(segments(opened, outer, universal(3), take));
    return within(bounds, static_cast<std::int64_t>(out.size()), "the size");
  }
  Status joined_text(std::string& out, const Header& opened, const Frame& outer, Tag own) {
    out.clear();
    return segments(opened, outer, own, [&](ByteView octets) { return out.append(as_text(octets)), Status{}; });
  }
  Status characters(Alphabet alphabet, std::string& out, const Header& opened, const Frame& outer, const Bounds& bounds) {
    POSTERN_CHECK(joined_text(out, opened, outer, tag_of(alphabet)));
    if (const auto foreign = first_foreign_octet(alphabet, out))
      POSTERN_CHECK(quirk("octet " + std::to_string(*foreign) + " of the string is outside " + std::string(name_of(alphabet))));
    return within(bounds, static_cast<std::int64_t>(out.size() / octets_per_character(alphabet)), "the length");
  }
  Status time(Kind kind, std::string& out, const Header& opened, const Frame& outer) {
    POSTERN_CHECK(joined_text(out, opened, outer, universal(kind == Kind::UtcTime ? 23 : 24)));
    if (out.size() > 64) return wrong("a time of " + std::to_string(out.size()) + " characters");
    if (kind == Kind::UtcTime && !UtcTime{out}.is_exact()) return quirk("'" + printable(out) + "' is no form of UTCTime");
    return {};
  }
  static std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) out += c >= ' ' && c <= '~' ? c : '?';
    return out;
  }

  Status list(const Type& type, void* object, const Frame& frame, const Bounds& bounds) {
    const Type& element = type.element();
    type.clear(object);
    for (std::size_t i = 0;; ++i) {
      POSTERN_TRY(const bool ended, at_end(frame));
      if (ended) return within(bounds, static_cast<std::int64_t>(i), "the number of elements");
      m_path.enter(i);
      POSTERN_CHECK(value(element, type.append(object), frame, nullptr));
      m_path.leave();
    }
  }
  Status sequence(const Type& type, void* object, const Frame& frame) {
    std::size_t next = 0;  // the first component that may still come
    for (;;) {
      POSTERN_TRY(const bool ended, at_end(frame));
      if (ended) return all_there(type, next, type.fields.size());
      POSTERN_TRY(const Header found, header(frame));
      std::size_t match = next;
      while (match < type.fields.size() && !takes(type.fields[match], found.tag)) ++match;
      if (match == type.fields.size()) {
        POSTERN_CHECK(unknown(type, object, frame, found.tag, next));
        continue;
      }
      POSTERN_CHECK(all_there(type, next, match));
      POSTERN_CHECK(component(type.fields[match], type.fields[match].make(object), frame));
      next = match + 1;
    }
  }
  Status set(const Type& type, void* object, const Frame& frame) {
    std::uint64_t seen = 0;
    for (;;) {
      POSTERN_TRY(const bool ended, at_end(frame));
      if (ended) break;
      POSTERN_TRY(const Header found, header(frame));
      std::size_t match = 0;
      while (match < type.fields.size() && !takes(type.fields[match], found.tag)) ++match;
      if (match == type.fields.size()) {
        POSTERN_CHECK(unknown(type, object, frame, found.tag, match));
        continue;
      }
      if ((seen >> match & 1U) != 0) return wrong("component " + std::string(type.fields[match].name) + " comes twice");
      seen |= std::uint64_t{1} << match;
      POSTERN_CHECK(component(type.fields[match], type.fields[match].make(object), frame));
    }
    for (std::size_t i = 0; i < type.fields.size(); ++i)
      if ((seen >> i & 1U) == 0) POSTERN_CHECK(all_there(type, i, i + 1));
    return {};
  }
  static bool takes(const Field& field, Tag tag) { return !field.is_rest && begins(field.type(), field.tagging, tag); }
  Status all_there(const Type& type, std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i) {
      const Field& each = type.fields[i];
      if (!each.optional && !each.has_default && !each.is_rest) return wrong("component " + std::string(each.name) + " is missing");
    }
    return {};
  }
  Status unknown(const Type& type, void* object, const Frame& frame, Tag tag, std::size_t next) {
    for (const Field& each : type.fields) {
      if (!each.is_rest) continue;
      POSTERN_TRY(const ByteView element, whole_element(frame));
      static_cast<std::vector<Any>*>(each.make(object))->push_back({Bytes(element.begin(), element.end())});
      return {};
    }
    if (!type.ignores_unknown) {
      POSTERN_CHECK(all_there(type, next, type.fields.size()));
      return wrong("unexpected element " + text_of(tag));
    }
    POSTERN_CHECK(whole_element(frame));
    return {};
  }

  ByteView m_input;
  const DecodeOptions& m_options;
  Path m_path;
  std::size_t m_at = 0;
  std::size_t m_depth = 0;
  std::size_t m_elements = 0;
};

}  // namespace

Status decode_value(const Type& type, void* object, ByteView input, std::size_t& used, const DecodeOptions& options) {
  Decoder decoder(input, options, type.name);
  POSTERN_CHECK(decoder.value(type, object, {input.size(), false}, nullptr));
  used = decoder.at();
  return {};
}

}  // namespace postern::asn1
