#include "gateway/dsn.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "mime/message.hpp"

namespace postern::gateway {
namespace {

DsnRequest request() {
  DsnRequest r;
  r.hostname = "mail.postern.example";
  r.to = "sender@x.example";
  r.envelope_id = "QQ314159";
  r.message = MessageId("01ARZ3NDEKTSV4RRFFQ69G5FAV");
  r.arrival = wall_from_millis(1795308067123);
  r.now = wall_from_millis(1795311667123);
  r.original = "From: sender@x.example\r\nSubject: plan\r\n\r\nsecret body\r\n";
  r.recipients = {{"user@y.example",
                   "rfc822;User@y.example",
                   DsnAction::Failed,
                   "5.1.1",
                   "550 5.1.1 no such user\r\nX-Injected: yes",
                   true,
                   "mx.y.example",
                   {}}};
  return r;
}

TEST(Dsn, FailedReportHasItsThreeParts) {  // RFC 3464 2, RFC 6522 3
  FixedRandom random;
  const auto dsn = make_dsn(request(), random);
  ASSERT_TRUE(dsn) << dsn.error().text();
  const auto view = MessageView::parse(*dsn);
  ASSERT_TRUE(view);
  EXPECT_NE(view->value("Content-Type").find("report-type=delivery-status"), std::string::npos);
  EXPECT_EQ(view->value("Auto-Submitted"), "auto-replied");
  for (const char* line :
       {"Original-Envelope-Id: QQ314159\r\n", "Reporting-MTA: dns; mail.postern.example\r\n", "Final-Recipient: rfc822; user@y.example\r\n",
        "Original-Recipient: rfc822;User@y.example\r\n", "Action: failed\r\n", "Status: 5.1.1\r\n", "Remote-MTA: dns; mx.y.example\r\n",
        "Content-Type: text/rfc822-headers\r\n"}) {
    EXPECT_NE(dsn->find(line), std::string::npos) << line;
  }
  EXPECT_EQ(dsn->find("secret body"), std::string::npos) << "RET=HDRS returns no content";
  EXPECT_EQ(dsn->find("\nX-Injected"), std::string::npos) << "a next hop's words cannot add fields";
}

TEST(Dsn, FullReturnsTheMessageOnlyOnFailureAndWithinTheLimit) {  // RFC 3461 4.3
  FixedRandom random;
  auto r = request();
  r.return_full = true;
  EXPECT_NE(make_dsn(r, random)->find("secret body"), std::string::npos);
  r.recipients[0].action = DsnAction::Delayed;
  r.recipients[0].retry_until = r.now;
  const auto delayed = make_dsn(r, random);
  EXPECT_EQ(delayed->find("secret body"), std::string::npos);
  EXPECT_NE(delayed->find("Will-Retry-Until: "), std::string::npos);
  r = request();
  r.return_full = true;
  const std::string large = std::string(r.original) + std::string(65 * 1024, 'x');
  r.original = large;
  EXPECT_EQ(make_dsn(r, random)->find("secret body"), std::string::npos);
}

TEST(Dsn, NullPathGetsNone) {  // RFC 5321 6.1
  FixedRandom random;
  auto r = request();
  r.to.clear();
  EXPECT_FALSE(make_dsn(r, random));
}

TEST(Dsn, Utf8AddressesUseTheGlobalTypes) {  // RFC 6533
  FixedRandom random;
  auto r = request();
  r.recipients[0].final_recipient = "gr\xC3\xBC\xC3\x9F@y.example";
  const auto dsn = make_dsn(r, random);
  ASSERT_TRUE(dsn) << dsn.error().text();
  EXPECT_NE(dsn->find("message/global-delivery-status"), std::string::npos);
  EXPECT_NE(dsn->find("Final-Recipient: utf-8; "), std::string::npos);
}

}  // namespace
}  // namespace postern::gateway
