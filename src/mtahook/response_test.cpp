#include "mtahook/response.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace postern::mtahook {
namespace {

boost::json::value written(const Response& response) { return boost::json::parse(write_response(response).value()); }
std::string fault(const Response& response) {
  const auto text = write_response(response);
  return text ? "written" : text.error().field;
}

TEST(MtaHookResponse, Accept) { EXPECT_EQ(write_response(Accept{}).value(), R"({"action":"accept"})"); }

TEST(MtaHookResponse, RejectInTheSpellingOfTheSource) {
  EXPECT_EQ(written(Reject{550, "5.1.1", "no such mailbox", false}),
            boost::json::parse(R"({"action":"reject","response":{"status":550,"enhanced_status":"5.1.1","message":"no such mailbox",
                                   "disconnect":false}})"));
  EXPECT_EQ(written(Reject{421, "4.3.2", "later", true}).at("response").at("disconnect").as_bool(), true);
}

TEST(MtaHookResponse, ARefusalIsARefusal) {
  EXPECT_EQ(fault(Reject{250, "2.0.0", "ok", false}), "response.status");
  EXPECT_EQ(fault(Reject{600, "6.0.0", "x", false}), "response.status");
  for (const char* status : {"", "4.1.1", "5.1", "5.1.1.1", "5.1.x", "5..1", "5.1.1000"})
    EXPECT_EQ(fault(Reject{550, status, "x", false}), "response.enhanced_status") << status;
  for (const std::string& message : {std::string(), std::string("a\r\n250 ok"), std::string("gr\xC3\xBCn"), std::string(481, 'x')})
    EXPECT_EQ(fault(Reject{550, "5.7.1", message, false}), "response.message");
}

}  // namespace
}  // namespace postern::mtahook
