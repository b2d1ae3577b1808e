// What an MTA is told by its hook: addresses as it writes them, refusals as the protocol has them.
#include "gateway/mta_hook.hpp"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

std::string told(std::string_view address) {
  const auto mailbox = told_mailbox(address);
  return mailbox ? mailbox->text() : "none";
}

TEST(MtaHookAddress, QuotesThatTheMtaTookOffArePutBack) {
  EXPECT_EQ(told("a@example.org"), "a@example.org");
  EXPECT_EQ(told("a b@example.org"), R"("a b"@example.org)");
  EXPECT_EQ(told("a@b@example.org"), R"("a@b"@example.org)");
  EXPECT_EQ(told(R"(a"\@example.org)"), R"("a\"\\"@example.org)");
  EXPECT_EQ(told(R"("a b"@example.org)"), R"("a b"@example.org)");
  EXPECT_EQ(told("gr\xC3\xBCn@[192.0.2.1]"), "gr\xC3\xBCn@[192.0.2.1]");
}

TEST(MtaHookAddress, WhatIsNone) {
  for (const char* address : {"", "a", "@", "@example.org", "a b@", "a@exa mple.org", "a b@exa mple.org", "a\xFF@example.org"})
    EXPECT_EQ(told(address), "none") << address;
  EXPECT_EQ(told(std::string(65, ' ') + "@example.org"), "none");  // RFC 5321 4.5.3.1.1
}

/// A refusal that could not be written would be an error of HTTP, and the MTA would defer what is refused for good.
TEST(MtaHookRefusal, AlwaysCanBeWritten) {
  for (const smtp::Reply& reply :
       {smtp::Reply{550, {5, 7, 1}, "no"}, smtp::Reply{550, {5, 7, 23}, std::string(5000, 'x')}, smtp::Reply{554, {}, ""},
        smtp::Reply{451, {4, 4, 3}, "a\r\n250 b"}, smtp::Reply{421, {5, 0, 0}, "gr\xC3\xBCn\x7F"}, smtp::Reply{599, {5, 999, 999}, "x"}}) {
    const auto text = mtahook::write_response(reject_of(reply));
    EXPECT_TRUE(text) << reply.text() << ": " << text.error().text();
  }
}

TEST(MtaHookRefusal, SaysWhatWasSaid) {
  const auto reject = reject_of({550, {5, 1, 1}, "there is no mailbox of that name here"});
  EXPECT_EQ(reject.status, 550);
  EXPECT_EQ(reject.enhanced_status, "5.1.1");
  EXPECT_EQ(reject.message, "there is no mailbox of that name here");
  EXPECT_FALSE(reject.disconnect);
  EXPECT_EQ(reject_of({421, {5, 3, 2}, "later"}).enhanced_status, "4.0.0");
  EXPECT_TRUE(reject_of({421, {4, 3, 2}, "later"}).disconnect);
  EXPECT_TRUE(reject_of({550, {5, 7, 1}, std::string(1000, 'x')}).message.ends_with("..."));
}

}  // namespace
}  // namespace postern::gateway
