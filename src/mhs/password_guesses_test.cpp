// Passwords may be guessed five times, for one name and from one address; who is there by the right one, or elsewhere, is not hindered.
#include "mhs/password_guesses.hpp"

#include <gtest/gtest.h>

#include "mhs/refused_binds.hpp"

namespace postern::mhs {
namespace {

using namespace std::chrono_literals;

Road from(const char* subscriber) {
  Road out;
  out.subscriber = subscriber;
  return out;
}

struct Guesses : ::testing::Test {
  /// Whether the password was looked at.
  bool guess(const char* name, const char* subscriber, std::optional<mts::BindError> verdict) {
    auto attempt = guesses.begin(name, from(subscriber));
    if (!attempt) {
      last = attempt.error();
      return false;
    }
    const BindRefusal refusal{verdict.value_or(mts::BindError::AuthenticationError), "wrong"};
    settle(*std::move(attempt), verdict ? &refusal : nullptr);
    return true;
  }
  bool wrong(const char* name, const char* subscriber) { return guess(name, subscriber, mts::BindError::AuthenticationError); }

  ManualClock clock{WallTime{}};
  PasswordGuesses guesses{clock};
  BindRefusal last;
};

TEST_F(Guesses, FiveWrongOnesLockTheNameFromThatAddress) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(wrong("north", "a"));
  EXPECT_FALSE(guess("north", "a", std::nullopt)) << "not even the right one";
  EXPECT_EQ(last.error, mts::BindError::AuthenticationError) << "the peer is told what it was told before";
  EXPECT_EQ(last.why, "north was wrong 5 times from this address: locked for 15 minutes");
  EXPECT_TRUE(guess("north", "b", std::nullopt)) << "whoever has the name elsewhere is not locked out by strangers";
  EXPECT_TRUE(wrong("south", "a"));
  clock.advance(15min);
  EXPECT_TRUE(guess("north", "a", std::nullopt));
}

TEST_F(Guesses, TheRightOneForgivesAndOtherRefusalsDoNotCount) {
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(guess("north", "a", mts::BindError::InadequateAssociationConfidentiality)) << "no password was wrong";
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 4; ++j) EXPECT_TRUE(wrong("north", "a"));
    EXPECT_TRUE(guess("north", "a", std::nullopt));
  }
}

TEST_F(Guesses, ManyAtOnceGetNoFurther) {
  std::vector<PasswordGuesses::Attempt> open;
  for (int i = 0; i < 5; ++i) open.push_back(guesses.begin("north", from("a")).value());
  const auto sixth = guesses.begin("north", from("a"));
  ASSERT_FALSE(sixth);
  EXPECT_EQ(sixth.error().error, mts::BindError::Busy);
}

TEST_F(Guesses, NamesOfStrangersStandInTheReasonReadably) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(wrong("\x01name", "a"));
  EXPECT_FALSE(wrong("\x01name", "a"));
  EXPECT_TRUE(last.why.starts_with("?name was wrong")) << last.why;
}

TEST(RefusedBindsTest, AreSaidForAnHourOrUntilThePeerBinds) {
  ManualClock clock{WallTime{}};
  RefusedBinds binds(clock);
  EXPECT_EQ(binds.text_for("north"), "");
  binds.refused("north", "a wrong password");
  EXPECT_EQ(binds.text_for("north"), "1 bind refused, the last just now: a wrong password");
  binds.refused("north", "no pin");
  clock.advance(5min);
  EXPECT_EQ(binds.text_for("north"), "2 binds refused, the last 5 minutes ago: no pin");
  EXPECT_EQ(binds.text_for("south"), "");
  clock.advance(1h);
  EXPECT_EQ(binds.text_for("north"), "");
  binds.refused("north", "no pin");
  binds.admitted("north");
  EXPECT_EQ(binds.text_for("north"), "");
}

}  // namespace
}  // namespace postern::mhs
