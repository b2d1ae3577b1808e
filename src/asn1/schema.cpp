#include "asn1/schema.hpp"

#include <stdexcept>

namespace postern::asn1 {

namespace {

Type primitive(Kind kind, std::string_view name, std::uint32_t tag) {
  Type type;
  type.kind = kind;
  type.name = name;
  type.tags = {universal(tag)};
  return type;
}

template <class T>
Type plain(Kind kind, std::string_view name, std::uint32_t tag) {
  Type type = primitive(kind, name, tag);
  type.fresh = &detail::fresh_of<T>;
  return type;
}

Type make_text(Alphabet alphabet) {
  Type type = primitive(Kind::CharacterString, name_of(alphabet), 0);
  type.tags = {tag_of(alphabet)};
  type.alphabet = alphabet;
  type.fresh = &detail::fresh_of<Ia5String>;  // every Text<> is its octets
  return type;
}

template <class T>
Type make_number(Kind kind, std::string_view name, std::uint32_t tag) {
  Type type = plain<T>(kind, name, tag);
  type.load = [](const void* value) { return static_cast<std::int64_t>(*static_cast<const T*>(value)); };
  type.store = [](void* value, std::int64_t n) { *static_cast<T*>(value) = static_cast<T>(n); };
  return type;
}

}  // namespace

// X.680 table 1 for the tags.
const Type& schema(Of<bool>) {
  static const Type type = make_number<bool>(Kind::Boolean, "BOOLEAN", 1);
  return type;
}
const Type& schema(Of<std::int64_t>) {
  static const Type type = make_number<std::int64_t>(Kind::Integer, "INTEGER", 2);
  return type;
}
const Type& schema(Of<BitString>) {
  static const Type type = plain<BitString>(Kind::BitString, "BIT STRING", 3);
  return type;
}
const Type& schema(Of<OctetString>) {
  static const Type type = plain<OctetString>(Kind::OctetString, "OCTET STRING", 4);
  return type;
}
const Type& schema(Of<Null>) {
  static const Type type = plain<Null>(Kind::Null, "NULL", 5);
  return type;
}
const Type& schema(Of<Oid>) {
  static const Type type = plain<Oid>(Kind::ObjectIdentifier, "OBJECT IDENTIFIER", 6);
  return type;
}
const Type& schema(Of<UtcTime>) {
  static const Type type = plain<UtcTime>(Kind::UtcTime, "UTCTime", 23);
  return type;
}
const Type& schema(Of<GeneralizedTime>) {
  static const Type type = plain<GeneralizedTime>(Kind::GeneralizedTime, "GeneralizedTime", 24);
  return type;
}
const Type& schema(Of<Any>) {
  static const Type type = [] {
    Type any = plain<Any>(Kind::Any, "ANY", 0);
    any.tags.clear();
    return any;
  }();
  return type;
}
const Type& text_schema(Alphabet alphabet) {
  static const std::vector<Type> types = [] {
    std::vector<Type> made;
    for (int a = 0; a <= static_cast<int>(Alphabet::ObjectDescriptor); ++a) made.push_back(make_text(static_cast<Alphabet>(a)));
    return made;
  }();
  return types[static_cast<std::size_t>(alphabet)];
}

namespace detail {

Type list_of(Kind kind, std::string_view name) {
  return primitive(kind, name.empty() ? (kind == Kind::SetOf ? "SET OF" : "SEQUENCE OF") : name, kind == Kind::SetOf ? 17 : 16);
}

Type number(Kind kind, std::string_view name, std::initializer_list<NamedNumber> names) {
  Type type = primitive(kind, name, 2);
  type.names = names;
  return type;
}

Type structure(Kind kind, std::string_view name, std::initializer_list<Field> fields) {
  Type type = primitive(kind, name, kind == Kind::Set ? 17 : 16);
  if (kind == Kind::Choice) type.tags.clear();
  // The decoder remembers in one word which components of a SET it has seen.
  if (kind == Kind::Set && fields.size() > 64) throw std::logic_error("a SET of more than 64 components: " + std::string(name));
  type.fields = fields;
  return type;
}

}  // namespace detail

Type&& Type::implicitly(Tag tag) && {
  if (tags.empty()) return std::move(*this).explicitly(tag);  // X.680 31.2.7
  tags.front() = tag;
  return std::move(*this);
}

Type&& Type::explicitly(Tag tag) && {
  tags.insert(tags.begin(), tag);
  return std::move(*this);
}

}  // namespace postern::asn1
