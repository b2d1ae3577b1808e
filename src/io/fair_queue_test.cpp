#include "io/fair_queue.hpp"

#include <gtest/gtest.h>

namespace postern::io {
namespace {

TEST(FairQueue, GroupsTakeTurns) {
  FairQueue<int> queue(10, 10);
  for (int i = 1; i <= 3; ++i) queue.push("a", i);
  queue.push("b", 11);
  queue.push("c", 21);
  std::vector<int> order;
  while (const auto one = queue.next()) order.push_back(*one);
  EXPECT_EQ(order, (std::vector<int>{1, 11, 21, 2, 3}));
  EXPECT_EQ(queue.under_way(), 5U);
}

TEST(FairQueue, WhoHasNothingUnderWayGoesFirst) {
  FairQueue<int> queue(3, 3);
  for (int i = 0; i < 3; ++i) {
    queue.push("a", i);
    queue.push("b", 10 + i);
  }
  EXPECT_EQ(queue.next(), 0);
  EXPECT_EQ(queue.next(), 10);
  EXPECT_EQ(queue.next(), 1);
  queue.push("new", 20);
  queue.push("newer", 30);
  queue.done("a");
  EXPECT_EQ(queue.next(), 20) << "before b, whose turn it was";
  queue.done("b");
  EXPECT_EQ(queue.next(), 30);
  queue.done("a");
  EXPECT_EQ(queue.next(), 11);
}

TEST(FairQueue, NoGroupHasMoreThanItsShare) {
  FairQueue<int> queue(3, 2);
  for (int i = 1; i <= 4; ++i) queue.push("dead", i);
  EXPECT_EQ(queue.next(), 1);
  EXPECT_EQ(queue.next(), 2);
  EXPECT_EQ(queue.next(), std::nullopt) << "its share is taken, though there is a place";
  EXPECT_EQ(queue.size_of("dead"), 4U);
  queue.push("good", 11);
  queue.push("good", 12);
  EXPECT_EQ(queue.next(), 11);
  EXPECT_EQ(queue.next(), std::nullopt) << "no place";
  queue.done("good");
  EXPECT_EQ(queue.next(), 12) << "the other one waits for its own";
  queue.done("dead");
  EXPECT_EQ(queue.next(), 3);
  queue.done("good");
  queue.done("dead");
  EXPECT_EQ(queue.next(), 4);
  queue.done("dead");
  queue.done("dead");
  EXPECT_EQ(queue.under_way(), 0U);
  EXPECT_EQ(queue.size_of("dead"), 0U);
  EXPECT_EQ(queue.next(), std::nullopt);
}

}  // namespace
}  // namespace postern::io
