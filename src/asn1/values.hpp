// ASN.1 values that C++ has no type for (X.680, X.208). Plain data: each owns its octets and keeps them as they came, since
// signatures, content return and a gateway's honesty need the very octets. What a value means (characters, time) is asked of it.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace postern::asn1 {

/// X.690 8.1.2: a tag. Universal tags are X.680 table 1.
enum class TagClass : std::uint8_t { Universal = 0, Application = 1, Context = 2, Private = 3 };
struct Tag {
  TagClass tag_class = TagClass::Universal;
  std::uint32_t number = 0;
  friend constexpr auto operator<=>(const Tag&, const Tag&) = default;
};
[[nodiscard]] constexpr Tag universal(std::uint32_t n) { return {TagClass::Universal, n}; }
[[nodiscard]] constexpr Tag application(std::uint32_t n) { return {TagClass::Application, n}; }
[[nodiscard]] constexpr Tag context(std::uint32_t n) { return {TagClass::Context, n}; }
[[nodiscard]] constexpr Tag private_tag(std::uint32_t n) { return {TagClass::Private, n}; }
/// "[APPLICATION 4]", "[3]", "INTEGER".
[[nodiscard]] std::string text_of(Tag tag);

struct Null {
  friend constexpr auto operator<=>(const Null&, const Null&) = default;
};

/// OCTET STRING. The segments of a constructed encoding are joined.
struct OctetString {
  Bytes octets;
  OctetString() = default;
  explicit OctetString(Bytes bytes) : octets(std::move(bytes)) {}
  explicit OctetString(std::string_view text) : octets(to_bytes(text)) {}
  [[nodiscard]] std::string_view text() const noexcept { return as_text(octets); }
  friend auto operator<=>(const OctetString&, const OctetString&) = default;
};

/// BIT STRING: bit 0 is the first (most significant) bit of the first octet (X.680 22.2).
struct BitString {
  Bytes octets;
  std::uint8_t unused = 0;  ///< Bits of the last octet that do not count, 0..7.

  [[nodiscard]] std::size_t size() const noexcept { return octets.size() * 8 - unused; }
  /// A bit past the end is 0, as it is in a list of named bits (X.680 22.7).
  [[nodiscard]] bool test(std::size_t bit) const noexcept;
  /// Grows to hold the bit.
  void set(std::size_t bit, bool value = true);
  static BitString of(std::initializer_list<std::size_t> bits);
  /// Equal as lists of named bits: trailing zeros do not count.
  friend bool operator==(const BitString& a, const BitString& b) noexcept;
};

/// OBJECT IDENTIFIER, kept as its content octets (X.690 8.19), which compare and hash as they are.
class Oid {
 public:
  Oid() = default;
  /// Arcs: at least two, the first 0..2. A wrong list is our own bug and throws std::invalid_argument.
  Oid(std::initializer_list<std::uint32_t> arcs);
  /// "2.6.1.10.1". BadInput with the reason otherwise.
  [[nodiscard]] static Result<Oid> parse(std::string_view dotted);
  /// Content octets: not empty, minimal arcs that fit in 64 bits, none cut off.
  [[nodiscard]] static Result<Oid> from_content(ByteView content);
  [[nodiscard]] ByteView content() const noexcept { return as_bytes(m_content); }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool empty() const noexcept { return m_content.empty(); }
  friend auto operator<=>(const Oid&, const Oid&) = default;

 private:
  std::string m_content;
};

/// The character string types (X.680 41, X.208). Octets are kept; an octet outside the alphabet is a quirk of the peer, not the end of its
/// message.
enum class Alphabet : std::uint8_t {
  Numeric,
  Printable,
  Teletex,
  Videotex,
  Ia5,
  Graphic,
  Visible,
  General,
  Universal,
  Bmp,
  Utf8,
  ObjectDescriptor
};
template <Alphabet A>
struct Text {
  std::string octets;
  Text() = default;
  Text(std::string_view text) : octets(text) {}        // NOLINT(google-explicit-constructor): strings are written as strings
  Text(const char* text) : octets(text) {}             // NOLINT(google-explicit-constructor)
  Text(std::string text) : octets(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  friend auto operator<=>(const Text&, const Text&) = default;
};
using NumericString = Text<Alphabet::Numeric>;
using PrintableString = Text<Alphabet::Printable>;
using TeletexString = Text<Alphabet::Teletex>;  ///< T.61 octets.
using VideotexString = Text<Alphabet::Videotex>;
using Ia5String = Text<Alphabet::Ia5>;
using GraphicString = Text<Alphabet::Graphic>;
using VisibleString = Text<Alphabet::Visible>;
using GeneralString = Text<Alphabet::General>;
using UniversalString = Text<Alphabet::Universal>;  ///< Four octets a character.
using BmpString = Text<Alphabet::Bmp>;              ///< Two octets a character.
using Utf8String = Text<Alphabet::Utf8>;
using ObjectDescriptor = Text<Alphabet::ObjectDescriptor>;

/// The octets as UTF-8 for people and for JSON; what does not convert is BadInput. Source of the T.61 repertoire: T.61 (1988), X.408.
[[nodiscard]] Result<std::string> to_utf8(Alphabet alphabet, std::string_view octets);
/// The inverse; BadInput names the first character that the alphabet does not have.
[[nodiscard]] Result<std::string> from_utf8(Alphabet alphabet, std::string_view utf8);
/// The offset of the first octet outside the alphabet, if any.
[[nodiscard]] std::optional<std::size_t> first_foreign_octet(Alphabet alphabet, std::string_view octets) noexcept;
/// The name of the type ("PrintableString") and its universal tag.
[[nodiscard]] std::string_view name_of(Alphabet alphabet) noexcept;
[[nodiscard]] Tag tag_of(Alphabet alphabet) noexcept;

/// UTCTime (X.680 47) as its characters. Seconds since 1970 are asked for; two-digit years are 1950..2049 (the window of X.509, RFC
/// 5280 4.1.2.5.1). Forms: YYMMDDhhmm[ss](Z|+hhmm|-hhmm). Tolerated, and `is_exact` tells: no zone, which counts as UTC; four digits for
/// the year (with seconds); three, which count from 1900 (PP writes the `tm_year` of C, "1261122002015Z").
struct UtcTime {
  std::string text;
  [[nodiscard]] static UtcTime at(std::int64_t unix_seconds);  ///< YYMMDDhhmmssZ; outside 1950..2049 the century is lost.
  [[nodiscard]] Result<std::int64_t> unix_seconds() const;
  [[nodiscard]] bool is_exact() const noexcept;  ///< One of the forms of the standard.
  friend auto operator<=>(const UtcTime&, const UtcTime&) = default;
};
/// GeneralizedTime (X.680 46): YYYYMMDDhh[mm[ss]][.f](Z|+hh[mm]|-hh[mm]|). A fraction, of the last unit that stands there, is cut to whole
/// seconds; without a zone it counts as UTC.
struct GeneralizedTime {
  std::string text;
  [[nodiscard]] static GeneralizedTime at(std::int64_t unix_seconds);  ///< YYYYMMDDhhmmssZ, years 0..9999.
  [[nodiscard]] Result<std::int64_t> unix_seconds() const;
  friend auto operator<=>(const GeneralizedTime&, const GeneralizedTime&) = default;
};

/// ANY, an open type, or an element that nobody here knows: one whole TLV, kept as it came.
struct Any {
  Bytes ber;
  friend auto operator<=>(const Any&, const Any&) = default;
};

/// A value of a recursive type: copied deeply, empty where an OPTIONAL is absent.
template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : m_value(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor): it stands for the value
  Box(const Box& other) : m_value(other.m_value ? std::make_unique<T>(*other.m_value) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(Box other) noexcept {
    m_value = std::move(other.m_value);
    return *this;
  }
  ~Box() = default;
  [[nodiscard]] explicit operator bool() const noexcept { return m_value != nullptr; }
  [[nodiscard]] bool has_value() const noexcept { return m_value != nullptr; }
  T& operator*() noexcept { return *m_value; }
  const T& operator*() const noexcept { return *m_value; }
  T* operator->() noexcept { return m_value.get(); }
  const T* operator->() const noexcept { return m_value.get(); }
  T& emplace() { return *(m_value = std::make_unique<T>()); }
  void reset() noexcept { m_value.reset(); }
  friend bool operator==(const Box& a, const Box& b) {
    return a.m_value && b.m_value ? *a.m_value == *b.m_value : !a.m_value && !b.m_value;
  }

 private:
  std::unique_ptr<T> m_value;
};

}  // namespace postern::asn1
