#include "mime/tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.hpp"
#include "mime/gmime_params.hpp"
#include "mime/multipart.hpp"

namespace postern {
namespace {

bool has_defect(const MimePart& part, std::string_view code) {
  return std::any_of(part.defects.begin(), part.defects.end(), [code](const MimeDefect& d) { return d.code == code; });
}
std::string content(const MimePart& part) { return std::string(as_text(part.content)); }

TEST(MimeTree, PlainMessage) {
  const auto tree = parse_mime_tree("From: a@b\r\nSubject: x\r\n\r\nHello\r\n");
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->type, "text/plain");
  EXPECT_EQ(content(*tree), "Hello\r\n");
  EXPECT_TRUE(tree->children.empty());
}

const char kMixed[] =
    "MIME-Version: 1.0\r\nContent-Type: Multipart/Mixed; Boundary=\"b 1\"\r\n\r\npreamble\r\n"
    "--b 1\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    "--b 1\r\nContent-Type: application/pdf; name=ignored.pdf\r\nContent-Disposition: ATTACHMENT;\r\n filename*0*=utf-8''na%C3%AF;\r\n "
    "filename*1=\"ve.pdf\"\r\n"
    "Content-Transfer-Encoding: BASE64\r\nContent-ID: <x@y>\r\n\r\nAAEC\r\n"
    "--b 1\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: text/html\r\n\r\n<p>\r\n"
    "--b 1--\r\nepilogue";

TEST(MimeTree, MultipartWithEverything) {
  const auto tree = parse_mime_tree(kMixed);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->type, "multipart/mixed");
  ASSERT_EQ(tree->children.size(), 3U);
  const MimePart& text = tree->children[0];
  EXPECT_EQ(text.charset, "iso-8859-1");
  EXPECT_EQ(content(text),
            "Gr\xFC\xDF"
            "e");
  EXPECT_EQ(text_of(text),
            "Gr\xC3\xBC\xC3\x9F"
            "e");
  const MimePart& pdf = tree->children[1];
  EXPECT_EQ(pdf.disposition, "attachment");
  EXPECT_EQ(pdf.filename, "na\xC3\xAFve.pdf");
  EXPECT_EQ(pdf.transfer_encoding, "base64");
  EXPECT_EQ(pdf.content_id, "x@y");
  EXPECT_EQ(pdf.content, (Bytes{0, 1, 2}));
  const MimePart& message = tree->children[2];
  EXPECT_EQ(message.type, "message/rfc822");
  ASSERT_EQ(message.children.size(), 1U);
  EXPECT_EQ(message.children[0].type, "text/html");
  EXPECT_EQ(content(message.children[0]), "<p>");
  EXPECT_TRUE(tree->defects.empty()) << tree->defects.front().code;
  EXPECT_EQ(tree->part_count(), 5U);
}

TEST(MimeTree, DefectsAreNamed) {
  const auto open_end = parse_mime_tree("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n");
  ASSERT_TRUE(open_end);
  EXPECT_TRUE(has_defect(*open_end, "missing_end_boundary"));
  ASSERT_EQ(open_end->children.size(), 1U);
  const auto no_boundary = parse_mime_tree("Content-Type: multipart/mixed\r\n\r\ntext\r\n");
  ASSERT_TRUE(no_boundary);
  EXPECT_TRUE(has_defect(*no_boundary, "missing_boundary"));
  const auto base64 = parse_mime_tree("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAA*!\r\n");
  EXPECT_TRUE(has_defect(*base64, "bad_base64"));
  EXPECT_TRUE(has_defect(*parse_mime_tree("Content-Transfer-Encoding: rot13\r\n\r\nx"), "bad_transfer_encoding"));
  EXPECT_TRUE(has_defect(*parse_mime_tree("Content-Type: text/plain; charset=klingon\r\n\r\nx"), "unknown_charset"));
  EXPECT_TRUE(has_defect(*parse_mime_tree("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xFF"),
                         "bad_charset_bytes"));
  EXPECT_TRUE(has_defect(*parse_mime_tree("Subject: x\r\n\r\n\xC3\xBC"), "8bit_in_7bit"));
  // RFC 2045 5.2: "this default be assumed when a syntactically invalid Content-Type header field is encountered"
  const auto bad_type = parse_mime_tree("Content-Type: nonsense\r\n\r\nx");
  EXPECT_EQ(bad_type->type, "text/plain");
  EXPECT_TRUE(has_defect(*bad_type, "bad_content_type"));
  // RFC 2045 6.4
  EXPECT_TRUE(has_defect(
      *parse_mime_tree("Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"),
      "encoded_multipart"));
}

// Forbidden by RFC 2047 5(3), written by many; nothing behind a padded word may get lost, since rules look at the end of a file name.
TEST(MimeTree, EncodedWordsInFileNames) {
  for (const std::string value : {"attachment; filename=\"=?utf-8?B?w7k=?= =?utf-8?B?LmV4ZQ==?=\"",
                                  "attachment; filename==?utf-8?B?w7k=?=\r\n =?utf-8?B?LmV4ZQ==?=; x=y"}) {
    EXPECT_EQ(parse_mime_tree("Content-Disposition: " + value + "\r\n\r\nx")->filename, "\xC3\xB9.exe") << value;
  }
  EXPECT_EQ(parse_mime_tree("Content-Type: application/zip; name=\"=?utf-8?Q?a=22b=5C?=c.zip\"\r\n\r\nx")->filename, "a\"b\\c.zip");
}

std::string nested(int levels) {
  std::string head;
  std::string tail;
  for (int i = 0; i < levels; ++i) {
    const std::string b = "b" + std::to_string(i);
    head += "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n";
    tail = "\r\n--" + b + "--\r\n" + tail;
  }
  return head + "\r\nx" + tail;
}

TEST(MimeTree, DepthAndPartsAreLimitedBeforeTheParser) {
  EXPECT_TRUE(parse_mime_tree(nested(32)));
  for (const int levels : {33, 2000, 10000}) {
    const auto deep = parse_mime_tree(nested(levels));
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code, ErrorCode::TooLarge);
    EXPECT_EQ(deep.error().field, "mime_depth");
  }
  std::string messages;
  for (int i = 0; i < 40; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  EXPECT_EQ(parse_mime_tree(messages + "\r\nx").error().field, "mime_depth");
  std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 500; ++i) wide += "--b\r\n\r\nx\r\n";
  EXPECT_TRUE(parse_mime_tree(wide + "--b--\r\n"));
  EXPECT_EQ(parse_mime_tree(wide + "--b\r\n\r\nx\r\n--b--\r\n").error().field, "mime_parts");
}

TEST(MimeTree, TotalOnOddInput) {
  for (const std::string& raw :
       {std::string(), std::string("\r\n"), std::string("x"), std::string(3, '\0'),
        std::string("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n--\r\n"),
        std::string("Content-Type: message/rfc822\r\n\r\n"), std::string("Content-Type: multipart/mixed; boundary=b")}) {
    EXPECT_TRUE(parse_mime_tree(raw));
  }
}

TEST(TextOf, Fallbacks) {
  MimePart part;
  part.content = to_bytes("\x80uro");
  EXPECT_EQ(text_of(part), "\xE2\x82\xACuro");  // windows-1252
  part.charset = "utf-8";
  EXPECT_EQ(text_of(part), "\xEF\xBF\xBDuro");
  part.charset = "klingon";
  EXPECT_EQ(text_of(part), "\xE2\x82\xACuro");
  part.charset = "utf-16be";
  part.content = Bytes{0, 'h', 0, 'i', 0};
  EXPECT_EQ(text_of(part), "hi\xEF\xBF\xBD");
}

// RFC 2046 5.1.1: the delimiter owns the line end before it.
TEST(SplitMultipart, ExactBytes) {
  const auto view = split_multipart("pre\r\n--b\r\nA: 1\r\n\r\nx\r\n\r\n--b  \r\n--bb\r\n--b--\r\nepi", "b");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->preamble, "pre");
  ASSERT_EQ(view->parts.size(), 2U);
  EXPECT_EQ(view->parts[0], "A: 1\r\n\r\nx\r\n");
  EXPECT_EQ(view->parts[1], "--bb");
  EXPECT_EQ(view->epilogue, "epi");
  EXPECT_TRUE(view->closed);
  const auto open_end = split_multipart("--b\r\n--b\r\nx\r\n", "b");
  ASSERT_TRUE(open_end);
  EXPECT_FALSE(open_end->closed);
  EXPECT_EQ(open_end->parts, (std::vector<std::string_view>{"", "x\r\n"}));
  EXPECT_FALSE(split_multipart("x", "b"));
  EXPECT_FALSE(split_multipart("--b\r\n", ""));
  EXPECT_EQ(split_multipart("--b\r\n--b\r\n--b\r\n--b--", "b", 2).error().code, ErrorCode::TooLarge);
}

// media_type() is ours; GMime reads the same.
TEST(ContentTypeValue, TypeAloneAsGmimeReadsIt) {
  for (const char* value : {"text/plain",
                            " Text/HTML ; charset=utf-8",
                            "multipart / signed; boundary=x",
                            "message/rfc822",
                            "application/pkcs7-mime;smime-type=signed-data",
                            "Multipart/\r\n\tMixed; boundary=b",
                            "x-a.b+c/d_e!#$&",
                            "application/pgp-encrypted ;",
                            "a/b/c",
                            "text",
                            "",
                            "/",
                            "text/",
                            "/plain",
                            "te xt/plain",
                            "text/pl ain",
                            "text(comment)/plain",
                            "text/plain(comment)",
                            "\"text\"/plain",
                            "=?utf-8?q?text?=/plain",
                            "text/pl\xC3\xA4in"}) {
    const auto parsed = parsed_type(value);
    const std::string read =
        to_lower(std::string(g_mime_content_type_get_media_type(parsed.get())) + "/" + g_mime_content_type_get_media_subtype(parsed.get()));
    EXPECT_EQ(media_type(value), is_media_type(value) ? read : "text/plain") << value;
    EXPECT_EQ(media_type(value), parse_content_type(value).type) << value;
  }
}

TEST(ContentTypeValue, Parses) {
  const auto type =
      parse_content_type(" Multipart/Signed; protocol=\"application/pgp-signature\";\r\n\tmicalg=pgp-sha512; boundary=\"a=b\"");
  EXPECT_EQ(type.type, "multipart/signed");
  EXPECT_EQ(type.parameter("Boundary"), "a=b");
  EXPECT_EQ(type.parameter("micalg"), "pgp-sha512");
  EXPECT_EQ(parse_content_type("").type, "text/plain");
}

}  // namespace
}  // namespace postern
