#include "recorders/line_queue.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace postern {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 20s;

/// A disk that the test can hang, break and fill.
struct Disk {
  std::mutex mutex;
  std::condition_variable change;
  bool hang = false, broken = false, entered = false, gone = false;
  std::size_t takes = SIZE_MAX;  // bytes of whole lines, then it fails
  std::string content;
  int recovered = 0, ticks = 0;
  bool wants_tick = false;

  void set(bool Disk::* what, bool value) {
    const std::lock_guard lock(mutex);
    this->*what = value;
    change.notify_all();
  }
  void await(bool Disk::* what) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(change.wait_for(lock, kPatience, [&] { return this->*what; }));
  }
};

class DiskDrain final : public LineDrain {
 public:
  explicit DiskDrain(std::shared_ptr<Disk> disk) : m_disk(std::move(disk)) {}
  ~DiskDrain() override { m_disk->set(&Disk::gone, true); }
  Outcome drain(std::string_view lines) override {
    std::unique_lock lock(m_disk->mutex);
    m_disk->entered = true;
    m_disk->change.notify_all();
    m_disk->change.wait(lock, [&] { return !m_disk->hang; });
    if (m_disk->broken) return {0, fail(ErrorCode::Exhausted, "full")};
    m_disk->content += lines;
    return {lines.size(), {}};
  }
  Status recover() override {
    const std::lock_guard lock(m_disk->mutex);
    ++m_disk->recovered;
    return {};
  }
  bool wants_tick() const override {
    const std::lock_guard lock(m_disk->mutex);
    return m_disk->wants_tick;
  }
  Status tick() override {
    const std::lock_guard lock(m_disk->mutex);
    ++m_disk->ticks;
    m_disk->wants_tick = false;
    return {};
  }

 private:
  std::shared_ptr<Disk> m_disk;
};

LineQueueOptions quick() {
  LineQueueOptions options;
  options.deadline = 3s;  // also a busy machine runs the queue's thread within this
  options.first_pause = options.longest_pause = 1ms;
  options.tick = 1ms;
  options.bytes = 4096;
  return options;
}

struct Bench {
  std::shared_ptr<Disk> disk = std::make_shared<Disk>();
  LineQueue queue;
  explicit Bench(LineQueueOptions options = quick()) : queue(std::move(options), std::make_unique<DiskDrain>(disk)) {
    EXPECT_TRUE(queue.first_attempt());
  }
  /// Writes until it is refused.
  Error refusal(const std::string& line = "x\n") {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      if (const Status status = queue.write(line); !status) return status.error();
      std::this_thread::yield();
    }
    return {ErrorCode::Internal, "never refused", {}};
  }
};

TEST(LineQueue, KeepsLinesAndTheirOrder) {
  std::string all;
  Bench bench([] {
    LineQueueOptions options = quick();
    options.bytes = 1 << 20;
    return options;
  }());
  for (int i = 0; i < 5000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    ASSERT_TRUE(bench.queue.write(line));
    all += line;
  }
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_EQ(bench.disk->content, all);
  EXPECT_EQ(bench.queue.lost(), 0U);
}

TEST(LineQueue, AHangingDrainNeverHoldsTheCaller) {
  Bench bench;
  bench.disk->set(&Disk::hang, true);
  ASSERT_TRUE(bench.queue.write("first\n"));  // comes back although the disk hangs: it is let go only below
  bench.disk->await(&Disk::entered);
  const Error error = bench.refusal();
  EXPECT_TRUE(error.code == ErrorCode::Unavailable || error.code == ErrorCode::Exhausted) << error.text();
  EXPECT_GE(bench.queue.lost(), 1U);
  bench.disk->set(&Disk::hang, false);
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_TRUE(bench.queue.write("again\n"));
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_TRUE(bench.disk->content.starts_with("first\nx\n"));
  EXPECT_TRUE(bench.disk->content.ends_with("again\n"));
}

TEST(LineQueue, AHangingDrainIsKnownByItsOldestLine) {
  Bench bench;
  bench.disk->set(&Disk::hang, true);
  ASSERT_TRUE(bench.queue.write("first\n"));
  const Error error = bench.refusal("");  // adds nothing, so that the queue never fills
  EXPECT_EQ(error.code, ErrorCode::Unavailable) << error.text();
  bench.disk->set(&Disk::hang, false);
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_TRUE(bench.queue.write("again\n"));
}

TEST(LineQueue, AFullQueueRefuses) {
  LineQueueOptions options = quick();
  options.deadline = 60s;  // so that only the size can refuse
  Bench bench(options);
  bench.disk->set(&Disk::hang, true);
  EXPECT_EQ(bench.refusal(std::string(999, 'x') + "\n").code, ErrorCode::Exhausted);
  EXPECT_EQ(bench.queue.write(std::string(5000, 'x')).error().code, ErrorCode::TooLarge);
  bench.disk->set(&Disk::hang, false);
}

TEST(LineQueue, AFailedDrainRefusesAtOnceAndLosesNothing) {
  Bench bench;
  bench.disk->set(&Disk::broken, true);
  ASSERT_TRUE(bench.queue.write("first\n"));
  EXPECT_EQ(bench.refusal("").code, ErrorCode::Exhausted);
  EXPECT_EQ(bench.queue.write("refused\n").error().code, ErrorCode::Exhausted);
  bench.disk->set(&Disk::broken, false);
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_TRUE(bench.disk->content.starts_with("first\n"));
  EXPECT_EQ(bench.disk->content.find("refused"), std::string::npos);
  EXPECT_GE(bench.disk->recovered, 2);
}

TEST(LineQueue, DrainedMeansTheLineIsAway) {
  LineQueueOptions options = quick();
  options.acknowledge = Acknowledge::Drained;
  options.deadline = 10s;
  Bench bench(options);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(bench.queue.write("x\n"));
    const std::lock_guard lock(bench.disk->mutex);
    ASSERT_EQ(bench.disk->content.size(), 2U * static_cast<std::size_t>(i + 1));
  }
}

TEST(LineQueue, DrainedFailsWhenItIsNot) {
  LineQueueOptions options = quick();
  options.acknowledge = Acknowledge::Drained;
  Bench bench(options);
  bench.disk->set(&Disk::hang, true);
  EXPECT_EQ(bench.queue.write("x\n").error().code, ErrorCode::Unavailable);
  bench.disk->set(&Disk::broken, true);
  bench.disk->set(&Disk::hang, false);
  EXPECT_FALSE(bench.queue.write("x\n"));
  EXPECT_EQ(bench.queue.lost(), 2U);
}

/// Rings once.
struct Bell {
  std::mutex mutex;
  std::condition_variable change;
  int rung = 0;
  std::function<void()> ringer() {
    return [this] {
      const std::lock_guard lock(mutex);
      ++rung;
      change.notify_all();
    };
  }
  bool await(int times = 1) {
    std::unique_lock lock(mutex);
    return change.wait_for(lock, kPatience, [&] { return rung >= times; });
  }
};

LineQueueOptions drained() {
  LineQueueOptions options = quick();
  options.acknowledge = Acknowledge::Drained;
  return options;
}

TEST(LineQueue, AnOfferIsConfirmedLater) {
  Bench bench(drained());
  bench.disk->set(&Disk::hang, true);
  const auto first = bench.queue.offer("first\n"), second = bench.queue.offer("second\n");
  ASSERT_TRUE(first && second);
  EXPECT_GT(*first, 0U);
  EXPECT_GT(*second, *first);
  Bell bell;
  bench.queue.ring_when_further(bell.ringer());
  EXPECT_FALSE(bench.queue.has_come_to(*first).value());
  bench.disk->set(&Disk::hang, false);
  for (int rings = 1; !bench.queue.has_come_to(*second).value(); ++rings) {
    ASSERT_TRUE(bell.await(rings));
    bench.queue.ring_when_further(bell.ringer());
  }
  EXPECT_TRUE(bench.queue.has_come_to(*first).value());
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_EQ(bench.disk->content, "first\nsecond\n");
}

TEST(LineQueue, AnOfferThatNeedsNoConfirmationSaysSo) {
  Bench bench;
  EXPECT_EQ(bench.queue.offer("x\n").value(), 0U);
  EXPECT_TRUE(bench.queue.has_come_to(0).value());
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_EQ(bench.disk->content, "x\n");
}

TEST(LineQueue, AnOfferIsTakenAwayAlsoWhenNobodyAsks) {
  Bench bench(drained());
  ASSERT_TRUE(bench.queue.offer("x\n"));
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_EQ(bench.disk->content, "x\n");
}

TEST(LineQueue, AnOfferOnABrokenOrHangingDiskFails) {
  Bench bench(drained());
  bench.disk->set(&Disk::broken, true);
  const auto lost = bench.queue.offer("x\n");
  ASSERT_TRUE(lost);
  Bell bell;
  Result<bool> there = false;
  for (int rings = 1; there && !*there; ++rings) {
    bench.queue.ring_when_further(bell.ringer());
    ASSERT_TRUE(bell.await(rings));
    there = bench.queue.has_come_to(*lost);
  }
  EXPECT_EQ(there.error().code, ErrorCode::Exhausted);
  EXPECT_EQ(bench.queue.offer("y\n").error().code, ErrorCode::Exhausted);
  bench.disk->set(&Disk::broken, false);
  ASSERT_TRUE(bench.queue.flush(kPatience));
  EXPECT_TRUE(bench.queue.has_come_to(*lost).value());  // it was kept, and is away in the end

  LineQueueOptions impatient = drained();
  impatient.deadline = 50ms;
  Bench hanging(impatient);
  hanging.disk->set(&Disk::hang, true);
  const auto late = hanging.queue.offer("x\n");
  ASSERT_TRUE(late);
  while (hanging.queue.has_come_to(*late)) std::this_thread::yield();
  EXPECT_EQ(hanging.queue.has_come_to(*late).error().code, ErrorCode::Unavailable);
  hanging.disk->set(&Disk::hang, false);
}

TEST(LineQueue, ManyCallersWhoWait) {
  LineQueueOptions options = quick();
  options.acknowledge = Acknowledge::Drained;
  options.deadline = 20s;
  Bench bench(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(bench.queue.write("line\n"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bench.disk->content.size(), 4U * 100 * 5);
}

TEST(LineQueue, ClosingDrainsAndAHungDrainIsLeftBehind) {
  const auto disk = std::make_shared<Disk>();
  {
    LineQueue queue(quick(), std::make_unique<DiskDrain>(disk));
    ASSERT_TRUE(queue.first_attempt());
    ASSERT_TRUE(queue.write("kept\n"));
  }
  EXPECT_EQ(disk->content, "kept\n");
  disk->set(&Disk::gone, false);
  disk->set(&Disk::hang, true);
  {
    LineQueue queue(quick(), std::make_unique<DiskDrain>(disk));
    ASSERT_TRUE(queue.first_attempt());
    ASSERT_TRUE(queue.write("late\n"));
  }  // comes back although the disk hangs
  disk->set(&Disk::hang, false);
  disk->await(&Disk::gone);
  EXPECT_EQ(disk->content, "kept\nlate\n");
}

TEST(LineQueue, TicksWhenAsked) {
  Bench bench;
  const auto ticked = [&](int times) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
      const std::lock_guard lock(bench.disk->mutex);
      if (bench.disk->ticks >= times) return true;
    }
    return false;
  };
  bench.queue.poke();
  EXPECT_TRUE(ticked(1));
  bench.disk->set(&Disk::wants_tick, true);
  ASSERT_TRUE(bench.queue.write("x\n"));
  EXPECT_TRUE(ticked(2));
}

}  // namespace
}  // namespace postern
