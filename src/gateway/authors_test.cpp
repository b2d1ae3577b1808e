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
  return author_domains(claimed_authors(*MessageView::parse(raw)));
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
       })
    EXPECT_THAT(domains(broken), Contains("strict.example")) << broken;
  EXPECT_THAT(domains("From: bob@list.example\r\nFrom: <alice@strict.example"), ElementsAre("list.example", "strict.example"));
  EXPECT_THAT(domains("From: nobody at all <"), IsEmpty());
  EXPECT_THAT(domains("From: @ @@ a@ @b a@b <"), IsEmpty());
}

TEST(Authors, AreBounded) {
  std::string crowd = "From: ";
  for (int i = 0; i < 2000; ++i) crowd += "a@d" + std::to_string(i) + ".example,\r\n ";
  EXPECT_THAT(domains(crowd + "z"), SizeIs(kMostAuthors));
  std::string fields;
  for (int i = 0; i < 150; ++i) fields += (i > 0 ? "\r\nFrom: a@d" : "From: a@d") + std::to_string(i) + ".example";
  EXPECT_THAT(domains(fields), SizeIs(kMostAuthors));
}

}  // namespace
}  // namespace postern::gateway
