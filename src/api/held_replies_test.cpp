#include "api/held_replies.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>

#include "io/loops.hpp"
#include "io/testing/run.hpp"

namespace postern::api {
namespace {

using vault::AuditReceipt;

/// Records when the test says so, and rings from the test's thread.
class SlowSink final : public vault::AuditSink {
 public:
  Status write(std::string_view /*line*/) override { return fail(ErrorCode::Internal, "nobody may wait here"); }
  Result<std::uint64_t> offer(std::string_view /*line*/) override { return ++m_offered; }
  Result<bool> has_come_to(std::uint64_t position) const override {
    if (m_broken) return fail(ErrorCode::Unavailable, "broken on purpose");
    return m_recorded >= position;
  }
  void ring_when_further(std::function<void()> bell) override {
    const std::lock_guard lock(m_mutex);
    m_bells.push_back(std::move(bell));
  }
  void record_all() {
    m_recorded = m_offered.load();
    ring();
  }
  void fail_silently() { m_broken = true; }
  void ring() {
    std::vector<std::function<void()>> bells;
    {
      const std::lock_guard lock(m_mutex);
      bells.swap(m_bells);
    }
    for (const auto& bell : bells) bell();
  }

 private:
  std::atomic<std::uint64_t> m_offered{0}, m_recorded{0};
  std::atomic<bool> m_broken{false};
  std::mutex m_mutex;
  std::vector<std::function<void()>> m_bells;
};

struct HeldRepliesTest : ::testing::Test {
  io::testing::RunningLoops loops{1};
  std::shared_ptr<SlowSink> sink = std::make_shared<SlowSink>();
  std::shared_ptr<HeldReplies> held = std::make_shared<HeldReplies>(loops.at(0));
  vault::AuditBroker broker;
  vault::Request request;

  void SetUp() override {
    vault::AuditDeviceOptions device;
    device.path = "slow/";
    device.type = "file";
    device.salt = SecretBytes(Bytes(32, 1));
    ASSERT_TRUE(broker.add(std::move(device), sink));
  }
  void TearDown() override {
    loops.stop();
    loops.join();
    held.reset();
  }
  std::future<bool> hold() {
    vault::AuditExchange exchange{
        .request = request, .operation = vault::Operation::Read, .mount = {}, .time = {}, .warnings = {}, .error = {}};
    AuditReceipt receipt;
    EXPECT_TRUE(broker.record_response(exchange, &receipt));
    return std::async(std::launch::async,
                      [this, receipt = std::move(receipt)] { return io::testing::run_on(loops.at(0), held->recorded(receipt)); });
  }
};

TEST_F(HeldRepliesTest, WaitUntilTheirLinesAreRecorded) {
  std::vector<std::future<bool>> replies;
  for (int i = 0; i < 20; ++i) replies.push_back(hold());
  for (auto& reply : replies) EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(0)), std::future_status::timeout);
  // Some may begin to wait only after this; the watch finds them too.
  sink->record_all();
  for (auto& reply : replies) EXPECT_TRUE(reply.get());
}

TEST_F(HeldRepliesTest, OneAfterTheOther) {
  for (int i = 0; i < 20; ++i) {
    auto reply = hold();
    sink->record_all();
    EXPECT_TRUE(reply.get());
  }
}

TEST_F(HeldRepliesTest, ADeviceThatFailsWithoutAWordIsNoticed) {
  auto reply = hold();
  sink->fail_silently();
  EXPECT_FALSE(reply.get());
}

}  // namespace
}  // namespace postern::api
