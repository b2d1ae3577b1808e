#include "http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <thread>

#include "base/ids.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "http/router.hpp"
#include "io/testing/run.hpp"
#include "io/testing/tls.hpp"

namespace postern::http {
namespace {

using namespace std::chrono_literals;
using io::testing::in_ms;
using io::testing::RunningLoops;
using io::testing::soon;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A plain blocking socket: what a stranger would send, byte by byte.
class Raw {
 public:
  explicit Raw(std::uint16_t port) : m_fd(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(m_fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;
  ~Raw() { ::close(m_fd); }

  Raw& send(std::string_view text) {
    (void)::send(m_fd, text.data(), text.size(), MSG_NOSIGNAL);
    return *this;
  }
  /// Until the server closes (or nothing came for 10 s: "(still open)" is appended).
  std::string rest() {
    std::string out;
    std::array<char, 65536> buffer;
    while (true) {
      const ssize_t got = ::recv(m_fd, buffer.data(), buffer.size(), 0);
      if (got < 0) return out + "(still open)";
      if (got == 0) return out;
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  std::string until(std::string_view mark) {
    std::string out;
    char c = 0;
    while (out.find(mark) == std::string::npos && ::recv(m_fd, &c, 1, 0) == 1) out += c;
    return out;
  }

 private:
  int m_fd;
};

io::Task<Response> describe(Request request) {
  boost::json::object out{
      {"method", request.method}, {"path", request.path}, {"body", request.body}, {"tls", request.tls}, {"id", request.id}};
  for (const auto& [name, value] : request.query) out["q." + name] = value;
  co_return json_response(200, out);
}

struct HttpServer : ::testing::Test {
  RunningLoops loops{2};
  std::unique_ptr<Server> server;

  void start(Handler handler = describe, ServerLimits limits = {}, io::SslContext tls = nullptr) {
    ServerOptions options;
    options.address = *io::Endpoint::parse("127.0.0.1:0");
    options.limits = limits;
    if (tls) options.tls = [tls] { return tls; };
    auto opened = Server::open(loops, std::move(options), std::move(handler));
    ASSERT_TRUE(opened) << opened.error().text();
    server = *std::move(opened);
  }
  std::uint16_t port() const { return server->local().port; }
  std::string exchange(std::string_view raw) { return Raw(port()).send(raw).rest(); }
  /// With "Connection: close" appended, so that the answer ends.
  std::string get(std::string_view target) {
    return exchange("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  static std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
};

TEST_F(HttpServer, AnswersWithItsOwnRequestIdAndSafeDefaults) {
  start();
  const std::string answer =
      exchange("GET /a%20b?x=1&y=a+b%26&flag HTTP/1.1\r\nHost: x\r\nX-Request-Id: forged\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("forged")));
  const auto body = boost::json::parse(body_of(answer)).as_object();
  EXPECT_EQ(body.at("path"), "/a b");
  EXPECT_EQ(body.at("q.x"), "1");
  EXPECT_EQ(body.at("q.y"), "a b&");
  EXPECT_EQ(body.at("q.flag"), "");
  const std::string id(body.at("id").as_string());
  EXPECT_TRUE(is_ulid(id));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: " + id + "\r\n"));
}

// RFC 9110 9.1: the method is a token; the Vault API needs LIST.
TEST_F(HttpServer, AnyTokenIsAMethod) {
  start();
  EXPECT_THAT(exchange("LIST /v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), HasSubstr(R"("method":"LIST")"));
  EXPECT_THAT(exchange("BAD(METHOD /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServer, KeepsTheConnectionAndServesPipelinedRequestsInOrder) {
  start();
  const std::string answers = exchange(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::size_t at = 0;
  for (const char* path : {"\"/1\"", "\"/2\"", "\"/3\"", "\"/4\""}) {
    at = answers.find(path, at);
    EXPECT_NE(at, std::string::npos) << path;
  }
  EXPECT_THAT(answers, HasSubstr(R"("body":"abc")"));
}

// The socket takes the answers in parts, as nobody reads them; then the connection goes on.
TEST_F(HttpServer, AnswersThatTheSocketTakesInPartsArriveWhole) {
  constexpr std::size_t kSize = 60'000, kRequests = 200;
  start([](Request request) -> io::Task<Response> {
    Response out;
    out.body = std::string(kSize, static_cast<char>('a' + request.path.size() % 26));
    co_return out;
  });
  Raw client(port());
  std::string asked, expected;
  for (std::size_t i = 0; i < kRequests; ++i) {
    asked += "GET /" + std::string(i % 26, 'p') +
             (i + 1 == kRequests ? " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" : " HTTP/1.1\r\nHost: x\r\n\r\n");
    expected += std::string(kSize, static_cast<char>('a' + (i % 26 + 1) % 26));
  }
  client.send(asked);
  std::this_thread::sleep_for(100ms);
  const std::string answers = client.rest();
  std::string bodies;
  for (std::size_t at = answers.find("\r\n\r\n"); at != std::string::npos; at = answers.find("\r\n\r\n", at + kSize))
    bodies += answers.substr(at += 4, kSize);
  EXPECT_TRUE(bodies == expected) << bodies.size() << " of " << expected.size();
}

TEST_F(HttpServer, RequestsPerConnectionAreBounded) {
  ServerLimits limits;
  limits.requests_per_connection = 2;
  start(describe, limits);
  const std::string answers =
      exchange("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("\"/2\""));
  EXPECT_THAT(answers, HasSubstr("Connection: close"));
  EXPECT_THAT(answers, Not(HasSubstr("\"/3\"")));
}

TEST_F(HttpServer, HeadHasTheLengthAndNoBody) {
  start([](Request) -> io::Task<Response> { co_return text_response(200, "twelve bytes"); });
  const std::string answer = exchange("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpServer, Http10IsClosedAfterItsAnswer) {
  start();
  EXPECT_THAT(exchange("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

// RFC 9110 10.1.1
TEST_F(HttpServer, ContinuesOnlyWhenTheBodyIsWelcome) {
  ServerLimits limits;
  limits.body_bytes = 10;
  start(describe, limits);
  Raw good(port());
  good.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(good.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(good.send("abc").rest(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n"), StartsWith("HTTP/1.1 417"));
}

TEST_F(HttpServer, ChunkedBodiesWithExtensionsAndTrailers) {
  start();
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(exchange(head + "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"), HasSubstr(R"("body":"abcde")"));
  for (const char* bad : {"xyz\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-1\r\n\r\n", "ffffffffffffffffff\r\n", "\r\n"}) {
    EXPECT_THAT(exchange(head + bad), ::testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 413"))) << bad;
  }
}

// RFC 9112 6.1, 6.3, 11.2: whatever two parsers could read differently ends the connection with 400 or 501, and the rest is not a request.
TEST_F(HttpServer, SmugglingIsRefused) {
  start();
  const std::string inner = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const char* fields : {
           "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
           "Content-Length: 4\r\nContent-Length: 5\r\n",
           "Content-Length: 4\r\nContent-Length: 4\r\n",
           "Content-Length: 4, 4\r\n",
           "Content-Length: +4\r\n",
           "Content-Length: 0x4\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: 99999999999999999999\r\n",
           "Content-Length: \r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding:\x0b"
           "chunked\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding\r\n",
           " Transfer-Encoding: chunked\r\n",
           "Content-Length: 4, 5\r\n",
           "Content-Length: 4\r\n 5\r\n",
           "X: y\r\n\tTransfer-Encoding: chunked\r\n",
           "X: y\nTransfer-Encoding: chunked\r\n",
           "X: y\rTransfer-Encoding: chunked\r\n",
       }) {
    const std::string answer = exchange("POST /outer HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n" + inner);
    EXPECT_THAT(answer, ::testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 501"), StartsWith("HTTP/1.1 413")))
        << fields << answer;
    EXPECT_THAT(answer, Not(HasSubstr("smuggled"))) << fields;
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << fields;
  }
  EXPECT_THAT(exchange("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + inner), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServer, MalformedRequestsAreRefusedWithAProblem) {
  start();
  for (const char* raw : {
           "GET / HTTP/1.1\r\n\r\n",                        // no Host
           "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  // two
           "GET /\r\n\r\n",                                 // HTTP/0.9
           "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
           "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: x\r\nNul: a\x01"
           "b\r\n\r\n",
           "GET noslash HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "GET /a/../b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "GET /a/%2e%2e/b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "CONNECT mail.test:25 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
           "\x16\x03\x01\x02\x01\x01\x02garbage\r\n\r\n",
           "SSH-2.0-OpenSSH\r\n\r\n",
       }) {
    const std::string answer = exchange(raw);
    EXPECT_THAT(answer, ::testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 505"))) << raw;
    EXPECT_THAT(answer, HasSubstr("application/problem+json")) << raw;
    EXPECT_THAT(answer, HasSubstr("X-Request-Id: ")) << raw;
  }
}

TEST_F(HttpServer, TheAbsoluteFormIsUnderstood) {
  start();
  EXPECT_THAT(get("http://x/path?a=1"), HasSubstr(R"("path":"/path")"));
  EXPECT_THAT(get("http://x"), HasSubstr(R"("path":"/")"));
}

TEST_F(HttpServer, HeadersOverTheLimitAre431) {
  ServerLimits limits;
  limits.header_bytes = 2000;
  start(describe, limits);
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: x\r\nBig: " + std::string(3000, 'x') + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(exchange("GET /" + std::string(100000, 'x')), StartsWith("HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 1000; ++i) many += "A: b\r\n";
  EXPECT_THAT(exchange(many + "\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServer, EndlessChunkExtensionsAndTrailersAreCut) {
  ServerLimits limits;
  limits.header_bytes = 4000;
  start(describe, limits);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(exchange(head + "3;" + std::string(200000, 'x')), StartsWith("HTTP/1.1 400"));
  std::string trailers;
  for (int i = 0; i < 20000; ++i) trailers += "X: y\r\n";
  EXPECT_THAT(exchange(head + "0\r\n" + trailers), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServer, BodiesOverTheLimitAre413) {
  ServerLimits limits;
  limits.body_bytes = 1000;
  start(describe, limits);
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(
      exchange("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(0x800, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServer, BodiesOfAllConnectionsTogetherAreBounded) {
  ServerLimits limits;
  limits.body_bytes_total = 100000;
  start(describe, limits);
  Raw first(port());
  first.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n" + std::string(89999, 'x'));
  std::this_thread::sleep_for(100ms);
  const std::string refused = exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + std::string(20000, 'x'));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: "));
  EXPECT_THAT(first.send("x").rest(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n" + std::string(20000, 'x')),
              StartsWith("HTTP/1.1 200"));
}

// Slowloris: the time for the header section is one budget, however the bytes trickle.
TEST_F(HttpServer, TricklingHeadersAndBodiesTimeOut) {
  ServerLimits limits;
  limits.header_timeout = 1s;
  limits.body_timeout = 1s;
  start(describe, limits);
  for (const char* begin : {"GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"}) {
    Raw slow(port());
    slow.send(begin);
    const auto before = std::chrono::steady_clock::now();
    std::thread dripping([&slow] {
      for (int i = 0; i < 20; ++i) {
        slow.send("x");
        std::this_thread::sleep_for(100ms);
      }
    });
    EXPECT_THAT(slow.rest(), StartsWith("HTTP/1.1 408"));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 8s);
    dripping.join();
  }
}

// RFC 9112 2.2 lets a recipient take a bare LF for a line end; we do not, so such a chunk never ends.
TEST_F(HttpServer, ABareLineFeedEndsNoChunk) {
  ServerLimits limits;
  limits.body_timeout = 1s;
  start(describe, limits);
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n"), Not(HasSubstr("200 OK")));
}

TEST_F(HttpServer, IdleConnectionsAreClosedInSilence) {
  ServerLimits limits;
  limits.idle_timeout = 1s;
  start(describe, limits);
  EXPECT_EQ(exchange(""), "");
}

TEST_F(HttpServer, TooManyConnectionsAreTurnedAwayWith503) {
  ServerLimits limits;
  limits.max_connections = 1;
  start(describe, limits);
  Raw first(port());
  first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.until("}"), StartsWith("HTTP/1.1 200"));
  const std::string refused = Raw(port()).rest();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After"));
}

TEST_F(HttpServer, AFailingHandlerIs500WithoutItsReason) {
  start([](Request) -> io::Task<Response> {
    throw std::runtime_error("the secret reason");
    co_return Response{};
  });
  const std::string answer = get("/");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, Not(HasSubstr("secret")));
}

TEST_F(HttpServer, AHandlerCannotSplitTheResponse) {
  start([](Request) -> io::Task<Response> {
    Response out = text_response(200, "ok");
    out.headers.add("X-Evil", "a\r\nSet-Cookie: b");
    co_return out;
  });
  EXPECT_THAT(get("/"), Not(HasSubstr("Set-Cookie")));
}

TEST_F(HttpServer, EventStreams) {
  start([](Request) -> io::Task<Response> {
    co_return event_stream([](ResponseStream& out) -> io::Task<void> {
      const std::string first = sse_event("message", "line one\nline two", "7");
      (void)co_await out.write(first);
      for (int i = 0; i < 100 && !out.closed(); ++i) {
        const std::string beat = sse_comment("tick");
        const Status sent = co_await out.write(beat);
        if (!sent) break;
        co_await io::sleep_for(10ms);
      }
    });
  });
  Raw reader(port());
  reader.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = reader.until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(reader.until("tick"), HasSubstr("id: 7\nevent: message\ndata: line one\ndata: line two\n\n"));
}

TEST_F(HttpServer, AStreamEndsWhenTheReaderLeavesOrTheServerStops) {
  std::atomic<int> running{0};
  start([&running](Request) -> io::Task<Response> {
    co_return event_stream([&running](ResponseStream& out) -> io::Task<void> {
      ++running;
      const std::string hello = sse_event("", "hello");
      (void)co_await out.write(hello);
      while (!out.closed()) co_await io::sleep_for(5ms);
      --running;
    });
  });
  {
    Raw leaver(port());
    leaver.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(leaver.until("hello"), HasSubstr("hello"));
    EXPECT_EQ(running, 1);
  }
  for (int i = 0; i < 400 && running > 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(running, 0);
  Raw stayer(port());
  stayer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(stayer.until("hello"), HasSubstr("hello"));
  loops.run(server->stop(soon()));
  EXPECT_EQ(running, 0);
  EXPECT_THAT(stayer.rest(), HasSubstr("0\r\n\r\n"));
}

TEST_F(HttpServer, StoppingLetsARequestInProgressFinish) {
  start([](Request) -> io::Task<Response> {
    co_await io::sleep_for(200ms);
    co_return text_response(200, "finished");
  });
  Raw idle(port());
  Raw busy(port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(50ms);
  loops.run(server->stop(soon()));
  const std::string answer = busy.rest();
  EXPECT_THAT(answer, HasSubstr("finished"));
  EXPECT_EQ(idle.rest(), "");
}

// ---- the client against the server

ClientRequest request_to(const Server& server, std::string path, bool tls = false) {
  ClientRequest request;
  request.url = *Url::parse((tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server.local().port) + path);
  return request;
}

TEST_F(HttpServer, TheBlockingClientTalksToIt) {
  start();
  ClientRequest request = request_to(*server, "/x?y=z");
  request.method = "POST";
  request.body = std::string(100000, 'b');
  const auto response = fetch_blocking(request, {});
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(boost::json::parse(response->body).at("body").as_string().size(), 100000U);
  EXPECT_EQ(response->headers.get("content-type"), "application/json");
  request.method = "HEAD";
  request.body.clear();
  EXPECT_EQ(fetch_blocking(request, {})->body, "");
}

TEST_F(HttpServer, TheClientOverTlsChecksTheName) {
  const io::testing::TlsWorld world;
  start(describe, {}, world.server_context);
  ClientOptions options;
  options.tls = world.client_context;
  const auto good = fetch_blocking(request_to(*server, "/", true), options);
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_THAT(good->body, HasSubstr(R"("tls":true)"));
  const io::testing::TlsWorld stranger;
  options.tls = stranger.client_context;
  EXPECT_EQ(fetch_blocking(request_to(*server, "/", true), options).error().code, ErrorCode::Denied);
  EXPECT_EQ(fetch_blocking(request_to(*server, "/", true), {}).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(fetch_blocking(request_to(*server, "/"), {}));  // plain to a TLS port
}

TEST_F(HttpServer, TheClientIsBoundedAndHasADeadline) {
  start([](Request request) -> io::Task<Response> {
    if (request.path == "/slow") co_await io::sleep_for(5s);
    co_return text_response(200, std::string(5000, 'x'));
  });
  ClientOptions options;
  options.body_limit = 4999;
  EXPECT_EQ(fetch_blocking(request_to(*server, "/"), options).error().code, ErrorCode::TooLarge);
  options.timeout = 50ms;
  EXPECT_EQ(fetch_blocking(request_to(*server, "/slow"), options).error().code, ErrorCode::Timeout);
  ClientRequest nowhere = request_to(*server, "/");
  loops.run(server->stop(in_ms(10)));
  EXPECT_EQ(fetch_blocking(nowhere, {}).error().code, ErrorCode::Unavailable);
}

TEST_F(HttpServer, TheClientHandsAStreamOnPieceByPiece) {
  start([](Request) -> io::Task<Response> {
    co_return event_stream([](ResponseStream& out) -> io::Task<void> {
      for (int i = 0; !out.closed(); ++i) {
        const std::string event = sse_event("", std::to_string(i));
        const Status sent = co_await out.write(event);
        if (!sent) break;
        co_await io::sleep_for(2ms);
      }
    });
  });
  std::string seen;
  ClientOptions options;
  options.body_limit = 10;  // counts only what is kept
  options.on_body = [&seen](std::string_view piece) {
    seen += piece;
    return seen.find("data: 9\n") == std::string::npos;
  };
  const auto response = fetch_blocking(request_to(*server, "/"), options);
  ASSERT_TRUE(response) << response.error().text();
  EXPECT_EQ(response->body, "");
  EXPECT_THAT(seen, StartsWith("data: 0\n\ndata: 1\n\n"));
}

// A server of one canned answer, for what our own would never send.
std::string canned(io::Loops& loops, std::string answer, ClientOptions options = {}) {
  io::ListenOptions listen;
  listen.name = "canned";
  listen.address = *io::Endpoint::parse("127.0.0.1:0");
  const auto listener = *io::Listener::open(loops, listen, [answer](io::Stream stream) -> io::Task<void> {
    (void)co_await stream.wait_readable(soon());
    (void)co_await stream.write_all(answer, soon());
    co_await stream.close_gracefully(in_ms(500));
  });
  ClientRequest request;
  request.url = *Url::parse("http://" + listener->local().text());
  const auto got = fetch_blocking(std::move(request), std::move(options));
  return got ? std::to_string(got->status) + " " + got->body : std::string(name_of(got.error().code));
}

TEST_F(HttpServer, TheClientReadsOddAnswers) {
  EXPECT_EQ(
      canned(loops,
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
      "200 ok");
  EXPECT_EQ(canned(loops, "HTTP/1.0 200 OK\r\n\r\nuntil the end"), "200 until the end");
  EXPECT_EQ(canned(loops, "HTTP/1.1 204 No Content\r\n\r\n"), "204 ");
  EXPECT_EQ(canned(loops, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"), "unavailable");
  EXPECT_EQ(canned(loops, ""), "unavailable");
  EXPECT_EQ(canned(loops, "220 mail.test ESMTP\r\n"), "bad_input");
  EXPECT_EQ(canned(loops, "HTTP/1.1 200 OK\r\nX: " + std::string(200000, 'x')), "too_large");
  EXPECT_EQ(canned(loops, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;" + std::string(200000, 'x')), "too_large");
}

}  // namespace
}  // namespace postern::http
