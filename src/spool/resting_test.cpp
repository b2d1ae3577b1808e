// Mail for people who come for it themselves: it rests on disk, however much it is, and is handed out in its order when they do.
#include "spool/testing/spool_fixture.hpp"

namespace postern {
namespace {

using namespace std::chrono_literals;
using test::FaultGuard;
using test::kRoute;

constexpr const char* kUser = "x400:user:1";
constexpr std::size_t kInMemory = 100, kOfOneRoute = 40;

struct Resting : test::SpoolTest {
  Resting() {
    options.index_units = 1000;
    options.route_units = 500;
    options.resting = {"x400:user:", kInMemory, kOfOneRoute};
    reopen();
  }
  Submission for_users(int users) {
    std::vector<std::string> addresses;
    for (int i = 1; i <= users; ++i) addresses.push_back("S=User" + std::to_string(i));
    Submission out = message("x", addresses);
    for (int i = 1; i <= users; ++i) out.variants[0].recipients[static_cast<std::size_t>(i) - 1].route = "x400:user:" + std::to_string(i);
    return out;
  }
  void accept(int messages, int users = 1) {
    std::atomic<int> left{messages};
    for (int i = 0; i < messages; ++i) spool->enqueue(for_users(users), [&](const Status& status) { left -= status.has_value(); });
    settle();
    ASSERT_EQ(left, 0);
  }
  [[nodiscard]] std::size_t in_memory() const {
    const SpoolStats stats = spool->stats();
    return stats.ready + stats.deferred + stats.in_flight;
  }
  /// As whoever delivers to them does while they are away: everything is looked at once.
  void look_at_all() {
    for (auto routes = spool->ready_routes(); !routes.empty(); routes = spool->ready_routes()) {
      for (const std::string& route : routes)
        for (Work& work : spool->take(route, SIZE_MAX)) spool->park(std::move(work), 1h);
      clock.advance(1s);
      settle();
      ASSERT_LE(in_memory(), kInMemory);
    }
  }
  /// What comes until nothing does, in its order, each delivered.
  std::vector<std::int64_t> collect(const char* route) {
    std::vector<std::int64_t> out;
    for (int idle = 0; idle < 3;) {
      const auto works = spool->take(route, 16);
      for (const Work& work : works) {
        out.push_back(work.item.get());
        spool->report(report_of(work, Outcome::Delivered));
      }
      idle = works.empty() ? idle + 1 : 0;
      if (works.empty()) settle();
    }
    return out;
  }
  std::vector<std::int64_t> items_of(const char* route) {
    QueueSelector selector;
    selector.route = route;
    std::vector<std::int64_t> out;
    const auto entries = spool->list(selector, 100'000).value();
    for (const QueueEntry& each : entries) out.push_back(each.item.get());
    return out;
  }
};

TEST_F(Resting, ThirtyThousandForFourWhoAreAwayCrowdOutNobody) {
  for (int chunk = 0; chunk < 5; ++chunk) {
    ASSERT_NO_FATAL_FAILURE(accept(1500, 4));
    EXPECT_LE(in_memory(), kInMemory);
    ASSERT_TRUE(spool->enqueue_and_wait(message()));
    EXPECT_TRUE(report_now(report_of(take_one(), Outcome::Delivered))) << "mail for others goes on";
    ASSERT_NO_FATAL_FAILURE(look_at_all());
  }
  EXPECT_EQ(in_memory(), 0U);
  EXPECT_EQ(spool->stats().parked, 30'000U);
  EXPECT_EQ(spool->stats().queued, 30'000U);
  reopen();
  EXPECT_EQ(in_memory(), 0U) << "a restart does not look at all of it again";
  const auto waiting = items_of("x400:user:2");
  ASSERT_EQ(waiting.size(), 7500U) << "a listing shows it";
  spool->hasten("x400:user:2");
  EXPECT_TRUE(spool->is_hastening("x400:user:2"));
  settle();
  EXPECT_EQ(in_memory(), kOfOneRoute) << "a page at a time";
  EXPECT_EQ(collect("x400:user:2"), waiting);
  EXPECT_FALSE(spool->is_hastening("x400:user:2"));
  EXPECT_EQ(spool->stats().queued, 22'500U);
}

TEST_F(Resting, WhatComesMeanwhileComesBehind) {
  ASSERT_NO_FATAL_FAILURE(accept(100));
  ASSERT_NO_FATAL_FAILURE(look_at_all());
  ASSERT_NO_FATAL_FAILURE(accept(10));  // in memory, and not looked at yet
  spool->hasten(kUser);
  settle();
  const auto first = spool->take(kUser, 5);  // there is room in memory now
  ASSERT_EQ(first.size(), 5U);
  ASSERT_NO_FATAL_FAILURE(accept(10));
  auto waiting = items_of(kUser);
  ASSERT_EQ(waiting.size(), 120U);
  EXPECT_EQ(first.front().item.get(), waiting.front());
  waiting.erase(waiting.begin(), waiting.begin() + 5);
  EXPECT_EQ(collect(kUser), waiting);
  for (const Work& work : first) spool->give_back(work);
  EXPECT_EQ(collect(kUser).size(), 5U);
  ASSERT_NO_FATAL_FAILURE(accept(1));
  EXPECT_EQ(collect(kUser).size(), 1U) << "and then it goes straight through";
}

TEST_F(Resting, ThePagesEndWithWhoeverTheyWereFor) {
  ASSERT_NO_FATAL_FAILURE(accept(200));
  ASSERT_NO_FATAL_FAILURE(look_at_all());
  spool->hasten(kUser);
  settle();
  spool->rest(kUser);
  EXPECT_EQ(collect(kUser).size(), kOfOneRoute);
  EXPECT_EQ(spool->stats().parked, 200U - kOfOneRoute);
  spool->hasten(kUser);
  EXPECT_EQ(collect(kUser).size(), 200U - kOfOneRoute);
}

TEST_F(Resting, WhoLeavesHisLyingKeepsNobodyOut) {
  ASSERT_NO_FATAL_FAILURE(accept(60, 4));
  ASSERT_NO_FATAL_FAILURE(look_at_all());
  for (const char* holds_back : {"x400:user:1", "x400:user:2", "x400:user:3"}) {
    spool->hasten(holds_back);
    settle();
  }
  EXPECT_EQ(in_memory(), kInMemory) << "nothing is left for others";
  const auto waiting = items_of("x400:user:4");
  ASSERT_EQ(waiting.size(), 60U);
  spool->hasten("x400:user:4");
  settle();
  EXPECT_EQ(in_memory(), kInMemory + 16);
  EXPECT_EQ(collect("x400:user:4"), waiting);
}

TEST_F(Resting, WhatIsDueFirstIsNotWaitedForInVain) {
  ASSERT_NO_FATAL_FAILURE(accept(1, 3));
  const std::array<std::chrono::seconds, 3> delays{40s, 20s, 30s};
  for (std::size_t i = 0; i < delays.size(); ++i)
    for (Work& work : spool->take("x400:user:" + std::to_string(i + 1), SIZE_MAX)) spool->park(std::move(work), delays.at(i));
  settle();
  std::vector<std::string> came;
  for (int second = 1; second <= 40; ++second) {
    clock.advance(1s);
    settle();
    for (const std::string& route : spool->ready_routes()) {
      came.push_back(route + " " + std::to_string(second));
      ASSERT_EQ(spool->take(route, SIZE_MAX).size(), 1U);
    }
  }
  EXPECT_EQ(came, (std::vector<std::string>{"x400:user:2 20", "x400:user:3 30", "x400:user:1 40"}));
}

TEST_F(Resting, AnotherTryWaitsOnDiskForItsTime) {
  ASSERT_NO_FATAL_FAILURE(accept(1));
  const auto works = spool->take(kUser, 1);
  ASSERT_EQ(works.size(), 1U);
  ASSERT_TRUE(report_now(report_of(works[0], Outcome::Deferred, 30s)));
  EXPECT_EQ(in_memory(), 0U);
  clock.advance(29s);
  settle();
  EXPECT_TRUE(spool->take(kUser, 1).empty());
  clock.advance(1s);
  settle();
  EXPECT_EQ(spool->take(kUser, 1).size(), 1U);
}

TEST_F(Resting, WhatAnOperatorHeldMeanwhileDoesNotComeBack) {
  ASSERT_NO_FATAL_FAILURE(accept(1));
  auto works = spool->take(kUser, 1);
  ASSERT_EQ(works.size(), 1U);
  EXPECT_EQ(spool->change_now({QueueVerb::Hold, {}, "stop", "cli", {}}).value(), 1U);
  spool->park(std::move(works[0]), 0s);
  settle();
  spool->hasten(kUser);
  EXPECT_TRUE(collect(kUser).empty());
  EXPECT_EQ(spool->change_now({QueueVerb::Release, {}, "go", "cli", {}}).value(), 1U);
  EXPECT_EQ(collect(kUser).size(), 1U);
  expect_nothing_left();
}

TEST_F(Resting, WhatCannotBeWrittenStaysInMemory) {
  const FaultGuard guard;
  ASSERT_NO_FATAL_FAILURE(accept(1));
  auto works = spool->take(kUser, 1);
  ASSERT_EQ(works.size(), 1U);
  disk_faults().full = true;
  spool->park(std::move(works[0]), 30s);
  settle_failing();
  disk_faults().full = false;
  EXPECT_EQ(spool->stats().deferred, 1U);
  spool->hasten(kUser);
  EXPECT_EQ(collect(kUser).size(), 1U);
  expect_nothing_left();
}

}  // namespace
}  // namespace postern
