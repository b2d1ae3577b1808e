#include "asn1/json.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "asn1/testing/entropy.hpp"
#include "asn1/testing/zoo.hpp"

namespace postern::asn1 {
namespace {

using zoo::Animal;
using zoo::Remark;
using zoo::Zoo;

boost::json::value parsed(std::string_view text) { return boost::json::parse(text, {}, {.max_depth = 256}); }
template <class T>
std::string text(const T& value) {
  return boost::json::serialize(to_json(value));
}
Animal animal_of(const char* name) {
  Animal made;
  made.name = name;
  made.home.value = Null{};
  return made;
}
Remark remark_of(zoo::Topic topic, Any content) {
  Remark made;
  made.topic = topic;
  made.content = std::move(content);
  return made;
}
template <class T>
Error error_of(std::string_view json) {
  auto read = from_json<T>(parsed(json));
  EXPECT_FALSE(read) << json;
  return read ? Error{} : read.error();
}

// ---- what each kind looks like
TEST(ValueNotation, ValuesWithoutComponents) {
  EXPECT_EQ(text(true), "true");
  EXPECT_EQ(text(std::int64_t{-9'223'372'036'854'775'807 - 1}), "-9223372036854775808");
  EXPECT_EQ(text(Null{}), "null");
  EXPECT_EQ(text(Oid{2, 6, 1, 10, 1}), "\"2.6.1.10.1\"");
  EXPECT_EQ(text(BitString{{0x58}, 2}), "\"'010110'B\"");
  EXPECT_EQ(text(BitString{}), "\"''B\"");
  EXPECT_EQ(text(OctetString(Bytes{0x0A, 0xFF})), "\"'0AFF'H\"");
  EXPECT_EQ(text(PrintableString("Meier")), "\"Meier\"");
  EXPECT_EQ(text(UtcTime{"261122002015Z"}), "\"261122002015Z\"");
}

TEST(ValueNotation, NamesWhereThereAreSome) {
  EXPECT_EQ(text(zoo::Diet::Meat), "\"meat\"");
  EXPECT_EQ(text(static_cast<zoo::Diet>(5)), "5");
  EXPECT_EQ(text(zoo::Colour::Striped), "\"striped\"");
  EXPECT_EQ(text(zoo::Habits{0, 13}), "[\"bites\",\"sleeps\"]");
  EXPECT_EQ(text(zoo::Habits{0, 2}), "\"'101'B\"");
  EXPECT_EQ(text(zoo::Habits{}), "[]");
}

TEST(ValueNotation, LongBitStringsAreHexadecimal) {
  const BitString key{Bytes(9, 0xAB), 0};
  EXPECT_EQ(text(key), "\"'ABABABABABABABABAB'H\"");
  EXPECT_EQ(from_json<BitString>(to_json(key)).value(), key);
}

TEST(ValueNotation, StringsThatDoNotConvertAreOctets) {
  EXPECT_EQ(text(TeletexString("M\xC8uller")), "\"Müller\"");
  EXPECT_EQ(text(TeletexString("\xC9u")), "{\"octets\":\"'C975'H\"}");  // "ü" would come back as other octets
  EXPECT_EQ(text(PrintableString("a@b")), "{\"octets\":\"'614062'H\"}");
  EXPECT_EQ(text(UtcTime{"26\xFF"}), "{\"octets\":\"'3236FF'H\"}");
  for (const char* octets : {"\xC9u", "M\xC8uller", "\x1B(B"}) {
    const TeletexString before(octets);
    EXPECT_EQ(from_json<TeletexString>(to_json(before)).value(), before);
  }
}

TEST(ValueNotation, ChoicesAndStructures) {
  EXPECT_EQ(text(zoo::Place{zoo::Coordinates{NumericString("1 2")}}), "{\"at\":{\"parcel\":\"1 2\"}}");
  Animal animal = animal_of("Ida");
  EXPECT_EQ(text(animal), "{\"name\":\"Ida\",\"home\":{\"loose\":null}}");
  animal.colour = zoo::Colour::Pink;
  animal.young.push_back(animal);
  EXPECT_EQ(text(animal),
            "{\"name\":\"Ida\",\"colour\":\"pink\",\"home\":{\"loose\":null},"
            "\"young\":[{\"name\":\"Ida\",\"colour\":\"pink\",\"home\":{\"loose\":null}}]}");
}

TEST(ValueNotation, OpenValuesShowWhatTheyHold) {
  const Remark where = remark_of(zoo::Topic::Where, to_any(zoo::Place{Ia5String("7")}).value());
  EXPECT_EQ(text(where), R"({"topic":"where","content":{"holds":"Place","value":{"cage":"7"}}})");
  const Remark secret = remark_of(zoo::Topic::Secret, {Bytes{0x85, 0x01, 0x07}});
  EXPECT_EQ(text(secret), R"({"topic":"secret","content":{"tag":"[5]","octets":"'850107'H"}})");
  const Remark broken = remark_of(zoo::Topic::Count, {Bytes{0x85, 0x01, 0x07}});
  EXPECT_EQ(text(broken), R"({"topic":"count","content":{"tag":"[5]","octets":"'850107'H"}})");
  for (const Remark& each : {where, secret, broken}) EXPECT_EQ(from_json<Remark>(to_json(each)).value(), each);
}

TEST(ValueNotation, OpenValuesInAnotherEncodingKeepTheirOctets) {
  const Remark remark = remark_of(zoo::Topic::Count, {Bytes{0x02, 0x02, 0x00, 0x07}});  // not the shortest INTEGER
  EXPECT_EQ(text(remark), R"({"topic":"count","content":{"holds":"INTEGER","value":7,"octets":"'02020007'H"}})");
  EXPECT_EQ(from_json<Remark>(to_json(remark)).value(), remark);
}

TEST(ValueNotation, OpenValuesAreOpenedToALimitedDepthAndComeBack) {
  Remark remark = remark_of(zoo::Topic::Count, to_any(std::int64_t{1}).value());
  for (int i = 0; i < 40; ++i) remark = remark_of(zoo::Topic::More, to_any(remark).value());
  const auto json = to_json(remark);
  std::size_t opened = 0;
  const std::string shown = boost::json::serialize(json);
  for (auto at = shown.find("holds"); at != std::string::npos; at = shown.find("holds", at + 1)) ++opened;
  EXPECT_EQ(opened, 16U);
  EXPECT_EQ(from_json<Remark>(json).value(), remark);
}

// ---- reading
TEST(ValueNotation, ReadsWhatPeopleWrite) {
  const auto animal = from_json<Animal>(parsed(R"({"home": {"at": {"corners": [1, -2]}}, "name": "Bo", "diet": 0, "habits": "'1'B"})"));
  ASSERT_TRUE(animal) << animal.error().text();
  EXPECT_EQ(animal->name.octets, "Bo");
  EXPECT_EQ(animal->diet, zoo::Diet::Plants);
  EXPECT_TRUE(animal->habits.test(0));
  EXPECT_EQ(from_json<OctetString>(parsed(R"("'0a fF'H")"))->octets, (Bytes{0x0A, 0xFF}));
  EXPECT_EQ(from_json<BitString>(parsed(R"("'F0'H")")).value(), (BitString{{0xF0}, 0}));
  const auto remark = from_json<Remark>(parsed(R"({"content": {"value": 5}, "topic": "count"})"));  // the order is no matter
  ASSERT_TRUE(remark) << remark.error().text();
  EXPECT_EQ(remark->content.ber, (Bytes{2, 1, 5}));
}

TEST(ValueNotation, RefusesNamingThePathAndWhatIsExpected) {
  EXPECT_EQ(error_of<Animal>(R"({"name": "Bo"})").text(), "Animal.home: is missing");
  EXPECT_EQ(error_of<Animal>(R"({"nam": "Bo", "home": {"loose": null}})").text(),
            "Animal: 'nam' is no component of Animal; did you mean 'name'?");
  EXPECT_EQ(error_of<Animal>(R"({"name": "Bo", "home": {"at": {"corners": [1, "x"]}}})").text(),
            "Animal.home.at.corners[1]: expected a whole number of at most 64 bits, found a string");
  EXPECT_EQ(error_of<Animal>(R"({"name": "Bo", "colour": "pnik", "home": {"loose": null}})").text(),
            "Animal.colour: 'pnik' is no name of Colour; did you mean 'pink'?");
  EXPECT_EQ(error_of<Animal>(R"({"name": "zwölf", "home": {"loose": null}})").text(),
            "Animal.name: the character U+00F6 is not one of PrintableString");
  EXPECT_EQ(error_of<zoo::Place>(R"({"cage": "1", "loose": null})").text(), "Place: expected an object with one alternative of Place");
  EXPECT_EQ(error_of<zoo::Place>(R"({"roof": "1"})").what, "'roof' is no alternative of Place here");
  EXPECT_EQ(error_of<zoo::Colour>("300").text(), "Colour: 300 is too large here");
}

TEST(ValueNotation, RefusesTheWrongKindEverywhere) {
  for (const char* json : {"null", "1", "\"true\"", "[]", "{}"}) (void)error_of<bool>(json);
  for (const char* json : {"null", "1.5", "18446744073709551615", "\"1\"", "1e3", "true"}) (void)error_of<std::int64_t>(json);
  for (const char* json : {"0", "\"\"", "{}", "false"}) (void)error_of<Null>(json);
  for (const char* json : {"1", "\"1\"", "\"2.6.x\"", "null"}) (void)error_of<Oid>(json);
  for (const char* json : {"1", "\"01\"", "\"'012'B\"", "\"'0'H\"", "\"'\"", "\"'B\"", "[\"bites\"]", "[1]"})
    (void)error_of<BitString>(json);
  for (const char* json : {"[\"bite\"]", "[null]", "{}"}) (void)error_of<zoo::Habits>(json);
  for (const char* json : {"1", "\"0AFF\"", "\"'0AF'H\"", "\"'0G'H\"", "{}", "{\"value\": 1}", "[]"}) (void)error_of<OctetString>(json);
  for (const char* json : {"1", "{}", "{\"octets\": 5}", "{\"octets\": {\"octets\": \"''H\"}}", "[]"}) (void)error_of<Ia5String>(json);
  for (const char* json : {"1", "\"'0500'H\"", "{}", "{\"octets\": \"''H\"}", "{\"octets\": \"'05'H\"}", "{\"octets\": \"'050000'H\"}"})
    (void)error_of<Any>(json);
  for (const char* json : {"{}", "1", "[1.5]"}) (void)error_of<std::vector<std::int64_t>>(json);
}

TEST(ValueNotation, RefusesOpenValuesThatDoNotFit) {
  EXPECT_EQ(error_of<Remark>(R"({"topic": "secret", "content": {"holds": "Name", "value": "x"}})").text(),
            "Remark.content: what this holds is not known from its neighbours; give its \"octets\"");
  EXPECT_EQ(error_of<Remark>(R"({"topic": "count", "content": {"holds": "Name", "value": "x"}})").text(),
            "Remark.content: what this holds is INTEGER by its neighbours, and \"holds\" says otherwise");
  EXPECT_EQ(error_of<Remark>(R"({"topic": "label", "content": {"holds": "Name", "value": ""}})").text(),
            "Remark.content.value/Name: the length is 0 where 1..32 is allowed");
}

TEST(ValueNotation, DeepNotationIsRefusedAndNotFollowed) {
  std::string json;
  for (int i = 0; i < 200; ++i) json += "{\"beside\":";
  json += "{\"loose\":null}" + std::string(200, '}');
  EXPECT_EQ(error_of<zoo::Place>(json).code, ErrorCode::TooLarge);
}

// ---- properties
TEST(ValueNotation, GeneratedValuesComeBack) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    const Zoo before = generated<Zoo>(seed, seed % 700);
    const std::string shown = text(before);
    const auto after = from_json<Zoo>(parsed(shown));
    ASSERT_TRUE(after) << seed << ": " << after.error().text() << '\n' << shown;
    ASSERT_EQ(*after, before) << seed << ": " << shown;
  }
}

TEST(Generator, TheSameOctetsGiveTheSameValue) {
  EXPECT_EQ(generated<Zoo>(7), generated<Zoo>(7));
  EXPECT_NE(generated<Zoo>(7), generated<Zoo>(8));
}

TEST(Generator, WithoutOctetsItIsTheSmallestValue) {
  ByteView nothing;
  const auto smallest = generate<Zoo>(nothing);
  EXPECT_EQ(smallest.animals.size(), 1U);
  EXPECT_EQ(smallest.animals[0].name.octets, "0");
  EXPECT_EQ(smallest.animals[0].home.value.index(), 1U);  // "beside", the first alternative, would have no end
  EXPECT_FALSE(smallest.remarks);
  EXPECT_TRUE(encode(smallest)) << encode(smallest).error().text();
}

TEST(Generator, ReachesEveryAlternativeAndOptionalComponent) {
  std::set<std::size_t> homes, mottos;
  std::size_t remarks = 0, mothers = 0, unknown = 0, charters = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const Zoo value = generated<Zoo>(seed, 600);
    mottos.insert(value.motto.value.index());
    for (const Animal& each : value.animals) {
      homes.insert(each.home.value.index());
      mothers += each.mother ? 1 : 0;
      unknown += each.unknown.size();
    }
    remarks += value.remarks ? value.remarks->size() : 0;
    charters += value.charter ? 1 : 0;
  }
  EXPECT_EQ(homes.size(), 4U);
  EXPECT_EQ(mottos.size(), 4U);
  for (const std::size_t count : {remarks, mothers, unknown, charters}) EXPECT_GT(count, 20U);
}

}  // namespace
}  // namespace postern::asn1
