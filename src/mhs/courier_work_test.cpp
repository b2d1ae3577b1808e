// What the courier makes of an item that could not be written for its peer: only what is wrong with the message itself is its end.
#include <fstream>
#include <latch>

#include "mhs/testing/two_nodes.hpp"

namespace postern::mhs {
namespace {

using namespace testing;

/// A peer of 1984: what goes there is ported on a worker, once the association is open.
struct Unsent : TwoNodes {
  /// `once` runs when north opens its first association: the item is loaded, and not yet ported.
  void start_with(std::function<void()> once) {
    start(TransferMode::X410_1984);
    north.stop();
    north.transcript = [once = std::move(once), done = std::make_shared<std::once_flag>()](osi::Direction, ByteView) {
      std::call_once(*done, once);
    };
    north.start();
  }
  void submit(std::size_t size) {
    auto envelope = envelope_to({kBob}, false);
    envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1984;
    ASSERT_TRUE(north.submit(envelope, content_of(size)));
  }
  template <class Condition>
  static bool wait_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return condition();
  }
};

TEST_F(Unsent, BusyWorkersDelayAndDoNotBounce) {
  std::latch busy(2), over(1);
  start_with([&] {
    const auto wait = [&] {
      busy.count_down();
      over.wait();
    };
    for (int thread = 0; thread < 2; ++thread) ASSERT_TRUE(north.workers->try_post(wait));
    busy.wait();
    while (north.workers->try_post([] {})) {
    }
  });
  submit(10);
  const auto& sent = north.node->sent();
  const bool settled = wait_until([&] { return sent.deferred + sent.reported > 0; });
  over.count_down();
  ASSERT_TRUE(settled);
  EXPECT_EQ(south.mailboxes.wait(kBob, 1).size(), 1U);
  EXPECT_EQ(sent.reported, 0U);
}

TEST_F(Unsent, WhatIsDamagedOnTheDiskIsKeptForTheOperator) {
  start(TransferMode::X410_1984);
  south.stop();
  ASSERT_TRUE(north.submit(envelope_to({kBob}, false), content_of(1'000'000)));
  north.stop();
  const auto segment = north.directory.path() / "var/spool/000001.seg";
  {
    std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(900'000);  // in the content, far behind the head that is read first
    const char flipped = static_cast<char>(file.get() ^ 1);
    file.seekp(900'000);
    file.put(flipped);
  }
  south.start();
  north.start();
  const auto& sent = north.node->sent();
  ASSERT_TRUE(wait_until([&] { return north.spool->stats().quarantined + sent.reported > 0; }));
  EXPECT_EQ(north.spool->stats().quarantined, 1U);
  EXPECT_EQ(sent.reported, 0U);
}

}  // namespace
}  // namespace postern::mhs
