// Who gets which work: the bound on all deliveries, and the destinations that are remembered. Deliveries themselves: tests/e2e.
#include <gtest/gtest.h>

#include "gateway/courier_impl.hpp"

namespace postern::gateway {
namespace {

using Routes = std::vector<std::string>;

TEST(Places, NobodyIsForgottenAtTheBound) {
  Places places(2);
  EXPECT_EQ(places.take("a", 5), 2U);
  EXPECT_EQ(places.take("b", 1), 0U);  // waits
  EXPECT_EQ(places.take("c", 1), 0U);
  EXPECT_EQ(places.take("b", 1), 0U);  // once
  EXPECT_EQ(places.give_back(1), Routes{"b"});
  EXPECT_EQ(places.taken(), 2U);
  EXPECT_EQ(places.give_back(1), Routes{"c"});
  EXPECT_EQ(places.give_back(2), Routes{});
  EXPECT_EQ(places.taken(), 0U);
}

TEST(Places, ABusyRouteSharesInTurn) {
  Places places(1);
  ASSERT_EQ(places.take("a", 1), 1U);
  EXPECT_EQ(places.hand_on("a"), std::nullopt);  // nobody waits: a goes on
  EXPECT_EQ(places.take("b", 1), 0U);
  EXPECT_EQ(places.take("c", 1), 0U);
  EXPECT_EQ(places.hand_on("a"), "b");
  EXPECT_EQ(places.hand_on("b"), "c");
  EXPECT_EQ(places.hand_on("c"), "a");
  EXPECT_EQ(places.give_back(1), Routes{"b"});  // a had no more work
  EXPECT_EQ(places.taken(), 1U);
}

TEST(Places, ARouteThatWaitsForMoreGoesOnWithWhatItHas) {
  Places places(1);
  ASSERT_EQ(places.take("a", 1), 1U);
  ASSERT_EQ(places.take("a", 3), 0U);
  EXPECT_EQ(places.hand_on("a"), std::nullopt);
  EXPECT_EQ(places.give_back(1), Routes{"a"});  // still waits for more
  EXPECT_EQ(places.give_back(1), Routes{});
  EXPECT_EQ(places.taken(), 0U);
}

TEST(Destinations, QuietOnesAreForgotten) {
  Destinations known;
  const SteadyTime now = SteadyTime{} + std::chrono::hours(1);
  const auto add = [&](const std::string& route) -> Destination& {
    auto made = std::make_unique<Destination>();
    made->route = route;
    return known.add(std::move(made), now);
  };
  add("mx:busy.example").active = 1;
  Destination& failed = add("mx:failed.example");
  failed.failure = HopFailure{};
  failed.failed_at = now - std::chrono::seconds(5);
  failed.failure_took = std::chrono::seconds(30);
  for (int i = 0; i < 10'000; ++i) add("mx:d" + std::to_string(i) + ".example");
  EXPECT_LT(known.size(), 200U);
  EXPECT_NE(known.find("mx:busy.example"), nullptr);
  EXPECT_NE(known.find("mx:failed.example"), nullptr);
  EXPECT_EQ(known.find("mx:d0.example"), nullptr);
}

}  // namespace
}  // namespace postern::gateway
