#include <algorithm>
#include <boost/json.hpp>

#include "asn1/ber.hpp"
#include "asn1/json.hpp"
#include "asn1/notation.hpp"
#include "asn1/open.hpp"

namespace postern::asn1 {
namespace {

namespace json = boost::json;

json::value number(const Type& type, const void* object) {
  const std::int64_t n = type.load(object);
  const auto named = std::ranges::find(type.names, n, &NamedNumber::number);
  if (named != type.names.end()) return json::string(named->name);
  return n;
}

/// The names of the bits that are set, where each has one.
std::optional<json::array> named_bits(const Type& type, const BitString& bits) {
  if (type.names.empty()) return std::nullopt;
  json::array names;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (!bits.test(i)) continue;
    const auto named = std::ranges::find(type.names, static_cast<std::int64_t>(i), &NamedNumber::number);
    if (named == type.names.end()) return std::nullopt;
    names.emplace_back(named->name);
  }
  return names;
}

json::value bits(const Type& type, const BitString& value) {
  if (auto names = named_bits(type, value)) return *std::move(names);
  return json::string(bits_text(value));
}

/// Characters, where they give the same octets again.
json::value characters(Alphabet alphabet, std::string_view octets) {
  if (auto text = to_utf8(alphabet, octets)) {
    const auto again = from_utf8(alphabet, *text);
    if (again && *again == octets) return json::string(*text);
  }
  return json::object{{"octets", hstring(as_bytes(octets))}};
}

class Writer {
 public:
  json::value value(const Type& type, const void* object, const Opening& opening) {
    switch (type.kind) {
      case Kind::Boolean: return type.load(object) != 0;
      case Kind::Integer:
      case Kind::Enumerated: return number(type, object);
      case Kind::Null: return nullptr;
      case Kind::ObjectIdentifier: return json::string(static_cast<const Oid*>(object)->text());
      case Kind::BitString: return bits(type, *static_cast<const BitString*>(object));
      case Kind::OctetString: return octets(static_cast<const OctetString*>(object)->octets, opening);
      case Kind::CharacterString: return characters(type.alphabet, *static_cast<const std::string*>(object));
      case Kind::UtcTime:
      case Kind::GeneralizedTime: return characters(Alphabet::Visible, *static_cast<const std::string*>(object));
      case Kind::Any: return any(*static_cast<const Any*>(object), opening);
      case Kind::SequenceOf:
      case Kind::SetOf: return list(type, object, opening);
      case Kind::Choice: return alternative(type, object, opening);
      default: return structure(type, object);
    }
  }

 private:
  json::value structure(const Type& type, const void* object) {
    json::object out;
    for (const Field& field : type.fields) {
      const void* present = field.peek(object);
      const bool is_left_out = field.has_default && field.is_default != nullptr && present != nullptr && field.is_default(object);
      if (present == nullptr || is_left_out) continue;
      if (field.is_rest && static_cast<const std::vector<Any>*>(present)->empty()) continue;
      out.emplace(field.name, value(field.type(), present, Opening{}.within(field, object)));
    }
    return out;
  }
  json::value list(const Type& type, const void* object, const Opening& opening) {
    json::array out;
    const std::size_t count = type.count(object);
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) out.push_back(value(type.element(), type.at(object, i), opening));
    return out;
  }
  json::value alternative(const Type& type, const void* object, const Opening& opening) {
    const std::size_t index = type.index(object);
    const void* active = index < type.fields.size() ? type.active(object) : nullptr;
    if (active == nullptr) return json::object();
    const Field& field = type.fields[index];
    return json::object{{field.name, value(field.type(), active, opening.within(field, object))}};
  }

  json::value octets(ByteView content, const Opening& opening) {
    if (auto held = what_it_holds(content, opening)) return *std::move(held);
    return json::string(hstring(content));
  }
  json::value any(const Any& open, const Opening& opening) {
    if (auto held = what_it_holds(open.ber, opening)) return *std::move(held);
    json::object out;
    const auto header = peek_header(open.ber);
    if (header && *header) out.emplace("tag", text_of((*header)->tag));
    out.emplace("octets", hstring(open.ber));
    return out;
  }
  /// The value in these octets, where its type is known and they are one; with the octets, where encoding it gives others.
  std::optional<json::value> what_it_holds(ByteView content, const Opening& opening) {
    const Type* type = m_opened < kMaxOpened ? opening.type() : nullptr;
    if (type == nullptr) return std::nullopt;
    const std::shared_ptr<void> held = type->fresh();
    std::size_t used = 0;
    if (!decode_value(*type, held.get(), content, used, {}) || used != content.size()) return std::nullopt;
    ++m_opened;
    json::object out{{"holds", type->name}, {"value", value(*type, held.get(), {})}};
    --m_opened;
    Bytes again;
    const bool is_same = encode_value(*type, held.get(), again).has_value() && std::ranges::equal(again, content);
    if (!is_same) out.emplace("octets", hstring(content));
    return out;
  }

  std::size_t m_opened = 0;
};

}  // namespace

json::value to_json_value(const Type& type, const void* object) { return Writer().value(type, object, {}); }

}  // namespace postern::asn1
