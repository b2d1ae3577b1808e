#include "asn1/values.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace postern::asn1 {
namespace {

TEST(TagText, NamesUniversalOnesAndBracketsOthers) {
  EXPECT_EQ(text_of(universal(2)), "INTEGER");
  EXPECT_EQ(text_of(universal(16)), "SEQUENCE");
  EXPECT_EQ(text_of(universal(30)), "BMPString");
  EXPECT_EQ(text_of(universal(15)), "[UNIVERSAL 15]");
  EXPECT_EQ(text_of(universal(31)), "[UNIVERSAL 31]");
  EXPECT_EQ(text_of(universal(0)), "[UNIVERSAL 0]");
  EXPECT_EQ(text_of(application(4)), "[APPLICATION 4]");
  EXPECT_EQ(text_of(context(3)), "[3]");
  EXPECT_EQ(text_of(private_tag(4'000'000'000)), "[PRIVATE 4000000000]");
}

// ---- BIT STRING
TEST(BitString, CountsFromTheMostSignificantBitOfTheFirstOctet) {
  const auto bits = BitString::of({0, 9});
  EXPECT_EQ(bits.octets, (Bytes{0x80, 0x40}));
  EXPECT_EQ(bits.unused, 6);
  EXPECT_EQ(bits.size(), 10U);
  EXPECT_TRUE(bits.test(0));
  EXPECT_FALSE(bits.test(1));
  EXPECT_TRUE(bits.test(9));
  EXPECT_FALSE(bits.test(10));
  EXPECT_FALSE(bits.test(1'000'000));
}

TEST(BitString, SettingAndClearingKeepTheSizeOrGrowIt) {
  BitString bits;
  EXPECT_EQ(bits.size(), 0U);
  bits.set(3);
  EXPECT_EQ(bits.size(), 4U);
  bits.set(3, false);
  EXPECT_EQ(bits.size(), 4U);
  EXPECT_FALSE(bits.test(3));
  bits.set(8, false);
  EXPECT_EQ(bits.size(), 9U);
  EXPECT_EQ(bits, BitString{});
}

TEST(BitString, WhatDidNotCountIsZeroAfterGrowing) {
  BitString bits{{0xFF}, 6};  // 11, and six bits of rubbish
  bits.set(7);
  EXPECT_EQ(bits.octets, (Bytes{0xC1}));
  EXPECT_EQ(bits.size(), 8U);
}

// X.680 22.7: trailing zeros of a list of named bits carry no meaning.
TEST(BitString, EqualityIgnoresTrailingZerosAndUnusedBits) {
  EXPECT_EQ((BitString{{0x80}, 7}), (BitString{{0x80, 0x00}, 0}));
  EXPECT_EQ((BitString{{0xBF}, 6}), (BitString{{0x80}, 0}));
  EXPECT_EQ((BitString{}), (BitString{{0, 0, 0}, 3}));
  EXPECT_EQ((BitString{{0x7F}, 7}), (BitString{}));
  EXPECT_NE((BitString{{0x80}, 7}), (BitString{{0x40}, 6}));
  EXPECT_NE((BitString{{0x80}, 0}), (BitString{{0x80, 0x01}, 0}));
  EXPECT_NE((BitString{{0x00, 0x80}, 0}), (BitString{{0x80}, 0}));
}

// ---- OBJECT IDENTIFIER
TEST(Oid, HasTheContentOctetsOfTheStandard) {
  EXPECT_EQ(hex_encode(Oid({2, 6, 1, 10, 1}).content()), "56010a01");
  EXPECT_EQ(hex_encode(Oid({1, 2, 840, 113549}).content()), "2a864886f70d");
  EXPECT_EQ(hex_encode(Oid({2, 100, 3}).content()), "813403");  // the example of X.690 8.19.5
  EXPECT_EQ(hex_encode(Oid({2, 0xFFFFFFFF}).content()), "908080804f");
}

TEST(Oid, TextAndContentAreInverse) {
  for (const char* text : {"0.0", "0.39.1", "1.39", "2.0", "2.39", "2.40", "2.47", "2.48", "2.999.3", "2.6.0.2.12",
                           "1.3.6.1.4.1.4294967296", "2.18446744073709551535", "2.1.18446744073709551615"}) {
    const auto oid = Oid::parse(text);
    ASSERT_TRUE(oid) << text << ": " << oid.error().text();
    EXPECT_EQ(oid->text(), text);
    EXPECT_EQ(Oid::from_content(oid->content()).value(), *oid) << text;
  }
}

TEST(Oid, RefusesWhatIsNone) {
  for (const char* text : {"", "1", "2", "3.1", "0.40", "1.40", "1..2", "1.2.", ".1.2", "1.2.x", "1.-2", "1.02", "1.2 ", " 1.2", "+1.2",
                           "2.18446744073709551536", "2.1.18446744073709551616"})
    EXPECT_FALSE(Oid::parse(text)) << text;
  EXPECT_FALSE(Oid::parse(std::string(2000, '1')));
  EXPECT_THROW(Oid({3, 1}), std::invalid_argument);
  EXPECT_THROW(Oid({1}), std::invalid_argument);
}

TEST(Oid, RefusesContentOctetsThatAreWrong) {
  const auto refused = [](std::string_view hex) { return !Oid::from_content(hex_decode(hex).value()); };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("80"));
  EXPECT_TRUE(refused("5681"));    // cut off
  EXPECT_TRUE(refused("568001"));  // X.690 8.19.2: leading zeros
  EXPECT_TRUE(refused("8001"));
  EXPECT_TRUE(refused("5682808080808080808000"));  // 65 bits
  EXPECT_FALSE(refused("5681ffffffffffffffff7f"));
  EXPECT_FALSE(refused("00"));
}

TEST(Oid, AnEmptyOneHasNoText) {
  EXPECT_TRUE(Oid{}.empty());
  EXPECT_EQ(Oid{}.text(), "");
}

// ---- times
std::int64_t utc(const char* text) { return UtcTime{text}.unix_seconds().value(); }
std::int64_t generalized(const char* text) { return GeneralizedTime{text}.unix_seconds().value(); }

TEST(UtcTime, KnowsTheFormsOfTheStandard) {
  EXPECT_EQ(utc("700101000000Z"), 0);
  EXPECT_EQ(utc("7001010000Z"), 0);
  EXPECT_EQ(utc("700101010000+0100"), 0);
  EXPECT_EQ(utc("6912312230-0130"), 0);
  EXPECT_EQ(utc("261122002015Z"), 1'795'306'815);
  for (const char* text : {"700101000000Z", "7001010000Z", "700101010000+0100"}) EXPECT_TRUE(UtcTime{text}.is_exact()) << text;
}

TEST(UtcTime, TwoDigitsAre1950To2049) {
  EXPECT_EQ(utc("500101000000Z"), -631'152'000);
  EXPECT_EQ(utc("491231235959Z"), 2'524'607'999);
}

TEST(UtcTime, ToleratesWhatPeersWriteAndTells) {
  EXPECT_EQ(utc("1261122002015Z"), utc("261122002015Z"));  // tm_year, as PP writes it
  EXPECT_EQ(utc("20261122002015Z"), utc("261122002015Z"));
  EXPECT_EQ(utc("12611220020Z"), utc("2611220020Z"));
  EXPECT_EQ(utc("261122002015"), utc("261122002015Z"));
  for (const char* text : {"1261122002015Z", "20261122002015Z", "12611220020Z", "261122002015"})
    EXPECT_FALSE(UtcTime{text}.is_exact()) << text;
}

TEST(UtcTime, RefusesWhatIsNone) {
  for (const char* text : {"", "Z", "26112200Z", "261322002015Z", "260022002015Z", "260230002015Z", "261122242015Z", "261122006015Z",
                           "261122002060Z", "261122002015Y", "261122002015Z ", "261122002015+01", "261122002015+2460", "261122002015+0160",
                           "2611220020151Z5", "26112200201-Z", "999999999999999Z"}) {
    EXPECT_FALSE(UtcTime{text}.unix_seconds()) << text;
    EXPECT_FALSE(UtcTime{text}.is_exact()) << text;
  }
}

TEST(UtcTime, IsWrittenWithSecondsAndZ) {
  EXPECT_EQ(UtcTime::at(1'795'306'815).text, "261122002015Z");
  EXPECT_EQ(UtcTime::at(-1).text, "691231235959Z");
  EXPECT_EQ(UtcTime::at(951'782'400).text, "000229000000Z");
  for (std::int64_t t = -631'152'000; t < 2'524'608'000; t += 1'234'567) EXPECT_EQ(UtcTime::at(t).unix_seconds().value(), t);
}

TEST(GeneralizedTime, KnowsTheFormsOfTheStandard) {
  EXPECT_EQ(generalized("19700101000000Z"), 0);
  EXPECT_EQ(generalized("1970010100"), 0);
  EXPECT_EQ(generalized("197001010030"), 1800);
  EXPECT_EQ(generalized("19700101003015.75Z"), 1815);
  EXPECT_EQ(generalized("1970010100.5Z"), 1800);
  EXPECT_EQ(generalized("197001010001,25Z"), 75);
  EXPECT_EQ(generalized("19700101020000+02"), 0);
  EXPECT_EQ(generalized("19691231213000-0230"), 0);
  EXPECT_EQ(generalized("19700101000060Z"), 60);  // a leap second
  EXPECT_EQ(generalized("1970010100.99999999999999999999999999999999Z"), 3599);
}

TEST(GeneralizedTime, RefusesWhatIsNone) {
  for (const char* text : {"", "19700101", "1970010100.Z", "19700101000000ZZ", "19701301000000Z", "19700229000000Z", "197001010000000Z",
                           "70010100Z", "19700101000000.x"}) {
    EXPECT_FALSE(GeneralizedTime{text}.unix_seconds()) << text;
  }
}

TEST(GeneralizedTime, IsWrittenWithinYears0To9999) {
  EXPECT_EQ(GeneralizedTime::at(1'795'306'815).text, "20261122002015Z");
  EXPECT_EQ(GeneralizedTime::at(std::numeric_limits<std::int64_t>::max()).text, "99991231235959Z");
  EXPECT_EQ(GeneralizedTime::at(std::numeric_limits<std::int64_t>::min()).text, "00000101000000Z");
  EXPECT_EQ(generalized("00000101000000Z"), -62'167'219'200);
}

// ---- recursive values
TEST(Box, CopiesDeeplyAndComparesByValue) {
  Box<std::string> a(std::string("x"));
  const Box<std::string> b = a;
  EXPECT_EQ(a, b);
  *a = "y";
  EXPECT_NE(a, b);
  EXPECT_EQ(*b, "x");
  a.reset();
  EXPECT_FALSE(a.has_value());
  EXPECT_NE(a, b);
  EXPECT_EQ(a, Box<std::string>{});
}

}  // namespace
}  // namespace postern::asn1
