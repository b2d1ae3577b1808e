#include "custody/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "custody/wire.hpp"

namespace postern::custody {
namespace {

using std::chrono::steady_clock;

Bytes frame_of(std::size_t size, Byte fill) {
  Bytes frame(kSizeField + size, fill);
  for (std::size_t i = 0; i < kSizeField; ++i) frame[i] = static_cast<Byte>(size >> (8 * (3 - i)));
  return frame;
}

void feed(FrameReader& reader, ByteView bytes) {
  while (!bytes.empty()) {
    const ByteSpan room = reader.room();
    ASSERT_FALSE(room.empty());
    const std::size_t count = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), count, room.begin());
    reader.received(count);
    bytes = bytes.subspan(count);
  }
}

TEST(Frames, HoweverTheyAreCut) {
  Bytes all;
  for (std::size_t i = 0; i < 40; ++i) append(all, frame_of(i * i * 7, static_cast<Byte>(i)));
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{1000}, std::size_t{70000}}) {
    FrameReader reader;
    std::size_t seen = 0;
    for (std::size_t at = 0; at < all.size(); at += step) {
      feed(reader, ByteView(all).subspan(at, std::min(step, all.size() - at)));
      for (auto body = reader.next(kMaxFrame).value(); body; body = reader.next(kMaxFrame).value()) {
        EXPECT_EQ(body->size(), seen * seen * 7);
        EXPECT_TRUE(std::ranges::all_of(*body, [&](Byte b) { return b == seen; }));
        ++seen;
      }
    }
    EXPECT_EQ(seen, 40U) << step;
    EXPECT_EQ(reader.held(), 0U);
  }
}

TEST(Frames, LargeOnesAndSmallOnesAfterThem) {
  FrameReader reader;
  for (const std::size_t size : {std::size_t{5} << 20, std::size_t{3}, std::size_t{1} << 20, std::size_t{0}}) {
    feed(reader, frame_of(size, 0x11));
    const auto body = reader.next(kMaxFrame).value();
    ASSERT_TRUE(body);
    EXPECT_EQ(body->size(), size);
  }
}

TEST(Frames, ASizeIsNoReasonToTakeMemory) {
  FrameReader reader;
  feed(reader, Bytes{0x05, 0xff, 0xff, 0xff, 1, 2, 3});  // promises 100 million, under the limit
  EXPECT_FALSE(reader.next(200'000'000).value());
  EXPECT_LE(reader.room().size(), 128U * 1024);
  EXPECT_EQ(reader.next(kMaxGreeting).error().code, ErrorCode::TooLarge);
}

TEST(Frames, WhatWasReadIsWiped) {
  FrameReader reader;
  feed(reader, frame_of(100, 0x77));
  const ByteView body = *reader.next(kMaxFrame).value();
  reader.clear_read();
  EXPECT_TRUE(std::ranges::all_of(body, [](Byte b) { return b == 0; }));
  // Also what was moved to the front of the buffer leaves nothing behind.
  Bytes two = frame_of(40000, 0x66);
  append(two, frame_of(30000, 0x55));
  feed(reader, ByteView(two).first(60000));
  EXPECT_TRUE(reader.next(kMaxFrame).value());
  feed(reader, ByteView(two).subspan(60000));
  const auto second = reader.next(kMaxFrame).value();
  ASSERT_TRUE(second);
  EXPECT_TRUE(std::ranges::all_of(*second, [](Byte b) { return b == 0x55; }));
}

TEST(Outbox, SendsEverythingInOrderThroughAFullSocket) {
  auto [near, far] = Channel::pair().value();
  std::thread reading([channel = &far] {
    FrameReader reader;
    for (std::size_t seen = 0; seen < 300;) {
      const Channel::Outcome came = channel->receive(reader.room());
      ASSERT_NE(came.moved, Channel::Moved::Ended);
      reader.received(came.bytes);
      for (auto body = reader.next(kMaxFrame).value(); body; body = reader.next(kMaxFrame).value(), ++seen) {
        ASSERT_EQ(body->size(), (seen * 977) % 40000);
        ASSERT_TRUE(std::ranges::all_of(*body, [&](Byte b) { return b == static_cast<Byte>(seen); }));
      }
      pollfd on{channel->fd(), POLLIN, 0};
      if (seen < 300) wait({&on, 1}, steady_clock::now() + std::chrono::seconds(20));
    }
  });
  Outbox out;
  for (std::size_t i = 0; i < 300; ++i) {
    const Bytes frame = frame_of((i * 977) % 40000, static_cast<Byte>(i));
    if (i % 2 == 0) {
      out.add(ByteView(frame));
    } else {
      out.add(WipedBytes(frame.begin(), frame.end()));
    }
    if (i % 5 == 0) (void)out.flush(near);
  }
  while (out.flush(near) == Channel::Moved::Nothing) {
    pollfd on{near.fd(), POLLOUT, 0};
    wait({&on, 1}, steady_clock::now() + std::chrono::seconds(20));
  }
  EXPECT_TRUE(out.empty());
  reading.join();
}

TEST(Outbox, SeesThatTheOtherSideIsGone) {
  auto ends = Channel::pair().value();
  {
    const Channel gone = std::move(ends.second);
  }
  Outbox out;
  out.add(ByteView(frame_of(10, 1)));
  EXPECT_EQ(out.flush(ends.first), Channel::Moved::Ended);
  Bytes room(10);
  EXPECT_EQ(ends.first.receive(room).moved, Channel::Moved::Ended);
}

TEST(ChannelEnd, TakesConnectedStreamSocketsOnly) {
  EXPECT_EQ(Channel::adopt(-1).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(Channel::adopt(::open("/dev/null", O_RDWR | O_CLOEXEC)));
  EXPECT_FALSE(Channel::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_FALSE(Channel::adopt(ends[0]));
  ::close(ends[1]);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const auto channel = Channel::adopt(ends[0]);
  ASSERT_TRUE(channel);
  EXPECT_NE(::fcntl(channel->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(channel->fd(), F_GETFD) & FD_CLOEXEC, 0);
  ::close(ends[1]);
}

TEST(Spinning, StopsWhereItDoesNotPay) {
  Spin spin(std::chrono::microseconds(5));
  int spins = 0;
  for (int i = 0; i < 1000; ++i) {
    if (!spin.worth_it()) continue;
    ++spins;
    spin.was_worth_it(false);
  }
  EXPECT_LT(spins, 12);
  for (int i = 0; i < 600; ++i) {
    if (spin.worth_it()) spin.was_worth_it(true);
  }
  EXPECT_TRUE(spin.worth_it()) << "it never tries again";
  Spin never(std::chrono::microseconds(0));
  EXPECT_FALSE(never.worth_it());
}

}  // namespace
}  // namespace postern::custody
