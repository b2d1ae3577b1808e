#include "keys/rotation.hpp"

#include <gtest/gtest.h>

#include "base/clock.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

const WallTime kStart = wall_from_millis(1'795'000'000'000);

class Rotation : public ::testing::Test {
 protected:
  RotationFacts key(const char* name, std::chrono::seconds age, std::optional<std::chrono::seconds> period = days(90)) {
    RotationFacts out;
    out.name = KeyName(name);
    out.created = clock.now() - age;
    out.rule.period = period;
    return out;
  }
  RotationPlan plan(std::vector<RotationFacts> facts) { return planner.plan(facts, clock.now(), clock.steady()); }

  ManualClock clock{kStart};
  RotationPlanner planner;
};

TEST_F(Rotation, AKeyIsDueAtTheEndOfItsPeriodAndNotBefore) {
  const auto young = key("young", days(89));
  auto out = plan({young});
  EXPECT_TRUE(out.steps.empty());
  ASSERT_TRUE(out.next);
  EXPECT_EQ(*out.next, kStart + days(1));
  clock.advance(days(1));
  out = plan({young});
  ASSERT_EQ(out.steps.size(), 1U);
  EXPECT_EQ(out.steps[0].reason, "age");
  EXPECT_EQ(out.steps[0].from, 1U);
  EXPECT_FALSE(out.steps[0].announce);
}

TEST_F(Rotation, NeverIsNeverForAgeAndStillBeforeTheUseLimit) {
  auto never = key("never", days(4000), std::nullopt);
  EXPECT_TRUE(plan({never}).steps.empty());
  EXPECT_FALSE(plan({never}).next);
  EXPECT_EQ(plan({never}).keys[0].note, "never");
  never.max_uses = 1000;
  never.uses = 749;
  EXPECT_TRUE(plan({never}).steps.empty());
  never.uses = 750;  // SP 800-38D 8.3: the bound holds whatever the calendar says
  const auto out = plan({never});
  ASSERT_EQ(out.steps.size(), 1U);
  EXPECT_EQ(out.steps[0].reason, "use");
}

TEST_F(Rotation, TheEnginesOwnKeysAreLeftToIt) {
  auto theirs = key("theirs", days(100));
  theirs.engine_period = days(30);
  const auto out = plan({theirs});
  EXPECT_TRUE(out.steps.empty());
  EXPECT_EQ(out.keys[0].note, "by the engine");
  EXPECT_EQ(out.keys[0].due, kStart - days(70));
}

TEST_F(Rotation, AnAnnouncedVersionIsMadeOnceAndWaits) {
  auto dkim = key("dkim_key", days(91));
  dkim.rule.announce = true;
  auto out = plan({dkim});
  ASSERT_EQ(out.steps.size(), 1U);
  EXPECT_TRUE(out.steps[0].announce);
  dkim.latest = 2;
  dkim.created = clock.now();
  clock.advance(days(200));
  out = plan({dkim});
  EXPECT_TRUE(out.steps.empty()) << "nobody published the second: a third would help nobody";
  EXPECT_EQ(out.keys[0].note, "not before version 2 is in use");
  dkim.active = 2;
  EXPECT_EQ(plan({dkim}).steps.size(), 1U);
}

TEST_F(Rotation, ASecondAskingBeforeTheRotationShowsPlansTheSameVersion) {
  const auto due = key("due", days(91));
  const auto first = plan({due}), second = plan({due});
  ASSERT_EQ(first.steps.size(), 1U);
  ASSERT_EQ(second.steps.size(), 1U);
  EXPECT_EQ(first.steps[0].from, second.steps[0].from) << "whoever carries it out sees that one of them is done";
}

TEST_F(Rotation, AStepForwardIsNotBelievedAtOnce) {
  const auto young = key("young", days(1));
  EXPECT_TRUE(plan({young}).steps.empty());
  clock.step(days(365));
  auto out = plan({young});
  EXPECT_TRUE(out.steps.empty());
  EXPECT_EQ(out.warnings.size(), 1U);
  ASSERT_TRUE(out.next);
  EXPECT_EQ(*out.next, clock.now() + 10min);
  clock.advance(5min);
  clock.step(-days(365));  // the clock is set right again
  EXPECT_TRUE(plan({young}).steps.empty());
  clock.advance(10min);
  EXPECT_TRUE(plan({young}).steps.empty()) << "nothing was rotated for the mistake";
  clock.step(days(365));  // and one that stays is believed in the end
  EXPECT_TRUE(plan({young}).steps.empty());
  clock.advance(10min);
  EXPECT_EQ(plan({young}).steps.size(), 1U);
}

TEST_F(Rotation, SmallStepsAndLongSleepOfTheLoopAreNoSteps) {
  const auto due = key("due", days(89));
  EXPECT_TRUE(plan({due}).steps.empty());
  clock.step(30min);
  EXPECT_TRUE(plan({due}).warnings.empty());
  clock.advance(days(2));
  EXPECT_EQ(plan({due}).steps.size(), 1U);
}

TEST_F(Rotation, AStepBackRotatesNothingAndTheFutureAgesByTheMonotonicClock) {
  const auto made = key("made", days(0));
  EXPECT_TRUE(plan({made}).steps.empty());
  clock.step(-days(3650));
  auto out = plan({made});
  EXPECT_TRUE(out.steps.empty());
  ASSERT_EQ(out.warnings.size(), 1U);
  EXPECT_NE(out.warnings[0].find("future"), std::string::npos);
  clock.advance(days(89));
  EXPECT_TRUE(plan({made}).steps.empty());
  clock.advance(days(1));
  EXPECT_EQ(plan({made}).steps.size(), 1U) << "it would be used for ten years otherwise";
}

TEST_F(Rotation, TheEarliestOfManyIsNext) {
  const auto out = plan({key("a", days(10)), key("b", days(80)), key("c", days(50), days(60)), key("d", days(0), std::nullopt)});
  ASSERT_TRUE(out.next);
  EXPECT_EQ(*out.next, kStart + days(10));
  EXPECT_EQ(out.keys.size(), 4U);
  EXPECT_EQ(out.keys[2].due, kStart + days(10));
}

TEST(RotationPeriod, IsADurationOrNever) {
  EXPECT_EQ(parse_rotation_period("90d")->period, std::chrono::seconds(days(90)));
  EXPECT_FALSE(parse_rotation_period("never")->period);
  for (const char* bad : {"", "0", "0d", "Never", "-1d", "soon", "90 d"}) EXPECT_FALSE(parse_rotation_period(bad)) << bad;
}

}  // namespace
}  // namespace postern
