#include "spool/work_index.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

Work work(std::int64_t item, std::string route, std::vector<std::uint32_t> recipients = {0}) {
  return {ItemId(item), std::move(route), std::move(recipients), std::make_shared<QueueItem>()};
}

SteadyTime at(int seconds) { return SteadyTime(std::chrono::seconds(seconds)); }

TEST(WorkIndex, BoundsTotalAndShareOfARoute) {
  WorkIndex index(5, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(index.reserve("a"));
  EXPECT_FALSE(index.reserve("a"));
  EXPECT_EQ(index.room("a"), 0U);
  EXPECT_EQ(index.room("b"), 2U);
  EXPECT_TRUE(index.reserve("b"));
  EXPECT_TRUE(index.reserve("b"));
  EXPECT_FALSE(index.reserve("c"));
  index.unreserve("a");
  EXPECT_TRUE(index.reserve("c"));
}

TEST(WorkIndex, RoutesThatRestHaveAShareTogether) {
  WorkIndex index(100, 50, {"user:", 5, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(index.reserve("user:1"));
  EXPECT_FALSE(index.reserve("user:1"));
  EXPECT_EQ(index.room("user:2"), 2U);
  index.reserve_anyway("user:2");
  index.reserve_anyway("user:2");
  index.reserve_anyway("user:2");
  EXPECT_EQ(index.room("user:3"), 0U) << "what was booked beyond the bound counts";
  EXPECT_EQ(index.room("user"), 50U) << "others have theirs";
  for (int i = 1; i <= 3; ++i) index.add_ready(work(i, "user:1"));
  EXPECT_EQ(index.take("user:1", 2).size(), 2U);
  EXPECT_EQ(index.room("user:3"), 1U);
  index.drop({{ItemId(3), 0}});
  EXPECT_EQ(index.room("user:3"), 2U);
  EXPECT_TRUE(index.rests("user:4"));
  EXPECT_FALSE(index.rests("user"));
}

TEST(WorkIndex, TakesInOrderAndSaysWhenARouteWakes) {
  WorkIndex index(100, 100);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(index.reserve("a"));
    EXPECT_EQ(index.add_ready(work(i, "a")), i == 1);
  }
  EXPECT_EQ(index.ready_routes(), std::vector<std::string>{"a"});
  const auto taken = index.take("a", 2);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].item, ItemId(1));
  EXPECT_TRUE(index.in_flight(ItemId(1), 0));
  EXPECT_FALSE(index.in_flight(ItemId(3), 0));
  EXPECT_EQ(index.counts().ready, 1U);
  EXPECT_EQ(index.counts().in_flight, 2U);
  EXPECT_TRUE(index.take("nothing", 9).empty());
}

TEST(WorkIndex, DeferredWorkComesBackInTime) {
  WorkIndex index(100, 100);
  ASSERT_TRUE(index.reserve("a") && index.reserve("b"));
  index.add_deferred(work(1, "a"), at(10));
  index.add_deferred(work(2, "b"), at(5));
  EXPECT_EQ(index.next_due(), at(5));
  EXPECT_TRUE(index.promote(at(4)).empty());
  EXPECT_EQ(index.promote(at(5)), std::vector<std::string>{"b"});
  EXPECT_EQ(index.hasten({ItemId(1)}), std::vector<std::string>{"a"});
  EXPECT_FALSE(index.next_due());
}

TEST(WorkIndex, WhatIsDeferredOnARouteIsHastenedAtOnce) {
  WorkIndex index(100, 100);
  for (const char* route : {"a", "a", "b"}) ASSERT_TRUE(index.reserve(route));
  index.add_deferred(work(1, "a"), at(10));
  index.add_deferred(work(2, "b"), at(20));
  index.add_deferred(work(3, "a"), at(30));
  EXPECT_TRUE(index.hasten_route("a"));
  EXPECT_FALSE(index.hasten_route("a"));
  EXPECT_EQ(index.take("a", 9).size(), 2U);
  EXPECT_TRUE(index.take("b", 9).empty());
  EXPECT_EQ(index.next_due(), at(20));
}

TEST(WorkIndex, ForgottenRecipientsOfAReportAreDueAgain) {
  WorkIndex index(100, 100);
  ASSERT_TRUE(index.reserve("a"));
  index.add_ready(work(1, "a", {0, 1, 2}));
  ASSERT_EQ(index.take("a", 1).size(), 1U);
  EXPECT_EQ(index.finish(ItemId(1), {0, 2}), std::vector<std::string>{"a"});
  const auto rest = index.take("a", 1);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].recipients, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(rest[0].loaded);
}

TEST(WorkIndex, GivenBackOnceAndWithoutStaleContent) {
  WorkIndex index(100, 100);
  ASSERT_TRUE(index.reserve("a"));
  index.add_ready(work(1, "a", {0, 1}));
  Work taken = index.take("a", 1).front();
  const Work copy = taken;
  index.drop({{ItemId(1), 1}});
  EXPECT_TRUE(index.give_back(std::move(taken), std::nullopt));
  EXPECT_FALSE(index.give_back(copy, std::nullopt));
  const auto again = index.take("a", 9);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].loaded);
}

TEST(WorkIndex, DropReachesReadyAndDeferred) {
  WorkIndex index(100, 100);
  for (const char* route : {"a", "b", "c"}) ASSERT_TRUE(index.reserve(route));
  index.add_ready(work(1, "a", {0}));
  index.add_ready(work(2, "b", {0, 1}));
  index.add_deferred(work(3, "c", {0}), at(5));
  index.drop({{ItemId(1), 0}, {ItemId(2), 0}, {ItemId(3), 0}});
  EXPECT_TRUE(index.take("a", 9).empty());
  const auto rest = index.take("b", 9);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].recipients, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(index.next_due());
  EXPECT_EQ(index.room("x"), 100U);
}

}  // namespace
}  // namespace postern
