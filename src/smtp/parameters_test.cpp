#include "smtp/parameters.hpp"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

/// "mail <a@b> PARAMETERS" as read and written again, or the refusal.
std::string mail(std::string_view arguments, const Extensions& extensions = {}) {
  const auto command = parse_mail(arguments, extensions);
  return command ? command->path.text() + write_mail_parameters(command->parameters, {}) : command.error().text().substr(0, 9);
}
std::string rcpt(std::string_view arguments, bool smtputf8 = false, const Extensions& extensions = {}) {
  const auto command = parse_rcpt(arguments, extensions, smtputf8);
  return command ? command->path.text() + write_rcpt_parameters(command->parameters, {}) : command.error().text().substr(0, 9);
}

TEST(MailCommand, Table) {
  const std::pair<std::string, std::string> table[] = {
      {"FROM:<a@b.example>", "<a@b.example>"},
      {"from:<>", "<>"},
      {"FROM: <a@b.example>", "<a@b.example>"},  // tolerated
      {"FROM:a@b.example", "501 5.1.7"},
      {"FROM:<a@b.example", "501 5.1.7"},
      {"FROM <a@b.example>", "501 5.5.4"},
      {"TO:<a@b.example>", "501 5.5.4"},
      {"", "501 5.5.4"},
      {"FROM:<a@b.example>SIZE=1", "501 5.5.4"},
      {"FROM:<a@b.example> SIZE=12345", "<a@b.example> SIZE=12345"},  // RFC 1870 3
      {"FROM:<a@b.example>  size=1  BODY=8bitmime", "<a@b.example> SIZE=1 BODY=8BITMIME"},
      {"FROM:<a@b.example> SIZE=", "501 5.5.4"},
      {"FROM:<a@b.example> SIZE=-1", "501 5.5.4"},
      {"FROM:<a@b.example> SIZE=1x", "501 5.5.4"},
      {"FROM:<a@b.example> SIZE=99999999999999999999", "501 5.5.4"},
      {"FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4"},
      {"FROM:<a@b.example> BODY=BINARYMIME", "<a@b.example> BODY=BINARYMIME"},
      {"FROM:<a@b.example> BODY=9BIT", "501 5.5.4"},
      {"FROM:<a@b.example> RET=FULL ENVID=x+2By", "<a@b.example> RET=FULL ENVID=x+2By"},  // RFC 3461 4.3, 4.4
      {"FROM:<a@b.example> RET=SOME", "501 5.5.4"},
      {"FROM:<a@b.example> ENVID=+2b", "501 5.5.4"},  // hexadecimal is upper case
      {"FROM:<a@b.example> ENVID=+00", "501 5.5.4"},  // unprintable
      {"FROM:<a@b.example> ENVID=" + std::string(101, 'x'), "501 5.5.4"},
      {"FROM:<a@b.example> AUTH=<>", "<a@b.example> AUTH=<>"},  // RFC 4954 5
      {"FROM:<a@b.example> AUTH=e+3Dmc2@example.com", "<a@b.example> AUTH=e+3Dmc2@example.com"},
      {"FROM:<a@b.example> REQUIRETLS", "<a@b.example> REQUIRETLS"},  // RFC 8689 4.1
      {"FROM:<a@b.example> REQUIRETLS=1", "501 5.5.4"},
      {"FROM:<a@b.example> XYZ=1", "555 5.5.4"},  // RFC 5321 4.1.1.11
      {"FROM:<a@b.example> =1", "501 5.5.4"},
      {"FROM:<\xc3\xa4@b.example>", "553 5.6.7"},  // RFC 6531 3.5
      {"FROM:<\xc3\xa4@b.example> SMTPUTF8", "<\xc3\xa4@b.example> SMTPUTF8"},
      {"FROM:<\xff@b.example>", "553 5.6.7"},
      {"FROM:<\xff@b.example> SMTPUTF8", "501 5.5.2"},
      {"FROM:<\"x SMTPUTF8 y\xc3\xa4\"@b.example>", "553 5.6.7"},
      {"FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4"},
  };
  for (const auto& [arguments, expected] : table) EXPECT_EQ(mail(arguments), expected) << arguments;
}

TEST(MailCommand, ParametersOfWhatWasNotOffered) {
  const Extensions none{false, false, false, false, false, false, false};
  for (const char* parameter : {"SIZE=1", "BODY=8BITMIME", "SMTPUTF8", "RET=FULL", "ENVID=x", "AUTH=<>", "REQUIRETLS"})
    EXPECT_EQ(mail(std::string("FROM:<a@b.example> ") + parameter, none), "555 5.5.4") << parameter;
  Extensions no_binary;
  no_binary.binary_mime = false;
  EXPECT_EQ(mail("FROM:<a@b.example> BODY=BINARYMIME", no_binary), "501 5.5.4");
  EXPECT_EQ(rcpt("TO:<a@b.example> NOTIFY=NEVER", false, none), "555 5.5.4");
}

TEST(RcptCommand, Table) {
  const std::pair<std::string, std::string> table[] = {
      {"TO:<a@b.example>", "<a@b.example>"},
      {"TO:<Postmaster>", "<Postmaster>"},  // RFC 5321 4.1.1.3
      {"TO:<@r.example,@s.example:a@b.example>", "<a@b.example>"},
      {"TO:<>", "501 5.1.3"},
      {"TO:<a@b.example> NOTIFY=SUCCESS,DELAY", "<a@b.example> NOTIFY=SUCCESS,DELAY"},
      {"TO:<a@b.example> NOTIFY=NEVER", "<a@b.example> NOTIFY=NEVER"},
      {"TO:<a@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4"},  // RFC 3461 4.1
      {"TO:<a@b.example> NOTIFY=", "501 5.5.4"},
      {"TO:<a@b.example> NOTIFY", "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=rfc822;x+2By@c.example", "<a@b.example> ORCPT=rfc822;x+2By@c.example"},
      {"TO:<a@b.example> ORCPT=rfc822", "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=;x", "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=rfc822;", "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=rfc822;a+0D+0Ab", "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=rfc822;" + std::string(500, 'x'), "501 5.5.4"},
      {"TO:<a@b.example> ORCPT=utf-8;\\x{E4}x@c.example", "<a@b.example> ORCPT=utf-8;\\x{E4}x@c.example"},  // RFC 6533 3
      {"TO:<a@b.example> SIZE=1", "555 5.5.4"},
      {"TO:<\xc3\xa4@b.example>", "553 5.6.7"},
  };
  for (const auto& [arguments, expected] : table) EXPECT_EQ(rcpt(arguments), expected) << arguments;
  EXPECT_EQ(rcpt("TO:<\xc3\xa4@b.example> ORCPT=utf-8;\xc3\xa4@c.example", true), "<\xc3\xa4@b.example> ORCPT=utf-8;\\x{E4}@c.example");
}

TEST(Xtext, RoundTrip) {  // RFC 3461 4
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(xtext_decode(xtext_encode(all)).value(), all);
  EXPECT_EQ(xtext_encode("a+b=c d"), "a+2Bb+3Dc+20d");
  for (const char* bad : {"+", "+4", "+4g", "+4a", "a b", "a=b", "\x7f"}) EXPECT_FALSE(xtext_decode(bad)) << bad;
}

TEST(Utf8AddrXtext, RoundTrip) {  // RFC 6533 3
  for (const char* text : {"a@b", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80@b", "a+b=c\\d e"})
    EXPECT_EQ(utf8_addr_decode(utf8_addr_xtext_encode(text)).value(), text);
  EXPECT_EQ(utf8_addr_xtext_encode("\xe2\x82\xac+"), "\\x{20AC}\\x{2B}");
  for (const char* bad : {"\\", "\\x{}", "\\x{1}", "\\x{D800}", "\\x{110000}", "\\x{0D}", "\\x{e4}", "a b", "a=b", "\xff"})
    EXPECT_FALSE(utf8_addr_decode(bad)) << bad;
}

}  // namespace
}  // namespace postern::smtp
