#include "pack/gzip.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Gzip, ThereAndBack) {
  for (const std::string& text : {std::string(), std::string("a report"), std::string(300'000, 'x')}) {
    const Bytes packed = gzip(text);
    EXPECT_TRUE(is_gzip(packed));
    EXPECT_EQ(gunzip(packed, 1'000'000).value(), text);
  }
  EXPECT_EQ(gzip("same"), gzip("same"));
}

TEST(Gzip, SeveralMembersAreOneText) {
  Bytes two = gzip("first ");
  append(two, gzip("second"));
  EXPECT_EQ(gunzip(two, 100).value(), "first second");
}

TEST(Gzip, BombsStopAtTheLimit) {
  const Bytes bomb = gzip(std::string(50'000'000, '\0'));
  EXPECT_LT(bomb.size(), 60'000U);
  EXPECT_EQ(gunzip(bomb, 1'000'000).error().code, ErrorCode::TooLarge);
  EXPECT_TRUE(gunzip(gzip("12345"), 5));
  EXPECT_EQ(gunzip(gzip("123456"), 5).error().code, ErrorCode::TooLarge);
}

TEST(Gzip, WhatIsDamagedIsRefused) {
  const Bytes good = gzip("a report of some length, so that there is something to damage");
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_EQ(gunzip(ByteView(good).first(cut), 1000).error().code, ErrorCode::BadInput) << cut;
  for (std::size_t at = 10; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] ^= 0x20;
    const auto read = gunzip(changed, 1000);
    EXPECT_FALSE(read) << at;
  }
  Bytes more = good;
  append(more, to_bytes("tail"));
  EXPECT_EQ(gunzip(more, 1000).error().code, ErrorCode::BadInput);
  EXPECT_EQ(gunzip(to_bytes("plain"), 1000).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern
