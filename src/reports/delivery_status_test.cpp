#include "reports/delivery_status.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

// After RFC 3464, Appendix E.
const std::string kStatus =
    "Reporting-MTA: dns; cs.utk.example\r\nOriginal-Envelope-Id: QQ314159\r\nReceived-From-MTA: smtp; a.example\r\n\r\n"
    "Original-Recipient: rfc822;louisl@larry.slip.umd.example\r\nFinal-Recipient: rfc822;louisl@larry.slip.umd.example\r\nAction: "
    "Failed\r\n"
    "Status: 4.0.0\r\nDiagnostic-Code: smtp; 426 connection\r\n timed out\r\nLast-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n\r\n"
    "Final-Recipient: rfc822; second@x.example\r\nAction: delivered\r\nStatus: 2.0.0 (fine)\r\nRemote-MTA: dns; mx.x.example\r\n";

std::string report(const std::string& status, const std::string& type = "message/delivery-status") {
  return "From: mailer@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; "
         "boundary=\"b\"\r\n\r\n"
         "--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: " +
         type + "\r\n\r\n" + status + "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody\r\n--b--\r\n";
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

TEST(DeliveryStatus, MessageAndRecipients) {
  const auto read = parse_delivery_status(report(kStatus));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->reporting_mta, "cs.utk.example");
  EXPECT_EQ(read->envelope_id, "QQ314159");
  ASSERT_EQ(read->recipients.size(), 2U);
  EXPECT_EQ(read->recipients[0].final_recipient, "louisl@larry.slip.umd.example");
  EXPECT_EQ(read->recipients[0].final_recipient_type, "rfc822");
  EXPECT_EQ(read->recipients[0].original_recipient_type, "rfc822");
  EXPECT_EQ(read->recipients[1].original_recipient_type, "");
  EXPECT_EQ(read->recipients[0].action, "failed");
  EXPECT_EQ(read->recipients[0].diagnostic_code, "smtp; 426 connection timed out");
  EXPECT_EQ(read->recipients[1].status, "2.0.0");
  EXPECT_EQ(read->recipients[1].remote_mta, "mx.x.example");
  EXPECT_TRUE(parse_delivery_status(report(kStatus, "message/global-delivery-status")));
}

// RFC 6533 3: who shows the address decodes it.
TEST(DeliveryStatus, AddressesOfTypeUtf8StayAsWritten) {
  const auto read =
      parse_delivery_status(report(replaced(kStatus, "rfc822; second@x", "UTF-8 ; b\\x{FC}b@x"), "message/global-delivery-status"));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->recipients[1].final_recipient_type, "utf-8");
  EXPECT_EQ(read->recipients[1].final_recipient, "b\\x{FC}b@x.example");
}

TEST(DeliveryStatus, WhatIsWrongIsNamed) {
  const auto field = [](const std::string& message) {
    const auto read = parse_delivery_status(message);
    return read ? std::string("nothing") : read.error().field;
  };
  EXPECT_EQ(field("From: a@b\r\n\r\nnot a report\r\n"), "Content-Type");
  EXPECT_EQ(field(report("Reporting-MTA: dns; x\r\n")), "recipient");
  EXPECT_EQ(field(report(replaced(kStatus, "Action: Failed", "Action: exploded"))), "recipient[0].Action");
  EXPECT_EQ(field(report(replaced(kStatus, "4.0.0", "4.0"))), "recipient[0].Status");
  EXPECT_EQ(field(report(replaced(kStatus, "4.0.0", "9.0.0"))), "recipient[0].Status");
  EXPECT_EQ(field(report(replaced(kStatus, "Final-Recipient: rfc822; second@x.example\r\n", ""))), "recipient[1].Final-Recipient");
  std::string many = "Reporting-MTA: dns; x\r\n";
  for (int i = 0; i <= 10'000; ++i) many += "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.0.0\r\n";
  EXPECT_EQ(field(report(many)), "recipient");
}

TEST(DeliveryStatus, AReportWithinAReturnedMessageIsNotThisOne) {
  const std::string outer = "Content-Type: multipart/mixed; boundary=\"o\"\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n" +
                            report(kStatus) + "\r\n--o--\r\n";
  EXPECT_FALSE(parse_delivery_status(outer));
}

}  // namespace
}  // namespace postern
