#include "base/grace_period.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace postern {
namespace {

using namespace std::chrono_literals;

TEST(GracePeriod, WaitsForThoseBeforeAndNotForThoseAfter) {
  GracePeriod grace;
  EXPECT_TRUE(grace.wait(0ms));
  auto before = grace.enter();
  EXPECT_FALSE(grace.wait(1ms));
  const auto after = grace.enter();
  EXPECT_FALSE(grace.wait(1ms)) << "who was there at the first call still is";
  before.reset();
  EXPECT_FALSE(grace.wait(0ms)) << "and now the one who came between the calls";
}

TEST(GracePeriod, IsOverWhenTheLastOneLeaves) {
  GracePeriod grace;
  auto ticket = grace.enter();
  const auto copy = std::make_unique<GracePeriod::Ticket>(ticket);
  std::atomic<bool> changed{false};
  std::thread worker([&, held = std::move(ticket)]() mutable {
    changed = true;
    held.reset();
  });
  worker.join();
  EXPECT_FALSE(grace.wait(0ms));
  *copy = nullptr;
  EXPECT_TRUE(grace.wait(10s));
}

TEST(GracePeriod, NobodyIsMissedUnderLoad) {
  GracePeriod grace;
  std::atomic<int> state{0};
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> settled{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto ticket = grace.enter();
        const int seen = state;
        if (seen < settled) ++wrong;  // a period was declared over for a state that somebody still took up
        std::this_thread::yield();
        if (seen < settled) ++wrong;
      }
    });
  }
  for (int round = 1; round <= 200; ++round) {
    state = round;
    ASSERT_TRUE(grace.wait(30s));
    settled = round;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern
