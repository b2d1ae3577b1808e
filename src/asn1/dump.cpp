#include "asn1/dump.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>

#include "asn1/ber.hpp"
#include "asn1/notation.hpp"
#include "asn1/unicode.hpp"

namespace postern::asn1 {
namespace {

namespace json = boost::json;

/// What a primitive element holds: for text `is_text`, else a number, a truth value, null, an object identifier or octets.
struct Shown {
  json::value value;
  bool is_text = false;
};

enum class What : std::uint8_t { Primitive, Constructed, EndOfContents, Trouble };

struct Line {
  What what{};
  std::size_t offset = 0, depth = 0;
  Header header;
  Shown shown;  ///< Of a primitive element; of trouble: why.
};

// ---- what a primitive element holds

/// Characters that do nothing to a terminal: no controls (C0, DEL, C1) and no changes of direction.
bool is_harmless(std::string_view utf8) {
  while (!utf8.empty()) {
    const auto c = take_utf8(utf8);
    if (!c || *c < 0x20 || (*c >= 0x7F && *c < 0xA0) || (*c >= 0x202A && *c <= 0x202E) || (*c >= 0x2066 && *c <= 0x2069)) return false;
  }
  return true;
}

std::string cut(ByteView octets, std::size_t limit) {
  return octets.size() <= limit ? hstring(octets) : hstring(octets.first(limit)) + "…";
}

std::optional<Shown> text(Alphabet alphabet, ByteView octets, std::size_t limit) {
  const std::string_view shown = as_text(octets.first(std::min(octets.size(), limit)));
  auto utf8 = to_utf8(alphabet, shown);  // where the cut goes through a character, as octets
  if (!utf8 || !is_harmless(*utf8)) return std::nullopt;
  if (shown.size() < octets.size()) *utf8 += "…";
  return Shown{json::string(*utf8), true};
}

std::optional<Shown> integer(ByteView octets) {
  if (octets.empty() || octets.size() > 8) return std::nullopt;
  std::uint64_t bits = (octets[0] & 0x80U) != 0 ? ~std::uint64_t{0} : 0;
  for (const Byte octet : octets) bits = bits << 8 | octet;
  return Shown{static_cast<std::int64_t>(bits)};
}

std::optional<Shown> bit_string(ByteView octets, std::size_t limit) {
  if (octets.empty() || octets[0] > 7 || (octets.size() == 1 && octets[0] != 0) || octets.size() > limit) return std::nullopt;
  const BitString bits{{octets.begin() + 1, octets.end()}, octets[0]};
  return Shown{json::string(bits_text(bits))};
}

std::optional<Shown> object_identifier(ByteView octets, std::size_t limit) {
  const auto oid = Oid::from_content(octets);
  if (!oid || octets.size() > limit) return std::nullopt;
  return Shown{json::string(oid->text())};
}

std::optional<Alphabet> alphabet_of(Tag tag) {
  for (int a = 0; a <= static_cast<int>(Alphabet::ObjectDescriptor); ++a)
    if (tag_of(static_cast<Alphabet>(a)) == tag) return static_cast<Alphabet>(a);
  if (tag == universal(23) || tag == universal(24)) return Alphabet::Visible;  // times
  return std::nullopt;
}

/// By its universal tag; under another one, text where every octet is a graphic character.
std::optional<Shown> by_tag(Tag tag, ByteView octets, std::size_t limit) {
  if (tag.tag_class != TagClass::Universal) return octets.empty() ? std::nullopt : text(Alphabet::Visible, octets, limit);
  if (const auto alphabet = alphabet_of(tag)) return text(*alphabet, octets, limit);
  switch (tag.number) {
    case 1: return octets.size() == 1 ? std::optional(Shown{octets[0] != 0}) : std::nullopt;
    case 2:
    case 10: return integer(octets);
    case 3: return bit_string(octets, limit);
    case 5: return octets.empty() ? std::optional(Shown{nullptr}) : std::nullopt;
    case 6: return object_identifier(octets, limit);
    default: return std::nullopt;
  }
}

Shown shown(Tag tag, ByteView octets, std::size_t limit) {
  if (auto guessed = by_tag(tag, octets, limit)) return *std::move(guessed);
  return {json::string(cut(octets, limit))};
}

// ---- the way through the input

class Walk {
 public:
  Walk(ByteView input, const DumpOptions& options) : m_input(input), m_options(options) { (void)elements(0, input.size(), 0, false); }
  [[nodiscard]] const std::vector<Line>& lines() const noexcept { return m_lines; }

 private:
  std::nullopt_t trouble(std::size_t at, std::size_t depth, std::string why) {
    m_lines.push_back({What::Trouble, at, depth, {}, {json::string(why)}});
    return std::nullopt;
  }
  /// Elements up to `end`, or to the end-of-contents octets. Where the next thing begins; nullopt: that is not known.
  std::optional<std::size_t> elements(std::size_t at, std::size_t end, std::size_t depth, bool is_indefinite) {
    while (at < end) {
      if (m_lines.size() >= m_options.elements)
        return m_is_full ? std::nullopt
                         : (m_is_full = true, trouble(at, depth, std::to_string(m_input.size() - at) + " octets more are not shown"));
      const auto header = peek_header(m_input.subspan(at, end - at));
      if (!header) return trouble(at, depth, header.error().what);
      if (!*header) return trouble(at, depth, "ends within an identifier or length");
      const bool is_end = (*header)->tag == Tag{} && (*header)->length == 0U && !(*header)->constructed;
      if (is_end && is_indefinite) {
        m_lines.push_back({What::EndOfContents, at, depth, **header, {}});
        return at + 2;
      }
      const auto next = element(at, end, depth, **header);
      if (!next) return std::nullopt;
      at = *next;
    }
    if (is_indefinite) return trouble(at, depth, "ends before the end-of-contents octets");
    return at;
  }
  std::optional<std::size_t> element(std::size_t at, std::size_t end, std::size_t depth, const Header& header) {
    const std::size_t from = at + header.octets;
    if (header.length && *header.length > end - from)
      return trouble(at, depth,
                     text_of(header.tag) + " has a length of " + std::to_string(*header.length) + " where " + std::to_string(end - from) +
                         " octets follow");
    const std::size_t size = header.length ? static_cast<std::size_t>(*header.length) : end - from;
    const bool is_opened = header.constructed && depth + 1 < m_options.depth;
    if (!is_opened) return closed(at, depth, header, m_input.subspan(from, size));
    m_lines.push_back({What::Constructed, at, depth, header, {}});
    const auto inner = elements(from, from + size, depth + 1, !header.length);
    if (!header.length) return inner;
    return m_is_full ? std::nullopt : std::optional(from + size);  // what is wrong in it ends with it
  }
  std::optional<std::size_t> closed(std::size_t at, std::size_t depth, const Header& header, ByteView content) {
    if (!header.length) return trouble(at, depth, "nested deeper than " + std::to_string(m_options.depth));
    const Tag as = header.constructed ? universal(4) : header.tag;
    m_lines.push_back({What::Primitive, at, depth, header, shown(as, content, m_options.octets)});
    return at + header.octets + content.size();
  }

  ByteView m_input;
  const DumpOptions& m_options;
  std::vector<Line> m_lines;
  bool m_is_full = false;
};

// ---- text
std::string length_text(const Header& header) {
  return header.length ? "(" + std::to_string(*header.length) + ")" : std::string("indefinite");
}

std::string value_text(const Shown& shown) {
  if (shown.value.is_string() && !shown.is_text) return std::string(shown.value.get_string());
  return json::serialize(shown.value);
}

std::string line_text(const Line& line) {
  switch (line.what) {
    case What::Trouble: return "! " + value_text(line.shown);
    case What::EndOfContents: return "end of contents";
    case What::Constructed: return text_of(line.header.tag) + " " + length_text(line.header);
    case What::Primitive: break;
  }
  const std::string value = line.shown.value.is_null() ? "" : value_text(line.shown) + " ";
  return text_of(line.header.tag) + " " + value + length_text(line.header);
}

// ---- JSON
json::object node(const Line& line) {
  json::object made{{"offset", line.offset}};
  if (line.what == What::Trouble) {
    made.emplace("error", line.shown.value);
    return made;
  }
  made.emplace("tag", text_of(line.header.tag));
  if (line.header.length) made.emplace("length", *line.header.length);
  if (line.what == What::Primitive) made.emplace("value", line.shown.value);
  return made;
}

/// The lines from `at` on that are at least this deep, as a tree.
json::array nodes(const std::vector<Line>& lines, std::size_t& at, std::size_t depth) {
  json::array made;
  while (at < lines.size() && lines[at].depth >= depth) {
    const Line& line = lines[at++];
    if (line.what == What::EndOfContents) continue;
    json::object each = node(line);
    if (line.what == What::Constructed) each.emplace("content", nodes(lines, at, depth + 1));
    made.push_back(std::move(each));
  }
  return made;
}

}  // namespace

std::string dump(ByteView input, const DumpOptions& options) {
  std::string out;
  const Walk walk(input, options);
  for (const Line& line : walk.lines()) {
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "%8zu  ", line.offset);
    out.append(offset.data()).append(2 * line.depth, ' ').append(line_text(line)).append("\n");
  }
  return out;
}

json::value dump_json(ByteView input, const DumpOptions& options) {
  const Walk walk(input, options);
  std::size_t at = 0;
  return nodes(walk.lines(), at, 0);
}

}  // namespace postern::asn1
