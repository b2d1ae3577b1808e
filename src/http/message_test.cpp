#include "http/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "http/client.hpp"
#include "http/router.hpp"
#include "io/testing/run.hpp"

namespace postern::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Headers, CompareWithoutCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("X", "1");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.count("Content-Type"), 2U);
  headers.set("Content-type", "c");
  EXPECT_EQ(headers.count("Content-Type"), 1U);
  EXPECT_EQ(headers.get("missing"), "");
}

TEST(Percent, DecodesAndRefuses) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%c3%a9"), "a b/c\xc3\xa9");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  for (const char* bad : {"%", "%a", "%zz", "a%2", "%00", "%-1"}) EXPECT_FALSE(percent_decode(bad)) << bad;
  EXPECT_EQ(percent_encode("a b/c~é"), "a%20b%2Fc~%C3%A9");
}

// RFC 9457 3
TEST(Problem, HasTheMembersOfTheStandard) {
  const Response out = problem(Error{ErrorCode::BadInput, "must be a number", "limit"});
  EXPECT_EQ(out.status, 400);
  EXPECT_EQ(out.headers.get("Content-Type"), "application/problem+json");
  const auto body = boost::json::parse(out.body).as_object();
  EXPECT_EQ(body.at("status"), 400);
  EXPECT_EQ(body.at("code"), "bad_input");
  EXPECT_EQ(body.at("field"), "limit");
  EXPECT_EQ(body.at("title"), "Bad Request");
}

TEST(Problem, BusyTellsWhenToComeBackAndInternalTellsNothing) {
  EXPECT_TRUE(problem(Error{ErrorCode::Exhausted, "x", ""}).headers.has("Retry-After"));
  EXPECT_EQ(problem(Error{ErrorCode::Exhausted, "x", ""}).status, 429);
  EXPECT_EQ(problem(Error{ErrorCode::Unavailable, "x", ""}).status, 503);
  EXPECT_THAT(problem(Error{ErrorCode::Internal, "private detail", ""}).body, Not(HasSubstr("private")));
  EXPECT_NO_THROW((void)boost::json::parse(problem(400, "x", "bad \xff bytes").body));
}

TEST(Sse, DataCannotForgeAField) {
  EXPECT_EQ(sse_event("", "a\r\nid: 9\rb"), "data: a\ndata: id: 9b\n\n");
  EXPECT_EQ(sse_event("x\ndata: forged", "y"), "event: xdata: forged\ndata: y\n\n");
  EXPECT_EQ(sse_comment("a\nb"), ": ab\n\n");
}

TEST(Page, CarriesTheSecurityHeaders) {
  const Response page = page_response("<html></html>");
  EXPECT_THAT(std::string(page.headers.get("Content-Security-Policy")), HasSubstr("default-src 'self'"));
  EXPECT_EQ(page.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(page.headers.get("Referrer-Policy"), "no-referrer");
}

TEST(RequestJson, IsBoundedAndSaysWhereItStops) {
  Request request;
  request.body = R"({"a": [1, 2]} )";
  EXPECT_TRUE(request.json());
  for (const std::string& bad : {std::string("{"), std::string("{} x"), std::string(), std::string(100, '['), std::string("\"\xff\"")}) {
    request.body = bad;
    const auto parsed = request.json();
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().field, "body");
  }
}

TEST(ClientUrl, Forms) {
  const Url url = *Url::parse("https://[::1]:8443/a?b");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/a?b");
  EXPECT_EQ(Url::parse("http://host")->port, 80);
  EXPECT_EQ(Url::parse("https://host")->port, 443);
  EXPECT_EQ(Url::parse("http://host?x")->target, "/?x");
  for (const char* bad : {"", "host", "ftp://host", "http://", "http://user@host", "http://host:0", "http://host:x", "http://host:65536",
                          "http://ho st", "http://host/#f", "http://[::1", "http://:80"}) {
    EXPECT_FALSE(Url::parse(bad)) << bad;
  }
}

// ---- router

struct Routes : ::testing::Test {
  io::testing::RunningLoops loops;
  Router router;

  void SetUp() override {
    for (const char* pattern : {"/", "/api/v1/mail", "/api/v1/mail/{id}", "/api/v1/mail/recent", "/api/v1/mail/{id}/raw", "/v1/{path...}",
                                "/files/{name}/{rest...}"}) {
      router.add("GET", pattern, echo(pattern));
    }
    router.add("LIST", "/v1/{path...}", echo("list"));
    router.add("POST", "/api/v1/mail", echo("post"));
  }
  static std::function<Response(const Request&)> echo(std::string name) {
    return [name](const Request& request) {
      std::string out = name;
      for (const auto& [key, value] : request.params) out += " " + key + "=" + value;
      return text_response(200, out);
    };
  }
  Response ask(std::string method, std::string target) {
    Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.path = request.target.substr(0, request.target.find('?'));
    return loops.run(router.handle(std::move(request)));
  }
};

TEST_F(Routes, FixedBeforeParameterBeforeRest) {
  EXPECT_EQ(ask("GET", "/").body, "/");
  EXPECT_EQ(ask("GET", "/api/v1/mail?limit=5").body, "/api/v1/mail");
  EXPECT_EQ(ask("GET", "/api/v1/mail/recent").body, "/api/v1/mail/recent");
  EXPECT_EQ(ask("GET", "/api/v1/mail/42").body, "/api/v1/mail/{id} id=42");
  EXPECT_EQ(ask("GET", "/api/v1/mail/recent/raw").body, "/api/v1/mail/{id}/raw id=recent");
  EXPECT_EQ(ask("GET", "/v1/transit/keys/a").body, "/v1/{path...} path=transit/keys/a");
  EXPECT_EQ(ask("LIST", "/v1/transit/keys").body, "list path=transit/keys");
  EXPECT_EQ(ask("GET", "/files/a/b/c").body, "/files/{name}/{rest...} name=a rest=b/c");
}

TEST_F(Routes, AnEscapedSlashStaysInItsSegment) { EXPECT_EQ(ask("GET", "/api/v1/mail/a%2Fb%20c").body, "/api/v1/mail/{id} id=a/b c"); }

TEST_F(Routes, UnknownPathsAndMethods) {
  EXPECT_EQ(ask("GET", "/nowhere").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/mail/").status, 404);
  EXPECT_EQ(ask("GET", "/api").status, 404);
  const Response wrong = ask("DELETE", "/api/v1/mail");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(wrong.headers.get("Content-Type"), "application/problem+json");
  const Response options = ask("OPTIONS", "/api/v1/mail");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.get("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask("HEAD", "/api/v1/mail").status, 200);
}

TEST_F(Routes, TheFallbackAnswersInsteadOf404) {
  router.set_fallback([](Request request) -> io::Task<Response> { co_return text_response(200, "console " + request.path); });
  EXPECT_EQ(ask("GET", "/some/page").body, "console /some/page");
  EXPECT_EQ(ask("DELETE", "/api/v1/mail").status, 405);
}

TEST_F(Routes, TwoHandlersForOneRouteAreABug) { EXPECT_THROW(router.add("GET", "/", echo("again")), std::logic_error); }

}  // namespace
}  // namespace postern::http
