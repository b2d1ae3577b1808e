#include "mime/address.hpp"

#include <gtest/gtest.h>

#include "mime/encoded_word.hpp"

namespace postern {
namespace {

std::string checked(std::string_view text, Utf8 utf8 = Utf8::Refuse) {
  const auto box = Mailbox::parse(text, utf8);
  return box ? box->text() : "error";
}

// RFC 5321 4.1.2: Mailbox = Local-part "@" ( Domain / address-literal )
TEST(Mailbox, AcceptsTheGrammar) {
  EXPECT_EQ(checked("user@example.com"), "user@example.com");
  EXPECT_EQ(checked("User.Name+tag@Example.COM"), "User.Name+tag@example.com");
  EXPECT_EQ(checked("!#$%&'*+-/=?^_`{|}~@x"), "!#$%&'*+-/=?^_`{|}~@x");
  EXPECT_EQ(checked("\"a b\"@x.org"), "\"a b\"@x.org");
  EXPECT_EQ(checked("\"plain\"@x.org"), "plain@x.org");  // quotes that are not needed go
  EXPECT_EQ(checked(R"("a\"b\\c"@x)"), R"("a\"b\\c"@x)");
  EXPECT_EQ(checked("\"\"@x"), "\"\"@x");
  EXPECT_EQ(checked("\"a..b\"@x"), "\"a..b\"@x");
  EXPECT_EQ(checked("a@[192.0.2.1]"), "a@[192.0.2.1]");
  EXPECT_EQ(checked("a@[IPV6:2001:DB8:0:0::1]"), "a@[IPv6:2001:db8::1]");
  EXPECT_EQ(checked("a@1.2.3"), "a@1.2.3");
}

TEST(Mailbox, RefusesWhatIsOutsideIt) {
  for (const std::string_view bad : {"",
                                     "@",
                                     "a",
                                     "a@",
                                     "@b",
                                     "a@b@c",
                                     ".a@b",
                                     "a.@b",
                                     "a..b@c",
                                     "a b@c",
                                     "a@b c",
                                     "a@-b",
                                     "a@b-",
                                     "a@b..c",
                                     "a@.b",
                                     "a@b.",
                                     "a@b_c",
                                     "\"a@b",
                                     "\"a\"b@c",
                                     "\"a\nb\"@c",
                                     "a@[1.2.3]",
                                     "a@[1.2.3.256]",
                                     "a@[01.2.3.4]",
                                     "a@[ipv6:zz]",
                                     "a@[2001:db8::1]",
                                     "a@[x:y]",
                                     "a@[1.2.3.4",
                                     "a@[1.2.3.4]x",
                                     "a@b\r\n",
                                     " a@b",
                                     "a@b ",
                                     "<a@b>",
                                     "a(c)@b",
                                     "a\x80@b",
                                     "a@b\xC3\xBC"}) {
    EXPECT_EQ(checked(bad), "error") << bad;
  }
}

// RFC 5321 4.5.3.1.1 to .3
TEST(Mailbox, SizeLimits) {
  EXPECT_NE(checked(std::string(64, 'a') + "@x"), "error");
  EXPECT_EQ(Mailbox::parse(std::string(65, 'a') + "@x").error().code, ErrorCode::TooLarge);
  EXPECT_EQ(checked("a@" + std::string(64, 'b')), "error");
  std::string domain;
  for (int i = 0; i < 4; ++i) domain += std::string(61, 'b') + ".";
  domain += "cc";  // 250 octets: 252 with a@, 254 with the brackets
  EXPECT_NE(checked("a@" + domain), "error");
  EXPECT_EQ(Mailbox::parse("abcdefg@" + domain).error().field, "path");
}

// RFC 6531 3.3
TEST(Mailbox, Utf8OnlyWhenAskedFor) {
  EXPECT_EQ(checked("j\xC3\xBCrgen@B\xC3\x9C"
                    "cher.example",
                    Utf8::Allow),
            "j\xC3\xBCrgen@b\xC3\xBC"
            "cher.example");
  EXPECT_EQ(checked("j\xC3\xBCrgen@b.example"), "error");
  EXPECT_EQ(checked("j\xFCrgen@b.example", Utf8::Allow), "error");
  EXPECT_EQ(checked("a@b\xCD\xBE"
                    "c",
                    Utf8::Allow),
            "error");  // U+037E is a semicolon after NFC
  EXPECT_TRUE(Mailbox::parse("\xC3\xBC@x", Utf8::Allow)->needs_utf8());
  // Composed and decomposed are one domain.
  EXPECT_EQ(*Mailbox::parse("a@b\xC3\xBC", Utf8::Allow), *Mailbox::parse("a@bu\xCC\x88", Utf8::Allow));
}

TEST(Mailbox, DomainComparesWithoutCaseLocalPartWithIt) {
  EXPECT_EQ(*Mailbox::parse("a@EXAMPLE.org"), *Mailbox::parse("a@example.ORG"));
  EXPECT_NE(*Mailbox::parse("A@example.org"), *Mailbox::parse("a@example.org"));
}

TEST(Paths, Reverse) {
  EXPECT_TRUE(ReversePath::parse("<>")->is_null());
  EXPECT_EQ(ReversePath::parse("<>")->text(), "<>");
  EXPECT_EQ(ReversePath::parse("<a@B.c>")->text(), "<a@b.c>");
  EXPECT_EQ(ReversePath::parse("<@x.org,@[1.2.3.4]:a@b.c>")->text(), "<a@b.c>");
  for (const std::string_view bad : {"", "a@b", "<a@b", "<a@b>x", "< >", "<Postmaster>", "<@x:>", "<@x a@b>", "<@x,y:a@b>"}) {
    EXPECT_FALSE(ReversePath::parse(bad)) << bad;
  }
}

// RFC 5321 4.1.1.3: "<Postmaster>" needs no domain and has no case.
TEST(Paths, Forward) {
  const auto postmaster = ForwardPath::parse("<postMaster>");
  ASSERT_TRUE(postmaster);
  EXPECT_TRUE(postmaster->is_bare_postmaster());
  EXPECT_EQ(postmaster->text(), "<postMaster>");
  EXPECT_FALSE(ForwardPath::parse("<>"));
  EXPECT_FALSE(ForwardPath::parse("<user>"));
  EXPECT_EQ(ForwardPath::parse("<a@b>")->mailbox().local, "a");
}

std::string told(std::string_view address) {
  const auto mailbox = Mailbox::parse_told(address);
  return mailbox ? mailbox->text() : "none";
}

TEST(Told, QuotesThatTheMtaTookOffArePutBack) {
  EXPECT_EQ(told("a@example.org"), "a@example.org");
  EXPECT_EQ(told("a b@example.org"), R"("a b"@example.org)");
  EXPECT_EQ(told("a@b@example.org"), R"("a@b"@example.org)");
  EXPECT_EQ(told(R"(a"\@example.org)"), R"("a\"\\"@example.org)");
  EXPECT_EQ(told(R"("a b"@example.org)"), R"("a b"@example.org)");
  EXPECT_EQ(told("a@b.example> ENVID=x@example.org"), R"("a@b.example> ENVID=x"@example.org)");
  EXPECT_EQ(told("@b.example:a@example.org"), R"("@b.example:a"@example.org)");  // no source route: nobody told one
  EXPECT_EQ(told("gr\xC3\xBCn@[192.0.2.1]"), "gr\xC3\xBCn@[192.0.2.1]");
}

TEST(Told, WhatIsNone) {
  for (const char* address : {"", "a", "@", "@example.org", "a b@", "a@exa mple.org", "a b@exa mple.org", "a\xFF@example.org"})
    EXPECT_EQ(told(address), "none") << address;
  EXPECT_EQ(told(std::string(65, ' ') + "@example.org"), "none");  // RFC 5321 4.5.3.1.1
}

TEST(Told, Paths) {
  EXPECT_TRUE(ReversePath::parse_told("")->is_null());
  EXPECT_EQ(ReversePath::parse_told("a b@c.example")->text(), R"(<"a b"@c.example>)");
  EXPECT_FALSE(ReversePath::parse_told("postmaster"));
  EXPECT_TRUE(ForwardPath::parse_told("")->is_bare_postmaster());
  EXPECT_EQ(ForwardPath::parse_told("Postmaster")->text(), "<Postmaster>");
  EXPECT_EQ(ForwardPath::parse_told("a b@c.example")->text(), R"(<"a b"@c.example>)");
  EXPECT_FALSE(ForwardPath::parse_told("a b"));
}

TEST(Paths, ReadLeavesTheParameters) {
  std::string_view rest = "<\"a> b\"@x.org> SIZE=1";
  const auto path = ReversePath::read(rest);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->mailbox()->local, "a> b");
  EXPECT_EQ(rest, " SIZE=1");
  std::string_view bad = "<a@b";
  EXPECT_FALSE(ReversePath::read(bad));
  EXPECT_EQ(bad, "<a@b");
}

std::string listed(std::string_view value) {
  const auto list = parse_address_list(value);
  if (!list) return "error";
  std::string out;
  for (const auto& item : list->items) {
    if (item.group) out += "{" + *item.group + "}";
    for (const auto& m : item.mailboxes) out += "[" + m.name + "|" + m.mailbox.text() + "]";
  }
  return out;
}

// The examples of RFC 5322 appendix A.1, A.5 and A.6.
TEST(AddressList, Rfc5322Examples) {
  EXPECT_EQ(listed("John Doe <jdoe@machine.example>"), "[John Doe|jdoe@machine.example]");
  EXPECT_EQ(listed("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            "[Mary Smith|mary@x.test][|jdoe@example.org][Who?|one@y.test]");
  EXPECT_EQ(listed("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            "[|boss@nil.test][Giant; \"Big\" Box|sysservices@example.net]");
  EXPECT_EQ(listed("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
            "{A Group}[Ed Jones|c@a.test][|joe@where.test][John|jdoe@one.test]");
  EXPECT_EQ(listed("Undisclosed recipients:;"), "{Undisclosed recipients}");
  EXPECT_EQ(listed("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"), "[Pete|pete@silly.test]");
  EXPECT_EQ(listed("A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John "
                   "<jdoe@one.test> (my dear friend); (the end of the group)"),
            "{A Group}[Chris Jones|c@public.example][|joe@example.org][John|jdoe@one.test]");
  EXPECT_EQ(listed("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"), "{Hidden recipients}");
  EXPECT_EQ(listed("Joe Q. Public <john.q.public@example.com>"), "[Joe Q. Public|john.q.public@example.com]");
  EXPECT_EQ(listed("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
            "[Mary Smith|mary@example.net][|jdoe@test.example]");
  EXPECT_EQ(listed("John Doe <jdoe@machine(comment).  example>"), "[John Doe|jdoe@machine.example]");
}

TEST(AddressList, DecodesNames) {
  EXPECT_EQ(listed("=?utf-8?q?J=C3=BCrgen?= =?iso-8859-1?B?ZPY=?= <j@x.org>"), "[J\xC3\xBCrgend\xC3\xB6|j@x.org]");
  // RFC 2047 5(3): not inside a quoted-string
  EXPECT_EQ(listed("\"=?utf-8?q?a?=\" <j@x.org>"), "[=?utf-8?q?a?=|j@x.org]");
  EXPECT_EQ(listed("\"a.b\"@x.org"), "[|a.b@x.org]");
}

TEST(AddressList, RefusesNonsense) {
  for (const std::string_view bad : {"", " ", ",", "a", "a@b c@d", "a@b,c", "<a@b", "x <a@b> y", "g: a@b", "(open", "\"open", "a@", "x <>",
                                     "a@b;", "<@x", "a@[nonsense]"}) {
    EXPECT_EQ(listed(bad), "error") << bad;
  }
  EXPECT_EQ(listed(std::string(21, '(') + std::string(21, ')') + "a@b"), "error");
  EXPECT_EQ(parse_address_list("a@b,a@b,a@b", 2).error().code, ErrorCode::TooLarge);
}

TEST(NamedMailbox, WritesWhatItReads) {
  for (const std::string name : {"", "Plain Name", "With, comma", "J\xC3\xBCrgen \xE2\x82\xAC", "=?looks?like?one?=", "tab\"quote\\"}) {
    const NamedMailbox before{name, *Mailbox::parse("a@b.c")};
    const auto list = parse_address_list(before.text());
    ASSERT_TRUE(list) << before.text();
    EXPECT_EQ(list->mailboxes().front(), before) << before.text();
  }
}

TEST(Domain, ALabels) {
  EXPECT_EQ(to_a_labels("b\xC3\xBC"
                        "cher.example")
                .value(),
            "xn--bcher-kva.example");
  EXPECT_EQ(to_a_labels("Example.ORG").value(), "example.org");
  EXPECT_EQ(to_a_labels("stra\xC3\x9F"
                        "e.example")
                .error()
                .code,
            ErrorCode::Unsupported);
}

TEST(EncodedWord, RoundTripsAndStaysInLimits) {
  for (const std::string& text : {std::string("plain"),
                                  std::string("Gr\xC3\xBC\xC3\x9F"
                                              "e aus K\xC3\xB6ln"),
                                  std::string(300, 'x') + "\xE2\x82\xAC",
                                  std::string("\xF0\x9F\x98\x80\xF0\x9F\x98\x80 \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E "
                                              "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"),
                                  std::string(2000, 'y'), std::string("a =?b?= c")}) {
    const std::string encoded = encode_header_text(text);
    EXPECT_EQ(decode_header_text(encoded), text);
    std::size_t begin = 0;
    while (begin < encoded.size() && encoded != text) {
      const auto end = std::min(encoded.find(' ', begin), encoded.size());
      EXPECT_LE(end - begin, 75U);  // RFC 2047 2
      begin = end + 1;
    }
  }
}

TEST(EncodedWord, AdjacentWordsJoin) {
  EXPECT_EQ(decode_header_text("=?utf-8?B?w7k=?= =?utf-8?B?w7nDuQ==?= x"), "\xC3\xB9\xC3\xB9\xC3\xB9 x");
  EXPECT_EQ(decode_header_text("=?utf-8?Q?=C3?=\r\n =?UTF-8*en?q?=B9_y?="), "\xC3\xB9 y");  // a character split between words
  EXPECT_EQ(decode_header_text("a =?iso-8859-1?q?=FC?= b =?utf-8?q?c?="), "a \xC3\xBC b c");
  EXPECT_EQ(decode_header_text("=?iso-8859-1?q?=FC?==?utf-8?q?c?="),
            "\xC3\xBC"
            "c");
  for (const std::string plain : {"=?", "=?x", "=?x?", "=?x?q", "=?x?q?", "=?x?q?=", "=?utf-8?q?open",
                                  "=?utf-8?z?x?=", "=?utf-8?q?a b?=", "=??q?x?=", "= ?utf-8?q?x?="})
    EXPECT_EQ(decode_header_text(plain), plain);
}

TEST(EncodedWord, NothingBreaksOutOfTheField) {
  EXPECT_EQ(decode_header_text("=?utf-8?q?a=0D=0ABcc:_x?="), "a  Bcc: x");
  EXPECT_EQ(encode_header_text("a\r\nBcc: x"), "a  Bcc: x");
  EXPECT_EQ(decode_header_text("=?unknown-8bit?q?a=FF?=").find('\xFF'), std::string::npos);
  EXPECT_EQ(decode_header_text("raw \xFC"), "raw \xC3\xBC");
}

// RFC 5322 4.4 obs-route: "@a,@b:" in front; what is none hides nobody behind it.
TEST(AddressList, RoutesAsTheStandardHasThem) {
  for (const char* good : {"<@a.example:x@d.example>", "<@a.example,@b.example:x@d.example>", "<,@a.example , ,@b.example:x@d.example>"}) {
    const auto list = parse_address_list(good);
    ASSERT_TRUE(list) << good << list.error().text();
    EXPECT_EQ(list->mailboxes().at(0).mailbox.text(), "x@d.example") << good;
  }
  for (const char* bad : {"<@x@a.example:x@d.example>", "<@a.example x@d.example>", "<@a.example@b.example:x@d.example>",
                          "<@a.example,x@d.example>", "<,x@d.example>"})
    EXPECT_FALSE(parse_address_list(bad)) << bad;
}

}  // namespace
}  // namespace postern
