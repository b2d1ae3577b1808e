#include "http/client_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "io/listener.hpp"
#include "io/testing/run.hpp"
#include "io/testing/tls.hpp"

namespace postern::http {
namespace {

using io::testing::RunningLoops;
using io::testing::soon;
using io::testing::TlsWorld;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that reads one request after the other and answers each with the next text of a list (the last one again and again).
class Scripted {
 public:
  Scripted(RunningLoops& loops, std::vector<std::string> answers, io::SslContext tls = {}, int per_connection = 1000)
      : m_answers(std::move(answers)), m_tls(std::move(tls)), m_per_connection(per_connection) {
    io::ListenOptions options;
    options.address = *io::Endpoint::parse("127.0.0.1:0");
    m_listener = *io::Listener::open(loops, std::move(options), [this](io::Stream stream) { return serve(std::move(stream)); });
  }

  [[nodiscard]] io::Endpoint address() const { return m_listener->local(); }
  [[nodiscard]] Url url(bool tls = false) const {
    return *Url::parse((tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(address().port) + "/v1/x");
  }

  std::atomic<int> connections{0}, requests{0};
  std::string last;  ///< The last request's bytes; read it when no request is in progress.

 private:
  io::Task<void> serve(io::Stream stream) {
    ++connections;
    if (m_tls) {
      const Status started = co_await stream.start_tls_server(m_tls, soon());
      if (!started) co_return;
    }
    for (int i = 0; i < m_per_connection; ++i) {
      std::string request;
      std::array<Byte, 65536> buffer{};
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = co_await stream.read_some(buffer, soon());
        if (!got || *got == 0) co_return;
        request.append(reinterpret_cast<const char*>(buffer.data()), *got);
      }
      last = request;
      const auto at = static_cast<std::size_t>(requests++);
      const std::string& answer = m_answers[std::min(at, m_answers.size() - 1)];
      const Status written = co_await stream.write_all(answer, soon());
      if (!written || answer.empty()) co_return;
    }
  }

  std::vector<std::string> m_answers;
  io::SslContext m_tls;
  int m_per_connection;
  std::unique_ptr<io::Listener> m_listener;
};

class ClientPoolTest : public ::testing::Test {
 protected:
  Result<ClientResponse> ask(ClientPool& pool, const Scripted& server, bool repeatable = true, bool tls = false, std::string host = {}) {
    PoolRequest request;
    request.method = "POST";
    request.url = server.url(tls);
    if (!host.empty()) request.url.host = host;
    request.head = SecretBytes::from_text("X-Vault-Token: t\r\n");
    request.body = SecretBytes::from_text("{}");
    request.repeatable = repeatable;
    return loops.run(pool.exchange({server.address()}, std::move(request), soon()));
  }
  RunningLoops loops;
};

TEST_F(ClientPoolTest, OneConnectionServesManyRequests) {
  Scripted server(loops, {std::string(kOk)});
  ClientPool pool{PoolOptions{}};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(pool, server)->body, "ok");
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(pool.idle(), 1U);
  EXPECT_THAT(server.last, HasSubstr("POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(server.last, HasSubstr("\r\nX-Vault-Token: t\r\n\r\n"));
  EXPECT_THAT(server.last, Not(HasSubstr("Connection: close")));
}

TEST_F(ClientPoolTest, WhatCannotBeKeptIsNot) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more than was said"}) {
    Scripted server(loops, {answer});
    ClientPool pool{PoolOptions{}};
    EXPECT_EQ(ask(pool, server)->body, "ok") << answer;
    EXPECT_EQ(pool.idle(), 0U) << answer;
  }
  Scripted chunked(loops, {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"});
  ClientPool pool{PoolOptions{}};
  EXPECT_EQ(ask(pool, chunked)->body, "ok");
  EXPECT_EQ(pool.idle(), 1U) << "a chunked answer has an end of its own";
}

TEST_F(ClientPoolTest, AConnectionThatEndedMeanwhileIsReplaced) {
  Scripted server(loops, {std::string(kOk)}, {}, 1);  // closes after each answer without saying so
  ClientPool pool{PoolOptions{}};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(pool, server)) << i;
  EXPECT_EQ(server.connections, 3);
}

TEST_F(ClientPoolTest, WhatMustNotBeSeenTwiceTravelsOnANewConnectionAndIsNotRepeated) {
  Scripted server(loops, {std::string(kOk), ""});  // the second request is read and not answered
  ClientPool pool{PoolOptions{}};
  EXPECT_TRUE(ask(pool, server));
  const auto lost = ask(pool, server, false);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().field, kMayBeSeen);
  EXPECT_EQ(server.connections, 2);
  EXPECT_EQ(server.requests, 2);
}

TEST_F(ClientPoolTest, NobodyThereIsNotSeen) {
  io::Endpoint nobody;
  {
    Scripted server(loops, {std::string(kOk)});
    nobody = server.address();
  }
  ClientPool pool{PoolOptions{}};
  PoolRequest request;
  request.url = *Url::parse("http://127.0.0.1:" + std::to_string(nobody.port) + "/");
  const auto refused = loops.run(pool.exchange({nobody}, std::move(request), soon()));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().field, kMayBeSeen);
}

TEST_F(ClientPoolTest, BoundsAndDeadlinesHold) {
  Scripted large(loops, {"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"});
  ClientPool pool{PoolOptions{}};
  EXPECT_EQ(ask(pool, large).error().code, ErrorCode::TooLarge);
  Scripted noise(loops, {"220 mail.example ESMTP\r\n\r\n"});
  EXPECT_EQ(ask(pool, noise).error().code, ErrorCode::BadInput);
  std::string endless = "HTTP/1.1 200 OK\r\nX: ";
  endless.append(1 << 20, 'x');
  Scripted fields(loops, {endless});
  EXPECT_FALSE(ask(pool, fields));
  Scripted early(loops, {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"}, {}, 1);
  EXPECT_EQ(ask(pool, early).error().code, ErrorCode::Unavailable);
  Scripted informational(loops, {[] {
                           std::string out;
                           for (int i = 0; i < 100; ++i) out += "HTTP/1.1 103 Early Hints\r\n\r\n";
                           return out + std::string(kOk);
                         }()});
  EXPECT_FALSE(ask(pool, informational)) << "without an end";
  Scripted silent(loops, {"HTTP/1.1 200 OK\r\n"});
  PoolRequest request;
  request.url = silent.url();
  EXPECT_EQ(loops.run(pool.exchange({silent.address()}, std::move(request), io::testing::in_ms(50))).error().code, ErrorCode::Timeout);
}

TEST_F(ClientPoolTest, NothingMayEndALineEarly) {
  Scripted server(loops, {std::string(kOk)});
  ClientPool pool{PoolOptions{}};
  const auto refused = [&](auto change) {
    PoolRequest request;
    request.url = server.url();
    change(request);
    return !loops.run(pool.exchange({server.address()}, std::move(request), soon()));
  };
  EXPECT_TRUE(refused([](PoolRequest& r) { r.method = "GET / HTTP/1.1\r\nX:"; }));
  EXPECT_TRUE(refused([](PoolRequest& r) { r.url.target = "/a b"; }));
  EXPECT_TRUE(refused([](PoolRequest& r) { r.headers.add("X", "1\r\nY: 2"); }));
  EXPECT_TRUE(refused([](PoolRequest& r) { r.head = SecretBytes::from_text("X-Vault-Token: a\r\n\r\nGET /\r\n"); }));
  EXPECT_TRUE(refused([](PoolRequest& r) { r.head = SecretBytes::from_text("X-Vault-Token: a"); }));
  EXPECT_EQ(server.requests, 0);
}

TEST_F(ClientPoolTest, TlsIsVerifiedAndKept) {
  const TlsWorld world, stranger;
  Scripted server(loops, {std::string(kOk)}, world.server_context);
  PoolOptions options;
  options.tls = world.client_context;
  ClientPool pool(options);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask(pool, server, true, true)) << i;
  EXPECT_EQ(server.connections, 1);
  EXPECT_EQ(ask(pool, server, true, true, "other.test").error().code, ErrorCode::Denied) << "the name";
  options.server_name = "mail.test";
  ClientPool named(options);
  EXPECT_TRUE(ask(named, server, true, true, "other.test")) << "the name that was set counts";
  options.tls = stranger.client_context;
  ClientPool distrustful(options);
  EXPECT_EQ(ask(distrustful, server, true, true).error().code, ErrorCode::Denied) << "the authority";
  options.tls = {};
  ClientPool blind(options);
  EXPECT_FALSE(ask(blind, server, true, true)) << "no trust store, no TLS";
}

}  // namespace
}  // namespace postern::http
