#include "mime/writer.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "mime/multipart.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

TEST(FoldField, KeepsLinesShortAndUnfoldsToTheSame) {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "word" + std::to_string(i) + (i % 3 == 0 ? "  " : " ");
  const auto field = fold_field("References", value);
  ASSERT_TRUE(field);
  std::string_view rest = *field;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    EXPECT_LE(line.size(), 76U);
    EXPECT_FALSE(trim(line).empty());  // RFC 5322 3.2.2: no line of white space only
  }
  EXPECT_EQ(MessageView::parse(*field)->value("References"), trim(value));
}

TEST(FoldField, RefusesInjectionAndOverlongWords) {
  EXPECT_EQ(fold_field("Subject", "a\r\nBcc: x").error().code, ErrorCode::BadInput);
  EXPECT_FALSE(fold_field("Subject", std::string_view("a\0b", 3)));
  EXPECT_FALSE(fold_field("Sub ject", "a"));
  EXPECT_FALSE(fold_field("", "a"));
  EXPECT_FALSE(fold_field("X", std::string(997, 'x')));
  EXPECT_TRUE(fold_field("X", std::string(995, 'x')));
  EXPECT_FALSE(fold_field("X", "a " + std::string(998, 'x')));
  EXPECT_TRUE(fold_field("X", "a " + std::string(997, 'x')));
  EXPECT_EQ(*fold_field("X", ""), "X: \r\n");
}

TEST(Multipart, MadeBodiesSplitIntoTheSameParts) {
  FixedRandom random;
  const std::string boundary = make_boundary(random);
  EXPECT_TRUE(is_boundary(boundary));
  EXPECT_EQ(boundary.size(), 26U);
  const std::vector<std::string_view> parts = {"A: 1\r\n\r\nx\r\n", "\r\ny", ""};
  const auto body = make_multipart_body(parts, boundary, "This is a multipart.");
  ASSERT_TRUE(body);
  const auto split_again = split_multipart(*body, boundary);
  ASSERT_TRUE(split_again);
  EXPECT_EQ(split_again->parts, parts);
  EXPECT_TRUE(split_again->closed);
  const std::vector<std::string_view> clash = {"\r\n--b--"};
  EXPECT_FALSE(make_multipart_body(clash, "b"));
  EXPECT_FALSE(make_multipart_body(parts, ""));
  EXPECT_FALSE(make_multipart_body(parts, "a\r\nb"));
}

TEST(Crlf, NormalizesEveryLineEnd) {
  EXPECT_EQ(normalize_crlf("a\nb\rc\r\nd\n\r"), "a\r\nb\r\nc\r\nd\r\n\r\n");
  EXPECT_TRUE(has_only_crlf("a\r\n\r\n"));
  EXPECT_FALSE(has_only_crlf("a\n"));
  EXPECT_FALSE(has_only_crlf("a\r"));
  EXPECT_FALSE(has_only_crlf("a\r\r\n"));
  EXPECT_TRUE(is_7bit("a\r\n" + std::string(998, 'x')));
  EXPECT_FALSE(is_7bit(std::string(999, 'x')));
  EXPECT_FALSE(is_7bit("\xC3\xBC"));
}

TEST(TransferEncoding, QuotedPrintableRoundTrips) {
  std::string text =
      "Gr\xC3\xBC\xC3\x9F"
      "e = x \t\r\n.dot\r\nFrom me\r\n" +
      std::string(200, 'y') + " \r\ntrailing ";
  for (int i = 0; i < 256; ++i) text += static_cast<char>(i);
  for (const auto breaks : {LineBreaks::Text, LineBreaks::Binary}) {
    const std::string encoded = encode_quoted_printable(text, breaks);
    EXPECT_TRUE(is_7bit(encoded));
    std::string_view rest = encoded;
    while (!rest.empty()) {
      const auto line = take_line(rest);
      EXPECT_LE(line.size(), 76U);
      EXPECT_FALSE(line.ends_with(' ') || line.starts_with('.') || line.starts_with("From "));
    }
    const auto tree =
        parse_mime_tree("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded);
    EXPECT_EQ(as_text(tree->content), text);
  }
}

TEST(TransferEncoding, Base64RoundTrips) {
  std::string data(1000, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7);
  const std::string encoded = encode_base64_body(data);
  EXPECT_EQ(as_text(base64_decode(encoded, Whitespace::Skip).value()), data);
  EXPECT_EQ(encoded.find("\r\n"), 76U);
  EXPECT_TRUE(encoded.ends_with("\r\n"));
  EXPECT_EQ(encode_base64_body(""), "");
}

TEST(To7Bit, EncodesOnlyWhatNeedsIt) {
  const std::string ascii = "Content-Type: text/plain\r\n\r\nplain\r\n";
  EXPECT_EQ(to_7bit(ascii).value(), ascii);
  const std::string mixed =
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b\r\nContent-Type: text/plain; "
      "charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n\xC3\xBC\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: "
      "binary\r\n\r\n\x89\n\r\x01"
      "\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: "
      "x\r\n\r\n\xC3\xA4\r\n--b--\r\n";
  const auto done = to_7bit(mixed);
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_TRUE(is_7bit(*done));
  EXPECT_EQ(done->find("8bit"), std::string::npos);
  const auto before = parse_mime_tree(mixed);
  const auto after = parse_mime_tree(*done);
  ASSERT_EQ(after->children.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(after->children[i].content, before->children[i].content) << i;
  EXPECT_EQ(after->children[3].children[0].content, before->children[3].children[0].content);
  EXPECT_EQ(after->children[1].transfer_encoding, "base64");
}

TEST(To7Bit, LeavesStrangersSignaturesAlone) {
  const std::string inner_signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xC3\xBC\r\n--b--\r\n";
  EXPECT_EQ(to_7bit(inner_signed).error().code, ErrorCode::Conflict);
}

TEST(LongLines, AreFoundByNumberAndLength) {  // RFC 5322 2.1.1
  const std::string ok(998, 'x'), over(999, 'y');
  const std::string lines = ok + "\r\n\r\n" + ok + "\r\nshort\r\n";
  EXPECT_FALSE(find_long_line("", 998));
  EXPECT_FALSE(find_long_line(lines, 998));
  EXPECT_FALSE(find_long_line(lines + ok, 998)) << "the last line may lack its line end";
  for (const std::string& text : {lines + over + "\r\nmore\r\n", lines + over, lines + over + "\r\n"}) {
    const auto found = find_long_line(text, 998);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->number, 5U);
    EXPECT_EQ(found->octets, 999U);
  }
  const auto first = find_long_line(std::string(4096, 'z') + "\r\n" + lines, 998);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->number, 1U);
  EXPECT_EQ(first->octets, 4096U);
}

TEST(EditHeader, TouchesNoOtherByte) {
  const std::string raw = "A : 1\r\n x\r\nB: 2\r\nbcc: y\r\n z\r\nC:3\r\n\r\nbody\n\r\n";
  const auto view = MessageView::parse(raw);
  EXPECT_EQ(edit_header(*view, {}), raw);
  EXPECT_EQ(edit_header(*view, {{"Bcc"}, "P: 0\r\n", "Z: 9\r\n"}), "P: 0\r\nA : 1\r\n x\r\nB: 2\r\nC:3\r\nZ: 9\r\n\r\nbody\n\r\n");
  const auto header_only = MessageView::parse("A: 1");
  EXPECT_EQ(edit_header(*header_only, {{}, "", "Z: 9\r\n"}), "A: 1\r\nZ: 9\r\n");
}

}  // namespace
}  // namespace postern
