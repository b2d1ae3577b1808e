#include "reports/dmarc_report.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pack/gzip.hpp"
#include "reports/dmarc_report_json.hpp"

namespace postern {
namespace {

// After RFC 9990 Appendix B.
const std::string kReport = R"(<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:ext="urn:example:ext">
  <version>1.0</version>
  <report_metadata>
    <org_name>Receiver &amp; Sons</org_name><email>dmarc@receiver.example</email><report_id>7x.9@receiver.example</report_id>
    <date_range><begin>1795564800</begin><end>1795651199</end></date_range><error lang="en">two records</error>
    <generator>Peer 1.2</generator>
  </report_metadata>
  <policy_published>
    <domain>example.org</domain><discovery_method>treewalk</discovery_method><p>quarantine</p><sp>none</sp><np>reject</np>
    <fo>1:d</fo><adkim>s</adkim><aspf>r</aspf><testing>n</testing>
  </policy_published>
  <extension><ext:arc-override>never</ext:arc-override></extension>
  <record>
    <row><source_ip>192.0.2.123</source_ip><count>123</count>
      <policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>local_policy</type><comment>known</comment></reason></policy_evaluated></row>
    <identifiers><header_from>example.org</header_from><envelope_from></envelope_from><envelope_to>receiver.example</envelope_to></identifiers>
    <auth_results>
      <dkim><domain>example.org</domain><selector>abc</selector><result>pass</result><human_result>fine</human_result></dkim>
      <dkim><domain>other.example</domain><selector></selector><result>Fail</result></dkim>
      <spf><domain>example.org</domain><scope>mfrom</scope><result>softfail</result></spf>
    </auth_results>
    <ext:row><ext:row>1</ext:row></ext:row>
  </record>
  <record>
    <row><source_ip>2001:DB8::1</source_ip><count>1</count>
      <policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>sub.example.org</header_from></identifiers><auth_results></auth_results>
  </record>
</feedback>
)";

// After RFC 7489 Appendix C, as large senders write it: no namespace, empty elements, HELO beside MAIL FROM.
const std::string kOld = R"(<feedback><report_metadata><org_name>old.example</org_name><email>noreply@old.example</email>
  <extra_contact_info>https://old.example/dmarc</extra_contact_info><report_id>1</report_id>
  <date_range><begin>1529366400</begin><end>1529452799</end></date_range><error>a</error><error>b</error></report_metadata>
  <policy_published><domain>example.org</domain><adkim>r</adkim><aspf>r</aspf><p>reject</p><sp></sp><pct>50</pct><fo>0</fo></policy_published>
  <record><row><source_ip>192.0.2.1</source_ip><count>2</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim>
  <spf>neutral</spf><reason><type>sampled_out</type><comment/></reason></policy_evaluated></row>
  <identifiers><header_from>example.org</header_from></identifiers>
  <auth_results><spf><domain>mail.old.example</domain><scope>helo</scope><result>unknown</result></spf>
  <spf><domain>example.org</domain><scope>mfrom</scope><result>hardfail</result></spf></auth_results></record></feedback>)";

Result<DmarcReport> parse(std::string_view text, const DmarcReportLimits& limits = {}) { return read_dmarc_report(as_bytes(text), limits); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

std::string field_of(const std::string& text) {
  const auto report = parse(text);
  return report ? std::string("nothing") : report.error().field;
}

TEST(DmarcReport, TheFormOfRfc9990) {
  const auto report = parse(kReport);
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->org_name, "Receiver & Sons");
  EXPECT_EQ(report->generator, "Peer 1.2");
  EXPECT_EQ(report->errors, std::vector<std::string>{"two records"});
  EXPECT_EQ(unix_seconds(report->begin), 1795564800);
  EXPECT_EQ(report->policy.discovery_method, "treewalk");
  EXPECT_EQ(report->policy.np, DmarcPolicy::Reject);
  EXPECT_EQ(report->policy.adkim, DmarcAlignment::Strict);
  EXPECT_EQ(report->policy.testing, false);
  EXPECT_FALSE(report->policy.pct);
  ASSERT_EQ(report->rows.size(), 2U);
  const auto& row = report->rows[0];
  EXPECT_EQ(row.count, 123U);
  EXPECT_EQ(row.disposition, DmarcDisposition::Pass);
  EXPECT_TRUE(row.dkim_pass);
  EXPECT_FALSE(row.spf_pass);
  EXPECT_EQ(row.reasons, (std::vector<DmarcOverride>{{"local_policy", "known"}}));
  EXPECT_EQ(row.envelope_from, "");  // 3.1.1.10: the null reverse-path
  EXPECT_EQ(row.dkim.at(1), (DmarcDkimResult{"other.example", "", "fail", ""}));
  EXPECT_EQ(row.spf, (std::vector<DmarcSpfResult>{{"example.org", "mfrom", "softfail", ""}}));
  EXPECT_EQ(report->rows[1].source_ip.text(), "2001:db8::1");
  EXPECT_FALSE(report->rows[1].envelope_from);
}

TEST(DmarcReport, TheFormOfRfc7489) {
  for (const std::string root : {"<feedback>", R"(<feedback xmlns="http://dmarc.org/dmarc-xml/0.1">)"}) {
    const auto report = parse(replaced(kOld, "<feedback>", root));
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->policy.pct, 50U);
    EXPECT_FALSE(report->policy.sp);
    EXPECT_EQ(report->errors.size(), 2U);
    EXPECT_EQ(report->rows.at(0).reasons.at(0).type, "sampled_out");
    EXPECT_EQ(report->rows[0].spf.at(0), (DmarcSpfResult{"mail.old.example", "helo", "temperror", ""}));
    EXPECT_EQ(report->rows[0].spf.at(1).result, "fail");
  }
  // Its schema has only the root in the namespace.
  const auto prefixed =
      replaced(replaced(kOld, "<feedback>", R"(<d:feedback xmlns:d="http://dmarc.org/dmarc-xml/0.1">)"), "</feedback>", "</d:feedback>");
  EXPECT_TRUE(parse(prefixed));
}

TEST(DmarcReport, WhatIsWrittenIsReadAndOldWordsBecomeNewOnes) {
  const auto report = parse(kReport).value();
  EXPECT_EQ(parse(write_dmarc_report(report)).value(), report);
  const auto old = parse(write_dmarc_report(parse(kOld).value())).value();
  EXPECT_EQ(old.errors, std::vector<std::string>{"a; b"});  // 3.1.1.3: at most one
  EXPECT_EQ(old.rows.at(0).reasons.at(0).type, "other");    // 3.1.6
  EXPECT_EQ(old.rows.at(0).spf.size(), 1U);                 // 3.1.1.11
  EXPECT_EQ(old.rows.at(0).spf.at(0).scope, "mfrom");       // 3.1.1.13
  EXPECT_FALSE(old.policy.pct);                             // 3.1.1.5
  const auto row = dmarc_row_of(dmarc_row_json(report.rows[0]), "row");
  ASSERT_TRUE(row) << row.error().text();
}

TEST(DmarcReport, WhatIsWrongIsNamed) {
  EXPECT_EQ(field_of(""), "report");
  EXPECT_EQ(field_of("nothing"), "report");
  EXPECT_EQ(field_of("<html></html>"), "html");
  EXPECT_EQ(field_of(replaced(kReport, "urn:ietf:params:xml:ns:dmarc-2.0", "urn:other")), "feedback");
  EXPECT_EQ(field_of(replaced(kReport, "<org_name>", "<org>")), "report_metadata.org");  // not closed
  EXPECT_EQ(field_of(replaced(kReport, "Receiver &amp; Sons", "")), "report_metadata.org_name");
  EXPECT_EQ(field_of(replaced(kReport, "<begin>1795564800", "<begin>1795651200")), "report_metadata.date_range");
  EXPECT_EQ(field_of(replaced(kReport, "<begin>1795564800", "<begin>-1")), "report_metadata.date_range.begin");
  EXPECT_EQ(field_of(replaced(kReport, "<end>1795651199", "<end>99999999999999")), "report_metadata.date_range.end");
  EXPECT_EQ(field_of(replaced(kReport, "<p>quarantine", "<p>maybe")), "policy_published.p");
  EXPECT_EQ(field_of(replaced(kReport, "<testing>n", "<testing>perhaps")), "policy_published.testing");
  EXPECT_EQ(field_of(replaced(kOld, "<pct>50", "<pct>101")), "policy_published.pct");
  EXPECT_EQ(field_of(replaced(kReport, "192.0.2.123", "192.0.2.1234")), "record[0].row.source_ip");
  EXPECT_EQ(field_of(replaced(kReport, "<count>123", "<count>-123")), "record[0].row.count");
  EXPECT_EQ(field_of(replaced(kReport, "<count>1<", "<count>1.5<")), "record[1].row.count");
  EXPECT_EQ(field_of(replaced(kReport, "<count>1<", "<count>99999999999999999999<")), "record[1].row.count");
  EXPECT_EQ(field_of(replaced(kReport, "<dkim>pass</dkim>", "<dkim>yes</dkim>")), "record[0].row.policy_evaluated.dkim");
  EXPECT_EQ(field_of(replaced(kReport, "<spf>fail</spf>", "")), "record[0].row.policy_evaluated.spf");
  EXPECT_EQ(field_of(replaced(kReport, "<disposition>pass", "<disposition>delete")), "record[0].row.policy_evaluated.disposition");
  EXPECT_EQ(field_of(replaced(kReport, "<header_from>sub.example.org</header_from>", "")), "record[1].identifiers.header_from");
  EXPECT_EQ(field_of(replaced(kReport, "<result>Fail</result>", "")), "record[0].auth_results.dkim[1].result");
  EXPECT_EQ(field_of(kReport.substr(0, kReport.find("  <record>")) + "</feedback>"), "record");
}

TEST(DmarcReport, DuplicatedElementsAreRefused) {
  EXPECT_EQ(field_of(replaced(kReport, "<count>123</count>", "<count>123</count><count>1</count>")), "record[0].row.count");
  EXPECT_EQ(field_of(replaced(kReport, "<report_metadata>", "<report_metadata></report_metadata><report_metadata>")),
            "report_metadata.org_name");
  const auto at = kReport.find("  <policy_published>"), end = kReport.find("  <extension>");
  EXPECT_EQ(field_of(replaced(kReport, "  <extension>", kReport.substr(at, end - at) + "  <extension>")), "policy_published");
  EXPECT_EQ(field_of(replaced(kReport, "<header_from>sub", "<header_from>x</header_from><header_from>sub")),
            "record[1].identifiers.header_from");
}

// RFC 9990 8.1: bombs of every kind.
TEST(DmarcReport, NoDocumentTypeAndNoEntities) {
  const std::string dtd = R"(<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>)";
  for (const std::string& text :
       {replaced(kReport, "<feedback", dtd + "<feedback"), replaced(kReport, "<feedback", "<!DOCTYPE feedback><feedback"),
        replaced(kReport, "<feedback", R"(<!DOCTYPE feedback SYSTEM "http://x.example/d.dtd"><feedback)")}) {
    const auto read = parse(text);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().what.find("document type"), std::string::npos);
  }
  EXPECT_EQ(field_of(replaced(kReport, "<p>quarantine", "<p>&quarantine;")), "policy_published.p");
  EXPECT_TRUE(parse(replaced(kReport, "<p>quarantine", "<p>&#113;uarantine")));
}

TEST(DmarcReport, Limits) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_EQ(parse("<feedback>" + deep).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(parse("<feedback><record>" + std::string(20'000, 'x')).error().code, ErrorCode::TooLarge);
  std::string wide;
  for (int i = 0; i < 20'000; ++i) wide += "<a/>";
  EXPECT_EQ(parse("<feedback><record>" + wide + "</record></feedback>").error().code, ErrorCode::TooLarge);
  const auto first = kReport.find("  <record>"), second = kReport.find("  <record>", first + 1), end = kReport.find("</feedback>");
  std::string rows = kReport.substr(0, first);
  for (int i = 0; i < 150'000; ++i) rows += kReport.substr(second, end - second);
  EXPECT_EQ(parse(rows + "</feedback>").error().field, "record");  // more than 100,000
  std::string short_rows = "<feedback>";
  for (int i = 0; i < 1'000'000; ++i) short_rows += "<record><row/></record>";
  EXPECT_EQ(parse(short_rows).error().field, "record[0].row.source_ip");
  EXPECT_EQ(parse(kReport, {.rows = 1}).error().field, "record");
  EXPECT_EQ(parse(kReport, {.results_per_row = 1}).error().field, "record[0].auth_results.dkim");
}

TEST(DmarcReport, PackedWithinTheLimit) {
  const auto read = [](const Bytes& bytes) { return read_dmarc_report(bytes); };
  EXPECT_EQ(read(gzip(kReport)).value(), parse(kReport).value());
  EXPECT_EQ(read(gzip(std::string(65UL << 20, ' '))).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(parse(std::string(65UL << 20, ' ')).error().code, ErrorCode::TooLarge);
  Bytes cut = gzip(kReport);
  cut.resize(cut.size() / 2);
  EXPECT_EQ(read(cut).error().field, "gzip");
  EXPECT_EQ(field_of("PK\x03\x04 and no more"), "zip");
}

TEST(DmarcReport, Charsets) {
  const auto named = [](const std::string& charset, const std::string& name) {
    return parse(
        replaced(replaced(kReport, R"(version="1.0")", R"(version="1.0" encoding=")" + charset + "\""), "Receiver &amp; Sons", name));
  };
  EXPECT_EQ(named("UTF-8",
                  "Gr\xC3\xBC\xC3\x9F"
                  "e")
                .value()
                .org_name,
            "Gr\xC3\xBC\xC3\x9F"
            "e");
  EXPECT_EQ(named("ISO-8859-1", "Gr\xFC").value().org_name, "Gr\xC3\xBC");
  EXPECT_EQ(named("windows-1252", "\x80").value().org_name, "\xE2\x82\xAC");
  EXPECT_EQ(named("UTF-8", "Gr\xFC").error().field, "report_metadata.org_name");  // says UTF-8 and is not
  EXPECT_NE(named("x-unknown", "x").error().what.find("charset"), std::string::npos);
  EXPECT_TRUE(parse("\xEF\xBB\xBF" + kReport));
  EXPECT_TRUE(parse("\r\n" + kReport));  // in front of the XML declaration
}

TEST(DmarcReport, EveryBeginningIsAnErrorAndNoCrash) {
  for (std::size_t size = 0; size < kReport.size() - 2; ++size) EXPECT_FALSE(parse(kReport.substr(0, size))) << size;
}

TEST(DmarcReport, CharactersThatXmlCannotCarryAreReplaced) {
  DmarcReport report = parse(kReport).value();
  report.org_name = std::string("a\0b\x1b", 4) + "\xEF\xBF\xBE\xC3(\xF5 <&>\r]]>";
  const auto read = parse(write_dmarc_report(report));
  ASSERT_TRUE(read) << read.error().text();
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(read->org_name, "a" + mark + "b" + mark + mark + mark + "(" + mark + " <&>\r]]>");
}

class RandomReport {
 public:
  explicit RandomReport(unsigned seed) : m_random(seed) {}

  DmarcReport make() {
    DmarcReport out;
    out.org_name = text(1), out.email = text(1), out.extra_contact_info = text(), out.report_id = text(1), out.generator = text();
    out.begin = WallTime(std::chrono::seconds(number(2'000'000'000)));
    out.end = out.begin + std::chrono::seconds(number(100'000));
    if (number(2) != 0) out.errors = {text(1)};
    out.policy = policy();
    for (auto rows = number(5) + 1; rows > 0; --rows) out.rows.push_back(row());
    return out;
  }

 private:
  std::uint64_t number(std::uint64_t below) { return m_random() % below; }
  /// No white space at its ends.
  std::string text(std::size_t least = 0) {
    static const std::vector<std::string> pieces{
        "a", "<", ">", "&", "]]>", "\"", "'", "\r", "\n x", "\t.", "\xC3\xBC", "\xF0\x9F\x93\xA7", "&amp;", "-->"};
    std::string out;
    for (auto left = number(6) + least; left > 0; --left) out += pieces[number(pieces.size())];
    return out.empty() ? out : "x" + out + "x";
  }
  template <class T>
  std::optional<T> perhaps(T value) {
    return number(2) == 0 ? std::optional<T>() : std::optional<T>(value);
  }
  DmarcPublished policy() {
    DmarcPublished out;
    out.domain = text(1);
    out.discovery_method = number(2) == 0 ? "psl" : "";
    out.p = static_cast<DmarcPolicy>(number(3));
    out.sp = perhaps(static_cast<DmarcPolicy>(number(3)));
    out.np = perhaps(static_cast<DmarcPolicy>(number(3)));
    out.adkim = perhaps(static_cast<DmarcAlignment>(number(2)));
    out.aspf = perhaps(static_cast<DmarcAlignment>(number(2)));
    out.testing = perhaps(number(2) == 0);
    out.fo = text();
    return out;
  }
  DmarcReportRow row() {
    DmarcReportRow out;
    Bytes address(number(2) == 0 ? 4 : 16);
    for (Byte& one : address) one = static_cast<Byte>(number(256));
    out.source_ip = dns::IpAddress::from_bytes(address).value().unmapped();
    out.count = number(INT64_MAX);
    out.disposition = static_cast<DmarcDisposition>(number(4));
    out.dkim_pass = number(2) == 0, out.spf_pass = number(2) == 0;
    for (auto left = number(3); left > 0; --left) out.reasons.push_back({number(2) == 0 ? "other" : "mailing_list", text()});
    out.header_from = text(1), out.envelope_to = text();
    out.envelope_from = perhaps(text());
    for (auto left = number(4); left > 0; --left) out.dkim.push_back({text(), text(), number(2) == 0 ? "pass" : "permerror", text()});
    if (number(2) == 0) out.spf.push_back({text(), number(2) == 0 ? "mfrom" : "", "softfail", text()});
    return out;
  }
  std::mt19937_64 m_random;
};

TEST(DmarcReport, PropertyWhatIsWrittenIsRead) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const DmarcReport report = RandomReport(seed).make();
    const auto again = parse(write_dmarc_report(report));
    ASSERT_TRUE(again) << seed << ": " << again.error().text();
    ASSERT_EQ(*again, report) << seed;
    for (const auto& row : report.rows) ASSERT_EQ(dmarc_row_of(dmarc_row_json(row), "row").value(), row) << seed;
  }
}

TEST(DmarcReportMail, NamesAndSubjectOfRfc9990) {
  const auto report = parse(kReport).value();
  EXPECT_EQ(dmarc_report_file_name(report, "mx.receiver.example"),
            "mx.receiver.example!example.org!1795564800!1795651199!7x9receiverexample.xml.gz");
  EXPECT_EQ(dmarc_report_subject(report, "receiver.example"),
            "Report Domain: example.org Submitter: receiver.example Report-ID: <7x.9@receiver.example>");
}

TEST(DmarcReportMail, WhatIsSentIsReadAndTheSameAgain) {
  const auto report = parse(kReport).value();
  const DmarcReportMail mail{
      .from = "dmarc@receiver.example", .to = "rua@example.org", .submitter = "receiver.example", .date = report.end};
  FixedRandom random(1), same(1);
  const auto message = write_dmarc_report_mail(report, mail, random);
  ASSERT_TRUE(message) << message.error().text();
  EXPECT_EQ(*message, write_dmarc_report_mail(report, mail, same).value());  // 3.5.2: sent again, it is the same file
  EXPECT_EQ(read_dmarc_report_mail(*message).value(), report);
  EXPECT_NE(message->find("application/gzip"), std::string::npos);
  for (const DmarcReportMail& wrong : {DmarcReportMail{.from = "nobody", .to = mail.to, .submitter = mail.submitter},
                                       DmarcReportMail{.from = mail.from, .to = "x y@z", .submitter = mail.submitter},
                                       DmarcReportMail{.from = mail.from, .to = mail.to, .submitter = "a\"b"}})
    EXPECT_FALSE(write_dmarc_report_mail(report, wrong, random));
  DmarcReport quoted = report;
  quoted.policy.domain = "a\"; name=\"b.example";  // DNS can have it, a file name cannot
  EXPECT_EQ(write_dmarc_report_mail(quoted, mail, random).error().field, "policy_published.domain");
}

TEST(DmarcReportMail, TheFirstPartThatCanBeAReport) {
  const std::string plain = "From: a@b.example\r\nContent-Type: application/octet-stream; name=\"a!b!1!2.XML\"\r\n\r\n" + kOld;
  EXPECT_TRUE(read_dmarc_report_mail(plain));
  EXPECT_EQ(read_dmarc_report_mail("From: a@b.example\r\n\r\nhello\r\n").error().field, "Content-Type");
  const std::string forwarded =
      "Content-Type: multipart/mixed; boundary=\"o\"\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" + plain + "\r\n--o--\r\n";
  EXPECT_FALSE(read_dmarc_report_mail(forwarded));
}

// RFC 7489 6.2
TEST(DmarcReportUri, AddressesAndSizes) {
  const auto uri = parse_dmarc_report_uri("mailto:Rua%2Bx@Example.ORG!10m");
  ASSERT_TRUE(uri) << uri.error().text();
  EXPECT_EQ(uri->mailbox, "Rua+x@example.org");
  EXPECT_EQ(uri->host, "example.org");
  EXPECT_EQ(uri->most_bytes, 10U << 20);
  EXPECT_TRUE(uri->takes(10U << 20));
  EXPECT_FALSE(uri->takes((10U << 20) + 1));
  EXPECT_FALSE(parse_dmarc_report_uri("mailto:a@b.example")->most_bytes);
  EXPECT_EQ(parse_dmarc_report_uri("MAILTO:a@b.example?subject=x!7")->most_bytes, 7U);
  EXPECT_EQ(parse_dmarc_report_uri("mailto:a@b.example!99999999t")->most_bytes, UINT64_MAX);
  EXPECT_EQ(parse_dmarc_report_uri("https://b.example/").error().code, ErrorCode::Unsupported);
  for (const char* bad : {"mailto:", "mailto:a", "mailto:a@b.example!", "mailto:a@b.example!m", "mailto:a@b.example!1x", "mailto:a@b,c@d",
                          "mailto:a%0d%0a@b.example", "mailto:a@[192.0.2.1]", "mailto:%4"})
    EXPECT_FALSE(parse_dmarc_report_uri(bad)) << bad;
}

}  // namespace
}  // namespace postern
