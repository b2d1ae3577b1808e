#include "mailauth/authres.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

// RFC 8601, Appendix B.
TEST(AuthRes, TheExamplesOfTheRfc) {
  const auto none = parse_authres("example.org 1; none");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->authserv_id, "example.org");
  EXPECT_EQ(none->version, "1");
  EXPECT_TRUE(none->results.empty());
  const auto two =
      parse_authres("example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net");
  ASSERT_TRUE(two);
  ASSERT_EQ(two->results.size(), 2U);
  EXPECT_EQ(two->results[0].method, "auth");
  EXPECT_EQ(two->results[0].properties.at(0).value, "sender@example.net");
  EXPECT_EQ(two->results[1].properties.at(0).name, "mailfrom");
  // B.7: comments wherever they may stand.
  const auto commented = parse_authres(
      "foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
      "  policy (A dot can go here) . (like that) expired\r\n  (this surprised me) = (as I wasn't expecting it) 1362471462");
  ASSERT_TRUE(commented) << commented.error().what;
  EXPECT_EQ(commented->results.at(0).method, "dkim");
  EXPECT_EQ(commented->results.at(0).version, "1");
  EXPECT_EQ(commented->results.at(0).result, "fail");
  EXPECT_EQ(commented->results.at(0).properties.at(0).type, "policy");
  EXPECT_EQ(commented->results.at(0).properties.at(0).value, "1362471462");
}

TEST(AuthRes, WhatIsWrongIsSaid) {
  for (const char* bad : {"", ";", "a b c; none", "a; spf", "a; spf=", "a; spf=pass smtp", "a; spf=pass smtp.x", "a; (", "a; spf=pass \"x",
                          "a; spf=pass foo=\"x\"y", "a; spf=pass smtp.x=a,b", "a; spf=pass .x=y", "a \"x\"; none", "a; spf=\"p ass\"",
                          "a; s@f=pass", "a; spf=pass \"s p\".x=y", "(((((((((((((((((((((((((((", "a spf=pass"})
    EXPECT_FALSE(parse_authres(bad)) << bad;
  EXPECT_FALSE(parse_authres(std::string(100'000, 'a')));
  std::string many = "a";
  for (int i = 0; i < 200; ++i) many += "; spf=pass";
  EXPECT_EQ(parse_authres(many).error().code, ErrorCode::TooLarge);
}

// RFC 8601 5: the id as a reader downstream would see it.
TEST(AuthRes, IdsInDisguise) {
  for (const char* value : {"mail.example; spf=pass", " mail.example 1; none", "(x) Mail.Example; spf=pass", "\"mail.example\"; x",
                            "\r\n\t(a (b)) mail.example", "\"mail\\.example\" ;", "mail.example(c); rubbish ="})
    EXPECT_EQ(authserv_id_of(value), "mail.example") << value;
  EXPECT_EQ(authserv_id_of("mail.example.net; none"), "mail.example.net");
  EXPECT_EQ(authserv_id_of("(never ends"), "");
}

// RFC 8601 2.2 pvalue: a local-part may hold what a token may not (RFC 5321 4.1.2).
TEST(AuthRes, ValuesThatAreAddresses) {
  const auto value = [](const std::string& text) {
    const auto read = parse_authres("mx.example; spf=pass smtp.mailfrom=" + text + " reason=ok; dkim=none");
    EXPECT_TRUE(read) << text << ": " << read.error().what;
    if (!read || read->results.size() != 2 || read->results[0].reason != "ok") return std::string("not read");
    EXPECT_EQ(parse_authres(write_authres(*read).substr(24))->results[0].properties.at(0).value, read->results[0].properties.at(0).value);
    return read->results[0].properties.at(0).value;
  };
  for (const char* address :
       {"bounce+1=x@lists.example", "what?@example.org", "{a|b}!#$%&'*+-/=?^_`~@example.org", "@example.org", "<a@b.example>", "<>",
        "[192.0.2.1]", "\"john doe\"@example.org", "\"a\\\"b\"@example.org", "b\xc3\xbc@b\xc3\xbc.example"})
    EXPECT_EQ(value(address), address);
  EXPECT_EQ(value("\"two words\""), "two words");
}

// Not of RFC 8601, but what Microsoft writes: a field that says more than we understand still says the rest.
TEST(AuthRes, APropertyWithoutItsType) {
  const auto good = parse_authres("mx.microsoft.com 1; dmarc=pass action=none\r\n header.from=a.example;compauth=pass reason=100");
  ASSERT_TRUE(good) << good.error().what;
  ASSERT_EQ(good->results.at(0).properties.size(), 2U);
  EXPECT_EQ(good->results[0].properties[0].type, "");
  EXPECT_EQ(good->results[0].properties[0].name, "action");
  EXPECT_EQ(good->results[0].properties[1].value, "a.example");
  EXPECT_NE(write_authres(*good).find("\r\n\t action=none\r\n\t header.from="), std::string::npos);
}

TEST(AuthRes, WhatIsWrittenIsRead) {
  AuthResults results;
  results.authserv_id = "mail.example";
  results.results = {{"spf", "", "fail", "the domain says: \"no\\way\"", {{"smtp", "mailfrom", "a b@example.org"}, {"smtp", "helo", ""}}},
                     {"dkim", "", "pass", "", {{"header", "d", "example.org"}, {"header", "b", "abc/d+=="}}}};
  const std::string field = write_authres(results);
  EXPECT_TRUE(field.starts_with("Authentication-Results: mail.example;\r\n\tspf=fail reason="));
  const auto read = parse_authres(std::string_view(field).substr(24));
  ASSERT_TRUE(read) << read.error().what << field;
  EXPECT_EQ(read->results.at(0).reason, results.results[0].reason);
  EXPECT_EQ(read->results.at(0).properties.at(0).value, "a b@example.org");
  EXPECT_EQ(read->results.at(1).properties.at(1).value, "abc/d+==");
  results.results = {{"spf", "", "pass", "line\r\nX-Injected: 1", {}}};
  EXPECT_EQ(write_authres(results).find("\nX-Injected"), std::string::npos);
  EXPECT_EQ(write_authres({"mail.example", "", {}}), "Authentication-Results: mail.example; none\r\n");
}

}  // namespace
}  // namespace postern
