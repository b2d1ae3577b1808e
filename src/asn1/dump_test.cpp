#include "asn1/dump.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "asn1/ber.hpp"

namespace postern::asn1 {
namespace {

std::string dumped(std::string_view hex, const DumpOptions& options = {}) { return dump(hex_decode(hex).value(), options); }
std::string json_of(std::string_view hex) { return boost::json::serialize(dump_json(hex_decode(hex).value())); }

TEST(Dump, ShowsOffsetTagValueAndLength) {
  EXPECT_EQ(dumped("300f"
                   "6307"
                   "13054d65696572"
                   "8004"
                   "0aff0001"),
            "       0  SEQUENCE (15)\n"
            "       2    [APPLICATION 3] (7)\n"
            "       4      PrintableString \"Meier\" (5)\n"
            "      11    [0] '0AFF0001'H (4)\n");
}

TEST(Dump, ShowsEachUniversalTypeForWhatItIs) {
  EXPECT_EQ(dumped("0101ff"), "       0  BOOLEAN true (1)\n");
  EXPECT_EQ(dumped("0202ff7f"), "       0  INTEGER -129 (2)\n");
  EXPECT_EQ(dumped("0a0103"), "       0  ENUMERATED 3 (1)\n");
  EXPECT_EQ(dumped("0209010000000000000000"), "       0  INTEGER '010000000000000000'H (9)\n");
  EXPECT_EQ(dumped("03020358"), "       0  BIT STRING '01011'B (2)\n");
  EXPECT_EQ(dumped("0500"), "       0  NULL (0)\n");
  EXPECT_EQ(dumped("060456010a01"), "       0  OBJECT IDENTIFIER 2.6.1.10.1 (4)\n");
  EXPECT_EQ(dumped("040141"), "       0  OCTET STRING '41'H (1)\n");
  EXPECT_EQ(dumped("170d3236313132323030323031355a"), "       0  UTCTime \"261122002015Z\" (13)\n");
  EXPECT_EQ(dumped("1403c875fb"), "       0  TeletexString \"üß\" (3)\n");
  EXPECT_EQ(dumped("8303414243"), "       0  [3] \"ABC\" (3)\n");
}

TEST(Dump, ShowsOctetsWhereTheContentIsNotWhatTheTagSays) {
  EXPECT_EQ(dumped("0102ffff"), "       0  BOOLEAN 'FFFF'H (2)\n");
  EXPECT_EQ(dumped("0200"), "       0  INTEGER ''H (0)\n");
  EXPECT_EQ(dumped("030108"), "       0  BIT STRING '08'H (1)\n");
  EXPECT_EQ(dumped("050100"), "       0  NULL '00'H (1)\n");
  EXPECT_EQ(dumped("060180"), "       0  OBJECT IDENTIFIER '80'H (1)\n");
  EXPECT_EQ(dumped("13012a"), "       0  PrintableString '2A'H (1)\n");
}

// Control characters of any kind would be orders to the reader's terminal.
TEST(Dump, ShowsNothingThatATerminalObeys) {
  EXPECT_EQ(dumped("16021b5b"), "       0  IA5String '1B5B'H (2)\n");
  EXPECT_EQ(dumped("0c03c29b41"), "       0  UTF8String 'C29B41'H (3)\n");
  EXPECT_EQ(dumped("0c03e280ae"), "       0  UTF8String 'E280AE'H (3)\n");
  EXPECT_EQ(dumped("80021b5b"), "       0  [0] '1B5B'H (2)\n");
  EXPECT_EQ(dumped("1a0122"), "       0  VisibleString \"\\\"\" (1)\n");
}

TEST(Dump, FollowsIndefiniteLengths) {
  EXPECT_EQ(dumped("3080"
                   "2480"
                   "040141"
                   "0000"
                   "0000"
                   "0500"),
            "       0  SEQUENCE indefinite\n"
            "       2    OCTET STRING indefinite\n"
            "       4      OCTET STRING '41'H (1)\n"
            "       7      end of contents\n"
            "       9    end of contents\n"
            "      11  NULL (0)\n");
}

TEST(Dump, SaysWhereAndWhyItEnds) {
  EXPECT_EQ(dumped("30"), "       0  ! ends within an identifier or length\n");
  EXPECT_EQ(dumped("0405"), "       0  ! OCTET STRING has a length of 5 where 0 octets follow\n");
  EXPECT_EQ(dumped("30800500"),
            "       0  SEQUENCE indefinite\n       2    NULL (0)\n       4    ! ends before the end-of-contents octets\n");
  EXPECT_NE(dumped("0480").find("! an indefinite length on a primitive element"), std::string::npos);
  EXPECT_EQ(dumped(""), "");
}

TEST(Dump, WhatIsWrongInAnElementOfKnownLengthEndsWithIt) {
  EXPECT_EQ(dumped("3002"
                   "0405"
                   "0500"),
            "       0  SEQUENCE (2)\n"
            "       2    ! OCTET STRING has a length of 5 where 0 octets follow\n"
            "       4  NULL (0)\n");
}

TEST(Dump, IsBounded) {
  EXPECT_EQ(dumped("3006"
                   "3004"
                   "30020500",
                   {.depth = 2, .elements = 100, .octets = 3}),
            "       0  SEQUENCE (6)\n"
            "       2    SEQUENCE '300205'H… (4)\n");
  EXPECT_EQ(dumped("050005000500", {.depth = 9, .elements = 2, .octets = 9}),
            "       0  NULL (0)\n       2  NULL (0)\n       4  ! 2 octets more are not shown\n");
  EXPECT_EQ(dumped("160441424344", {.depth = 9, .elements = 2, .octets = 2}), "       0  IA5String \"AB…\" (4)\n");
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "3080";
  EXPECT_NE(dumped(deep).find("! nested deeper than 64"), std::string::npos);
  EXPECT_LT(dumped(deep).size(), 20'000U);
}

TEST(Dump, IsATreeInJson) {
  EXPECT_EQ(json_of("3080"
                    "020105"
                    "0500"
                    "0000"
                    "04"),
            R"([{"offset":0,"tag":"SEQUENCE","content":[{"offset":2,"tag":"INTEGER","length":1,"value":5},)"
            R"({"offset":5,"tag":"NULL","length":0,"value":null}]},{"offset":9,"error":"ends within an identifier or length"}])");
  EXPECT_EQ(json_of(""), "[]");
}

}  // namespace
}  // namespace postern::asn1
