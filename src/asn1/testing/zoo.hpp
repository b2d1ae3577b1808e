// A module of types that uses everything a description can say, for the tests, fuzzers and benchmark of the interpreter.
#pragma once

#include "asn1/testing/reform.hpp"

namespace postern::asn1::zoo {

// ---- derived values
struct Name : PrintableString {  // [APPLICATION 1] IMPLICIT PrintableString (SIZE (1..32))
  using PrintableString::PrintableString;
};
inline const Type& schema(Of<Name>) {
  static const Type type = renamed<Name>("Name", schema(Of<PrintableString>{})).implicitly(application(1)).size(1, 32);
  return type;
}

enum class Diet : std::int64_t { Plants = 0, Meat = 1, Both = 70'000 };
inline const Type& schema(Of<Diet>) {
  static const Type type = integer<Diet>("Diet", {{"plants", 0}, {"meat", 1}, {"both", 70'000}});
  return type;
}

enum class Colour : std::uint8_t { Grey = 0, Pink = 3, Striped = 129 };
inline const Type& schema(Of<Colour>) {
  static const Type type = enumerated<Colour>("Colour", {{"grey", 0}, {"pink", 3}, {"striped", 129}});
  return type;
}

struct Habits : BitString {
  Habits() = default;
  Habits(std::initializer_list<std::size_t> bits) : BitString(BitString::of(bits)) {}
};
inline const Type& schema(Of<Habits>) {
  static const Type type = named_bits<Habits>("Habits", {{"bites", 0}, {"sings", 1}, {"sleeps", 13}});
  return type;
}

// ---- choices: an untagged one in another, a recursive one, a tagged one
struct Coordinates {
  std::variant<NumericString, std::vector<std::int64_t>> value;  ///< parcel, corners
  friend bool operator==(const Coordinates&, const Coordinates&) = default;
};
inline const Type& schema(Of<Coordinates>) {
  static const Type type = choice<&Coordinates::value>("Coordinates", {
                                                                          alternative<&Coordinates::value, 0>("parcel").size(0, 8),
                                                                          alternative<&Coordinates::value, 1>("corners"),
                                                                      });
  return type;
}

struct Place {
  std::variant<Box<Place>, Ia5String, Coordinates, Null> value;
  friend bool operator==(const Place&, const Place&) = default;
};
inline const Type& schema(Of<Place>) {
  static const Type type = choice<&Place::value>("Place", {
                                                              alternative<&Place::value, 0>("beside").explicitly(context(10)),
                                                              alternative<&Place::value, 1>("cage").implicitly(context(11)),
                                                              alternative<&Place::value, 2>("at"),
                                                              alternative<&Place::value, 3>("loose").implicitly(context(12)),
                                                          });
  return type;
}

struct Motto {
  std::variant<TeletexString, Utf8String, BmpString, UniversalString> value;
  friend bool operator==(const Motto&, const Motto&) = default;
};
inline const Type& schema(Of<Motto>) {
  static const Type type = choice<&Motto::value>("Motto",
                                                 {
                                                     alternative<&Motto::value, 0>("teletex").size(0, 20),
                                                     alternative<&Motto::value, 1>("utf8"),
                                                     alternative<&Motto::value, 2>("bmp").size(2, 9),
                                                     alternative<&Motto::value, 3>("universal").implicitly(private_tag(300)),
                                                 })
                               .explicitly(application(2));
  return type;
}

// ---- open values
enum class Topic : std::uint8_t { Label = 0, Where = 1, More = 2, Count = 3, Secret = 4 };
inline const Type& schema(Of<Topic>) {
  static const Type type = enumerated<Topic>("Topic", {{"label", 0}, {"where", 1}, {"more", 2}, {"count", 3}, {"secret", 4}});
  return type;
}

struct Remark {
  Topic topic{};
  bool important = false;
  Any content;                        ///< What it holds is said by `topic`; of Secret nobody knows.
  std::optional<OctetString> packed;  ///< The same in an OCTET STRING.
  friend bool operator==(const Remark&, const Remark&) = default;
};
inline const Type& schema(Of<Remark>);
inline const Type* content_of_remark(const void* remark) {
  switch (static_cast<const Remark*>(remark)->topic) {
    case Topic::Label: return &schema(Of<Name>{});
    case Topic::Where: return &schema(Of<Place>{});
    case Topic::More: return &schema(Of<Remark>{});
    case Topic::Count: return &schema(Of<std::int64_t>{});
    default: return nullptr;
  }
}
inline const Type& schema(Of<Remark>) {
  static const Type type =
      sequence<Remark>("Remark", {
                                     field<&Remark::topic>("topic"),
                                     field<&Remark::important>("important").defaulted(),
                                     field<&Remark::content>("content").explicitly(context(20)).holds(&content_of_remark),
                                     field<&Remark::packed>("packed").implicitly(context(1)).holds(&content_of_remark),
                                 });
  return type;
}

// ---- a recursive SET that keeps what it does not know
struct Animal {
  Name name;
  Diet diet = Diet::Both;
  std::optional<Colour> colour;
  Habits habits{13};
  std::optional<std::int64_t> weight;
  Place home;
  std::vector<Animal> young;
  Box<Animal> mother;
  std::vector<Any> unknown;
  friend bool operator==(const Animal&, const Animal&) = default;
};
inline const Type& schema(Of<Animal>) {
  static const Type type = set<Animal>("Animal", {
                                                     field<&Animal::name>("name"),
                                                     field<&Animal::diet>("diet").implicitly(context(0)).defaulted(),
                                                     field<&Animal::colour>("colour"),
                                                     field<&Animal::habits>("habits").explicitly(context(1)).defaulted(),
                                                     field<&Animal::weight>("weight").implicitly(context(2)).size(0, 100'000),
                                                     field<&Animal::home>("home"),
                                                     field<&Animal::young>("young").implicitly(context(3)).as(set_of<Animal>()).defaulted(),
                                                     field<&Animal::mother>("mother").explicitly(context(4)),
                                                     rest<&Animal::unknown>(),
                                                 });
  return type;
}

// ---- an extensible SEQUENCE, and one with everything
struct Ticket {
  std::int64_t number = 0;
  std::optional<VisibleString> holder;
  friend bool operator==(const Ticket&, const Ticket&) = default;
};
inline const Type& schema(Of<Ticket>) {
  static const Type type = sequence<Ticket>("Ticket",
                                            {
                                                field<&Ticket::number>("number").size(-129, 0x7FFF'FFFF'FFFF),
                                                field<&Ticket::holder>("holder"),
                                            })
                               .explicitly(application(40))
                               .extensible();
  return type;
}

struct Zoo {
  UtcTime opened;
  std::optional<GeneralizedTime> closes;
  bool has_keeper = false;
  Oid registry;
  BitString seal;
  OctetString key;
  std::optional<Null> is_public;
  Motto motto;
  std::vector<Animal> animals;
  std::vector<std::int64_t> prices;
  std::optional<std::vector<Remark>> remarks;
  std::vector<Ticket> tickets;
  std::optional<External> charter;
  std::optional<VideotexString> videotex;
  std::optional<GraphicString> graphic;
  std::optional<GeneralString> general;
  std::optional<Any> anything;
  std::optional<Motto> motto_again;
  friend bool operator==(const Zoo&, const Zoo&) = default;
};
inline const Type& schema(Of<Zoo>) {
  static const Type type =
      sequence<Zoo>("Zoo", {
                               field<&Zoo::opened>("opened"),
                               field<&Zoo::closes>("closes").implicitly(context(0)),
                               field<&Zoo::has_keeper>("has-keeper"),
                               field<&Zoo::registry>("registry"),
                               field<&Zoo::seal>("seal"),
                               field<&Zoo::key>("key").size(0, 16),
                               field<&Zoo::is_public>("is-public"),
                               field<&Zoo::motto>("motto"),
                               field<&Zoo::animals>("animals").size(1, 3),
                               field<&Zoo::prices>("prices").as(set_of<std::int64_t>()),
                               field<&Zoo::remarks>("remarks").implicitly(context(1)),
                               field<&Zoo::tickets>("tickets").explicitly(context(2)).size(0, 2),
                               field<&Zoo::charter>("charter"),
                               field<&Zoo::videotex>("videotex"),
                               field<&Zoo::graphic>("graphic"),
                               field<&Zoo::general>("general"),
                               field<&Zoo::anything>("anything").implicitly(context(30)),  // of an open type: explicit after all
                               field<&Zoo::motto_again>("motto-again").explicitly(context(31)),
                           });
  return type;
}

/// What a re-former is to know of this module.
inline Reform reforming() {
  return {
      .is_string = [](Tag tag) { return tag == application(1) || tag == context(11) || tag == private_tag(300); },
      // single-ASN1-type of an EXTERNAL, content, anything, and what is unknown
      .is_kept =
          [](Tag tag) {
            return tag == context(0) || tag == context(20) || tag == context(30) ||
                   (tag.tag_class == TagClass::Private && tag.number >= 4096);
          },
  };
}

}  // namespace postern::asn1::zoo
