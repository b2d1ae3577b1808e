#include "sdk/wire.hpp"

#include <gtest/gtest.h>

namespace postern::sdk {
namespace {

Entry an_entry() {
  Entry out;
  out.sequence = 7;
  out.status = EntryStatus::Listed;
  out.priority = Priority::Urgent;
  out.time = -1;
  out.subject = "\xC3\xA4";
  out.attributes.push_back({3, "2.6.1.7.1", {0x04, 0x00}});
  return out;
}

TEST(SdkWire, ValuesComeBackAsTheyWent) {
  EntryList list{{an_entry(), an_entry()}, 9};
  const Bytes body = encode(list);
  const auto back = decode<EntryList>(body);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(encode(*back), body);
  EXPECT_EQ(back->entries[1].time, Time(-1));
  EXPECT_EQ(back->entries[1].originator, std::nullopt);
}

TEST(SdkWire, WhatIsCutShortOrTooLongIsRefused) {
  const Bytes body = encode(EntryList{{an_entry()}, 0});
  for (std::size_t size = 0; size < body.size(); ++size) EXPECT_FALSE(decode<EntryList>(ByteView(body).first(size))) << size;
  Bytes longer = body;
  longer.push_back(0);
  EXPECT_FALSE(decode<EntryList>(longer));
}

TEST(SdkWire, CountsTextsAndNumbersThatLieAreRefused) {
  EXPECT_FALSE(decode<EntryList>(Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(decode<Health>(Bytes{0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0}));              // state 3
  EXPECT_FALSE(decode<Health>(Bytes{0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0, 0, 0, 0}));        // no UTF-8
  EXPECT_FALSE(decode<Wanted>(Bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9}));  // a text beyond the end
  EXPECT_FALSE(decode<RequestHead>(Bytes{1, 0, 0, 0, 0, 2}));                           // a truth value of 2
  EXPECT_EQ(encode(RequestHead{}).size(), kRequestHead);
}

TEST(SdkWire, FramesAreCutWhereTheyEnd) {
  Bytes two = frame(Kind::Piece, 5, to_bytes("abc"));
  append(two, frame(Kind::Cancel, 6, {}));
  const auto first = read_frame(two);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->first.id, 5U);
  EXPECT_EQ((*first)->first.body, to_bytes("abc"));
  const auto second = read_frame(ByteView(two).subspan((*first)->second));
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->first.kind, Kind::Cancel);
  for (std::size_t size = 0; size < (*first)->second; ++size) {
    const auto part = read_frame(ByteView(two).first(size));
    EXPECT_TRUE(part && !*part) << size;
  }
}

TEST(SdkWire, FramesThatCannotBeAreRefused) {
  EXPECT_FALSE(read_frame(Bytes{0xFF, 0xFF, 0xFF, 0xFF, 1}));
  EXPECT_FALSE(read_frame(Bytes{0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(read_frame(Bytes{0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(read_frame(Bytes{0, 0, 0, 9, 99, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(SdkWire, AnErrorCodeOfTheFutureIsInternal) {
  Bytes body = encode(Refusal{{ErrorCode::Timeout, "late", "x"}, {}, false});
  body[3] = 200;
  const auto back = decode<Refusal>(body);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->error.code, ErrorCode::Internal);
}

}  // namespace
}  // namespace postern::sdk
