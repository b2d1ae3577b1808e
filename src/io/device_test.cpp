#include "io/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "io/dialer.hpp"
#include "io/listener.hpp"
#include "io/listening.hpp"
#include "io/testing/run.hpp"

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RunningLoops;
using testing::soon;

const char* const kNone = "wg-none";

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

ListenOptions options_on(const std::string& device, const char* address = "127.0.0.1:0") {
  ListenOptions out;
  out.name = "test";
  out.address = *Endpoint::parse(address);
  out.device = device;
  return out;
}

Task<void> greet(Stream stream) { (void)co_await stream.write_all("220 hello\r\n", soon()); }

DialOptions dial_by(const std::string& device) {
  DialOptions out;
  out.deadline = soon();
  out.device = device;
  return out;
}

TEST(Device, TheLoopbackIsThere) {
  const auto lo = usable_device("lo");
  ASSERT_TRUE(lo) << lo.error().text();
  EXPECT_NE(lo->index, 0U);
  EXPECT_EQ(lo->index, device_index("lo"));
  EXPECT_TRUE(lo->up && lo->loopback);
  EXPECT_TRUE(lo->check_listens_on(ip("127.0.0.1")));
  EXPECT_TRUE(lo->check_listens_on(ip("127.9.9.9"))) << "all of 127.0.0.0/8 is its own";
  EXPECT_TRUE(lo->check_listens_on(ip("0.0.0.0")) && lo->check_listens_on(ip("::")));
  EXPECT_TRUE(lo->check_sends_to(ip("192.0.2.1")));
  const Status other = lo->check_listens_on(ip("192.0.2.1"));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().text(), AllOf(HasSubstr("interface lo has not the address 192.0.2.1"), HasSubstr("ip address add")));
}

TEST(Device, WhatIsMissingIsNamedWithTheWayOut) {
  for (const std::string name : {kNone, "", "a-name-of-more-than-fifteen-characters", "wg0/.."}) {
    const auto none = usable_device(name);
    ASSERT_FALSE(none) << name;
    EXPECT_EQ(none.error().code, ErrorCode::Unavailable);
    EXPECT_THAT(none.error().text(), AllOf(HasSubstr("interface " + name + " is not there"), HasSubstr("bring it up")));
    EXPECT_EQ(device_index(name), 0U);
  }
}

TEST(Device, AddressesAreMatchedByFamilyAndNetwork) {
  Device wg;
  wg.name = "wg0";
  wg.addresses = {{ip("10.7.0.1"), 24}, {ip("fe80::1"), 64}};
  EXPECT_TRUE(wg.check_listens_on(ip("10.7.0.1")));
  EXPECT_FALSE(wg.check_listens_on(ip("10.7.0.2"))) << "a neighbour, not loopback";
  EXPECT_TRUE(wg.check_sends_to(ip("198.51.100.1")));
  const Status v6 = wg.check_sends_to(ip("2001:db8::1"));
  ASSERT_FALSE(v6) << "a link-local address reaches nobody beyond the link";
  EXPECT_THAT(v6.error().text(), HasSubstr("interface wg0 has no IPv6 address"));
  EXPECT_TRUE(wg.check_sends_to(ip("fe80::2")));
}

TEST(Device, AListenerOnOneAndADialerByIt) {
  RunningLoops loops(2);
  const auto listener = Listener::open(loops, options_on("lo"), greet);
  ASSERT_TRUE(listener) << listener.error().text();
  EXPECT_EQ((*listener)->stats().device, "lo");
  EXPECT_EQ((*listener)->stats().trouble, "");
  loops.run([&]() -> Task<void> {
    auto stream = co_await dial({(*listener)->local()}, dial_by("lo"));
    EXPECT_TRUE(stream) << stream.error().text();
    if (!stream) co_return;
    std::array<Byte, 16> buffer{};
    const auto got = co_await stream->read_some(buffer, soon());
    EXPECT_TRUE(got && *got > 0);
  }());
}

TEST(Device, NoListenerWithoutItsInterfaceOrItsAddress) {
  Loops loops(1);
  const auto missing = Listener::open(loops, options_on(kNone), greet);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("interface wg-none is not there"));
  const auto foreign = Listener::open(loops, options_on("lo", "192.0.2.1:0"), greet);
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().text(), HasSubstr("has not the address 192.0.2.1"));
}

TEST(Device, NothingIsDialledByAnotherRoad) {
  RunningLoops loops(1);
  const auto listener = *Listener::open(loops, options_on(""), greet);
  loops.run([&]() -> Task<void> {
    const auto stream = co_await dial({listener->local()}, dial_by(kNone));
    EXPECT_FALSE(stream);
    if (stream) co_return;
    EXPECT_EQ(stream.error().code, ErrorCode::Unavailable);
    EXPECT_THAT(stream.error().text(), HasSubstr("interface wg-none is not there"));
  }());
  EXPECT_EQ(listener->stats().accepted, 0U);
}

TEST(Device, ASocketMadeElsewhereIsTakenOver) {
  RunningLoops loops(2);
  auto made = open_listening(options_on("lo"), 1);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(bound_device(made->front().get()), device_index("lo"));
  ListenOptions options = options_on("lo", "192.0.2.1:1");  // the address does not count
  options.socket = made->front().release();
  const auto listener = *Listener::open(loops, std::move(options), greet);
  EXPECT_EQ(listener->local().ip, ip("127.0.0.1"));
  loops.run([&]() -> Task<void> {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(co_await dial(listener->local(), soon()));
    co_await sleep_for(1200ms);  // it was looked after meanwhile
  }());
  EXPECT_EQ(listener->stats().accepted, 4U);
  EXPECT_EQ(listener->stats().trouble, "");
}

TEST(Device, ANamespaceThatIsNoneIsRefused) {
  EXPECT_EQ(namespace_path("mail"), "/run/netns/mail");
  EXPECT_EQ(namespace_path("/proc/1/ns/net"), "/proc/1/ns/net");
  const auto missing = listen_in_namespace(options_on(""), "pt-none");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), AllOf(HasSubstr("/run/netns/pt-none"), HasSubstr("ip netns add")));
  const auto file = listen_in_namespace(options_on(""), "/dev/null");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().text(), HasSubstr("/dev/null is no network namespace"));
}

}  // namespace
}  // namespace postern::io
