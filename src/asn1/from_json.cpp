#include <algorithm>
#include <boost/json.hpp>

#include "asn1/ber.hpp"
#include "asn1/json.hpp"
#include "asn1/notation.hpp"
#include "asn1/open.hpp"
#include "asn1/tagging.hpp"
#include "base/text.hpp"

namespace postern::asn1 {
namespace {

namespace json = boost::json;

/// What the decoder's depth of 64 elements cannot exceed, with room.
constexpr std::size_t kMaxDepth = 128;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a truth value";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
    default: return "a number";
  }
}

class Reader {
 public:
  explicit Reader(std::string_view root) : m_path(root) {}

  Status value(const Type& type, void* object, const json::value& from, const Opening& opening) {
    switch (type.kind) {
      case Kind::Boolean: return boolean(type, object, from);
      case Kind::Integer:
      case Kind::Enumerated: return number(type, object, from);
      case Kind::Null: return from.is_null() ? Status{} : unexpected(from, "null");
      case Kind::ObjectIdentifier: return object_identifier(*static_cast<Oid*>(object), from);
      case Kind::BitString: return bits(type, *static_cast<BitString*>(object), from);
      case Kind::OctetString: return octets(static_cast<OctetString*>(object)->octets, from, opening);
      case Kind::CharacterString: return characters(type.alphabet, *static_cast<std::string*>(object), from);
      case Kind::UtcTime:
      case Kind::GeneralizedTime: return characters(Alphabet::Visible, *static_cast<std::string*>(object), from);
      case Kind::Any: return any(*static_cast<Any*>(object), from, opening);
      default: return nested(type, object, from, opening);
    }
  }

 private:
  // ---- errors
  tl::unexpected<Error> wrong(std::string what, ErrorCode code = ErrorCode::BadInput) const {
    return fail(code, std::move(what), m_path.text());
  }
  tl::unexpected<Error> unexpected(const json::value& found, std::string_view expected) const {
    return wrong("expected " + std::string(expected) + ", found " + std::string(kind_of(found)));
  }
  /// Where `name` is none of `names`.
  tl::unexpected<Error> unknown(std::string_view what, std::string_view name, const std::vector<std::string_view>& names) const {
    const auto near = nearest(name, names);
    return wrong("'" + printable(name) + "' is no " + std::string(what) +
                 (near.empty() ? std::string(" here") : "; did you mean '" + std::string(near) + "'?"));
  }
  template <class T>
  Result<T> here(Result<T> result) const {
    if (!result) return wrong(result.error().what, result.error().code);
    return result;
  }
  static std::vector<std::string_view> names_of(const Type& type) {
    std::vector<std::string_view> names;
    for (const NamedNumber& each : type.names) names.push_back(each.name);
    for (const Field& each : type.fields) names.push_back(each.name);
    return names;
  }

  // ---- values without components
  Status boolean(const Type& type, void* object, const json::value& from) {
    if (!from.is_bool()) return unexpected(from, "true or false");
    return type.store(object, from.get_bool() ? 1 : 0), Status{};
  }
  Result<std::int64_t> named(const Type& type, const json::value& from) const {
    const auto found = std::ranges::find(type.names, view(from.get_string()), &NamedNumber::name);
    if (found == type.names.end()) return unknown("name of " + std::string(type.name), view(from.get_string()), names_of(type));
    return found->number;
  }
  Status number(const Type& type, void* object, const json::value& from) {
    std::int64_t n = 0;
    if (from.is_string() && !type.names.empty()) {
      POSTERN_TRY(n, named(type, from));
    } else if (from.is_int64()) {
      n = from.get_int64();
    } else {
      return unexpected(from, type.names.empty() ? "a whole number of at most 64 bits" : "a name or a whole number of at most 64 bits");
    }
    type.store(object, n);
    if (type.load(object) != n) return wrong(std::to_string(n) + " is too large here");  // an enum of fewer bits
    return {};
  }
  Status object_identifier(Oid& oid, const json::value& from) {
    if (!from.is_string()) return unexpected(from, "an object identifier like \"2.6.1.10.1\"");
    POSTERN_TRY(oid, here(Oid::parse(view(from.get_string()))));
    return {};
  }
  Status bits(const Type& type, BitString& out, const json::value& from) {
    if (from.is_array()) return named_bits(type, out, from.get_array());
    if (!from.is_string()) return unexpected(from, "the names of bits, or a string like \"'0101'B\"");
    POSTERN_TRY(out, here(parse_bits(view(from.get_string()))));
    return {};
  }
  Status named_bits(const Type& type, BitString& out, const json::array& names) {
    out = {};
    for (const json::value& each : names) {
      if (!each.is_string()) return unexpected(each, "the name of a bit");
      POSTERN_TRY(const std::int64_t bit, named(type, each));
      out.set(static_cast<std::size_t>(bit));
    }
    return {};
  }
  Status octets(Bytes& out, const json::value& from, const Opening& opening) {
    return from.is_object() ? content(out, from.get_object(), opening) : digits(out, from);
  }
  Status digits(Bytes& out, const json::value& from) {
    if (!from.is_string()) return unexpected(from, "a string like \"'0AFF'H\"");
    POSTERN_TRY(out, here(parse_hstring(view(from.get_string()))));
    return {};
  }
  Status characters(Alphabet alphabet, std::string& out, const json::value& from) {
    if (from.is_string()) {
      POSTERN_TRY(out, here(from_utf8(alphabet, view(from.get_string()))));
      return {};
    }
    const json::value* given = from.is_object() ? from.get_object().if_contains("octets") : nullptr;
    if (given == nullptr) return unexpected(from, "a string, or {\"octets\": \"'0AFF'H\"}");
    Bytes read;
    POSTERN_CHECK(digits(read, *given));
    out = as_text(read);
    return {};
  }

  // ---- open values
  Status any(Any& out, const json::value& from, const Opening& opening) {
    if (!from.is_object()) return unexpected(from, "an object with \"octets\", or with \"holds\" and \"value\"");
    POSTERN_CHECK(content(out.ber, from.get_object(), opening));
    const auto size = element_size(out.ber);
    if (!size || *size != out.ber.size()) return wrong("the octets are not one whole element");
    return {};
  }
  /// Octets win over what they hold, since they are what was on the wire.
  Status content(Bytes& out, const json::object& from, const Opening& opening) {
    if (const json::value* given = from.if_contains("octets")) return digits(out, *given);
    const json::value* held = from.if_contains("value");
    if (held == nullptr) return wrong("expected \"octets\", or \"holds\" and \"value\"");
    const Type* type = opening.type();
    if (type == nullptr) return wrong("what this holds is not known from its neighbours; give its \"octets\"");
    const json::value* name = from.if_contains("holds");
    if (name != nullptr && !(name->is_string() && view(name->get_string()) == type->name))
      return wrong("what this holds is " + std::string(type->name) + " by its neighbours, and \"holds\" says otherwise");
    return encoded(*type, out, *held);
  }
  Status encoded(const Type& type, Bytes& out, const json::value& held) {
    if (++m_depth > kMaxDepth) return wrong("nested deeper than " + std::to_string(kMaxDepth), ErrorCode::TooLarge);
    const std::shared_ptr<void> object = type.fresh();
    m_path.enter("value");
    POSTERN_CHECK(value(type, object.get(), held, {}));
    auto done = encode_value(type, object.get(), out);
    if (!done) return fail(done.error().code, done.error().what, m_path.text() + "/" + done.error().field);
    m_path.leave();
    --m_depth;
    return {};
  }

  // ---- values with components
  Status nested(const Type& type, void* object, const json::value& from, const Opening& opening) {
    if (++m_depth > kMaxDepth) return wrong("nested deeper than " + std::to_string(kMaxDepth), ErrorCode::TooLarge);
    if (is_list(type.kind)) {
      POSTERN_CHECK(list(type, object, from, opening));
    } else if (type.kind == Kind::Choice) {
      POSTERN_CHECK(alternative(type, object, from, opening));
    } else {
      POSTERN_CHECK(structure(type, object, from));
    }
    --m_depth;
    return {};
  }
  Status list(const Type& type, void* object, const json::value& from, const Opening& opening) {
    if (!from.is_array()) return unexpected(from, "an array");
    type.clear(object);
    std::size_t i = 0;
    for (const json::value& each : from.get_array()) {
      m_path.enter(i++);
      POSTERN_CHECK(value(type.element(), type.append(object), each, opening));
      m_path.leave();
    }
    return {};
  }
  Status component(const Field& field, void* object, const json::value& from, const Opening& opening) {
    m_path.enter(field.name);
    POSTERN_CHECK(value(field.type(), object, from, opening));
    m_path.leave();
    return {};
  }
  Status alternative(const Type& type, void* object, const json::value& from, const Opening& opening) {
    if (!from.is_object() || from.get_object().size() != 1)
      return wrong("expected an object with one alternative of " + std::string(type.name));
    const auto& chosen = *from.get_object().begin();
    const std::string_view name(chosen.key().data(), chosen.key().size());
    const auto field = std::ranges::find(type.fields, name, &Field::name);
    if (field == type.fields.end()) return unknown("alternative of " + std::string(type.name), name, names_of(type));
    void* made = type.emplace(object, static_cast<std::size_t>(field - type.fields.begin()));
    return component(*field, made, chosen.value(), opening.within(*field, object));
  }
  Status structure(const Type& type, void* object, const json::value& from) {
    if (!from.is_object()) return unexpected(from, "an object");
    POSTERN_CHECK(all_known(type, from.get_object()));
    // What an open value holds is decided by its siblings, so it comes after them.
    for (const bool resolved : {false, true})
      for (const Field& field : type.fields)
        if ((field.resolve != nullptr) == resolved) POSTERN_CHECK(member(field, object, from.get_object()));
    return {};
  }
  Status all_known(const Type& type, const json::object& from) const {
    for (const auto& each : from) {
      const std::string_view name(each.key().data(), each.key().size());
      if (std::ranges::find(type.fields, name, &Field::name) == type.fields.end())
        return unknown("component of " + std::string(type.name), name, names_of(type));
    }
    return {};
  }
  Status member(const Field& field, void* object, const json::object& from) {
    const json::value* given = from.if_contains(field.name);
    if (given != nullptr) return component(field, field.make(object), *given, Opening{}.within(field, object));
    if (field.optional || field.has_default || field.is_rest) return {};
    m_path.enter(field.name);
    return wrong("is missing");
  }

  Path m_path;
  std::size_t m_depth = 0;
};

}  // namespace

Status from_json_value(const Type& type, void* object, const json::value& json) { return Reader(type.name).value(type, object, json, {}); }

}  // namespace postern::asn1
