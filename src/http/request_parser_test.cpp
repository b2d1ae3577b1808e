#include "http/request_parser.hpp"

#include <gtest/gtest.h>

namespace postern::http {
namespace {

using Stage = RequestParser::Stage;

constexpr ParserLimits kSmall{2000, 1000, 20};

/// All of `text` in pieces of `step` bytes. What comes behind a whole request is not fed.
Stage feed_in_steps(RequestParser& parser, std::string_view text, std::size_t step) {
  while (!text.empty() && parser.stage() != Stage::Done && parser.stage() != Stage::Refused) {
    const std::size_t used = parser.feed(text.substr(0, step));
    EXPECT_LE(used, std::min(step, text.size()));
    text.remove_prefix(used);
    if (used == 0) break;
  }
  return parser.stage();
}

int refused_with(std::string_view text, std::size_t step = 100'000, ParserLimits limits = kSmall) {
  RequestParser parser(limits);
  return feed_in_steps(parser, text, step) == Stage::Refused ? parser.refusal().status : 0;
}

std::string get(std::string_view fields, std::string_view version = "HTTP/1.1") {
  return "GET /x " + std::string(version) + "\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view fields, std::string_view body) {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

TEST(RequestParser, ReadsARequestHoweverItIsCut) {
  const std::string text = post("X-One:  two words\t\r\nEmpty:\r\nContent-Length: 5\r\n", "hello");
  for (std::size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser(kSmall);
    ASSERT_EQ(feed_in_steps(parser, text, step), Stage::Done) << step;
    EXPECT_TRUE(parser.keeps_alive());
    const Request request = parser.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/x");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(request.headers.get("x-one"), "two words");
    EXPECT_TRUE(request.headers.has("Empty"));
    EXPECT_EQ(request.headers.get("Empty"), "");
    EXPECT_EQ(parser.stage(), Stage::Head);
    EXPECT_FALSE(parser.begun());
  }
}

// RFC 9112 9.3.2: pipelined requests.
TEST(RequestParser, LeavesTheNextRequestAlone) {
  const std::string first = post("Content-Length: 3\r\n", "abc"), second = "\r\n" + get("Host: h\r\n");
  const std::string both = first + second;
  RequestParser parser(kSmall);
  EXPECT_EQ(parser.feed(both), first.size());
  EXPECT_EQ(parser.take().body, "abc");
  EXPECT_EQ(parser.feed(second), second.size());
  EXPECT_EQ(parser.stage(), Stage::Done);
  EXPECT_EQ(parser.take().method, "GET");
}

TEST(RequestParser, NothingOfOneRequestIsLeftInTheNext) {
  RequestParser parser(kSmall);
  (void)parser.feed("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nz\r\n0\r\n\r\n");
  ASSERT_EQ(parser.stage(), Stage::Done);
  EXPECT_FALSE(parser.keeps_alive());
  (void)parser.take();
  (void)parser.feed(get("Host: h\r\n"));
  ASSERT_EQ(parser.stage(), Stage::Done);
  EXPECT_TRUE(parser.keeps_alive());
  const Request request = parser.take();
  EXPECT_EQ(request.body, "");
  EXPECT_EQ(request.headers.size(), 1U);
}

// RFC 9112 7.1
TEST(RequestParser, ChunksHoweverTheyAreCut) {
  const std::string text =
      post("Transfer-Encoding: Chunked\r\n", "3;name=value\r\nabc\r\n000A ;x\r\n0123456789\r\n0\r\nX-Trailer: t\r\nY:\r\n\r\n");
  for (std::size_t step = 1; step <= text.size(); ++step) {
    RequestParser parser(kSmall);
    ASSERT_EQ(feed_in_steps(parser, text, step), Stage::Done) << step;
    const Request request = parser.take();
    EXPECT_EQ(request.body, "abc0123456789");
    EXPECT_FALSE(request.headers.has("X-Trailer"));
  }
}

TEST(RequestParser, BadChunksAreRefused) {
  for (const char* body : {"xyz\r\n", "\r\n", ";a\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "1 \r\n", " 1\r\n", "1 2\r\n", "3\r\nabcd\r\n",
                           "3\r\nabc\n", "3\nabc\r\n", "1;a\x01\r\n", "1;a\rb\r\n", "0\r\nno colon\r\n\r\n", "0\r\n: v\r\n\r\n",
                           "0\r\n X: v\r\n\r\n", "0\r\nX : v\r\n\r\n", "0\r\nX: \x7f\r\n\r\n"}) {
    for (const std::size_t step : {1U, 2U, 1000U}) EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", body), step), 400) << body;
  }
  for (const char* body : {"3e9\r\n", "ffffffffffffffff\r\n", "fffffffffffffffff\r\n", "00000000000000001\r\n"})
    EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", body)), 413) << body;
  const std::string many = "1f4\r\n" + std::string(500, 'x') + "\r\n1f5\r\n";
  EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", many)), 413);
}

TEST(RequestParser, ExtensionsAndTrailersHaveALimitTogether) {
  std::string extensions, trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) extensions += "1;" + std::string(50, 'e') + "\r\nx\r\n";
  for (int i = 0; i < 1000; ++i) trailers += "X: y\r\n";
  EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", extensions)), 400);
  EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", trailers)), 400);
  for (const std::size_t step : {1U, 100'000U})
    EXPECT_EQ(refused_with(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(3000, 'e')), step), 400);
  // Many small chunks are no extension.
  std::string small;
  for (int i = 0; i < 900; ++i) small += "1\r\nx\r\n";
  RequestParser parser(kSmall);
  EXPECT_EQ(feed_in_steps(parser, post("Transfer-Encoding: chunked\r\n", small + "0\r\n\r\n"), 7), Stage::Done);
}

// RFC 9112 6.1, 6.3, 11.2
TEST(RequestParser, FramingsThatTwoCouldReadDifferently) {
  for (const char* fields :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 4\r\n", "Content-Length: 4, 4\r\n", "Content-Length: +4\r\n", "Content-Length: 0x4\r\n",
        "Content-Length:\r\n", "Content-Length: 4 4\r\n", "Content-Length: 4\r\n 5\r\n", "X: y\r\n\tTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n", "Transfer-Encoding\r\n", " Transfer-Encoding: chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n", "X: y\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\x0b"
        "chunked\r\n"})
    for (const std::size_t step : {1U, 3U, 1000U}) EXPECT_EQ(refused_with(post(fields, "0\r\n\r\n"), step), 400) << fields;
  for (const char* fields : {"Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding:\r\n",
                             "Transfer-Encoding: identity\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"})
    EXPECT_EQ(refused_with(post(fields, "0\r\n\r\n")), 501) << fields;
  EXPECT_EQ(refused_with(get("Transfer-Encoding: chunked\r\n", "HTTP/1.0")), 400);
  for (const char* fields : {"Content-Length: 1001\r\n", "Content-Length: 18446744073709551616\r\n",
                             "Content-Length: 99999999999999999999999999999999999999\r\n"})
    EXPECT_EQ(refused_with(post(fields, "")), 413) << fields;
}

// RFC 9112 3
TEST(RequestParser, RequestLines) {
  for (const char* line : {"GET /x", "GET  /x HTTP/1.1", "GET /x  HTTP/1.1", " GET /x HTTP/1.1", "GET /x HTTP/1.1 ", "GET /a b HTTP/1.1",
                           "GET\t/x HTTP/1.1", "G(T /x HTTP/1.1", "GET /x HTTP/1", "GET /x HTTP/11", "GET /x http/1.1", "GET /x HTTP/a.b",
                           "GET / x\x01 HTTP/1.1", "GET /\x7f HTTP/1.1", "SSH-2.0-OpenSSH", "\x16\x03\x01\x02", "GET", "/x HTTP/1.1"})
    EXPECT_EQ(refused_with(std::string(line) + "\r\nHost: h\r\n\r\n"), 400) << line;
  for (const char* line : {"GET /x HTTP/2.0", "GET /x HTTP/1.2", "GET /x HTTP/0.9", "GET /x HTTP/9.9"})
    EXPECT_EQ(refused_with(std::string(line) + "\r\nHost: h\r\n\r\n"), 505) << line;
  EXPECT_EQ(refused_with(std::string("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", 30)), 400);
}

// RFC 9112 2.2, 5.1, 5.2; RFC 9110 5.5, 5.6.2
TEST(RequestParser, FieldLines) {
  for (const char* field : {"Bad Name: x", "Name : x", "Name\t: x", ": x", "no colon", "N\xc3\xa4me: x",
                            "Name: a\x01"
                            "b",
                            "Name: a\x7f", "Name: a\rb", " folded: x", "\tfolded: x", "Name(x): y"})
    EXPECT_EQ(refused_with(get("Host: h\r\n" + std::string(field) + "\r\n")), 400) << field;
  EXPECT_EQ(refused_with(get(std::string("Host: h\r\nName: a\0b\r\n", 20))), 400);
  RequestParser parser(kSmall);
  (void)parser.feed(get("Host: h\r\nName: caf\xc3\xa9 \t x\r\n"));
  ASSERT_EQ(parser.stage(), Stage::Done);
  EXPECT_EQ(parser.take().headers.get("Name"), "caf\xc3\xa9 \t x");
}

// RFC 9112 3.2
TEST(RequestParser, ExactlyOneHost) {
  EXPECT_EQ(refused_with(get("")), 400);
  EXPECT_EQ(refused_with(get("Host: a\r\nhost: b\r\n")), 400);
  EXPECT_EQ(refused_with(get("Host: a\r\nHost: a\r\n", "HTTP/1.0")), 400);
  EXPECT_EQ(refused_with(get("", "HTTP/1.0")), 0);
  EXPECT_EQ(refused_with(get("Host:\r\n")), 0);
}

// RFC 9112 9.3
TEST(RequestParser, WhoStays) {
  const auto stays = [](std::string_view fields, std::string_view version) {
    RequestParser parser(kSmall);
    (void)parser.feed(get(fields, version));
    EXPECT_EQ(parser.stage(), Stage::Done) << fields;
    return parser.keeps_alive();
  };
  EXPECT_TRUE(stays("Host: h\r\n", "HTTP/1.1"));
  EXPECT_FALSE(stays("Host: h\r\nConnection: Close\r\n", "HTTP/1.1"));
  EXPECT_FALSE(stays("Host: h\r\nConnection: x ,close\r\n", "HTTP/1.1"));
  EXPECT_FALSE(stays("Host: h\r\nConnection: x\r\nConnection: keep-alive, close\r\n", "HTTP/1.1"));
  EXPECT_TRUE(stays("Host: h\r\nConnection: closed, ,\r\n", "HTTP/1.1"));
  EXPECT_FALSE(stays("", "HTTP/1.0"));
  EXPECT_TRUE(stays("Connection: keep-alive\r\n", "HTTP/1.0"));
}

// RFC 9110 10.1.1
TEST(RequestParser, Expectations) {
  RequestParser parser(kSmall);
  (void)parser.feed(post("Expect: 100-Continue\r\nContent-Length: 1\r\n", ""));
  EXPECT_EQ(parser.stage(), Stage::Body);
  EXPECT_TRUE(parser.expects_continue());
  (void)parser.feed("x");
  EXPECT_FALSE(parser.expects_continue());
  EXPECT_EQ(refused_with(post("Expect: magic\r\nContent-Length: 1\r\n", "")), 417);
  EXPECT_EQ(refused_with(post("Expect: magic\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "")), 417);
  EXPECT_EQ(refused_with(post("Expect: magic\r\n", "")), 0);
  EXPECT_EQ(refused_with(get("Expect: magic\r\nContent-Length: 1\r\n", "HTTP/1.0") + "x"), 0);
}

TEST(RequestParser, HeadsOverTheLimitsAre431) {
  for (const std::size_t step : {1U, 100U, 100'000U}) {
    EXPECT_EQ(refused_with("GET /" + std::string(5000, 'x'), step), 431) << step;
    EXPECT_EQ(refused_with(get("Host: h\r\nBig: " + std::string(2000, 'x') + "\r\n"), step), 431) << step;
  }
  std::string many = "Host: h\r\n";
  for (int i = 0; i < 20; ++i) many += "A: b\r\n";
  EXPECT_EQ(refused_with(get(many)), 431);
  const std::string just = get("Host: h\r\nA: ");
  EXPECT_EQ(refused_with(get("Host: h\r\nA: " + std::string(2000 - just.size() - 2, 'x') + "\r\n")), 0);
  EXPECT_EQ(refused_with(get("Host: h\r\nA: " + std::string(2001 - just.size() - 2, 'x') + "\r\n")), 431);
}

// RFC 9112 2.2: empty lines before a request are ignored, but not for ever.
TEST(RequestParser, EmptyLinesInFront) {
  for (const std::size_t step : {1U, 3U, 1000U}) {
    EXPECT_EQ(refused_with("\r\n\r\n" + get("Host: h\r\n"), step), 0) << step;
    std::string endless;
    for (int i = 0; i < 20; ++i) endless += "\r\n";
    EXPECT_EQ(refused_with(endless, step), 400) << step;
  }
}

TEST(RequestParser, ABareLineFeedIsRefusedWithoutWaitingForMore) {
  EXPECT_EQ(refused_with("GET / HTTP/1.1\nHost: h\n\n"), 400);
  EXPECT_EQ(refused_with("GET / HTTP/1.1\nHost", 1), 400);
  EXPECT_EQ(refused_with("\nGET / HTTP/1.1\r\n"), 400);
}

TEST(RequestParser, ALongBodyArrivesWhole) {
  ParserLimits limits;
  RequestParser parser(limits);
  std::string body;
  for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i);
  const std::string text = post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
  EXPECT_EQ(feed_in_steps(parser, text, 65'536), Stage::Done);
  EXPECT_EQ(parser.take().body, body);
}

TEST(RequestParser, AfterARefusalNothingIsTaken) {
  RequestParser parser(kSmall);
  (void)parser.feed("BAD\r\n\r\n");
  ASSERT_EQ(parser.stage(), Stage::Refused);
  EXPECT_EQ(parser.feed(get("Host: h\r\n")), 0U);
  EXPECT_EQ(parser.stage(), Stage::Refused);
}

}  // namespace
}  // namespace postern::http
