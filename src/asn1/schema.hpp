// One description of an ASN.1 type gives its BER encoder and decoder, its JSON value notation and its generator for tests.
//
// A type is a plain C++ struct and, beside it, one function that describes it; the module's .cpp holds the description:
//
//   // header
//   struct MTSIdentifier {                                   // X.411 fig. 2, "MTSIdentifier"
//     GlobalDomainIdentifier global_domain_identifier;
//     asn1::Ia5String local_identifier;
//     friend bool operator==(const MTSIdentifier&, const MTSIdentifier&) = default;
//   };
//   const asn1::Type& schema(asn1::Of<MTSIdentifier>);
//
//   // source
//   const Type& schema(Of<MTSIdentifier>) {
//     static const Type type = sequence<MTSIdentifier>("MTSIdentifier", {
//         field<&MTSIdentifier::global_domain_identifier>("global-domain-identifier"),
//         field<&MTSIdentifier::local_identifier>("local-identifier").size(1, ub_local_id_length),
//     }).implicitly(application(4));
//     return type;
//   }
//
// How ASN.1 maps to C++:
//   BOOLEAN bool · INTEGER std::int64_t, or an enum with named numbers · ENUMERATED enum · NULL Null · OBJECT IDENTIFIER Oid · BIT STRING
//   BitString OCTET STRING OctetString · character strings Text<…> · UTCTime, GeneralizedTime · ANY and open types Any · EXTERNAL External
//   (ber.hpp) SEQUENCE, SET a struct · SEQUENCE OF std::vector<T> · SET OF std::vector<T> with .as(set_of<T>()) · CHOICE a struct with one
//   std::variant member OPTIONAL std::optional<T> (or Box<T> where the type is recursive; a list may be std::optional<std::vector<T>>)
//   DEFAULT a plain member with .defaulted(): the default is the member's initialiser
//   A named type that is a string, number, bits or list: a struct derived from the value type (struct ContentIdentifier : PrintableString
//   {…}), described with renamed<T>("ContentIdentifier", …).
//
// Tagging follows X.680 31.2: implicitly(tag) puts the tag in place of the outermost, explicitly(tag) before it. An untagged CHOICE or ANY
// cannot be tagged implicitly; implicitly() on one means explicitly(), as X.680 31.2.7 says. Lifetime: descriptions are immutable, made at
// first use, and live as long as the program; a Type is kept by reference.
#pragma once

#include <functional>
#include <initializer_list>
#include <type_traits>
#include <variant>

#include "asn1/values.hpp"

namespace postern::asn1 {

/// Names a C++ type, so that an overload of schema() describes it and is found in its namespace.
template <class T>
struct Of {};

enum class Kind : std::uint8_t {
  Boolean,
  Integer,
  Enumerated,
  Null,
  ObjectIdentifier,
  BitString,
  OctetString,
  CharacterString,
  UtcTime,
  GeneralizedTime,
  Any,
  Sequence,
  Set,
  SequenceOf,
  SetOf,
  Choice,
};

struct Type;
/// The type of what an open value holds, decided by its siblings (X.681 open types): nullptr where it is not known.
using Resolver = const Type* (*)(const void* parent);

/// A tag a component adds to its type.
struct Tagging {
  Tag tag;
  bool is_explicit = false;
};

/// A component of a SEQUENCE or SET, or an alternative of a CHOICE. Made with field<>, rest<> and alternative<>.
struct Field {
  std::string_view name;
  std::optional<Tagging> tagging;
  bool optional = false;
  bool has_default = false;
  bool is_rest = false;  ///< Takes every element that no other component takes, as std::vector<Any>.
  const Type& (*describe)() = nullptr;
  const Type* other = nullptr;                       ///< From .as(): stands in place of describe().
  const void* (*peek)(const void* owner) = nullptr;  ///< The value, nullptr where it is absent.
  void* (*make)(void* owner) = nullptr;              ///< A new value, in place of what is there (of rest<>: what is there).
  bool (*is_default)(const void* owner) = nullptr;   ///< Equal to the member's initialiser.
  Resolver resolve = nullptr;
  std::optional<std::int64_t> min;  ///< Size of strings and lists, value of numbers.
  std::optional<std::int64_t> max;

  [[nodiscard]] const Type& type() const { return other != nullptr ? *other : describe(); }

  Field& implicitly(Tag tag) { return tagging = {tag, false}, *this; }
  Field& explicitly(Tag tag) { return tagging = {tag, true}, *this; }
  /// DEFAULT: left out when equal to the member's initialiser (X.690 8.9.3 leaves it to the sender; left out is what DER does).
  Field& defaulted() { return has_default = true, *this; }
  /// Another description than that of the C++ type: set_of<T>(), a constrained type.
  Field& as(const Type& type) { return other = &type, *this; }
  /// A size or value constraint. The decoder notes a breach as a quirk (strict: an error), the encoder refuses it.
  Field& size(std::int64_t least, std::int64_t most) { return min = least, max = most, *this; }
  /// What an Any, or the content of an OctetString, holds: for value notation only, the octets stay as they are.
  Field& holds(Resolver resolver) { return resolve = resolver, *this; }
};

struct NamedNumber {
  std::string_view name;
  std::int64_t number;
};

/// A description. Read by the interpreter (ber.hpp, json.hpp, generate.hpp); everyone else only makes and passes it on.
struct Type {
  Kind kind{};
  std::string_view name;
  std::vector<Tag> tags;  ///< Outermost first; the last is the one the content stands under. Empty: untagged CHOICE or ANY.
  std::vector<Field> fields;
  std::vector<NamedNumber> names;  ///< Named numbers, named bits.
  Alphabet alphabet{};
  bool ignores_unknown = false;
  std::optional<std::int64_t> min, max;

  // How the interpreter touches the C++ value; only those of its kind are set.
  std::int64_t (*load)(const void*) = nullptr;
  void (*store)(void*, std::int64_t) = nullptr;
  std::size_t (*count)(const void*) = nullptr;
  const void* (*at)(const void*, std::size_t) = nullptr;
  void* (*append)(void*) = nullptr;
  void (*clear)(void*) = nullptr;
  std::size_t (*index)(const void*) = nullptr;
  void* (*emplace)(void*, std::size_t) = nullptr;
  const void* (*active)(const void*) = nullptr;
  const Type& (*element)() = nullptr;
  /// A default-constructed value that these functions can be used on, for those who have only the description (open types).
  std::shared_ptr<void> (*fresh)() = nullptr;

  Type&& implicitly(Tag tag) &&;
  Type&& explicitly(Tag tag) &&;
  Type&& size(std::int64_t least, std::int64_t most) && { return min = least, max = most, std::move(*this); }
  /// Elements that the description does not know are passed over (an extensible type "..."). Without this, and without a rest<>, they are
  /// an error.
  Type&& extensible() && { return ignores_unknown = true, std::move(*this); }
};

// ---- descriptions of the values of values.hpp
const Type& schema(Of<bool>);
const Type& schema(Of<std::int64_t>);
const Type& schema(Of<Null>);
const Type& schema(Of<Oid>);
const Type& schema(Of<BitString>);
const Type& schema(Of<OctetString>);
const Type& schema(Of<UtcTime>);
const Type& schema(Of<GeneralizedTime>);
const Type& schema(Of<Any>);
const Type& text_schema(Alphabet alphabet);
template <Alphabet A>
const Type& schema(Of<Text<A>>) {
  return text_schema(A);
}

// ---- makers
namespace detail {
template <class T>
std::shared_ptr<void> fresh_of() {
  return std::make_shared<T>();
}
template <class M>
struct MemberOf;
template <class C, class V>
struct MemberOf<V C::*> {
  using Class = C;
  using Value = V;
};
template <class V>
struct Held {
  using Type = V;
  static constexpr bool optional = false;
};
template <class V>
struct Held<std::optional<V>> {
  using Type = V;
  static constexpr bool optional = true;
};
template <class V>
struct Held<Box<V>> {
  using Type = V;
  static constexpr bool optional = true;
};
template <class T>
const Type& describe_of() {
  return schema(Of<T>{});
}
template <auto Member>
const void* peek_at(const void* owner) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  const auto& value = static_cast<const Class*>(owner)->*Member;
  if constexpr (Held<std::remove_cvref_t<decltype(value)>>::optional)
    return value.has_value() ? static_cast<const void*>(&*value) : nullptr;
  return static_cast<const void*>(&value);
}
/// A new value in place of what is there: a DEFAULT must not shine through what was sent.
template <auto Member>
void* make_at(void* owner) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  auto& value = static_cast<Class*>(owner)->*Member;
  if constexpr (Held<std::remove_cvref_t<decltype(value)>>::optional)
    return static_cast<void*>(&value.emplace());
  else
    return static_cast<void*>(&(value = {}));
}
/// What is there, for elements that come one by one.
template <auto Member>
void* keep_at(void* owner) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  return &(static_cast<Class*>(owner)->*Member);
}
template <auto Member>
bool is_default_at(const void* owner) {
  using Class = typename MemberOf<decltype(Member)>::Class;
  static const Class fresh{};
  return static_cast<const Class*>(owner)->*Member == fresh.*Member;
}
Type list_of(Kind kind, std::string_view name);
template <class T>
Type list(Kind kind, std::string_view name, const Type& (*element)()) {
  Type type = list_of(kind, name);
  type.count = [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); };
  type.at = [](const void* list, std::size_t i) -> const void* { return &(*static_cast<const std::vector<T>*>(list))[i]; };
  type.append = [](void* list) -> void* { return &static_cast<std::vector<T>*>(list)->emplace_back(); };
  type.clear = [](void* list) { static_cast<std::vector<T>*>(list)->clear(); };
  type.element = element;
  type.fresh = &fresh_of<std::vector<T>>;
  return type;
}
Type number(Kind kind, std::string_view name, std::initializer_list<NamedNumber> names);
Type structure(Kind kind, std::string_view name, std::initializer_list<Field> fields);
}  // namespace detail

template <auto Member>
[[nodiscard]] Field field(std::string_view name) {
  using Value = typename detail::MemberOf<decltype(Member)>::Value;
  using Inner = typename detail::Held<Value>::Type;
  Field made;
  made.name = name;
  made.optional = detail::Held<Value>::optional;
  made.describe = &detail::describe_of<Inner>;
  made.peek = &detail::peek_at<Member>;
  made.make = &detail::make_at<Member>;
  if constexpr (!detail::Held<Value>::optional && requires(const Value& v) {
                  { v == v } -> std::convertible_to<bool>;
                })
    made.is_default = &detail::is_default_at<Member>;
  return made;
}
/// The elements nobody knows, a std::vector<Any>: kept, and emitted after the known ones.
template <auto Member>
[[nodiscard]] Field rest() {
  Field made = field<Member>("unknown");
  made.is_rest = true;
  made.make = &detail::keep_at<Member>;
  return made;
}
template <class T>
[[nodiscard]] Type sequence(std::string_view name, std::initializer_list<Field> fields) {
  Type type = detail::structure(Kind::Sequence, name, fields);
  type.fresh = &detail::fresh_of<T>;
  return type;
}
template <class T>
[[nodiscard]] Type set(std::string_view name, std::initializer_list<Field> fields) {
  Type type = detail::structure(Kind::Set, name, fields);
  type.fresh = &detail::fresh_of<T>;
  return type;
}
/// SEQUENCE OF T under a name of its own, or with tagged elements.
template <class T>
[[nodiscard]] Type sequence_of_type(std::string_view name, const Type& (*element)() = &detail::describe_of<T>) {
  return detail::list<T>(Kind::SequenceOf, name, element);
}
template <class T>
[[nodiscard]] Type set_of_type(std::string_view name, const Type& (*element)() = &detail::describe_of<T>) {
  return detail::list<T>(Kind::SetOf, name, element);
}
template <class T>
const Type& schema(Of<std::vector<T>>) {
  static const Type type = sequence_of_type<T>("");
  return type;
}
/// SET OF T, for .as().
template <class T>
const Type& set_of() {
  static const Type type = set_of_type<T>("");
  return type;
}
/// INTEGER and ENUMERATED as an enum; numbers without a name are kept (give the enum a fixed underlying type).
template <class E>
[[nodiscard]] Type integer(std::string_view name, std::initializer_list<NamedNumber> names) {
  Type type = detail::number(Kind::Integer, name, names);
  type.load = [](const void* value) { return static_cast<std::int64_t>(*static_cast<const E*>(value)); };
  type.store = [](void* value, std::int64_t n) { *static_cast<E*>(value) = static_cast<E>(n); };
  type.fresh = &detail::fresh_of<E>;
  return type;
}
template <class E>
[[nodiscard]] Type enumerated(std::string_view name, std::initializer_list<NamedNumber> names) {
  Type type = integer<E>(name, names);
  type.kind = Kind::Enumerated;
  type.tags = {universal(10)};
  return type;
}
/// A CHOICE: a struct whose one member is a std::variant. Alternative<I> describes the variant's type number I.
template <auto Member, std::size_t I>
[[nodiscard]] Field alternative(std::string_view name) {
  using Variant = typename detail::MemberOf<decltype(Member)>::Value;
  using Held = detail::Held<std::variant_alternative_t<I, Variant>>;
  static_assert(!Held::optional || std::is_same_v<Box<typename Held::Type>, std::variant_alternative_t<I, Variant>>,
                "an alternative is never optional");
  Field made;
  made.name = name;
  made.describe = &detail::describe_of<typename Held::Type>;
  return made;
}
template <auto Member>
[[nodiscard]] Type choice(std::string_view name, std::initializer_list<Field> alternatives) {
  using Class = typename detail::MemberOf<decltype(Member)>::Class;
  using Variant = typename detail::MemberOf<decltype(Member)>::Value;
  Type type = detail::structure(Kind::Choice, name, alternatives);
  type.fresh = &detail::fresh_of<Class>;
  type.index = [](const void* value) { return (static_cast<const Class*>(value)->*Member).index(); };
  type.active = [](const void* value) -> const void* {
    return std::visit(
        [](const auto& held) -> const void* {
          if constexpr (detail::Held<std::remove_cvref_t<decltype(held)>>::optional)
            return held.has_value() ? static_cast<const void*>(&*held) : nullptr;
          else
            return &held;
        },
        static_cast<const Class*>(value)->*Member);
  };
  type.emplace = [](void* value, std::size_t wanted) -> void* {
    void* made = nullptr;
    Variant& variant = static_cast<Class*>(value)->*Member;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto make = [&]<std::size_t N>() {
        auto& held = variant.template emplace<N>();
        if constexpr (detail::Held<std::remove_cvref_t<decltype(held)>>::optional)
          made = &held.emplace();
        else
          made = &held;
      };
      ((I == wanted ? make.template operator()<I>() : void()), ...);
    }(std::make_index_sequence<std::variant_size_v<Variant>>{});
    return made;
  };
  return type;
}
/// A type of its own that is a known one under another name, tag or constraint: T derives from (or is) what `base` describes.
template <class T>
[[nodiscard]] Type renamed(std::string_view name, const Type& base) {
  Type type = base;
  type.name = name;
  type.fresh = &detail::fresh_of<T>;  // T may be more than what it derives from
  return type;
}
/// BIT STRING with named bits; T is or derives from BitString.
template <class T>
[[nodiscard]] Type named_bits(std::string_view name, std::initializer_list<NamedNumber> bits) {
  Type type = renamed<T>(name, schema(Of<BitString>{}));
  type.names = bits;
  return type;
}

}  // namespace postern::asn1
