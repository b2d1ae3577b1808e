#include "io/listener.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/unique_fd.hpp"
#include "io/dialer.hpp"
#include "io/testing/run.hpp"

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::in_ms;
using testing::RunningLoops;
using testing::soon;

ListenOptions options_for(std::string address) {
  ListenOptions options;
  options.name = "test";
  options.address = *Endpoint::parse(address);
  return options;
}

// Greets, then waits until the peer leaves.
Task<void> greet_and_wait(Stream stream) {
  const Status sent = co_await stream.write_all("220 hello\r\n", soon());
  if (sent) (void)co_await stream.wait_readable(soon());
}

Task<std::string> read_line(Stream& stream) {
  std::array<Byte, 64> buffer{};
  const auto got = co_await stream.read_some(buffer, soon());
  co_return got ? std::string(as_text(ByteView(buffer).first(*got))) : "error: " + got.error().text();
}

TEST(Listener, EveryLoopAcceptsOnOnePort) {
  RunningLoops loops(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), [&](Stream stream) -> Task<void> {
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }
    co_await greet_and_wait(std::move(stream));
  });
  EXPECT_NE(listener->local().port, 0);
  loops.run([&]() -> Task<void> {
    std::vector<Stream> open;
    for (int i = 0; i < 40; ++i) {
      open.push_back(*co_await dial(listener->local(), soon()));
      EXPECT_EQ(co_await read_line(open.back()), "220 hello\r\n");
    }
  }());
  EXPECT_EQ(listener->stats().accepted, 40U);
  EXPECT_EQ(threads.size(), 2U);
}

TEST(Listener, OnlyTheLastLoopsWhereThatWasAsked) {
  RunningLoops loops(3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  ListenOptions options = options_for("127.0.0.1:0");
  options.loops = 2;
  const auto listener = *Listener::open(loops, std::move(options), [&](Stream stream) -> Task<void> {
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    }
    co_await greet_and_wait(std::move(stream));
  });
  const auto first = loops.run([]() -> Task<std::thread::id> { co_return std::this_thread::get_id(); }());
  loops.run([&]() -> Task<void> {
    std::vector<Stream> open;
    for (int i = 0; i < 40; ++i) {
      open.push_back(*co_await dial(listener->local(), soon()));
      EXPECT_EQ(co_await read_line(open.back()), "220 hello\r\n");
    }
  }());
  EXPECT_EQ(threads.size(), 2U);
  EXPECT_FALSE(threads.contains(first));
}

/// Counts who is served by which thread.
struct Served {
  std::mutex mutex;
  std::map<std::thread::id, int> by;
  void note() {
    const std::lock_guard lock(mutex);
    ++by[std::this_thread::get_id()];
  }
  std::size_t threads() {
    const std::lock_guard lock(mutex);
    return by.size();
  }
};

/// One after the other; the next when the session of the one before has ended.
Task<void> come_alone(const Listener& listener, int times) {
  for (int i = 0; i < times; ++i) {
    {
      auto stream = *co_await dial(listener.local(), soon());
      EXPECT_EQ(co_await read_line(stream), "220 hello\r\n");
    }
    while (listener.stats().active > 0) co_await sleep_for(1ms);
  }
}

TEST(Listener, ABurstThatWaitsAtOneDoorIsServedByAll) {
  Served served;
  Loops loops(2);
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), [&](Stream stream) -> Task<void> {
    served.note();
    co_await greet_and_wait(std::move(stream));
  });
  std::vector<UniqueFd> clients;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(listener->local().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  loops.start();
  for (int i = 0; i < 2000 && listener->stats().accepted < 40; ++i) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(listener->stats().accepted, 40U);
  std::array<char, 16> greeting{};
  for (const UniqueFd& client : clients) EXPECT_GT(::recv(client.get(), greeting.data(), greeting.size(), 0), 0);
  EXPECT_EQ(served.threads(), 2U);
  for (const auto& [thread, count] : served.by) EXPECT_GE(count, 15) << "of 40";
  clients.clear();
  loops.stop();
  loops.join();
}

struct OneByOne : ::testing::TestWithParam<const char*> {
  static ListenOptions options() {
    ListenOptions made = options_for(GetParam());
    if (made.address.is_unix()) made.address.path = ::testing::TempDir() + "one-by-one-" + std::to_string(::getpid());
    return made;
  }
  RunningLoops loops{2};
  Served served;
  const std::unique_ptr<Listener> listener = *Listener::open(loops, options(), [this](Stream stream) -> Task<void> {
    served.note();
    co_await greet_and_wait(std::move(stream));
  });
};

TEST_P(OneByOne, WhoComesAloneIsServedWhereOthersWere) {
  loops.run(come_alone(*listener, 40));
  EXPECT_EQ(served.threads(), 1U);
}

TEST_P(OneByOne, ManyAtOnceAreServedByAll) {
  loops.run([&]() -> Task<void> {
    co_await come_alone(*listener, 3);
    std::vector<Stream> open;
    for (int i = 0; i < 40; ++i) {
      open.push_back(*co_await dial(listener->local(), soon()));
      EXPECT_EQ(co_await read_line(open.back()), "220 hello\r\n");
    }
    EXPECT_EQ(served.threads(), 2U);
    for (const auto& [thread, count] : served.by) EXPECT_GE(count, 5) << "of 43";
  }());
}
INSTANTIATE_TEST_SUITE_P(Addresses, OneByOne, ::testing::Values("127.0.0.1:0", "unix:/to/be/made"),
                         [](const auto& param) { return std::string(param.index == 0 ? "Tcp" : "Unix"); });

TEST(Listener, APortInUseIsAConflictEvenBetweenTwoOfUs) {
  RunningLoops loops(2);
  const auto first = *Listener::open(loops, options_for("127.0.0.1:0"), greet_and_wait);
  ListenOptions same = options_for("127.0.0.1:0");
  same.address = first->local();
  const auto second = Listener::open(loops, same, greet_and_wait);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Conflict);
  EXPECT_THAT(second.error().what, HasSubstr(first->local().text()));
}

TEST(Listener, AnAddressThatIsNotOursIsAnError) {
  RunningLoops loops;
  const auto listener = Listener::open(loops, options_for("192.0.2.1:2525"), greet_and_wait);
  ASSERT_FALSE(listener);
  EXPECT_THAT(listener.error().what, HasSubstr("192.0.2.1:2525"));
}

TEST(Listener, DualStackShowsIpv4PeersAsIpv4) {
  RunningLoops loops;
  std::promise<Endpoint> seen;
  auto listener = Listener::open(loops, options_for("*:0"), [&](Stream stream) -> Task<void> {
    seen.set_value(stream.peer());
    co_await greet_and_wait(std::move(stream));
  });
  ASSERT_TRUE(listener) << listener.error().text();
  loops.run([&]() -> Task<void> {
    auto stream = *co_await dial(*Endpoint::parse("127.0.0.1:" + std::to_string((*listener)->local().port)), soon());
    EXPECT_EQ(co_await read_line(stream), "220 hello\r\n");
  }());
  EXPECT_EQ(seen.get_future().get().ip.text(), "127.0.0.1");
}

TEST(Listener, OverTheLimitGetsALineAndIsClosed) {
  RunningLoops loops;
  ListenOptions options = options_for("127.0.0.1:0");
  options.max_connections = 2;
  options.refuse = [](Refusal why) { return why == Refusal::TooMany ? std::string("421 4.3.2 too many\r\n") : std::string("?"); };
  const auto listener = *Listener::open(loops, options, greet_and_wait);
  loops.run([&]() -> Task<void> {
    auto a = *co_await dial(listener->local(), soon());
    auto b = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(a), "220 hello\r\n");
    EXPECT_EQ(co_await read_line(b), "220 hello\r\n");
    auto c = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(c), "421 4.3.2 too many\r\n");
    std::array<Byte, 8> rest{};
    EXPECT_EQ(co_await c.read_some(rest, soon()), 0U);
    a.close();  // a place is free again, as soon as the session has noticed
    for (int i = 0; i < 200 && listener->stats().active == 2; ++i) co_await sleep_for(5ms);
    auto d = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(d), "220 hello\r\n");
  }());
  EXPECT_EQ(listener->stats().refused, 1U);
}

TEST(Listener, TheBoundForOneAddressSparesTheUnlimited) {
  RunningLoops loops;
  ListenOptions options = options_for("127.0.0.1:0");
  options.max_per_peer = 1;
  options.refuse = [](Refusal why) { return why == Refusal::TooManyFromPeer ? std::string("421 4.7.0 too many\r\n") : std::string("?"); };
  for (const bool unlimited : {false, true}) {
    if (unlimited) options.unlimited.push_back(*IpNetwork::parse("127.0.0.0/8"));
    const auto listener = *Listener::open(loops, options, greet_and_wait);
    loops.run([&]() -> Task<void> {
      auto a = *co_await dial(listener->local(), soon());
      EXPECT_EQ(co_await read_line(a), "220 hello\r\n");
      auto b = *co_await dial(listener->local(), soon());
      EXPECT_EQ(co_await read_line(b), unlimited ? "220 hello\r\n" : "421 4.7.0 too many\r\n");
    }());
  }
}

TEST(Listener, SurvivesRunningOutOfDescriptors) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "UBSan's vptr check opens a pipe to probe memory, and without descriptors takes good objects for bad ones";
#endif
#endif
  RunningLoops loops;
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), greet_and_wait);
  loops.run([&]() -> Task<void> {
    // The dialing sockets exist before the limit falls; only accept() meets it.
    std::vector<Stream> streams;
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    auto first = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(first), "220 hello\r\n");
    const int highest = ::dup(0);
    ::close(highest);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(highest) + 1;  // room for the client's end only
    setrlimit(RLIMIT_NOFILE, &tight);
    auto starved = co_await dial(listener->local(), soon());
    EXPECT_TRUE(starved);
    std::array<Byte, 8> buffer{};
    const auto got = co_await starved->read_some(buffer, soon());
    EXPECT_TRUE(!got || *got == 0);  // closed, not left hanging
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_GE(listener->stats().descriptor_shortages, 1U);
    auto again = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(again), "220 hello\r\n");
  }());
}

TEST(Listener, DrainLetsIdleSessionsSayGoodbyeAndAbortsTheStubborn) {
  RunningLoops loops(2);
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), [](Stream stream) -> Task<void> {
    std::array<Byte, 1> kind{};
    (void)co_await stream.read_some(kind, soon());
    const bool polite = kind[0] == 'p';
    Status woken;
    do woken = co_await stream.wait_readable(soon(), polite ? WakeOn::DataOrDrain : WakeOn::Data);
    while (woken && !stream.try_read(kind).value_or(std::size_t{0}));
    if (!woken && woken.error().field == "drain") (void)co_await stream.write_all("421 bye\r\n", soon());
  });
  loops.run([&]() -> Task<void> {
    auto polite = *co_await dial(listener->local(), soon());
    auto stubborn = *co_await dial(listener->local(), soon());
    EXPECT_TRUE(co_await polite.write_all("p", soon()));
    EXPECT_TRUE(co_await stubborn.write_all("s", soon()));
    while (listener->stats().active < 2) co_await sleep_for(1ms);
    co_await sleep_for(30ms);
    EXPECT_EQ(co_await listener->drain(in_ms(100)), 1U);
    EXPECT_EQ(co_await read_line(polite), "421 bye\r\n");
    const std::string last = co_await read_line(stubborn);
    EXPECT_TRUE(last.empty() || last.starts_with("error")) << last;
    EXPECT_FALSE(co_await dial(listener->local(), in_ms(500)));
  }());
}

TEST(Listener, UnixSocketReplacesAStaleOneButNeverALiveOne) {
  RunningLoops loops(2);
  const std::string path = ::testing::TempDir() + "postern-io-test.sock";
  std::filesystem::remove(path);
  const auto address = "unix:" + path;
  {
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_storage raw{};
    raw.ss_family = AF_UNIX;
    std::copy(path.begin(), path.end(), reinterpret_cast<char*>(&raw) + 2);
    ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&raw), static_cast<socklen_t>(2 + path.size())), 0);
    ::close(dead);
  }
  {
    const auto listener = Listener::open(loops, options_for(address), greet_and_wait);
    ASSERT_TRUE(listener) << listener.error().text();
    EXPECT_EQ(Listener::open(loops, options_for(address), greet_and_wait).error().code, ErrorCode::Conflict);
    loops.run([&]() -> Task<void> {
      auto stream = *co_await dial(*Endpoint::parse(address), soon());
      EXPECT_EQ(co_await read_line(stream), "220 hello\r\n");
    }());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, IsGoneBeforeItsSessions) {
  RunningLoops loops;
  auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), greet_and_wait);
  loops.run([&]() -> Task<void> {
    auto stream = *co_await dial(listener->local(), soon());
    EXPECT_EQ(co_await read_line(stream), "220 hello\r\n");
    listener.reset();
    const std::string last = co_await read_line(stream);
    EXPECT_TRUE(last.empty() || last.starts_with("error")) << last;
  }());
}

// ---- dialing

TEST(Dialer, TriesTheNextEndpointAndNamesEveryFailure) {
  RunningLoops loops;
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), greet_and_wait);
  // A port that was just free: nobody listens there.
  auto gone = *Listener::open(loops, options_for("127.0.0.1:0"), greet_and_wait);
  const Endpoint dead = gone->local();
  gone->stop_accepting();
  loops.run([&]() -> Task<void> {
    co_await sleep_for(20ms);
    std::vector<Endpoint> both{dead, listener->local()};
    DialOptions options;
    options.deadline = soon();
    auto stream = co_await dial(both, options);
    EXPECT_TRUE(stream);
    EXPECT_EQ(stream->peer(), listener->local());
    std::vector<Endpoint> none{dead, dead};
    const auto failed = co_await dial(none, options);
    EXPECT_EQ(failed.error().code, ErrorCode::Unavailable);
    EXPECT_THAT(failed.error().what, HasSubstr(dead.text() + ": connecting: Connection refused; "));
    const std::vector<Endpoint> empty;
    EXPECT_EQ((co_await dial(empty, options)).error().code, ErrorCode::NotFound);
  }());
}

TEST(Dialer, UsesTheSourceAddress) {
  RunningLoops loops;
  std::promise<Endpoint> seen;
  const auto listener = *Listener::open(loops, options_for("127.0.0.1:0"), [&](Stream stream) -> Task<void> {
    seen.set_value(stream.peer());
    co_return;
  });
  loops.run([&]() -> Task<void> {
    DialOptions options;
    options.deadline = soon();
    options.bind_v4 = *IpAddress::parse("127.0.0.9");
    std::vector<Endpoint> one{listener->local()};
    EXPECT_TRUE(co_await dial(one, options));
  }());
  EXPECT_EQ(seen.get_future().get().ip.text(), "127.0.0.9");
}

TEST(Dialer, AnAddressThatNeverAnswersTimesOut) {
  RunningLoops loops;
  // A listener whose queue is full and that never accepts swallows SYNs, as a firewall does.
  const int full = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(full, reinterpret_cast<sockaddr*>(&raw), sizeof raw), 0);
  ASSERT_EQ(::listen(full, 0), 0);
  socklen_t size = sizeof raw;
  getsockname(full, reinterpret_cast<sockaddr*>(&raw), &size);
  const Endpoint target = *Endpoint::parse("127.0.0.1:" + std::to_string(ntohs(raw.sin_port)));
  loops.run([&]() -> Task<void> {
    std::vector<Stream> fillers;
    Result<Stream> last = Stream();
    for (int i = 0; i < 8; ++i) {
      last = co_await dial(target, in_ms(80));
      if (!last) break;
      fillers.push_back(*std::move(last));
    }
    EXPECT_FALSE(last);
    EXPECT_EQ(last.error().code, ErrorCode::Timeout);
    EXPECT_THAT(last.error().what, HasSubstr("no answer in time"));
  }());
  ::close(full);
}

}  // namespace
}  // namespace postern::io
