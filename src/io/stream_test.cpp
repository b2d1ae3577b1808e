#include "io/stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "crypto/hash.hpp"
#include "io/dialer.hpp"
#include "io/listener.hpp"
#include "io/sync.hpp"
#include "io/testing/run.hpp"
#include "io/testing/tls.hpp"

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::in_ms;
using testing::RunningLoops;
using testing::soon;
using testing::TlsWorld;

Endpoint loopback(std::uint16_t port = 0) { return *Endpoint::parse("127.0.0.1:" + std::to_string(port)); }

// Everything up to the end of the stream.
Task<Result<std::string>> read_all(Stream& stream) {
  std::string out;
  Bytes buffer(4096);
  while (true) {
    const auto got = co_await stream.read_some(buffer, soon());
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return out;
    out += as_text(ByteView(buffer).first(*got));
  }
}

Task<void> echo(Stream stream) {
  Bytes buffer(4096);
  while (true) {
    const auto got = co_await stream.read_some(buffer, soon());
    if (!got || *got == 0) break;
    const Status sent = co_await stream.write_all(ByteView(buffer).first(*got), soon());
    if (!sent) break;
  }
  co_await stream.close_gracefully(in_ms(1000));
}

struct EchoServer {
  explicit EchoServer(Loops& loops, Listener::Handler handler = echo) {
    ListenOptions options;
    options.name = "echo";
    options.address = loopback();
    listener = *Listener::open(loops, options, std::move(handler));
  }
  std::unique_ptr<Listener> listener;
};

TEST(Stream, EchoesOverTcp) {
  RunningLoops loops(2);
  EchoServer server(loops);
  loops.run([&]() -> Task<void> {
    auto dialed = co_await dial(server.listener->local(), soon());
    EXPECT_TRUE(dialed);
    Stream stream = *std::move(dialed);
    EXPECT_EQ(stream.peer(), server.listener->local());
    EXPECT_TRUE(co_await stream.write_all("hello", soon()));
    std::array<Byte, 16> buffer{};
    EXPECT_EQ(co_await stream.read_some(buffer, soon()), 5U);
    EXPECT_EQ(stream.bytes_read(), 5U);
    EXPECT_EQ(stream.bytes_written(), 5U);
  }());
}

TEST(Stream, MegabytesGoBothWaysWhileNeitherSideStarvesItsLoop) {
  RunningLoops loops(1);
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    const auto source = [](Stream from) -> Task<void> {
      const std::string chunk(70000, 'x');
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(co_await from.write_all(chunk, soon()));
    };
    spawn(co_await this_executor(), source(std::move(ends.first)), "source");
    const auto all = co_await read_all(ends.second);
    EXPECT_TRUE(all);
    EXPECT_EQ(all.value_or("").size(), 7000000U);
  }());
}

TEST(Stream, TryReadTellsNothingFromTheEnd) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    std::array<Byte, 4> buffer{};
    EXPECT_EQ(ends.first.try_read(buffer).value(), std::nullopt);
    EXPECT_TRUE(co_await ends.second.write_all("abcdef", soon()));
    EXPECT_TRUE(co_await ends.first.wait_readable(soon()));
    EXPECT_EQ(ends.first.try_read(buffer).value(), 4U);
    EXPECT_EQ(ends.first.try_read(buffer).value(), 2U);
    EXPECT_FALSE(ends.first.peer_gone());
    ends.second.close();
    EXPECT_TRUE(co_await ends.first.wait_readable(soon()));
    EXPECT_EQ(ends.first.try_read(buffer).value(), 0U);
    EXPECT_TRUE(ends.first.peer_gone());
  }());
}

TEST(Stream, ReadDeadline) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    std::array<Byte, 4> buffer{};
    const auto before = std::chrono::steady_clock::now();
    const auto late = co_await ends.first.read_some(buffer, in_ms(30));
    const auto took = std::chrono::steady_clock::now() - before;
    EXPECT_EQ(late.error().code, ErrorCode::Timeout);
    EXPECT_GE(took, 30ms);
    EXPECT_LT(took, 5s);
    // A timeout does not end the stream.
    EXPECT_TRUE(co_await ends.second.write_all("x", soon()));
    EXPECT_EQ(co_await ends.first.read_some(buffer, soon()), 1U);
    // What is there is given even when the deadline has passed; nothing there is a timeout at once.
    EXPECT_TRUE(co_await ends.second.write_all("x", soon()));
    EXPECT_EQ(co_await ends.first.read_some(buffer, in_ms(-1)), 1U);
    EXPECT_EQ((co_await ends.first.read_some(buffer, in_ms(-1))).error().code, ErrorCode::Timeout);
  }());
}

TEST(Stream, ANearDeadlineAfterAFarOneStillFires) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    std::array<Byte, 4> buffer{};
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(co_await ends.second.write_all("x", soon()));
      EXPECT_TRUE(co_await ends.first.wait_readable(soon()));  // arms the timer far away
      EXPECT_EQ(co_await ends.first.read_some(buffer, soon()), 1U);
      const auto late = co_await ends.first.read_some(buffer, in_ms(15));
      EXPECT_EQ(late.error().code, ErrorCode::Timeout);
    }
  }());
}

TEST(Stream, WriteDeadlineWhenThePeerDoesNotRead) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    const std::string much(8'000'000, 'x');
    const Status stuck = co_await ends.first.write_all(much, in_ms(50));
    EXPECT_EQ(stuck.error().code, ErrorCode::Timeout);
    EXPECT_THAT(stuck.error().what, HasSubstr("does not read"));
  }());
}

TEST(Stream, TryWriteTakesWhatGoesAndTheRestFollows) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    std::string much(4'000'000, 'x');
    for (std::size_t i = 0; i < much.size(); i += 1000) much[i] = static_cast<char>('a' + i / 1000 % 26);
    EXPECT_EQ(ends.first.try_write({}).value(), 0U);
    std::size_t sent = 0;
    for (int i = 0; i < 100; ++i) sent += ends.first.try_write(as_bytes(much).subspan(sent)).value();  // also beyond a burst
    EXPECT_GT(sent, 0U);
    EXPECT_LT(sent, much.size());
    const auto rest = [](Stream from, std::string text) -> Task<void> { EXPECT_TRUE(co_await from.write_all(text, soon())); };
    spawn(co_await this_executor(), rest(std::move(ends.first), much.substr(sent)), "rest");
    const auto all = co_await read_all(ends.second);
    EXPECT_EQ(all.value_or(""), much);
  }());
}

TEST(Stream, OneReadAndOneWriteAtTheSameTimeKeepTheirOwnDeadlines) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    OneShot<bool> read_done(co_await this_executor());
    bool read_over = false;
    const auto reader = [&read_over](Stream& stream, std::function<void(bool)> set) -> Task<void> {
      std::array<Byte, 1> buffer{};
      const auto got = co_await stream.read_some(buffer, deadline_in(600ms));
      read_over = true;
      set(!got && got.error().code == ErrorCode::Timeout);
    };
    const auto before = std::chrono::steady_clock::now();
    spawn(co_await this_executor(), reader(ends.first, read_done.setter()), "reader");
    co_await yield();
    const std::string much(8'000'000, 'x');
    EXPECT_EQ((co_await ends.first.write_all(much, in_ms(40))).error().code, ErrorCode::Timeout);
    EXPECT_FALSE(read_over) << "the write waited for the read's deadline";
    EXPECT_TRUE(co_await read_done.wait());
    EXPECT_GE(std::chrono::steady_clock::now() - before, 595ms) << "the read was cut short by the write's deadline";
  }());
}

TEST(Stream, AfterThePeersEndWeCanStillAnswer) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    Endpoint peer;
    peer.path = "pair";
    Stream stream = Stream::adopt(co_await this_executor(), fds[0], peer);
    EXPECT_EQ(::send(fds[1], "12345", 5, 0), 5);
    EXPECT_EQ(::shutdown(fds[1], SHUT_WR), 0);
    EXPECT_EQ(co_await read_all(stream), "12345");
    EXPECT_TRUE(co_await stream.write_all("answer", soon()));
    char back[8];
    EXPECT_EQ(::recv(fds[1], back, sizeof back, 0), 6);
    ::close(fds[1]);
  }());
}

TEST(Stream, AGracefulCloseLetsThePeerReadOurLastWordsThoughItKeptSending) {
  RunningLoops loops(1);
  EchoServer server(loops, [](Stream stream) -> Task<void> {
    EXPECT_TRUE(co_await stream.write_all("554 go away\r\n", soon()));
    co_await stream.close_gracefully(soon());
  });
  loops.run([&]() -> Task<void> {
    auto stream = *co_await dial(server.listener->local(), soon());
    const std::string unread(50000, 'x');
    EXPECT_TRUE(co_await stream.write_all(unread, soon()));
    EXPECT_EQ(co_await read_all(stream), "554 go away\r\n");
  }());
}

TEST(Stream, AResetIsUnavailableAndSaysSo) {
  RunningLoops loops;
  EchoServer server(loops, [](Stream stream) -> Task<void> {
    (void)co_await stream.wait_readable(soon());
    stream.abort();
  });
  loops.run([&]() -> Task<void> {
    auto stream = *co_await dial(server.listener->local(), soon());
    EXPECT_TRUE(co_await stream.write_all("x", soon()));
    std::array<Byte, 1> buffer{};
    const auto got = co_await stream.read_some(buffer, soon());
    EXPECT_EQ(got.error().code, ErrorCode::Unavailable);
    EXPECT_THAT(got.error().what, HasSubstr("reset"));
  }());
}

TEST(Stream, WritingToAPeerThatLeftIsAnErrorNotASignal) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    ends.second.close();
    const Status sent = co_await ends.first.write_all("x", soon());
    EXPECT_EQ(sent.error().code, ErrorCode::Unavailable);
    ends.first.close();
    std::array<Byte, 1> buffer{};
    EXPECT_EQ((co_await ends.first.read_some(buffer, soon())).error().code, ErrorCode::Unavailable);
    EXPECT_EQ((co_await ends.first.wait_readable(soon())).error().code, ErrorCode::Unavailable);
    EXPECT_EQ((co_await ends.first.write_all("x", soon())).error().code, ErrorCode::Unavailable);
  }());
}

TEST(Stream, AbortFromAnotherThreadWakesTheReader) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    std::thread other([control = ends.first.control()] {
      std::this_thread::sleep_for(10ms);
      control.abort();
    });
    std::array<Byte, 1> buffer{};
    const auto got = co_await ends.first.read_some(buffer, kNoDeadline);
    EXPECT_EQ(got.error().code, ErrorCode::Unavailable);
    other.join();
  }());
}

TEST(Stream, DrainWakesOnlyTheWaitThatAskedForIt) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    const StreamControl control = ends.first.control();
    std::thread other([control] {
      std::this_thread::sleep_for(10ms);
      control.drain();
    });
    const Status woken = co_await ends.first.wait_readable(soon(), WakeOn::DataOrDrain);
    other.join();
    EXPECT_EQ(woken.error().field, "drain");
    EXPECT_TRUE(ends.first.draining());
    EXPECT_EQ((co_await ends.first.wait_readable(in_ms(10))).error().code, ErrorCode::Timeout);
    EXPECT_TRUE(co_await ends.first.write_all("221 bye\r\n", soon()));
  }());
}

TEST(Stream, ACallWakesAWaitForAnythingOnce) {
  RunningLoops loops;
  loops.run([]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    const StreamControl control = ends.first.control();
    std::thread other([control] { control.call(); });
    const Status woken = co_await ends.first.wait_readable(soon(), WakeOn::Anything);
    other.join();
    EXPECT_EQ(woken.error().field, "call");
    EXPECT_EQ((co_await ends.first.wait_readable(in_ms(10), WakeOn::Anything)).error().code, ErrorCode::Timeout);
    control.call();
    // Who waits for data only is not disturbed, and the call is kept.
    EXPECT_EQ((co_await ends.first.wait_readable(in_ms(10), WakeOn::DataOrDrain)).error().code, ErrorCode::Timeout);
    EXPECT_EQ((co_await ends.first.wait_readable(soon(), WakeOn::Anything)).error().field, "call");
  }());
}

// ---- TLS

struct TlsPair {
  Status server = fail(ErrorCode::Internal, "not finished");
  Status client = fail(ErrorCode::Internal, "not finished");
  Stream server_stream;
  Stream client_stream;
};

// Both handshakes on the streams that are there, side by side.
Task<void> shake_hands(TlsPair& out, SslContext server, SslContext client, TlsClientOptions options, PeerJudge judge = nullptr) {
  const Executor here = co_await this_executor();
  const OneShot<Status> done(here);
  const auto serve = [](Stream& stream, SslContext context, PeerJudge asked, std::function<void(Status)> set) -> Task<void> {
    Status started = co_await stream.start_tls_server(std::move(context), soon(), std::move(asked));
    if (!started) stream.close();
    set(std::move(started));
  };
  spawn(here, serve(out.server_stream, std::move(server), std::move(judge), done.setter()), "server");
  out.client = co_await out.client_stream.start_tls_client(std::move(client), std::move(options), soon());
  if (!out.client) out.client_stream.close();
  out.server = co_await done.wait();
}

Task<void> shake(TlsPair& out, SslContext server, SslContext client, TlsClientOptions options, PeerJudge judge = nullptr) {
  auto ends = *Stream::pair(co_await this_executor());
  out.server_stream = std::move(ends.first);
  out.client_stream = std::move(ends.second);
  co_await shake_hands(out, std::move(server), std::move(client), std::move(options), std::move(judge));
}

TlsClientOptions named(std::string name) {
  TlsClientOptions options;
  options.server_name = std::move(name);
  return options;
}

TEST(StreamTls, EchoesOverTls13AndDescribesTheConnection) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("mail.test"));
    EXPECT_TRUE(pair.client) << pair.client.error().text();
    EXPECT_TRUE(pair.server);
    const TlsInfo& info = pair.client_stream.info();
    EXPECT_EQ(info.version, "TLSv1.3");
    EXPECT_THAT(info.suite, HasSubstr("TLS_"));
    EXPECT_FALSE(info.group.empty());
    EXPECT_TRUE(info.verified);
    EXPECT_EQ(info.verify_error, "");
    EXPECT_EQ(info.peer_subject, "CN=mail.test");
    EXPECT_EQ(info.peer_certificate_sha256.size(), 32U);
    EXPECT_EQ(info.peer_key_sha256.size(), 32U);
    EXPECT_EQ(pair.server_stream.info().server_name, "mail.test");
    EXPECT_FALSE(pair.server_stream.info().has_peer_certificate);
    const auto chain = pair.client_stream.peer_chain();
    EXPECT_EQ(chain.size(), 2U);  // OpenSSL adds the issuer it knows
    const Sha256 of_chain = sha256(chain.at(0));
    EXPECT_EQ(info.peer_certificate_sha256, Bytes(of_chain.begin(), of_chain.end()));
    // RFC 9266: both sides derive the same channel binding.
    const auto ours = pair.client_stream.export_key("EXPORTER-Channel-Binding", 32);
    EXPECT_TRUE(ours);
    EXPECT_EQ(ours, pair.server_stream.export_key("EXPORTER-Channel-Binding", 32));

    std::array<Byte, 64> buffer{};
    EXPECT_TRUE(co_await pair.client_stream.write_all("over tls", soon()));
    EXPECT_EQ(co_await pair.server_stream.read_some(buffer, soon()), 8U);
    EXPECT_EQ(pair.server_stream.try_read(buffer).value(), std::nullopt);
    EXPECT_EQ((co_await pair.server_stream.read_some(buffer, in_ms(20))).error().code, ErrorCode::Timeout);
  }());
}

TEST(StreamTls, MegabytesBothWaysAndCloseNotify) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("mail.test"));
    const auto source = [](Stream from) -> Task<void> {
      const std::string chunk(100000, 'y');
      for (int i = 0; i < 30; ++i) EXPECT_TRUE(co_await from.write_all(chunk, soon()));
    };
    spawn(co_await this_executor(), source(std::move(pair.client_stream)), "source");
    const auto all = co_await read_all(pair.server_stream);
    EXPECT_TRUE(all) << all.error().text();  // the end came with close_notify
    EXPECT_EQ(all.value_or("").size(), 3000000U);
  }());
}

TEST(StreamTls, BytesInsideOpenSslCountAsReadable) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("mail.test"));
    EXPECT_TRUE(co_await pair.client_stream.write_all("0123456789", soon()));
    std::array<Byte, 4> buffer{};
    for (const std::size_t expected : {4U, 4U, 2U}) {
      EXPECT_TRUE(co_await pair.server_stream.wait_readable(in_ms(2000)));
      EXPECT_EQ(co_await pair.server_stream.read_some(buffer, soon()), expected);
    }
    EXPECT_EQ((co_await pair.server_stream.wait_readable(in_ms(20))).error().code, ErrorCode::Timeout);
  }());
}

/// Afterwards nobody carries bytes between `to_client` and `to_server`: the test does, and cuts them where it wants.
Task<void> shake_through(TlsPair& out, const TlsWorld& world, Stream& to_client, Stream& to_server) {
  const Executor here = co_await this_executor();
  auto left = *Stream::pair(here);
  auto right = *Stream::pair(here);
  out.client_stream = std::move(left.first);
  out.server_stream = std::move(right.first);
  to_client = std::move(left.second);
  to_server = std::move(right.second);
  const auto carry = [](Stream& from, Stream& to, std::atomic<bool>& stop) -> Task<void> {
    std::array<Byte, 20000> buffer{};
    while (!stop) {
      if (!co_await from.wait_readable(in_ms(20))) continue;
      const auto got = from.try_read(buffer);
      if (got && *got) EXPECT_TRUE(co_await to.write_all(ByteView(buffer).first(**got), soon()));
    }
  };
  std::atomic<bool> stop{false};
  std::atomic<int> running{2};
  const auto both = [&](Stream& from, Stream& to) -> Task<void> {
    co_await carry(from, to, stop);
    --running;
  };
  spawn(here, both(to_client, to_server), "up");
  spawn(here, both(to_server, to_client), "down");
  co_await shake_hands(out, world.server_context, world.client_context, named("mail.test"));
  EXPECT_TRUE(out.client);
  co_await sleep_for(50ms);  // the server's tickets
  stop = true;
  while (running > 0) co_await sleep_for(1ms);
}

// A part of a record lies in the library then, and must not count as something to read again and again.
TEST(StreamTls, APartOfARecordIsWaitedForOnce) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    Stream client_side, server_side;
    co_await shake_through(pair, world, client_side, server_side);
    EXPECT_TRUE(co_await pair.client_stream.write_all("first", soon()));
    EXPECT_TRUE(co_await pair.client_stream.write_all("second", soon()));
    std::array<Byte, 4096> records{};
    std::size_t held = 0;
    while (held < 2 * (5 + 5 + 17)) held += (co_await client_side.read_some(ByteSpan(records).subspan(held), soon())).value();
    const std::size_t cut = held - 7;
    EXPECT_TRUE(co_await server_side.write_all(ByteView(records).first(cut), soon()));
    std::array<Byte, 64> buffer{};
    EXPECT_TRUE(co_await pair.server_stream.wait_readable(soon()));
    EXPECT_EQ(pair.server_stream.try_read(buffer).value(), 5U);
    int vain = 0;
    while (co_await pair.server_stream.wait_readable(in_ms(50))) {
      EXPECT_EQ(pair.server_stream.try_read(buffer).value(), std::nullopt);
      ++vain;
    }
    EXPECT_LE(vain, 1);
    EXPECT_TRUE(co_await server_side.write_all(ByteView(records).subspan(cut, held - cut), soon()));
    EXPECT_TRUE(co_await pair.server_stream.wait_readable(soon()));
    EXPECT_EQ(pair.server_stream.try_read(buffer).value(), 6U);
  }());
}

// With bytes always at hand others on the loop get their turn, and the deadline holds.
TEST(StreamTls, AFastSenderDoesNotStarveTheLoop) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("mail.test"));
    const std::string record(16000, 'x');
    const auto source = [&record](Stream& to) -> Task<void> { (void)co_await to.write_all(record, soon()); };
    co_await source(pair.client_stream);
    std::array<Byte, 16> little{};
    std::size_t turns = 0, most = 0, in_a_row = 0, read = 0;
    const auto other = [&](bool& stop) -> Task<void> {
      while (!stop) {
        ++turns;
        in_a_row = 0;
        co_await yield();
      }
    };
    bool stop = false;
    spawn(co_await this_executor(), other(stop), "other");
    while (read < record.size()) {
      EXPECT_TRUE(co_await pair.server_stream.wait_readable(soon()));
      read += pair.server_stream.try_read(little).value().value_or(0);
      most = std::max(most, ++in_a_row);
    }
    stop = true;
    co_await sleep_for(1ms);
    EXPECT_LE(most, 65U);
    EXPECT_GT(turns, 10U);
  }());
}

TEST(StreamTls, AnEndWithoutCloseNotifyIsTruncation) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("mail.test"));
    pair.server_stream.abort();  // on a socket pair the peer sees a bare end
    std::array<Byte, 4> buffer{};
    const auto got = co_await pair.client_stream.read_some(buffer, soon());
    EXPECT_EQ(got.error().code, ErrorCode::Unavailable);
    EXPECT_THAT(got.error().what, HasSubstr("close_notify"));
  }());
}

TEST(StreamTls, AWrongNameIsDenied) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("other.test"));
    EXPECT_EQ(pair.client.error().code, ErrorCode::Denied);
    EXPECT_THAT(pair.client.error().what, ::testing::ContainsRegex("[Hh]ostname mismatch"));
  }());
}

TEST(StreamTls, AnAddressIsCheckedAndNeverSentAsServerName) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, world.client_context, named("127.0.0.1"));
    EXPECT_TRUE(pair.client);
    EXPECT_EQ(pair.server_stream.info().server_name, "");  // RFC 6066 3
    TlsPair other;
    co_await shake(other, world.server_context, world.client_context, named("127.0.0.2"));
    EXPECT_EQ(other.client.error().code, ErrorCode::Denied);
  }());
}

TEST(StreamTls, ReportGoesOnAndTells) {
  RunningLoops loops;
  const TlsWorld world;
  const TlsWorld stranger;
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    TlsClientOptions options = named("mail.test");
    options.verify = TlsClientOptions::Verify::Report;
    co_await shake(pair, stranger.server_context, world.client_context, options);
    EXPECT_TRUE(pair.client);
    EXPECT_FALSE(pair.client_stream.info().verified);
    EXPECT_FALSE(pair.client_stream.info().verify_error.empty());
    TlsPair strict;
    co_await shake(strict, stranger.server_context, world.client_context, named("mail.test"));
    EXPECT_EQ(strict.client.error().code, ErrorCode::Denied);
    EXPECT_EQ(strict.server.error().code, ErrorCode::Denied);  // it got the alert
  }());
}

TEST(StreamTls, WhoShowsACertificateIsJudgedBeforeAnythingIsSaid) {
  RunningLoops loops;
  const TlsWorld world;
  const SslContext asking = testing::make_context(TLS_server_method(), &world.server, &world.authority);
  SSL_CTX_set_verify(asking.get(), SSL_VERIFY_PEER, nullptr);
  const SslContext with_certificate = testing::make_context(TLS_client_method(), &world.client, &world.authority);
  std::vector<std::string> judged;
  std::size_t path = 0;
  Status verdict;
  const PeerJudge judge = [&](const Stream& stream) -> Task<Status> {
    judged.push_back(stream.info().peer_subject);
    path = stream.verified_path().size();
    co_return verdict;
  };
  loops.run([&]() -> Task<void> {
    TlsPair good;
    co_await shake(good, asking, with_certificate, named("mail.test"), judge);
    EXPECT_TRUE(good.server);
    EXPECT_EQ(path, 2U) << "leaf and anchor";
    TlsPair nobody;
    co_await shake(nobody, asking, world.client_context, named("mail.test"), judge);
    EXPECT_TRUE(nobody.server) << "there is nothing to judge";
    verdict = fail(ErrorCode::Denied, "revoked");
    TlsPair revoked;
    co_await shake(revoked, asking, with_certificate, named("mail.test"), judge);
    EXPECT_EQ(revoked.server.error().what, "revoked");
    TlsClientOptions options = named("mail.test");
    options.judge = judge;
    TlsPair server;
    co_await shake(server, world.server_context, world.client_context, options);
    EXPECT_EQ(server.client.error().what, "revoked") << "a client asks, too";
    TlsPair unverified;
    verdict = {};
    options.server_name = "other.test";
    options.verify = TlsClientOptions::Verify::Report;
    co_await shake(unverified, world.server_context, world.client_context, options);
    EXPECT_TRUE(unverified.client);
    EXPECT_EQ(path, 0U) << "what was not verified is no path";
  }());
  EXPECT_EQ(judged, (std::vector<std::string>{"CN=client.test", "CN=client.test", "CN=mail.test", "CN=mail.test"}));
}

TEST(StreamTls, ClientCertificates) {
  RunningLoops loops;
  const TlsWorld world;
  const SslContext demanding = testing::make_context(TLS_server_method(), &world.server, &world.authority);
  SSL_CTX_set_verify(demanding.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  const SslContext with_certificate = testing::make_context(TLS_client_method(), &world.client, &world.authority);
  loops.run([&]() -> Task<void> {
    TlsPair good;
    co_await shake(good, demanding, with_certificate, named("mail.test"));
    EXPECT_TRUE(good.server);
    EXPECT_TRUE(good.server_stream.info().verified);
    EXPECT_EQ(good.server_stream.info().peer_subject, "CN=client.test");
    EXPECT_EQ(good.server_stream.peer_chain().size(), 2U);
    TlsPair without;
    co_await shake(without, demanding, world.client_context, named("mail.test"));
    EXPECT_EQ(without.server.error().code, ErrorCode::Denied);
    // In TLS 1.3 the client learns of it with its first read.
    std::array<Byte, 4> buffer{};
    EXPECT_EQ((co_await without.client_stream.read_some(buffer, soon())).error().code, ErrorCode::Denied);
  }());
}

TEST(StreamTls, PlainTextInsteadOfAHandshakeIsBadInput) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    EXPECT_TRUE(co_await ends.second.write_all("EHLO here I am in clear text\r\n", soon()));
    const Status started = co_await ends.first.start_tls_server(world.server_context, soon());
    EXPECT_EQ(started.error().code, ErrorCode::BadInput);
  }());
}

TEST(StreamTls, AClientWithOnlyOldVersionsIsRefused) {
  RunningLoops loops;
  const TlsWorld world;
  const SslContext old = testing::make_context(TLS_client_method(), nullptr, &world.authority);
  SSL_CTX_set_min_proto_version(old.get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(old.get(), TLS1_2_VERSION);
  loops.run([&]() -> Task<void> {
    TlsPair pair;
    co_await shake(pair, world.server_context, old, named("mail.test"));
    EXPECT_EQ(pair.server.error().code, ErrorCode::BadInput);
    EXPECT_EQ(pair.client.error().code, ErrorCode::Denied);
  }());
}

TEST(StreamTls, AHandshakeThatStopsTimesOut) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    const Status started = co_await ends.first.start_tls_server(world.server_context, in_ms(30));
    EXPECT_EQ(started.error().code, ErrorCode::Timeout);
    EXPECT_THAT(started.error().what, HasSubstr("TLS handshake"));
    ends.second.close();
    EXPECT_EQ((co_await ends.first.start_tls_server(world.server_context, soon())).error().code, ErrorCode::Conflict);
  }());
}

TEST(StreamTls, ThePrepareHookCanStopTheStart) {
  RunningLoops loops;
  const TlsWorld world;
  loops.run([&]() -> Task<void> {
    auto ends = *Stream::pair(co_await this_executor());
    TlsClientOptions options = named("mail.test");
    options.prepare = [](ssl_st*) -> Status { return fail(ErrorCode::Denied, "no usable TLSA record"); };
    const Status started = co_await ends.first.start_tls_client(world.client_context, options, soon());
    EXPECT_EQ(started.error().what, "no usable TLSA record");
  }());
}

}  // namespace
}  // namespace postern::io
