#include "osi/spdu.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace postern::osi {
namespace {

using enum SpduKind;

Bytes hex(std::string_view text) { return hex_decode(text).value(); }

// Every parameter that an SPDU has, so that writing and reading meets each row of the table.
Spdu full(SpduKind kind) {
  static const Bytes kReference(64, 'r'), kCommon(64, 'c'), kAdditional(4, 'a'), kSelector(16, 's'), kActivity(6, 'i'), kData(300, 'd');
  static const Bytes kReason = {2, 'w', 'h', 'y'}, kOne = {128}, kReflected(9, 0xEE);
  Spdu spdu;
  spdu.kind = kind;
  const bool connection = kind == CN || kind == AC || kind == RF;
  if (connection || kind == AR) {
    (kind == CN ? spdu.calling_reference : spdu.called_reference) = kReference;
    spdu.common_reference = kCommon;
    spdu.additional_information = kAdditional;
  }
  if (kind == CN || kind == AC) {
    spdu.protocol_options = 1;
    spdu.tsdu_maximum = 0x07F907F8;
    spdu.versions = 3;
    spdu.initial_serial = 999'999;
    spdu.token_settings = 0xAA;
    spdu.calling_selector = spdu.called_selector = kSelector;
  }
  if (connection) spdu.requirements = 0x0249;
  if (kind == CN) spdu.data_overflow = 1;
  if (kind == OA) spdu.tsdu_maximum = 0x04000500;
  if (kind == OA || kind == RF) spdu.versions = 2;
  if (kind == RF) spdu.reason = kReason;
  if (kind == RF || kind == FN || kind == AB) spdu.transport_disconnect = 1;
  if (kind == AC || kind == GT || kind == PT) spdu.tokens = 0x15;
  if (kind == MIP || kind == MAP) spdu.sync_type = 1;
  if (kind == MIP || kind == MIA || kind == MAP || kind == MAA || kind == AE || kind == AR) spdu.serial = 42;
  if (kind == AS || kind == AR) spdu.activity = kActivity;
  if (kind == AR) spdu.old_activity = kActivity;
  if (kind == AI || kind == AD || kind == ED) spdu.reason = kOne;
  if (kind == AB || kind == ER) spdu.reflected = kReflected;
  const bool has_data = !(kind == OA || kind == RF || kind == AA || kind == GTC || kind == GTA || kind == AI || kind == AIA || kind == AD ||
                          kind == ADA || kind == ER);
  if (has_data) {
    spdu.user_data = kData;
    if (kind != CN) spdu.enclosure = 3;
  }
  return spdu;
}

// Octet strings by content, not by place.
bool same(const Spdu::Octets& a, const Spdu::Octets& b) { return a.has_value() == b.has_value() && (!a || std::ranges::equal(*a, *b)); }
bool same(const Spdu& a, const Spdu& b) {
  constexpr Spdu::Octets Spdu::* kOctets[] = {
      &Spdu::called_reference, &Spdu::calling_reference, &Spdu::common_reference, &Spdu::additional_information,
      &Spdu::old_activity,     &Spdu::activity,          &Spdu::reflected,        &Spdu::reason,
      &Spdu::calling_selector, &Spdu::called_selector,   &Spdu::user_data};
  constexpr Spdu::Number Spdu::* kNumbers[] = {&Spdu::protocol_options, &Spdu::tsdu_maximum, &Spdu::versions, &Spdu::initial_serial,
                                               &Spdu::token_settings,   &Spdu::sync_type,    &Spdu::tokens,   &Spdu::transport_disconnect,
                                               &Spdu::requirements,     &Spdu::enclosure,    &Spdu::serial,   &Spdu::data_overflow};
  if (a.kind != b.kind) return false;
  for (const auto member : kOctets)
    if (!same(a.*member, b.*member)) return false;
  for (const auto member : kNumbers)
    if (a.*member != b.*member) return false;
  return true;
}

std::vector<SpduKind> all_kinds() {
  std::vector<SpduKind> kinds;
  for (std::size_t i = 0; i < kSpduKinds; ++i) kinds.push_back(static_cast<SpduKind>(i));
  return kinds;
}

tl::expected<std::vector<Spdu>, SpduError> read_all(ByteView tsdu, bool extended = false) {
  TsduReader reader(tsdu, extended);
  std::vector<Spdu> spdus;
  do {
    const auto spdu = reader.next();
    if (!spdu) return tl::unexpected(spdu.error());
    spdus.push_back(*spdu);
  } while (!reader.at_end());
  return spdus;
}

TEST(Spdu, EveryParameterOfEveryKindReadsBack) {
  for (const SpduKind kind : all_kinds()) {
    const Spdu written = full(kind);
    const Bytes tsdu = write_tsdu(written);
    const auto read = read_all(tsdu);
    ASSERT_TRUE(read) << name_of(kind) << ": " << read.error().what;
    EXPECT_TRUE(same(read->back(), written)) << name_of(kind) << " " << hex_encode(tsdu);
    EXPECT_EQ(read->size(), category_of(kind) == 2 ? 2U : 1U) << name_of(kind);
  }
}

TEST(Spdu, UserDataOfEveryLength) {
  for (const std::size_t size : {0U, 1U, 254U, 255U, 256U, 512U, 513U, 10'240U, 65'000U}) {
    const Bytes data(size, 'x');
    for (const SpduKind kind : {CN, AC, FN, DN, AB, DT, TD, PT, MIP, MIA, MAA, AS, ED}) {
      if (kind == CN && size > kMaxExtendedUserData) continue;
      Spdu spdu = full(kind);
      spdu.user_data = data;
      const Bytes tsdu = write_tsdu(spdu);
      const auto read = read_all(tsdu);
      ASSERT_TRUE(read) << name_of(kind) << size << read.error().what;
      ASSERT_TRUE(read->back().user_data);
      EXPECT_TRUE(std::ranges::equal(*read->back().user_data, data)) << name_of(kind) << size;
    }
  }
}

TEST(Spdu, ConnectUserDataChangesItsGroupAt512) {  // X.225 8.3.1.17
  Spdu spdu;
  spdu.kind = CN;
  const Bytes small(512, 1), large(513, 1);
  spdu.user_data = small;
  EXPECT_EQ(hex_encode(ByteView(write_tsdu(spdu)).subspan(4, 4)), "c1ff0200");
  spdu.user_data = large;
  EXPECT_EQ(hex_encode(ByteView(write_tsdu(spdu)).subspan(4, 4)), "c2ff0201");
}

TEST(Spdu, WireForms) {
  Spdu spdu;
  spdu.kind = GT;
  spdu.tokens = 0x15;
  EXPECT_EQ(hex_encode(write_tsdu(spdu)), "0103100115");
  spdu = {};
  spdu.kind = DT;
  const Bytes data = hex("6100");
  spdu.user_data = data;
  EXPECT_EQ(hex_encode(write_tsdu(spdu)), "010001006100");  // an empty GIVE TOKENS leads
  spdu = {};
  spdu.kind = MAA;
  spdu.serial = 7;
  EXPECT_EQ(hex_encode(write_tsdu(spdu)), "02002a032a0137");  // an empty PLEASE TOKENS leads an acknowledgement
  spdu = {};
  spdu.kind = AS;
  const Bytes activity = hex("020101");
  spdu.activity = activity;
  EXPECT_EQ(hex_encode(write_tsdu(spdu)), "01002d052903020101");  // as PP sends it
}

TEST(Spdu, OneIdentifierTwoMeanings) {  // X.225 6.3.7: the place decides
  const auto kinds = [](std::string_view text) {
    std::vector<SpduKind> found;
    const Bytes tsdu = hex(text);
    const std::vector<Spdu> spdus = read_all(tsdu).value();
    for (const Spdu& spdu : spdus) found.push_back(spdu.kind);
    return found;
  };
  EXPECT_EQ(kinds("0100"), std::vector{GT});
  EXPECT_EQ(kinds("01000100aa"), (std::vector{GT, DT}));
  EXPECT_EQ(kinds("1903110102"), std::vector{AB});
  EXPECT_EQ(kinds("01001903320100"), (std::vector{GT, AI}));
  EXPECT_EQ(kinds("1a00"), std::vector{AA});
  EXPECT_EQ(kinds("02001a00"), (std::vector{PT, AIA}));
  EXPECT_EQ(kinds("010029032a0131"), (std::vector{GT, AE}));
  EXPECT_EQ(kinds("010029060f01012a0131"), (std::vector{GT, MAP}));
}

TEST(Spdu, OrderAndUnknownParametersDoNotMatter) {  // X.225 8.2.9
  const auto one = [](std::string_view text) {
    static Bytes tsdu;
    tsdu = hex(text);
    return read_all(tsdu).value().back();
  };
  // Enclosure behind serial number, an unknown PI (200), an unknown group with units in it.
  const Spdu spdu =
      one("0100310dc802ffff2a02313019010307"
          "00");
  EXPECT_EQ(spdu.serial, 10U);
  EXPECT_EQ(spdu.enclosure, 3U);
  // Version number outside its group, as OVERFLOW ACCEPT has it and some peers write it in CONNECT.
  EXPECT_EQ(one("0d03160102").versions, 2U);
}

TEST(Spdu, AbsentParametersAreAbsent) {
  const Bytes tsdu = hex("0d023400");
  const Spdu spdu = read_all(tsdu).value().back();
  ASSERT_TRUE(spdu.called_selector);
  EXPECT_TRUE(spdu.called_selector->empty());
  EXPECT_FALSE(spdu.calling_selector);
  EXPECT_FALSE(spdu.versions);
  const Bytes empty_version =
      hex("0d041600"
          "1400");
  EXPECT_FALSE(read_all(empty_version).value().back().versions) << "8.2.6: length zero is absence";
}

TEST(Spdu, WhatIsWrongIsNamedWithItsPlace) {
  struct Case {
    const char* hex;
    std::size_t offset;
    const char* what;
  };
  for (const Case& each : {
           Case{"", 0, "without an SPDU"},
           Case{"0d", 1, "ends before a length"},
           Case{"0dff01", 1, "within a length"},
           Case{"0dff0010"
                "00000000000000000000000000000000",
                1, "long form"},  // 8.2.5
           Case{"0d05160102", 0, "says 5 octets, 3 are there"},
           Case{"0d0316ff02", 3, "within a length"},
           Case{"0d03160502", 2, "says 5 octets, 1 are there"},
           Case{"0d0605041605"
                "0203",
                4, "says 5 octets"},  // in a group
           Case{"0d06160102"
                "160101",
                5, "version number is there twice"},
           Case{"0d0416020101", 2, "version number has 2 octets, 1 to 1"},
           Case{"0d1333"
                "11"
                "0000000000000000000000000000000000",
                2, "calling session selector has 17"},
           Case{"01002d00", 2, "activity identifier is missing"},
           Case{"01002d0929073132333435363700", 4, "activity identifier has 7"},
           Case{"010031052a0341"
                "4243",
                4, "other octets than digits"},
           Case{"01003100", 2, "serial number is missing"},
           Case{"1900", 0, "transport disconnect is missing"},
           Case{"2d052903020101", 0, "without GIVE TOKENS"},
           Case{"01000d00", 2, "may not follow another SPDU"},
           Case{"0900"
                "0100",
                2, "followed by another SPDU"},
           Case{"0700", 0, "unknown SPDU identifier 7"},  // PREPARE: no transport expedited
           Case{"0100"
                "3f00",
                2, "unknown SPDU identifier 63"},
           Case{"0100"
                "3903320100"
                "3903320100",
                7, "more SPDUs are concatenated"},
           Case{"01001d052903010203", 2, "old activity identifier is missing"},
       }) {
    const Bytes tsdu = hex(each.hex);
    const auto read = read_all(tsdu);
    ASSERT_FALSE(read) << each.hex;
    EXPECT_EQ(read.error().offset, each.offset) << each.hex << " " << read.error().what;
    EXPECT_NE(read.error().what.find(each.what), std::string::npos) << each.hex << " " << read.error().what;
  }
}

TEST(Spdu, EveryPrefixIsReadOrRefused) {
  for (const SpduKind kind : all_kinds()) {
    const Bytes whole = write_tsdu(full(kind));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto read = read_all(ByteView(whole).first(size));
      if (read) EXPECT_TRUE(category_of(read->back().kind) == 0 || kind == DT || kind == TD) << name_of(kind) << size;
    }
  }
}

TEST(Spdu, EveryLyingLengthIsFound) {
  for (const SpduKind kind : all_kinds()) {
    const Bytes whole = write_tsdu(full(kind));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const Byte value : {Byte{0}, Byte{1}, Byte{254}, Byte{255}}) {
        Bytes bent = whole;
        bent[at] = value;
        const auto read = read_all(bent, true);  // Whatever it says: no octet outside is touched (ASan), and it ends.
        if (!read) EXPECT_LE(read.error().offset, bent.size());
      }
    }
  }
}

TEST(Spdu, TenThousandConcatenated) {  // X.225 6.3.7: bounded, basic or extended
  Bytes tsdu = hex("0100");
  for (int i = 0; i < 10'000; ++i) append(tsdu, hex("31032a0131"));
  EXPECT_EQ(read_all(tsdu).error().offset, 2U + 5);
  EXPECT_EQ(read_all(tsdu, true).error().offset, 2U + 5 * TsduReader::kMaxConcatenated);
  tsdu.resize(2 + 5 * TsduReader::kMaxConcatenated);
  EXPECT_EQ(read_all(tsdu, true).value().size(), 1 + TsduReader::kMaxConcatenated);
}

TEST(Spdu, NamesAndCategories) {
  EXPECT_EQ(name_of(AS), "ACTIVITY START");
  EXPECT_EQ(category_of(GT), 0U);
  EXPECT_EQ(category_of(CN), 1U);
  EXPECT_EQ(category_of(ED), 2U);
}

}  // namespace
}  // namespace postern::osi
