#include "asn1/ber.hpp"

#include <gtest/gtest.h>

namespace postern::asn1 {
namespace {

struct Record {
  std::int64_t number = 3;
  std::optional<Ia5String> name;
  std::vector<std::int64_t> numbers;
  std::vector<Any> unknown;
  Box<Record> inner;
  friend bool operator==(const Record&, const Record&) = default;
};
const Type& schema(Of<Record>) {
  static const Type type =
      sequence<Record>("Record", {field<&Record::number>("number").implicitly(context(1)).defaulted(),
                                  field<&Record::name>("name").size(1, 3), field<&Record::numbers>("numbers").as(set_of<std::int64_t>()),
                                  field<&Record::inner>("inner").implicitly(context(4)), rest<&Record::unknown>()})
          .implicitly(application(3));
  return type;
}

struct Chosen {
  std::variant<std::int64_t, Record, Box<Chosen>, Any> value;
  friend bool operator==(const Chosen&, const Chosen&) = default;
};
const Type& schema(Of<Chosen>) {
  static const Type type = choice<&Chosen::value>(
      "Chosen",
      {alternative<&Chosen::value, 0>("number"), alternative<&Chosen::value, 1>("record").implicitly(context(1)),
       alternative<&Chosen::value, 2>("again").implicitly(context(2)), alternative<&Chosen::value, 3>("other").explicitly(context(3))});
  return type;
}

struct Pair {
  std::int64_t first = 0;
  bool second = false;
  std::optional<OctetString> third;
  friend bool operator==(const Pair&, const Pair&) = default;
};
const Type& schema(Of<Pair>) {
  static const Type type = set<Pair>("Pair", {field<&Pair::first>("first"), field<&Pair::second>("second").defaulted(),
                                              field<&Pair::third>("third").explicitly(context(0))});
  return type;
}

Bytes hex(std::string_view text) {
  std::string packed;
  for (const char c : text)
    if (c != ' ') packed += c;
  return hex_decode(packed).value();
}
std::string hex_of(const Result<Bytes>& bytes) { return bytes ? hex_encode(*bytes) : bytes.error().text(); }
template <class T>
std::string refusal(std::string_view octets, DecodeOptions options = {}) {
  const auto read = decode<T>(hex(octets), options);
  return read ? "accepted" : read.error().text();
}

TEST(Ber, SequenceByHand) {
  const Record record{300, "ab", {1, -1}, {}, {}};
  EXPECT_EQ(hex_of(encode(record)),
            "6310"
            "8102012c"
            "16026162"
            "3106020101"
            "0201ff");
  EXPECT_EQ(decode<Record>(hex("6310 8102012c 16026162 3106020101 0201ff")).value(), record);
}

TEST(Ber, DefaultIsLeftOutAndComesBack) {
  EXPECT_EQ(hex_of(encode(Record{})), "63023100");
  EXPECT_EQ(decode<Record>(hex("6302 3100")).value(), Record{});
  EXPECT_EQ(decode<Record>(hex("6305 810103 3100")).value(), Record{});  // X.690 8.9.3: it may be there
}

TEST(Ber, IndefiniteAndConstructedFormsAreAccepted) {
  // X.690 8.1.3.6, 8.21.3: everything indefinite, the string in two segments, one of them constructed again.
  const auto read = decode<Record>(hex("6380 81820002012c 3680 040161 2480 040162 0000 0000 3180 020101 0000 a480 3100 0000 0000"));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->number, 300);
  EXPECT_EQ(read->name->octets, "ab");
  EXPECT_EQ(read->numbers, std::vector<std::int64_t>{1});
  ASSERT_TRUE(read->inner);
  EXPECT_EQ(hex_of(encode(*read)),
            "6311"
            "8102012c"
            "16026162"
            "3103020101"
            "a4023100");
}

TEST(Ber, UnknownElementsAreKeptByRest) {
  const auto read = decode<Record>(hex("630a 3100 87020505 a980 0000"));
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->unknown.size(), 2U);
  EXPECT_EQ(hex_encode(read->unknown[1].ber), "a9800000");
  EXPECT_EQ(hex_of(encode(*read)), "630a310087020505a9800000");
}

TEST(Ber, ChoiceByTag) {
  EXPECT_EQ(std::get<0>(decode<Chosen>(hex("02020080")).value().value), 128);
  EXPECT_EQ(std::get<1>(decode<Chosen>(hex("a1023100")).value().value), Record{});
  const Chosen nested{Box<Chosen>(Chosen{std::int64_t{5}})};
  EXPECT_EQ(hex_of(encode(nested)), "a203020105");  // X.680 31.2.7: a CHOICE is tagged explicitly whatever is said
  EXPECT_EQ(decode<Chosen>(hex("a2 03 020105")).value(), nested);
  EXPECT_EQ(hex_encode(std::get<3>(decode<Chosen>(hex("a3 05 3003 020101")).value().value).ber), "3003020101");
  EXPECT_EQ(refusal<Chosen>("040100"), "Chosen: at octet 0: OCTET STRING is no alternative of Chosen");
}

TEST(Ber, SetInAnyOrder) {
  const Pair pair{.first = 1, .second = true, .third = OctetString("x")};
  for (const auto* octets : {"310b 020101 0101ff a003040178", "310b a003040178 020101 0101ff", "310b 010101 a003040178 020101"})
    EXPECT_EQ(decode<Pair>(hex(octets)).value(), pair) << octets;
  EXPECT_EQ(hex_of(encode(pair)), "310b0201010101ffa003040178");
  EXPECT_EQ(refusal<Pair>("3106 020101 020102"), "Pair: at octet 5: component first comes twice");
  EXPECT_EQ(refusal<Pair>("3103 0101ff"), "Pair: at octet 5: component first is missing");
}

TEST(Ber, RefusalsNameOffsetAndPath) {
  EXPECT_EQ(refusal<Record>(""), "Record: at octet 0: ends where [APPLICATION 3] is expected");
  EXPECT_EQ(refusal<Record>("3000"), "Record: at octet 0: expected [APPLICATION 3], found SEQUENCE");
  EXPECT_EQ(refusal<Record>("6305 3100"), "Record: at octet 0: a length of 5 where 2 octets follow");
  EXPECT_EQ(refusal<Record>("6303 310502"), "Record.numbers: at octet 2: a length of 5 where 1 octets follow");
  EXPECT_EQ(refusal<Record>("6306 3104 0201010c"), "Record.numbers[1]: at octet 7: ends within an identifier or length");
  EXPECT_EQ(refusal<Record>("6300"), "Record: at octet 2: component numbers is missing");
  EXPECT_EQ(refusal<Record>("6302 3100 00"), "Record: at octet 4: more follows after the value");
  EXPECT_EQ(refusal<Record>("6380 3100"), "Record: at octet 4: ends before the end-of-contents octets");
  EXPECT_EQ(refusal<Record>("6307 3105 36030201 05"), "Record.numbers[0]: at octet 4: expected INTEGER, found IA5String");
}

TEST(Ber, NumbersOfEverySize) {
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{127}, std::int64_t{128}, std::int64_t{-128}, std::int64_t{-129},
                               std::int64_t{32768}, INT64_MAX, INT64_MIN}) {
    const Bytes octets = encode(n).value();
    EXPECT_EQ(decode<std::int64_t>(octets).value(), n);
  }
  EXPECT_EQ(hex_of(encode(std::int64_t{-128})), "020180");
  EXPECT_EQ(hex_of(encode(std::int64_t{128})), "02020080");
  EXPECT_EQ(refusal<std::int64_t>("0209 010000000000000000"), "INTEGER: at octet 11: an INTEGER that does not fit in 64 bits");
  EXPECT_EQ(refusal<std::int64_t>("0200"), "INTEGER: at octet 2: INTEGER without content octets");
}

TEST(Ber, QuirksAreNotedOrRefused) {
  std::vector<Quirk> quirks;
  const auto read = decode<Record>(hex("6308 1604 61626364 3100"), {.quirks = &quirks});
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(quirks.size(), 1U);
  EXPECT_EQ(quirks[0].path, "Record.name");
  EXPECT_EQ(quirks[0].what, "the length is 4 where 1..3 is allowed");
  EXPECT_EQ(refusal<Record>("6308 1604 61626364 3100", {.strict = true}), "Record.name: at octet 8: the length is 4 where 1..3 is allowed");
  Record long_name;
  long_name.name = "four";
  EXPECT_EQ(hex_of(encode(long_name)), "Record.name: the length is 4 where 1..3 is allowed");
  EXPECT_EQ(hex_of(encode_as_taken(long_name)), "63081604666f75723100");  // a relay passes it on
  EXPECT_EQ(hex_of(encode(PrintableString("a@b"))), "PrintableString: octet 1 of the string is outside PrintableString");
  EXPECT_EQ(hex_of(encode_as_taken(PrintableString("a@b"))), "1303614062");
}

TEST(Ber, DepthAndElementsAreBounded) {
  Bytes deep;
  for (int i = 0; i < 1000; ++i) append(deep, hex("a280"));
  EXPECT_EQ(decode<Chosen>(deep).error().code, ErrorCode::TooLarge);
  Bytes any = hex("a380");
  for (int i = 0; i < 100'000; ++i) append(any, hex("3080"));
  EXPECT_EQ(decode<Chosen>(any).error().code, ErrorCode::TooLarge);
  Bytes many;
  for (int i = 0; i < 1000; ++i) append(many, hex("020101"));
  Bytes list;
  write_header(list, universal(16), true, many.size());
  append(list, many);
  EXPECT_EQ(decode<std::vector<std::int64_t>>(list, {.elements = 500}).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(decode<std::vector<std::int64_t>>(list)->size(), 1000U);
}

TEST(Ber, ElementSizeFollowsIndefiniteForms) {
  EXPECT_EQ(element_size(hex("3080 3080 0000 040130 0000 ff")).value(), 11U);
  EXPECT_FALSE(element_size(hex("3080 3080 0000")));
  EXPECT_FALSE(element_size(hex("0000")));
  EXPECT_FALSE(element_size(hex("0480 0000")));
  EXPECT_FALSE(element_size(hex("3005")));
}

TEST(Ber, HeadersBothWays) {
  for (const std::uint32_t number : {0U, 30U, 31U, 127U, 128U, 16383U, 16384U, 0xFFFFFFFFU})
    for (const std::uint64_t length : {0ULL, 127ULL, 128ULL, 65535ULL, 1ULL << 32}) {
      Bytes out;
      write_header(out, context(number), true, length);
      const auto back = peek_header(out);
      ASSERT_TRUE(back && *back) << number << " " << length;
      EXPECT_EQ((*back)->tag, context(number));
      EXPECT_EQ((*back)->length, length);
      EXPECT_EQ((*back)->octets, out.size());
      for (std::size_t cut = 0; cut < out.size(); ++cut) EXPECT_FALSE(peek_header(ByteView(out).first(cut)).value());
    }
}

TEST(Ber, AnExplicitTagWhereAnImplicitOneBelongsIsAQuirk) {
  std::vector<Quirk> quirks;
  const auto read = decode<Record>(hex("6307 A103 020107 3100"), {.quirks = &quirks});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->number, 7);
  ASSERT_EQ(quirks.size(), 1u);
  EXPECT_EQ(quirks[0].path, "Record.number");
  EXPECT_NE(refusal<Record>("6307 A103 020107 3100", {.strict = true}), "accepted");
  EXPECT_NE(refusal<Record>("6308 A104 22020107 3100"), "accepted");       // not deeper than once
  EXPECT_NE(refusal<Record>("630A A106 020107 020108 3100"), "accepted");  // nor two of them
}

struct WithDefaults {
  BitString bits{{0xE0}, 5};
  OctetString octets{"default"};
  Ia5String text{"default"};
  std::vector<std::int64_t> numbers{1, 2};
};
const Type& schema(Of<WithDefaults>) {
  using T = WithDefaults;
  static const Type type = sequence<T>(
      "WithDefaults", {field<&T::bits>("bits"), field<&T::octets>("octets"), field<&T::text>("text"), field<&T::numbers>("numbers")});
  return type;
}

TEST(Ber, WhatIsReadTakesThePlaceOfTheDefault) {
  const auto read = decode<WithDefaults>(hex("3012 03020780 040161 160162 3006 020107 020108")).value();
  EXPECT_EQ(read.bits, BitString::of({0}));
  EXPECT_EQ(read.octets.text(), "a");
  EXPECT_EQ(read.text.octets, "b");
  EXPECT_EQ(read.numbers, (std::vector<std::int64_t>{7, 8}));
}

TEST(Ber, ExternalInItsThreeForms) {
  External external;
  external.indirect_reference = 3;
  external.encoding.value = Any{hex("020107")};
  EXPECT_EQ(hex_of(encode(external)), "2808020103a003020107");
  external.encoding.value = OctetString("ab");
  EXPECT_EQ(hex_of(encode(external)), "280702010381026162");
  EXPECT_EQ(decode<External>(hex("2807 020103 8102 6162")).value(), external);
}

}  // namespace
}  // namespace postern::asn1
