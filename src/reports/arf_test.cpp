#include "reports/arf.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace postern {
namespace {

// After RFC 5965 Appendix B.2 and RFC 9991 Appendix A.
const std::string kFields =
    "Feedback-Type: Auth-Failure\r\nVersion: 1\r\nUser-Agent: Peer/1.2\r\nAuth-Failure: dmarc\r\n"
    "Authentication-Results: gen.example;\r\n dmarc=fail header.from=consumer.example\r\n"
    "Authentication-Results: gen.example; spf=none\r\nIdentity-Alignment: dkim, SPF\r\nDelivery-Result: delivered\r\n"
    "DKIM-Domain: consumer.example\r\nDKIM-Identity: @consumer.example\r\nDKIM-Selector: epsilon\r\n"
    "DKIM-Canonicalized-Body: VGhp\r\n cw==\r\nSPF-DNS: txt : a.example : \"v=spf1\"\r\nSPF-DNS: txt : b.example : \"v=spf1\"\r\n"
    "Original-Envelope-Id: 65E1\r\nOriginal-Mail-From: <a=gen.example@forwarder.example>\r\nOriginal-Rcpt-To: <x@gen.example>\r\n"
    "Original-Rcpt-To: <y@gen.example>\r\nArrival-Date: Tue, 19 Jul 2022 00:57:48 -0500\r\nReporting-MTA: dns; gen.example\r\n"
    "Source-IP: 192.0.2.2\r\nSource-Port: 12345\r\nReported-Domain: consumer.example\r\nReported-URI: http://x.example/\r\n"
    "Incidents: 7 (seven)\r\nX-New: later\r\n";

std::string message(const std::string& fields,
                    const std::string& third = "Content-Type: text/rfc822-headers\r\n\r\nFrom: a@consumer.example\r\nSubject: x\r\n") {
  return "From: f@gen.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\r\n\r\n"
         "--b\r\n\r\nA report.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n" +
         fields + "\r\n--b\r\n" + third + "\r\n--b--\r\n";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

SecretBytes key() { return SecretBytes::from_text("0123456789abcdef"); }

TEST(Arf, EveryField) {
  const auto report = parse_feedback_report(message(kFields));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->feedback_type, "auth-failure");
  EXPECT_EQ(report->user_agent, "Peer/1.2");
  EXPECT_EQ(report->auth_failure, "dmarc");
  ASSERT_EQ(report->authentication_results.size(), 2U);
  EXPECT_EQ(report->authentication_results[0], "gen.example; dmarc=fail header.from=consumer.example");
  EXPECT_EQ(report->identity_alignment, (std::vector<std::string>{"dkim", "spf"}));
  EXPECT_EQ(report->delivery_result, "delivered");
  EXPECT_EQ(report->dkim_selector, "epsilon");
  EXPECT_EQ(report->dkim_canonicalized_body, "VGhpcw==");
  EXPECT_EQ(report->spf_dns.size(), 2U);
  EXPECT_EQ(report->original_rcpt_to.size(), 2U);
  EXPECT_EQ(report->source_ip, "192.0.2.2");
  EXPECT_EQ(report->source_port, 12345U);
  EXPECT_EQ(report->incidents, 7U);
  EXPECT_EQ(report->reported_uri, std::vector<std::string>{"http://x.example/"});
  ASSERT_EQ(report->other.size(), 1U);
  EXPECT_EQ(report->other[0].first, "X-New");
  EXPECT_EQ(report->original_header, "From: a@consumer.example\r\nSubject: x\r\n");
}

// RFC 5965 Appendix B.1: the least there can be, with the whole message behind it.
TEST(Arf, AComplaintWithTheMessage) {
  const auto report =
      parse_feedback_report(message("\r\nFeedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 0.1\n",
                                    "Content-Type: message/rfc822\r\n\r\nFrom: <s@x.example>\r\nSubject: Earn money\r\n\r\nSpam\r\n"));
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->feedback_type, "abuse");
  EXPECT_EQ(report->version, "0.1");
  EXPECT_EQ(report->original_header, "From: <s@x.example>\r\nSubject: Earn money\r\n");
}

TEST(Arf, WhatIsWrongIsNamed) {
  const auto field = [](const std::string& text) {
    const auto report = parse_feedback_report(text);
    return report ? std::string("nothing") : report.error().field;
  };
  EXPECT_EQ(field("From: a@b\r\n\r\nhello\r\n"), "Content-Type");
  EXPECT_EQ(field("Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"), "Content-Type");
  EXPECT_EQ(field(message("Version: 1\r\n")), "Feedback-Type");                                 // RFC 5965 3.1
  EXPECT_EQ(field(message(replaced(kFields, "Auth-Failure: dmarc\r\n", ""))), "Auth-Failure");  // RFC 6591 3.1
  EXPECT_EQ(field(message(kFields + "Source-IP: 192.0.2.3\r\n")), "Source-IP");                 // RFC 5965 3.2: once
  EXPECT_EQ(field(message(kFields + "Incidents: 8\r\n")), "Incidents");
  EXPECT_EQ(field(message(kFields + "Identity-Alignment: none\r\n")), "Identity-Alignment");
  EXPECT_EQ(field(message(replaced(kFields, "192.0.2.2", "192.0.2"))), "Source-IP");
  EXPECT_EQ(field(message(replaced(kFields, "Incidents: 7", "Incidents: -7"))), "Incidents");
  EXPECT_EQ(field(message(replaced(kFields, "Incidents: 7", "Incidents: 99999999999"))), "Incidents");
  EXPECT_EQ(field(message(replaced(kFields, "dkim, SPF", "dkim, magic"))), "Identity-Alignment");
  std::string many = kFields;
  for (int i = 0; i < 1001; ++i) many += "X-N: 1\r\n";
  EXPECT_EQ(parse_feedback_report(message(many)).error().code, ErrorCode::TooLarge);
}

TEST(Arf, EveryBeginningIsNoCrash) {
  const std::string whole = message(kFields);
  for (std::size_t size = 0; size < whole.size(); size += 3) (void)parse_feedback_report(whole.substr(0, size));
}

// RFC 6590 2
TEST(ArfRedaction, TheSameForTheSameLocalPartAndNoOther) {
  EXPECT_EQ(redact_local_part("alice", key()), redact_local_part("alice", key()));
  EXPECT_NE(redact_local_part("alice", key()), redact_local_part("Alice", key()));
  EXPECT_NE(redact_local_part("alice", key()), redact_local_part("alice", SecretBytes::from_text("another key of 16")));
  EXPECT_EQ(redact_local_part("alice", key()).size(), 22U);
}

TEST(ArfRedaction, LocalPartsWhereverTheyStand) {
  const std::string a = redact_local_part("alice", key());
  const auto redacted = [](std::string_view text) { return redact_addresses(text, key()).value_or("(left out)"); };
  EXPECT_EQ(redacted("by mx.example for <alice@x.example>; Tue"), "by mx.example for <" + a + "@x.example>; Tue");
  EXPECT_EQ(redacted("alice@x, <alice@y>"), a + "@x, <" + a + "@y>");
  EXPECT_EQ(redacted("d=x.example; i=@x.example"), "d=x.example; i=@x.example");
  EXPECT_EQ(redacted("spf=pass smtp.mailfrom=alice@x.example"), "spf=pass smtp.mailfrom=" + a + "@x.example");
  EXPECT_EQ(redacted("i=alice@x.example"), "i=" + a + "@x.example");
  EXPECT_EQ(redacted("bounce-bob=y.example@x.example"), redact_local_part("bounce-bob=y.example", key()) + "@x.example");
  EXPECT_EQ(redacted(R"(<"a b"@x>)"), "<" + redact_local_part(R"("a b")", key()) + "@x>");
  EXPECT_EQ(redacted("nothing here"), "nothing here");
  for (const char* unclear : {"alice @x.example", "alice(x)@x.example", R"("a@b"@x)", R"(alice"@x)", R"(a\@b@x)"})
    EXPECT_EQ(redacted(unclear), "(left out)") << unclear;
}

FeedbackReport failed() {
  FeedbackReport out;
  out.identity_alignment = {"dkim", "spf"};
  out.authentication_results = {"receiver.example; spf=fail smtp.mailfrom=alice@sender.example; dmarc=fail header.from=sender.example"};
  out.delivery_result = "policy";
  out.dkim_domain = "sender.example", out.dkim_identity = "alice@sender.example", out.dkim_selector = "s1";
  out.dkim_canonicalized_body = "c2VjcmV0";
  out.original_mail_from = "<alice@sender.example>";
  out.original_rcpt_to = {"<bob@receiver.example>"};
  out.source_ip = "192.0.2.1";
  out.reported_domain = {"sender.example"};
  out.reported_uri = {"http://secret.example/"};
  out.incidents = 3;
  out.original_header =
      "Received: from x (x [192.0.2.1]) by mx.receiver.example\r\n for <bob@receiver.example>; Tue, 19 Jul 2022 00:57:48 -0500\r\n"
      "Received: from \xFF by y\r\nFrom: Alice Secret <alice@sender.example>\r\nTo: \"Bob Secret\" <bob@receiver.example>, carol @ "
      "z.example\r\n"
      "Subject: secret\r\nX-Secret: secret\r\nMessage-ID: <1@sender.example>\r\nCc: not an address (secret\r\n\r\nsecret body\r\n";
  return out;
}

// RFC 9991 7.1, RFC 6590
TEST(ArfWriting, NobodyIsNamed) {
  FixedRandom random(1);
  const auto mail =
      write_failure_report(failed(), {.from = "dmarc@receiver.example", .to = "ruf@sender.example", .date = {}}, key(), random);
  ASSERT_TRUE(mail) << mail.error().text();
  EXPECT_TRUE(is_ascii(*mail));
  const std::string lower = to_lower(*mail);
  for (const char* word : {"alice", "bob", "carol", "secret", "c2VjcmV0"}) EXPECT_EQ(lower.find(to_lower(word)), std::string::npos) << word;
  const auto read = parse_feedback_report(*mail);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->feedback_type, "auth-failure");
  EXPECT_EQ(read->auth_failure, "dmarc");
  EXPECT_EQ(read->identity_alignment, (std::vector<std::string>{"dkim", "spf"}));
  EXPECT_EQ(read->original_mail_from, "<" + redact_local_part("alice", key()) + "@sender.example>");
  EXPECT_EQ(read->incidents, 3U);
  EXPECT_EQ(read->source_ip, "192.0.2.1");
  EXPECT_NE(read->original_header.find("From: <" + redact_local_part("alice", key()) + "@sender.example>"), std::string::npos);
  EXPECT_NE(read->original_header.find("Message-ID: <1@sender.example>"), std::string::npos);
}

TEST(ArfWriting, NoneAlignedAndWhatIsRefused) {
  FixedRandom random(1);
  const FailureReportMail mail{.from = "dmarc@receiver.example", .to = "ruf@sender.example", .date = {}};
  const auto least = write_failure_report({}, mail, key(), random);
  ASSERT_TRUE(least);
  EXPECT_NE(least->find("Identity-Alignment: none\r\n"), std::string::npos);  // RFC 9991 4
  EXPECT_EQ(write_failure_report({}, mail, SecretBytes::from_text("short"), random).error().field, "key");
  EXPECT_FALSE(write_failure_report({}, {.from = "x", .to = mail.to, .date = {}}, key(), random));
}

// Found by the fuzzer: fields that are taken as they are have no addresses in them either.
TEST(ArfWriting, PlainFieldsWithAddresses) {
  FixedRandom random(1);
  FeedbackReport report;
  for (const char* field : {"MIME-Version: 1 alice@x.example\r\n", "Date: alice@x.example\r\n", "Message-ID: alice@x.example\r\n",
                            "Message-ID: <1@x.example> alice@x.example\r\n", "Message-ID: <1@x.example, alice@x.example>\r\n"})
    report.original_header += field;
  const auto mail = write_failure_report(report, {.from = "a@b.example", .to = "c@d.example", .date = {}}, key(), random);
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->find("alice"), std::string::npos);
}

// RFC 9989 4.7
TEST(ArfWriting, WhoWantsOne) {
  const auto wants = [](const std::string& tags, const FailureFacts& facts) {
    return wants_failure_report(parse_dmarc_record("v=DMARC1; p=none; ruf=mailto:f@x.example" + tags).value(), facts);
  };
  const FailureFacts nothing{.dkim_failed = true, .spf_failed = true}, one{.dkim_aligned = true, .spf_failed = true};
  const FailureFacts both{.dkim_aligned = true, .spf_aligned = true};
  EXPECT_TRUE(wants("", nothing));
  EXPECT_FALSE(wants("", one));
  EXPECT_TRUE(wants("; fo=1", one));
  EXPECT_FALSE(wants("; fo=1", both));
  EXPECT_TRUE(wants("; fo=s", one));
  EXPECT_FALSE(wants("; fo=d", one));
  EXPECT_TRUE(wants("; fo=d:s", nothing));
  EXPECT_FALSE(wants("; psd=y", nothing));  // RFC 9991 2
  EXPECT_FALSE(wants_failure_report(parse_dmarc_record("v=DMARC1; p=none").value(), nothing));
}

}  // namespace
}  // namespace postern
