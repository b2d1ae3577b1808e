#include "io/answer_cache.hpp"

#include <gtest/gtest.h>

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using dns::Answer;
using dns::AnswerStatus;
using dns::RecordType;

const SteadyTime kNow{1000s};

Answer text(const std::string& value) {
  return {AnswerStatus::NoError, true, {{"a.test", RecordType::Txt, 60, dns::TxtData{{value}}}}, "a.test"};
}

TEST(AnswerCache, KeepsAnAnswerAsLongAsItHolds) {
  AnswerCache cache;
  cache.keep("a.test", RecordType::Txt, text("x"), 60, kNow);
  const auto found = cache.find("a.test", RecordType::Txt, kNow + 59s);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->secure);
  EXPECT_EQ(found->all<dns::TxtData>().at(0).joined(), "x");
  EXPECT_FALSE(cache.find("a.test", RecordType::Txt, kNow + 60s));
  EXPECT_FALSE(cache.find("a.test", RecordType::Mx, kNow));
  EXPECT_FALSE(cache.find("b.test", RecordType::Txt, kNow));
}

TEST(AnswerCache, TheNewerAnswerCounts) {
  AnswerCache cache;
  cache.keep("a.test", RecordType::Txt, text("old"), 60, kNow);
  cache.keep("a.test", RecordType::Txt, text("new"), 10, kNow);
  EXPECT_EQ(cache.find("a.test", RecordType::Txt, kNow)->all<dns::TxtData>().at(0).joined(), "new");
  EXPECT_FALSE(cache.find("a.test", RecordType::Txt, kNow + 10s));
}

TEST(AnswerCache, ADenialIsAnAnswerAndAFailureIsNot) {
  AnswerCache cache;
  for (const auto status : {AnswerStatus::NxDomain, AnswerStatus::NoData, AnswerStatus::ServFail, AnswerStatus::Timeout})
    cache.keep(std::string(dns::name_of(status)), RecordType::Txt, {status, false, {}, ""}, 60, kNow);
  for (const auto status : {AnswerStatus::NxDomain, AnswerStatus::NoData})
    EXPECT_TRUE(cache.find(std::string(dns::name_of(status)), RecordType::Txt, kNow)) << dns::name_of(status);
  for (const auto status : {AnswerStatus::ServFail, AnswerStatus::Timeout})
    EXPECT_FALSE(cache.find(std::string(dns::name_of(status)), RecordType::Txt, kNow)) << dns::name_of(status);
}

TEST(AnswerCache, WhatIsNotKept) {
  AnswerCache cache;
  cache.keep("a.test", RecordType::Txt, text("x"), 0, kNow);
  cache.keep("a.test", RecordType::Txt, text("x"), -5, kNow);
  cache.keep("a.test", RecordType::Txt, text(std::string(5000, 'x')), 60, kNow);
  EXPECT_FALSE(cache.find("a.test", RecordType::Txt, kNow));
  cache.keep("a.test", RecordType::Txt, text("x"), 1'000'000'000'000, kNow);
  EXPECT_FALSE(cache.find("a.test", RecordType::Txt, kNow + 1h));
}

TEST(AnswerCache, IsBounded) {
  AnswerCache cache(3);
  cache.keep("1.test", RecordType::Txt, text("1"), 10, kNow);
  cache.keep("2.test", RecordType::Txt, text("2"), 60, kNow);
  cache.keep("3.test", RecordType::Txt, text("3"), 60, kNow);
  cache.keep("4.test", RecordType::Txt, text("4"), 60, kNow + 20s);  // what holds no more makes room
  EXPECT_TRUE(cache.find("2.test", RecordType::Txt, kNow + 20s));
  cache.keep("5.test", RecordType::Txt, text("5"), 60, kNow + 20s);  // and when nothing does, all of it
  EXPECT_FALSE(cache.find("2.test", RecordType::Txt, kNow + 20s));
  EXPECT_TRUE(cache.find("5.test", RecordType::Txt, kNow + 20s));
}

}  // namespace
}  // namespace postern::io
