#include "mime/message.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

using K = HeaderDefectKind;

std::vector<K> kinds_of(const MessageView& view) {
  std::vector<K> out;
  for (const auto& defect : view.defects()) out.push_back(defect.kind);
  return out;
}

TEST(MessageView, KeepsEveryByte) {
  const std::string raw = "Received: a\r\n b;\r\n\tc\r\nSubject:  hello \r\nX-Empty:\r\n\r\nbody\r\n\r\n.tail";
  const auto view = MessageView::parse(raw);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->fields().size(), 3U);
  EXPECT_EQ(view->fields()[0].raw, "Received: a\r\n b;\r\n\tc\r\n");
  EXPECT_EQ(view->fields()[0].value, " a\r\n b;\r\n\tc");
  EXPECT_EQ(view->fields()[0].unfolded(), "a b;\tc");
  EXPECT_EQ(view->value("SUBJECT"), "hello");
  EXPECT_EQ(view->fields()[2].value, "");
  EXPECT_EQ(view->header_block().size() + 2 + view->body().size(), raw.size());
  EXPECT_EQ(view->body(), "body\r\n\r\n.tail");
  EXPECT_TRUE(view->defects().empty());
  EXPECT_TRUE(view->refuse_unsafe_header());
}

TEST(MessageView, NoBodyAndNoHeader) {
  const auto header_only = MessageView::parse("A: b\r\n");
  ASSERT_TRUE(header_only);
  EXPECT_EQ(header_only->body(), "");
  EXPECT_EQ(kinds_of(*header_only), std::vector<K>{K::NoBlankLine});
  const auto body_only = MessageView::parse("\r\nbody");
  ASSERT_TRUE(body_only);
  EXPECT_EQ(body_only->header_block(), "");
  EXPECT_EQ(body_only->body(), "body");
  const auto nothing = MessageView::parse("");
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->fields().empty());
  const auto unfinished = MessageView::parse("A: b\r\n c");
  ASSERT_TRUE(unfinished);
  EXPECT_EQ(unfinished->fields()[0].raw, "A: b\r\n c");
}

// RFC 5322 4.5: "obs-...: ... *WSP ":"", and 4.2: a folded line of white space only.
TEST(MessageView, ToleratesObsoleteForms) {
  const auto view = MessageView::parse("Subject \t: x\r\n  \r\n y\r\n\r\n");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->fields()[0].name, "Subject");
  EXPECT_EQ(view->value("subject"), "x   y");
  EXPECT_TRUE(view->defects().empty());
}

TEST(MessageView, NamesBareLineEndsAndNulPrecisely) {
  using namespace std::string_literals;
  const std::string raw = "From: a@b\r\nSubject: x\ry\r\nX-Lf: one\ntwo: 2\r\nX-Nul: a\0b\r\n\r\n"s;
  const auto view = MessageView::parse(raw);
  ASSERT_TRUE(view);
  ASSERT_EQ(view->defects().size(), 3U);
  const auto& cr = view->defects()[0];
  EXPECT_EQ(cr.kind, K::BareCr);
  EXPECT_EQ(cr.field_number, 2U);
  EXPECT_EQ(cr.field_name, "Subject");
  EXPECT_EQ(raw[cr.offset], '\r');
  const auto& lf = view->defects()[1];
  EXPECT_EQ(lf.kind, K::BareLf);
  EXPECT_EQ(lf.field_number, 3U);
  EXPECT_EQ(raw[lf.offset], '\n');
  EXPECT_EQ(view->defects()[2].kind, K::Nul);
  EXPECT_EQ(view->defects()[2].field_number, 5U);
  // The line behind a bare LF is seen, so a verdict header cannot hide there.
  EXPECT_NE(view->find("two"), nullptr);
  const auto refused = view->refuse_unsafe_header();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
  EXPECT_EQ(refused.error().what, "field 2 (Subject): CR without LF at offset 21");
}

TEST(MessageView, BareLfBlankLineEndsTheHeader) {
  const auto view = MessageView::parse("A: b\n\nbody");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->body(), "body");
  EXPECT_EQ(view->fields()[0].raw, "A: b\n");
  EXPECT_FALSE(view->refuse_unsafe_header());
}

TEST(MessageView, LinesThatAreNoFields) {
  const auto view = MessageView::parse(" loose\r\nFrom me\r\nBad Name: x\r\n: y\r\nA: b\r\n\r\n");
  ASSERT_TRUE(view);
  EXPECT_EQ(kinds_of(*view), (std::vector<K>{K::LooseContinuation, K::NoColon, K::NoColon, K::BadName, K::NoColon}));
  EXPECT_EQ(view->value("a"), "b");
  EXPECT_FALSE(view->refuse_unsafe_header());
}

TEST(MessageView, EightBitMustBeUtf8) {
  EXPECT_TRUE(MessageView::parse("Subject: gr\xC3\xBC\xC3\x9F\r\n\r\n")->defects().empty());
  const auto latin = MessageView::parse("Subject: gr\xFC\xDF\r\n\r\n");
  EXPECT_EQ(kinds_of(*latin), std::vector<K>{K::EightBit});
  EXPECT_TRUE(latin->refuse_unsafe_header());
}

TEST(MessageView, LimitsAreNamed) {
  Limits limits;
  limits.header_fields = 3;
  limits.header_bytes = 100;
  limits.line_accepted = 50;
  limits.message_bytes = 200;
  EXPECT_TRUE(MessageView::parse("A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits));
  const auto limit_hit = [&](const std::string& raw) {
    const auto view = MessageView::parse(raw, limits);
    return view ? std::string("none") : view.error().field;
  };
  EXPECT_EQ(limit_hit("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"), "header_fields");
  EXPECT_EQ(limit_hit("A: 1\r\n " + std::string(47, 'x') + "\r\n " + std::string(47, 'x') + "\r\n\r\n"), "header_bytes");
  EXPECT_EQ(limit_hit("A: " + std::string(48, 'x') + "\r\n\r\n"), "line_accepted");
  EXPECT_EQ(limit_hit("A: 1\r\n\r\n" + std::string(200, 'x')), "message_bytes");
  EXPECT_EQ(limit_hit("A: 1\r\n\r\n" + std::string(150, 'x')), "none");  // body lines are not its business
}

TEST(MessageView, DefectsAreBounded) {
  std::string raw;
  for (int i = 0; i < 500; ++i) raw += "no colon here\r\n";
  raw += "\r\n";
  EXPECT_EQ(MessageView::parse(raw)->defects().size(), 100U);
}

}  // namespace
}  // namespace postern
