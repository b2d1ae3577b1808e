#include "spool/schedule.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

using namespace std::chrono_literals;

TEST(Schedule, FollowsTheListThenRepeatsTheLast) {
  RetrySchedule schedule;
  schedule.jitter_percent = 0;
  const std::chrono::milliseconds expected[] = {1min, 5min, 15min, 1h, 4h, 4h, 4h};
  for (unsigned attempts = 1; attempts <= 7; ++attempts)
    EXPECT_EQ(next_delay(schedule, attempts, 0ms, 0), expected[attempts - 1]) << attempts;
  EXPECT_EQ(next_delay(schedule, 1'000'000, 0ms, 0), 4h);
  EXPECT_EQ(next_delay(schedule, 0, 0ms, 0), 1min);
}

TEST(Schedule, JitterOnlyLengthensAndIsBounded) {
  RetrySchedule schedule;
  EXPECT_EQ(next_delay(schedule, 1, 0ms, 0), 1min);
  const auto most = next_delay(schedule, 1, 0ms, UINT32_MAX).value();
  EXPECT_GT(most, 65s);
  EXPECT_LE(most, 66s);
}

TEST(Schedule, LastAttemptFallsOnTheExpiry) {  // RFC 5321 4.5.4.1: "the give-up time generally needs to be at least 4-5 days"
  RetrySchedule schedule;
  schedule.expire = 10h;
  EXPECT_EQ(next_delay(schedule, 9, 8h, 0), 2h);
  EXPECT_EQ(next_delay(schedule, 9, std::chrono::milliseconds(10h) - 1ms, 0), 1ms);
  EXPECT_FALSE(next_delay(schedule, 9, 10h, 0));
  EXPECT_FALSE(next_delay(schedule, 1, 1000h, 0));
}

TEST(Schedule, OddSettingsStayTotal) {
  RetrySchedule schedule;
  schedule.delays.clear();
  EXPECT_EQ(next_delay(schedule, 3, 0ms, 0), 1min);
  schedule.delays = {0s};
  schedule.jitter_percent = 100'000;
  EXPECT_EQ(next_delay(schedule, 1, 0ms, UINT32_MAX), 1ms);
  EXPECT_EQ(next_delay(schedule, 1, -5h, 7), 1ms);  // accepted in the future: a clock step
}

}  // namespace
}  // namespace postern
