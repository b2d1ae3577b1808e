#include "mailauth/tags.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(TagList, ReadsTheGrammar) {
  const std::string text = " v=1; a = rsa-sha256 ;\r\n\tb=AB\r\n CD ;\tempty=; n_1=x y; ";
  const auto list = TagList::parse(text);
  ASSERT_TRUE(list) << list.error().text();
  ASSERT_EQ(list->tags().size(), 5U);
  EXPECT_EQ(list->find("v")->value, "1");
  EXPECT_EQ(list->find("a")->value, "rsa-sha256");
  EXPECT_EQ(list->find("b")->compact(), "ABCD");
  EXPECT_EQ(list->find("empty")->value, "");
  EXPECT_EQ(list->find("n_1")->value, "x y");
  EXPECT_EQ(list->find("V"), nullptr);  // "Tags MUST be interpreted in a case-sensitive manner."
  const Tag* b = list->find("b");
  EXPECT_EQ(text.substr(b->value_begin, b->value_end - b->value_begin), "AB\r\n CD ");
  EXPECT_TRUE(TagList::parse("a=b=c")->find("a")->value == "b=c");
  EXPECT_TRUE(
      TagList::parse("n=gr\xC3\xBC\xC3\x9F"
                     "e"));
}

// RFC 6376 3.2: a line end is CRLF with white space behind it.
TEST(TagList, LineEndsOnlyAsFolds) {
  for (const char* good : {"a=x\r\n y", "a=x\r\n\ty\r\n z", "a=x\r\n y;b=\r\n z"}) EXPECT_TRUE(TagList::parse(good)) << good;
  for (const char* bad :
       {"a=x\ry", "a=x\ny", "a=x\r\ny", "a=x\r\r\n y", "a=x\n\r y", "a=x\r\n\r\n y", "a=x\vy", "a=x\x7Fy", "a=x\xFFy", "a=x\xC3\r\n y"})
    EXPECT_FALSE(TagList::parse(bad)) << bad;
  EXPECT_FALSE(TagList::parse(std::string_view("a=x\0y", 5)));
}

// RFC 6376 3.5, sig-h-tag: FWS around the colons, and nowhere else.
TEST(TagList, WordsBetweenColons) {
  const auto list = TagList::parse("h= from :\r\n to:sub ject::Date ; t=s; e=");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->find("h")->words(), (std::vector<std::string_view>{"from", "to", "sub ject", "", "Date"}));
  EXPECT_TRUE(list->find("h")->has_word("date"));
  EXPECT_FALSE(list->find("h")->has_word("subject"));
  EXPECT_TRUE(list->find("t")->has_word("S"));
  EXPECT_EQ(list->find("e")->words(), std::vector<std::string_view>{""});
}

// RFC 6376 3.2: "Tags with duplicate names MUST NOT occur within a single tag-list; if a tag name does occur more than once, the entire
// tag-list is invalid."
TEST(TagList, RefusesTheRest) {
  for (const std::string_view bad : {"", " ", ";", "a", "a=1;;b=2", ";a=1", "=1", "1a=2", "a-b=2", "a b=2", "a=1; a=2", "a=\x01",
                                     "a=x\r\ny", "a=x\ny", "a=\xFF", "a=1; b"}) {
    EXPECT_FALSE(TagList::parse(bad)) << bad;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "t" + std::to_string(i) + "=1;";
  EXPECT_EQ(TagList::parse(many).error().code, ErrorCode::TooLarge);
}

}  // namespace
}  // namespace postern
