#include "api/held_replies.hpp"

#include <gtest/gtest.h>

#include <future>

#include "io/loops.hpp"
#include "io/testing/run.hpp"
#include "vault/testing/slow_sink.hpp"

namespace postern::api {
namespace {

using vault::AuditReceipt;
using vault::testing::SlowSink;

struct HeldRepliesTest : ::testing::Test {
  io::testing::RunningLoops loops{1};
  std::shared_ptr<SlowSink> sink = std::make_shared<SlowSink>();
  std::shared_ptr<HeldReplies> held = std::make_shared<HeldReplies>(loops.at(0));
  vault::AuditBroker broker;
  vault::Request request;

  void SetUp() override { vault::testing::open_only(broker, sink); }
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
