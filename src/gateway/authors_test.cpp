#include "gateway/authors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> domains(const std::string& header) {
  const std::string raw = header + "\r\n\r\nhello\r\n";
  return author_domains(claimed_authors(*MessageView::parse(raw)).mailboxes);
}

TEST(Authors, OfListsAndGroups) {
  EXPECT_THAT(domains("From: Alice <alice@Good.example>"), ElementsAre("good.example"));
  EXPECT_THAT(domains("From: a@one.example, \"b@name.example\" <b@two.example>"), ElementsAre("one.example", "two.example"));
  EXPECT_THAT(domains("From: friends: a@one.example, b@one.example;"), ElementsAre("one.example"));  // RFC 6854
  EXPECT_THAT(domains("From: a@one.example\r\nFrom: b@two.example"), ElementsAre("one.example", "two.example"));
  EXPECT_THAT(domains("From: a (b@comment.example) <a@one.example>"), ElementsAre("one.example"));
  EXPECT_THAT(domains("From: a@b\xc3\xbc"
                      "cher.example"),
              ElementsAre("xn--bcher-kva.example"));
  EXPECT_THAT(domains("From: undisclosed:;"), IsEmpty());
  EXPECT_THAT(domains("To: a@one.example"), IsEmpty());
}

// What is no mailbox-list can still be shown to a reader.
TEST(Authors, OfAFieldThatIsNoListWhateverLooksLikeAnAddress) {
  for (const char* broken : {
           "From: Alice <alice@strict.example",
           "From: Alice, Inc <alice@strict.example>",
           "From: alice@strict.example bob",
           "From: <alice@strict.example> <bob@other.example>",
           "From: <<alice@strict.example>>",
           "From: alice @ strict.example.",
           "From: alice@strict(x).example, =",
           "From: alice@strict(\\)x).example =",
           "From: =?utf-8?Q?alice=40strict.example?=",
           "From: \"alice\"@strict.example\"",
           "From: (alice@strict.example",
           "From: alice@STRICT.example\t;",
           "From: alice\r\n\t@strict.example;",
           "From: \"(\" <alice@strict(x).example> =",
           "From: alice@strict .example =",
           "From: alice@strict (x) . example =",
           "From: alice@strict\r\n .\r\n example =",
           "From: alice@strict\xe3\x80\x82"
           "example;",
           "From: alice\xef\xbc\xa0strict.example;",
           "From: <@alice@strict.example:bob@other.example>",
       })
    EXPECT_THAT(domains(broken), Contains("strict.example")) << broken;
  EXPECT_THAT(domains("From: bob@list.example\r\nFrom: <alice@strict.example"), ElementsAre("list.example", "strict.example"));
  EXPECT_THAT(domains("From: nobody at all <"), IsEmpty());
  EXPECT_THAT(domains("From: @ @@ a@ @b a@b <"), IsEmpty());
}

// As every program reads them, though the standard has quotes there.
TEST(Authors, OneAddressInBracketsAtTheEnd) {
  EXPECT_THAT(domains("From: bob@yahoo.example via List <list@lists.example>"), ElementsAre("lists.example"));
  EXPECT_THAT(domains("From: Alice, Inc. <alice@good.example>"), ElementsAre("good.example"));
  for (const char* more : {"From: bob@strict.example, x y <list@lists.example>", "From: bob@strict.example x <list@lists.example> =",
                           "From: (bob@strict.example <list@lists.example>", "From: <bob@strict.example> <list@lists.example>"})
    EXPECT_THAT(domains(more), Contains("strict.example")) << more;
}

bool hidden(const std::string& from) {
  const std::string raw = "From: " + from + "\r\n\r\nhello\r\n";
  return claimed_authors(*MessageView::parse(raw)).hidden;
}

TEST(Authors, WhoCannotBeMadeOutIsHidden) {
  for (const char* bad : {"\"alice@strict.example\":;", "alice@strict.example\xc2\xa0", "<alice@strict.example\xe2\x80\xae>",
                          "alice@strict =", "alice@ =", "a@b@", "=?utf-8?q?alice=40strict?="})
    EXPECT_TRUE(hidden(bad)) << bad;
  for (const char* good : {"MAILER-DAEMON", "<>", "undisclosed:;", "alice@strict.example",
                           "alice@stra\xc3\x9f"
                           "e.example",
                           "root@localhost", "a@[192.0.2.1]", "a@mail_1.strict.example", "alice\xef\xbc\xa0strict.example"})
    EXPECT_FALSE(hidden(good)) << good;
}

// A field as long as a header may be, of what is looked at again and again when it is done carelessly.
TEST(Authors, ALongFieldTakesOnePass) {
  for (const char* piece : {"         ", "\xe3\x80\x82\xe3\x80\x82\xe3\x80\x82", " @ . @ . ", "((((((((", "\\\"\\\"(\"", "a@a@a@a@",
                            "\xc3\xa4\xc3\xa4.\xc3\xa4"}) {
    std::string field = "From: <";
    for (int i = 0; i < 200; ++i) {
      for (int k = 0; k < 100; ++k) field += piece;
      field += "\r\n ";
    }
    EXPECT_LE(domains(field + "a@strict.example =").size(), kMostAuthors);
  }
}

TEST(Authors, AreBounded) {
  std::string crowd = "From: ";
  for (int i = 0; i < 2000; ++i) crowd += "a@d" + std::to_string(i) + ".example,\r\n ";
  EXPECT_THAT(domains(crowd + "z"), SizeIs(kMostAuthors));
  std::string evil = "From: ";
  for (int i = 0; i < 100; ++i) evil += "a" + std::to_string(i) + "@evil.example,\r\n ";
  for (const std::string& last : {std::string("alice@strict.example"), std::string("z@evil.example\r\nFrom: alice@strict.example")}) {
    const std::string raw = evil + last + "\r\n\r\nhello\r\n";
    EXPECT_TRUE(claimed_authors(*MessageView::parse(raw)).hidden) << "behind a hundred of one domain";
  }
  std::string fields;
  for (int i = 0; i < 150; ++i) fields += (i > 0 ? "\r\nFrom: a@d" : "From: a@d") + std::to_string(i) + ".example";
  EXPECT_THAT(domains(fields), SizeIs(kMostAuthors));
}

}  // namespace
}  // namespace postern::gateway
