// Two associations over two ends of a socket: what the shell adds is only that octets and deadlines find their way.
#include "mhs/wire.hpp"

#include <gtest/gtest.h>

#include "io/testing/run.hpp"

namespace postern::mhs {
namespace {

using io::testing::RunningLoops;
using io::testing::soon;
using namespace std::chrono_literals;

asn1::Any bind_value() { return {{0x31, 0x00}}; }

struct Ends {
  explicit Ends(const io::Executor& loop, osi::AssociationLimits limits = {}) {
    auto streams = io::Stream::pair(loop).value();
    const SteadyTime now = std::chrono::steady_clock::now();
    osi::AssociationOptions options;
    options.services = {osi::mts_transfer()};
    options.limits = limits;
    osi::AssociationOpen open;
    open.data.value = bind_value();
    initiator = std::make_unique<Wire>(std::move(streams.first), osi::Association::initiate(options, open, now).value());
    responder = std::make_unique<Wire>(std::move(streams.second), osi::Association::respond(options, now).value());
  }
  std::unique_ptr<Wire> initiator, responder;
};

/// Answers a bind and takes every transfer, as an MTA would.
io::Task<Bytes> take_one(Wire& wire) {
  Bytes apdu;
  for (;;) {
    const auto event = co_await wire.next(soon());
    if (!event) co_return apdu;
    if (std::holds_alternative<osi::AssociationRequested>(*event)) {
      osi::AssociationAccept accept;
      accept.data.value = bind_value();
      EXPECT_TRUE(wire->accept(accept));
    } else if (const auto* octets = std::get_if<osi::RtTransferOctets>(&*event)) {
      append(apdu, octets->octets);
    } else if (const auto* checkpoint = std::get_if<osi::RtTransferCheckpoint>(&*event)) {
      static_cast<void>(wire->confirm_checkpoint(checkpoint->point.serial));  // the end may have come with it
    } else if (std::holds_alternative<osi::RtTransferEnd>(*event)) {
      EXPECT_TRUE(wire->confirm_end());
    } else if (std::holds_alternative<osi::ReleaseRequested>(*event)) {
      EXPECT_TRUE(wire->answer_release());
    }
  }
}

template <class Event>
io::Task<bool> reached(Wire& wire) {
  for (;;) {
    const auto event = co_await wire.next(soon());
    if (!event) co_return false;
    if (std::holds_alternative<Event>(*event)) co_return true;
  }
}

io::Task<void> send_all(Wire& wire, ByteView apdu) {
  const bool opened = co_await reached<osi::AssociationOpened>(wire);
  EXPECT_TRUE(opened);
  osi::RtTransfer transfer;
  transfer.size = apdu.size();
  EXPECT_TRUE(wire->transfer(transfer));
  while (!apdu.empty()) {
    const std::size_t room = std::min(wire->wants_octets(), apdu.size());
    if (room == 0) {
      const auto event = co_await wire.next(soon());
      EXPECT_TRUE(event) << (event ? "" : event.error().text());
      if (!event) co_return;
      continue;
    }
    EXPECT_TRUE(wire->supply(apdu.first(room), room == apdu.size()));
    apdu = apdu.subspan(room);
    co_await wire.flush();
  }
  const bool confirmed = co_await reached<osi::RtTransferConfirmed>(wire);
  EXPECT_TRUE(confirmed);
  EXPECT_TRUE(wire->release());
  const bool released = co_await reached<osi::AssociationReleased>(wire);
  EXPECT_TRUE(released);
}

Bytes octet_string(std::size_t size) {
  Bytes out;
  asn1::write_header(out, asn1::universal(4), false, size);
  out.resize(out.size() + size, 'x');
  return out;
}

TEST(Wire, ATransferOfAnySizeArrives) {
  RunningLoops loops;
  for (const std::size_t size : {1UL, 1000UL, 100'000UL, 3'000'000UL}) {
    Ends ends(loops.at(0));
    const Bytes apdu = octet_string(size);
    std::promise<Bytes> taken;
    auto future = taken.get_future();
    io::spawn(
        loops.at(0),
        [](Wire& wire, std::promise<Bytes>& out) -> io::Task<void> { out.set_value(co_await take_one(wire)); }(*ends.responder, taken),
        "test");
    loops.run(send_all(*ends.initiator, apdu));
    EXPECT_EQ(future.get(), apdu) << size;
    EXPECT_TRUE(ends.initiator->over());
  }
}

TEST(Wire, ADeadlineOfTheCallerChangesNothing) {
  RunningLoops loops;
  Ends ends(loops.at(0));
  const auto first = loops.run(ends.responder->next(io::deadline_in(1ms)));
  EXPECT_EQ(first.error().code, ErrorCode::Timeout);
  loops.run(ends.initiator->flush());
  const auto second = loops.run(ends.responder->next(io::deadline_in(10ms)));
  EXPECT_EQ(second.error().code, ErrorCode::Timeout);  // the transport connection is made; CONNECT is to come
}

TEST(Wire, APeerThatIsGoneIsTheLastEvent) {
  RunningLoops loops;
  Ends ends(loops.at(0));
  loops.run([](Wire& wire) -> io::Task<void> {
    wire.stream().abort();
    co_return;
  }(*ends.initiator));
  const auto event = loops.run(ends.responder->next(soon()));
  ASSERT_TRUE(event) << event.error().text();
  const auto* aborted = std::get_if<osi::AssociationAborted>(&*event);
  ASSERT_NE(aborted, nullptr);
  EXPECT_EQ(aborted->origin, osi::AbortOrigin::NetworkLost);
  EXPECT_TRUE(ends.responder->over());
  EXPECT_EQ(loops.run(ends.responder->next(soon())).error().code, ErrorCode::Unavailable);
}

TEST(Wire, APeerThatSaysNothingTimesOut) {
  RunningLoops loops;
  osi::AssociationLimits limits;
  limits.connect_timeout = std::chrono::seconds(0);
  Ends ends(loops.at(0), limits);
  const auto event = loops.run(ends.initiator->next(soon()));
  ASSERT_TRUE(event) << event.error().text();
  EXPECT_TRUE(std::holds_alternative<osi::AssociationAborted>(*event) || std::holds_alternative<osi::AssociationRefused>(*event));
}

}  // namespace
}  // namespace postern::mhs
