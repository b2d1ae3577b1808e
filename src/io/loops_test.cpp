#include "io/loops.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "io/await_call.hpp"
#include "io/sync.hpp"
#include "io/testing/run.hpp"

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using testing::in_ms;
using testing::RunningLoops;
using testing::soon;

Task<std::thread::id> where_am_i() { co_return std::this_thread::get_id(); }

TEST(Loops, EveryLoopHasItsOwnThreadAndNextGoesRound) {
  RunningLoops loops(3);
  std::set<std::thread::id> seen;
  for (int i = 0; i < 6; ++i) seen.insert(testing::run_on(loops.next(), where_am_i()));
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_FALSE(seen.contains(std::this_thread::get_id()));
}

TEST(Loops, DestroyingLoopsFreesCoroutinesThatWait) {
  auto token = std::make_shared<int>(1);
  {
    RunningLoops loops(2);
    std::promise<void> started;
    const auto forever = [](std::shared_ptr<int> held, std::promise<void>* ready) -> Task<void> {
      ready->set_value();
      co_await sleep_until(kNoDeadline);
      (void)held;
    };
    spawn(loops.at(1), forever(token, &started), "forever");
    started.get_future().wait();
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

Task<void> throw_something() {
  throw std::runtime_error("on purpose");
  co_return;
}

TEST(Loops, AnExceptionEndsItsCoroutineOnly) {
  RunningLoops loops;
  spawn(loops.at(0), throw_something(), "thrower");
  EXPECT_NE(loops.run(where_am_i()), std::this_thread::get_id());
}

TEST(WorkerPool, ComesBackToTheLoopWithTheResult) {
  RunningLoops loops;
  WorkerPool pool(2, 10);
  loops.run([&]() -> Task<void> {
    const auto home = std::this_thread::get_id();
    std::thread::id worker;
    const Result<int> plain = co_await pool.run([&] {
      worker = std::this_thread::get_id();
      return 42;
    });
    EXPECT_EQ(plain, 42);
    EXPECT_NE(worker, home);
    EXPECT_EQ(std::this_thread::get_id(), home);
    const Result<std::string> failed = co_await pool.run([]() -> Result<std::string> { return fail(ErrorCode::Denied, "no"); });
    EXPECT_EQ(failed.error().code, ErrorCode::Denied);
    const Status nothing = co_await pool.run([] {});
    EXPECT_TRUE(nothing);
    const Status status = co_await pool.run([]() -> Status { return fail(ErrorCode::Conflict, "no"); });
    EXPECT_EQ(status.error().code, ErrorCode::Conflict);
  }());
}

TEST(WorkerPool, AnExceptionIsAnError) {
  RunningLoops loops;
  WorkerPool pool(1, 10);
  const auto thrown = loops.run(pool.run([]() -> int { throw std::runtime_error("bad day"); }));
  EXPECT_EQ(thrown.error().code, ErrorCode::Internal);
  EXPECT_THAT(thrown.error().what, ::testing::HasSubstr("bad day"));
  const auto memory = loops.run(pool.run([]() -> int { throw std::bad_alloc(); }));
  EXPECT_EQ(memory.error().code, ErrorCode::Exhausted);
}

TEST(WorkerPool, AFullQueueAnswersExhaustedAtOnce) {
  RunningLoops loops;
  WorkerPool pool(1, 2);
  std::promise<void> gate;
  const auto opened = gate.get_future().share();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.try_post([opened] { opened.wait(); }));  // one runs or is free to, two wait
  EXPECT_FALSE(pool.try_post([] {}));
  EXPECT_EQ(loops.run(pool.run([] { return 1; })).error().code, ErrorCode::Exhausted);
  gate.set_value();
  pool.stop();
  EXPECT_EQ(loops.run(pool.run([] { return 1; })).error().code, ErrorCode::Exhausted);
}

TEST(WorkerPool, StopRunsWhatIsQueued) {
  std::atomic<int> done{0};
  WorkerPool pool(2, 1000);
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(pool.try_post([&] { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 500);
}

TEST(OneShot, CarriesAValueFromAnotherThread) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    OneShot<std::string> shot(co_await this_executor());
    std::thread other([set = shot.setter()] {
      std::this_thread::sleep_for(5ms);
      set("hello");
    });
    EXPECT_EQ(co_await shot.wait(), "hello");
    other.join();
  }());
}

TEST(OneShot, MaySetBeforeTheWaitAndAfterTheDeadline) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    const Executor here = co_await this_executor();
    OneShot<int> early(here);
    early.setter()(7);
    EXPECT_EQ(co_await early.wait(), 7);
    std::function<void(int)> late;
    {
      OneShot<int> shot(here);
      late = shot.setter();
      EXPECT_EQ(co_await shot.wait_until(in_ms(10)), std::nullopt);
    }
    late(1);  // nobody listens; nothing breaks
  }());
}

TEST(OneShot, ManyThreadsManyShots) {
  RunningLoops loops(2);
  WorkerPool pool(4, 10000);
  std::atomic<long> sum{0};
  const auto adder = [&](int from) -> Task<void> {
    for (int i = 0; i < 500; ++i) {
      const auto got = co_await pool.run([i, from] { return i + from; });
      sum += *got;
    }
  };
  std::vector<std::future<void>> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(std::async(std::launch::async, [&, i] { testing::run_on(loops.at(i % 2), adder(i)); }));
  }
  for (auto& wait : waits) wait.get();
  EXPECT_EQ(sum, 8L * (499L * 500L / 2) + 500L * 28L);
}

TEST(AwaitCall, GoesOnWithItsOwnLoopWhoeverCalls) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    const auto here = std::this_thread::get_id();
    EXPECT_EQ(co_await await_call<int>([](auto done) { done(1); }), 1) << "before it waits";
    std::thread other;
    const int far = co_await await_call<int>([&other](auto done) { other = std::thread([done] { done(2); }); });
    other.join();
    EXPECT_EQ(far, 2);
    EXPECT_EQ(std::this_thread::get_id(), here);
    // On the same loop: not inside the call, whose maker may hold what is needed next.
    bool inside = false;
    const Executor loop = co_await this_executor();
    const bool was_inside = co_await await_call<bool>([&inside, loop](std::function<void(bool)> done) {
                              boost::asio::post(loop, [&inside, done] {
                                inside = true;
                                done(true);
                                inside = false;
                              });
                            }) &&
                            inside;
    EXPECT_FALSE(was_inside);
  }());
}

TEST(Notifier, RemembersARingAndHonoursTheDeadline) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    Notifier bell(co_await this_executor());
    bell.ring();
    bell.ring();
    EXPECT_TRUE(co_await bell.wait(soon()));
    EXPECT_FALSE(co_await bell.wait(in_ms(10)));
    std::thread other([&] { bell.ring(); });
    EXPECT_TRUE(co_await bell.wait(soon()));
    other.join();
  }());
}

TEST(Loops, ClearFreesWhatWaitsWhileItsPartsLive) {
  Loops loops(2);
  auto part = std::make_unique<int>(0);
  struct Guard {
    int* count;
    ~Guard() { ++*count; }
  };
  const auto waits = [](int* count) -> Task<void> {
    const Guard guard{count};
    co_await sleep_until(kNoDeadline);
  };
  spawn(loops.at(0), waits(part.get()), "a");
  spawn(loops.at(1), waits(part.get()), "b");
  loops.start();
  testing::run_on(loops.at(0), yield());
  testing::run_on(loops.at(1), yield());
  loops.stop();
  loops.join();
  loops.clear();
  EXPECT_EQ(*part, 2);
  part.reset();  // and the loops are destroyed after it
}

}  // namespace
}  // namespace postern::io
