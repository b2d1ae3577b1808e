#include "asn1/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "base/text.hpp"

namespace postern::asn1 {
namespace {

// X.680 table 1, by universal tag number; empty where the number is reserved.
constexpr std::array<std::string_view, 31> kUniversalNames{
    "",
    "BOOLEAN",
    "INTEGER",
    "BIT STRING",
    "OCTET STRING",
    "NULL",
    "OBJECT IDENTIFIER",
    "ObjectDescriptor",
    "EXTERNAL",
    "REAL",
    "ENUMERATED",
    "EMBEDDED PDV",
    "UTF8String",
    "RELATIVE-OID",
    "",
    "",
    "SEQUENCE",
    "SET",
    "NumericString",
    "PrintableString",
    "TeletexString",
    "VideotexString",
    "IA5String",
    "UTCTime",
    "GeneralizedTime",
    "GraphicString",
    "VisibleString",
    "GeneralString",
    "UniversalString",
    "CHARACTER STRING",
    "BMPString",
};

constexpr Byte mask_of(std::size_t bit) { return static_cast<Byte>(0x80U >> (bit % 8)); }

/// The content of a list of named bits: without the zeros at its end and the bits that do not count.
struct Significant {
  ByteView whole;
  Byte last = 0;
  friend bool operator==(const Significant& a, const Significant& b) noexcept {
    return a.last == b.last && std::ranges::equal(a.whole, b.whole);
  }
};

Significant significant(const BitString& bits) noexcept {
  ByteView octets = bits.octets;
  unsigned unused = bits.unused;
  while (!octets.empty()) {
    const Byte last = static_cast<Byte>(octets.back() & (0xFFU << unused));
    octets = octets.first(octets.size() - 1);
    if (last != 0) return {octets, last};
    unused = 0;
  }
  return {};
}

/// X.690 8.19.2: seven bits an octet, the most significant first.
void append_arc(std::string& out, std::uint64_t arc) {
  int shift = 63;
  while (shift > 0 && (arc >> shift) == 0) shift -= 7;
  for (; shift > 0; shift -= 7) out.push_back(static_cast<char>(0x80U | ((arc >> shift) & 0x7FU)));
  out.push_back(static_cast<char>(arc & 0x7FU));
}

/// X.690 8.19.4: the first two arcs are one subidentifier.
Status append_first_arcs(std::string& out, std::uint64_t first, std::uint64_t second) {
  if (first > 2) return fail(ErrorCode::BadInput, "the first arc of an object identifier is 0, 1 or 2");
  if (first < 2 && second > 39) return fail(ErrorCode::BadInput, "under arcs 0 and 1 the second arc is 0 to 39");
  if (second > std::numeric_limits<std::uint64_t>::max() - 80)
    return fail(ErrorCode::BadInput, "an arc of an object identifier fits in 64 bits");
  append_arc(out, first * 40 + second);
  return {};
}

Result<std::string> content_of(const std::vector<std::uint64_t>& arcs) {
  if (arcs.size() < 2) return fail(ErrorCode::BadInput, "an object identifier has at least two arcs");
  std::string out;
  POSTERN_CHECK(append_first_arcs(out, arcs[0], arcs[1]));
  for (std::size_t i = 2; i < arcs.size(); ++i) append_arc(out, arcs[i]);
  return out;
}

Result<std::uint64_t> parse_arc(std::string_view text) {
  std::uint64_t arc = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), arc);
  if (error == std::errc::result_out_of_range) return fail(ErrorCode::BadInput, "an arc of an object identifier fits in 64 bits");
  const bool is_number = error == std::errc{} && end == text.data() + text.size();
  if (!is_number || (text.size() > 1 && text.front() == '0'))
    return fail(ErrorCode::BadInput, "an object identifier is numbers with dots between them, like 2.6.1.10.1");
  return arc;
}

}  // namespace

std::string text_of(Tag tag) {
  const bool is_named = tag.tag_class == TagClass::Universal && tag.number < kUniversalNames.size() && !kUniversalNames[tag.number].empty();
  if (is_named) return std::string(kUniversalNames[tag.number]);
  static constexpr std::array<std::string_view, 4> kClasses{"UNIVERSAL ", "APPLICATION ", "", "PRIVATE "};  // X.680 31.1
  return "[" + std::string(kClasses[static_cast<std::size_t>(tag.tag_class)]) + std::to_string(tag.number) + "]";
}

bool BitString::test(std::size_t bit) const noexcept { return bit < size() && (octets[bit / 8] & mask_of(bit)) != 0; }

void BitString::set(std::size_t bit, bool value) {
  if (bit >= size()) {
    if (!octets.empty()) octets.back() &= static_cast<Byte>(0xFFU << unused);  // what did not count does not count now
    octets.resize(bit / 8 + 1);
    unused = static_cast<std::uint8_t>(7 - bit % 8);
  }
  if (value)
    octets[bit / 8] |= mask_of(bit);
  else
    octets[bit / 8] &= static_cast<Byte>(~mask_of(bit));
}

BitString BitString::of(std::initializer_list<std::size_t> bits) {
  BitString made;
  for (const std::size_t bit : bits) made.set(bit);
  return made;
}

bool operator==(const BitString& a, const BitString& b) noexcept { return significant(a) == significant(b); }

Oid::Oid(std::initializer_list<std::uint32_t> arcs) {
  auto content = content_of({arcs.begin(), arcs.end()});
  if (!content) throw std::invalid_argument(content.error().text());
  m_content = *std::move(content);
}

Result<Oid> Oid::parse(std::string_view dotted) {
  if (dotted.size() > 1024) return fail(ErrorCode::BadInput, "an object identifier is at most 1024 characters here");
  std::vector<std::uint64_t> arcs;
  for (const auto piece : split(dotted, '.')) {
    POSTERN_TRY(arcs.emplace_back(), parse_arc(piece));
  }
  Oid made;
  POSTERN_TRY(made.m_content, content_of(arcs));
  return made;
}

Result<Oid> Oid::from_content(ByteView content) {
  if (content.empty()) return fail(ErrorCode::BadInput, "an object identifier has at least one octet");
  if ((content.back() & 0x80U) != 0) return fail(ErrorCode::BadInput, "the last arc of the object identifier is cut off");
  std::uint64_t arc = 0;
  bool at_start = true;
  for (const Byte octet : content) {
    if (at_start && octet == 0x80) return fail(ErrorCode::BadInput, "an arc of the object identifier has leading zeros");  // 8.19.2
    if (arc >> 57 != 0) return fail(ErrorCode::BadInput, "an arc of the object identifier does not fit in 64 bits");
    arc = arc << 7 | (octet & 0x7FU);
    at_start = (octet & 0x80U) == 0;
    if (at_start) arc = 0;
  }
  Oid made;
  made.m_content = as_text(content);
  return made;
}

std::string Oid::text() const {
  std::string out;
  std::uint64_t arc = 0;
  for (const char c : m_content) {
    const auto octet = static_cast<Byte>(c);
    arc = arc << 7 | (octet & 0x7FU);
    if ((octet & 0x80U) != 0) continue;
    if (out.empty()) {
      const std::uint64_t first = std::min<std::uint64_t>(arc / 40, 2);
      out = std::to_string(first);
      arc -= first * 40;
    }
    out.append(".").append(std::to_string(arc));
    arc = 0;
  }
  return out;
}

}  // namespace postern::asn1
