#include "asn1/generate.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "asn1/ber.hpp"
#include "asn1/open.hpp"
#include "asn1/tagging.hpp"
#include "asn1/unicode.hpp"

namespace postern::asn1 {
namespace {

/// Deeper values are the smallest of their type, so that what is made keeps within the depth that decoders allow.
constexpr std::size_t kMaxDepth = 12;
/// What a size without an upper bound varies over.
constexpr std::int64_t kUsualList = 3, kUsualString = 40;

bool needs_elements(const Type& type, const Field* field) { return bounds_of(type, field).min.value_or(0) > 0; }

/// Whether the smallest value of this type is no deeper than this.
bool ends_within(const Type& type, const Field* field, std::size_t depth) {
  if (depth == 0) return false;
  const auto ends = [&](const Field& each) { return ends_within(each.type(), &each, depth - 1); };
  const auto may_lack = [](const Field& each) { return each.optional || each.has_default || each.is_rest; };
  if (type.kind == Kind::Choice) return std::ranges::any_of(type.fields, ends);
  if (is_list(type.kind)) return !needs_elements(type, field) || ends_within(type.element(), nullptr, depth - 1);
  return std::ranges::all_of(type.fields, [&](const Field& each) { return may_lack(each) || ends(each); });
}

/// The alternative with the shallowest value: where a CHOICE is recursive, the way out of it.
std::size_t least_alternative(const Type& type) {
  thread_local std::unordered_map<const Type*, std::size_t> known;  // descriptions live as long as the program
  const auto [entry, is_new] = known.try_emplace(&type, 0);
  for (std::size_t depth = 1; is_new && depth <= kMaxDepth; ++depth) {
    const auto found = std::ranges::find_if(type.fields, [&](const Field& each) { return ends_within(each.type(), &each, depth); });
    if (found == type.fields.end()) continue;
    entry->second = static_cast<std::size_t>(found - type.fields.begin());
    break;
  }
  return entry->second;
}

/// Characters of each alphabet, the smallest first: digits and space are in all of them.
std::string_view characters_of(Alphabet alphabet) {
  switch (alphabet) {
    case Alphabet::Numeric: return "0123456789 ";
    case Alphabet::Printable: return "0AZaz9 '()+,-./:=?";
    case Alphabet::Teletex: return "0Az,Üéß½ŁČ_@|\r\n";
    case Alphabet::Ia5: return "0Az@_{}~\\\"\r\n\t";
    case Alphabet::Universal:
    case Alphabet::Utf8: return "0AzäŁ€Ж漢😀";
    case Alphabet::Bmp: return "0AzäŁ€Ж漢";
    default: return "0Az@_{}~\\\"";
  }
}

class Generator {
 public:
  explicit Generator(ByteView& entropy) : m_entropy(entropy) {}

  void value(const Type& type, void* object, const Field* field, const Opening& opening) {
    const Bounds bounds = bounds_of(type, field);
    switch (type.kind) {
      case Kind::Boolean: return type.store(object, static_cast<std::int64_t>(below(2)));
      case Kind::Integer:
      case Kind::Enumerated: return number(type, object, bounds);
      case Kind::Null: return;
      case Kind::ObjectIdentifier: return object_identifier(*static_cast<Oid*>(object));
      case Kind::BitString: return bits(type, *static_cast<BitString*>(object), bounds);
      case Kind::OctetString: return octets(static_cast<OctetString*>(object)->octets, bounds, opening);
      case Kind::CharacterString: return characters(type.alphabet, *static_cast<std::string*>(object), bounds);
      case Kind::UtcTime: return time(static_cast<UtcTime*>(object)->text, &UtcTime::at);
      case Kind::GeneralizedTime: return time(static_cast<GeneralizedTime*>(object)->text, &GeneralizedTime::at);
      case Kind::Any: return any(*static_cast<Any*>(object), opening);
      default: break;
    }
    ++m_depth;
    if (is_structure(type.kind))
      structure(type, object);
    else if (type.kind == Kind::Choice)
      alternative(type, object, opening);
    else
      list(type, object, bounds, opening);
    --m_depth;
  }

 private:
  // ---- choices
  [[nodiscard]] bool is_over() const { return m_entropy.empty() || m_depth > kMaxDepth; }
  std::uint64_t octet() {
    if (is_over()) return 0;
    const Byte taken = m_entropy.front();
    m_entropy = m_entropy.subspan(1);
    return taken;
  }
  /// 0..limit-1, 0 when the entropy is used up.
  std::uint64_t below(std::uint64_t limit) {
    std::uint64_t drawn = octet();
    for (std::uint64_t reach = 0x100; reach < limit && reach < (1ULL << 56); reach <<= 8) drawn = drawn << 8 | octet();
    return drawn % limit;
  }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    const std::uint64_t span = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least);
    const std::uint64_t drawn = span == ~std::uint64_t{0} ? below(span) : below(span + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + drawn);
  }
  std::size_t size(const Bounds& bounds, std::int64_t usual) {
    const std::int64_t least = std::max<std::int64_t>(0, bounds.min.value_or(0));
    return static_cast<std::size_t>(between(least, std::max(least, std::min(bounds.max.value_or(usual), least + usual))));
  }

  // ---- values without components
  void number(const Type& type, void* object, const Bounds& bounds) {
    if (!type.names.empty()) return named_number(type, object, bounds);
    if (bounds.min && bounds.max) return type.store(object, between(*bounds.min, *bounds.max));
    std::int64_t n = 0;  // of any length
    for (auto left = below(9); left > 0; --left) n = static_cast<std::int64_t>(static_cast<std::uint64_t>(n) << 8 | octet());
    if (below(2) == 1) n = ~n;
    if (bounds.min) n = std::max(n, *bounds.min);
    if (bounds.max) n = std::min(n, *bounds.max);
    type.store(object, n);
  }
  void named_number(const Type& type, void* object, const Bounds& bounds) {
    std::vector<std::int64_t> allowed;
    for (const NamedNumber& each : type.names)
      if (bounds.allow(each.number)) allowed.push_back(each.number);
    if (allowed.empty()) allowed.push_back(bounds.min.value_or(bounds.max.value_or(0)));
    type.store(object, allowed[below(allowed.size())]);
  }
  void object_identifier(Oid& oid) {
    std::string text = std::to_string(below(3)) + "." + std::to_string(below(40));
    for (auto more = below(5); more > 0; --more) text += "." + std::to_string(below(1ULL << (8 * (1 + below(4)))));
    oid = Oid::parse(text).value();
  }
  void bits(const Type& type, BitString& out, const Bounds& bounds) {
    out = {};
    const std::size_t wanted = size(bounds, kUsualString);
    if (type.names.empty()) {
      for (std::size_t i = 0; i < wanted; ++i) out.set(i, below(2) == 1);
      return;
    }
    for (const NamedNumber& each : type.names)
      if (!bounds.max || each.number < *bounds.max)
        if (below(2) == 1) out.set(static_cast<std::size_t>(each.number));
    const auto least = static_cast<std::size_t>(bounds.min.value_or(0));
    if (out.size() < least) out.set(least - 1, false);
  }
  void octets(Bytes& out, const Bounds& bounds, const Opening& opening) {
    if (auto content = held(opening); content && bounds.allow(static_cast<std::int64_t>(content->size()))) {
      out = *std::move(content);
      return;
    }
    out.resize(size(bounds, kUsualString));
    for (Byte& each : out) each = static_cast<Byte>(octet());
  }
  void characters(Alphabet alphabet, std::string& out, const Bounds& bounds) {
    out.clear();
    const std::size_t wanted = size(bounds, kUsualString) * octets_per_character(alphabet);
    while (out.size() < wanted) {
      std::string next = character(alphabet);
      // A character of several octets may not fit where octets are counted: then the smallest one, of one unit.
      if (out.size() + next.size() > wanted) next = from_utf8(alphabet, characters_of(alphabet).substr(0, 1)).value();
      out += next;
    }
  }
  std::string character(Alphabet alphabet) {
    std::string_view all = characters_of(alphabet);
    for (auto skipped = below(count_utf8(all)); skipped > 0; --skipped) (void)take_utf8(all);
    std::string one;
    append_utf8(*take_utf8(all), one);
    return from_utf8(alphabet, one).value();
  }
  void time(std::string& out, auto (*at)(std::int64_t)) {
    constexpr std::int64_t year1950 = -631'152'000, year2049 = 2'524'607'999;
    out = at(is_over() ? 0 : between(year1950, year2049)).text;
  }

  // ---- open values
  /// What the siblings say is in an open value, encoded.
  std::optional<Bytes> held(const Opening& opening) {
    const Type* type = m_depth <= kMaxDepth ? opening.type() : nullptr;
    if (type == nullptr) return std::nullopt;
    const std::shared_ptr<void> object = type->fresh();
    ++m_depth;
    value(*type, object.get(), nullptr, {});
    --m_depth;
    Bytes out;
    if (!encode_value(*type, object.get(), out)) return std::nullopt;
    return out;
  }
  void any(Any& out, const Opening& opening) {
    if (auto content = held(opening))
      out.ber = *std::move(content);
    else
      out = element(universal(5 + 19 * static_cast<std::uint32_t>(below(2))));
  }
  /// One element; a NULL when the entropy is used up.
  Any element(Tag tag) {
    const bool is_null = tag == universal(5);
    Bytes content(is_null ? 0 : below(8));
    for (Byte& each : content) each = static_cast<Byte>(octet());
    Any made;
    write_header(made.ber, tag, false, content.size());
    append(made.ber, content);
    return made;
  }

  // ---- values with components
  void list(const Type& type, void* object, const Bounds& bounds, const Opening& opening) {
    type.clear(object);
    const std::size_t wanted = size(bounds, kUsualList);
    for (std::size_t i = 0; i < wanted; ++i) value(type.element(), type.append(object), nullptr, opening);
  }
  void alternative(const Type& type, void* object, const Opening& opening) {
    const std::size_t chosen = is_over() ? least_alternative(type) : below(type.fields.size());
    const Field& field = type.fields[chosen];
    value(field.type(), type.emplace(object, chosen), &field, opening.within(field, object));
  }
  void structure(const Type& type, void* object) {
    for (const bool resolved : {false, true})  // what an open value holds is decided by its siblings
      for (const Field& field : type.fields)
        if ((field.resolve != nullptr) == resolved) component(field, object);
  }
  void component(const Field& field, void* owner) {
    if (field.is_rest) return unknown(*static_cast<std::vector<Any>*>(field.make(owner)));
    if ((field.optional || field.has_default) && below(2) == 0) return;
    value(field.type(), field.make(owner), &field, Opening{}.within(field, owner));
  }
  /// Elements that no component takes: private tags, which no standard has.
  void unknown(std::vector<Any>& out) {
    for (auto more = below(kUsualList); more > 0; --more)
      out.push_back(element(private_tag(static_cast<std::uint32_t>(4096 + below(65'536)))));
  }

  ByteView& m_entropy;
  std::size_t m_depth = 0;
};

}  // namespace

void generate_value(const Type& type, void* object, ByteView& entropy) { Generator(entropy).value(type, object, nullptr, {}); }

}  // namespace postern::asn1
