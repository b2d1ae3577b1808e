// What an MTA is told by its hook: refusals as the protocol has them.
#include "gateway/mta_hook.hpp"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

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
