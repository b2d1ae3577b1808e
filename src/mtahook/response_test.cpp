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
std::string fault_of(Modification one) { return fault(Accept{{std::move(one)}}); }

TEST(MtaHookResponse, Accept) { EXPECT_EQ(write_response(Accept{}).value(), R"({"action":"accept"})"); }

TEST(MtaHookResponse, RejectInTheSpellingOfTheSource) {
  EXPECT_EQ(written(Reject{550, "5.1.1", "no such mailbox", false}),
            boost::json::parse(R"({"action":"reject","response":{"status":550,"enhanced_status":"5.1.1","message":"no such mailbox",
                                   "disconnect":false}})"));
  EXPECT_EQ(written(Reject{421, "4.3.2", "later", true}).at("response").at("disconnect").as_bool(), true);
}

TEST(MtaHookResponse, EveryModification) {
  const Accept accept{{AddHeader{"X-A", "1"}, InsertHeader{0, "X-B", "2"}, ChangeHeader{1, "X-C", "3"}, DeleteHeader{2, "X-D"},
                       AddRecipient{"a@example.org"}, DeleteRecipient{"b@example.org"}, ChangeFrom{""}}};
  EXPECT_EQ(written(accept), boost::json::parse(R"({"action":"accept","modifications":[
    {"type":"addHeader","name":"X-A","value":"1"},
    {"type":"insertHeader","index":0,"name":"X-B","value":"2"},
    {"type":"changeHeader","index":1,"name":"X-C","value":"3"},
    {"type":"deleteHeader","index":2,"name":"X-D"},
    {"type":"addRecipient","value":"a@example.org","parameters":{}},
    {"type":"deleteRecipient","value":"b@example.org"},
    {"type":"changeFrom","value":"","parameters":{}}]})"));
}

TEST(MtaHookResponse, ARefusalIsARefusal) {
  EXPECT_EQ(fault(Reject{250, "2.0.0", "ok", false}), "response.status");
  EXPECT_EQ(fault(Reject{600, "6.0.0", "x", false}), "response.status");
  for (const char* status : {"", "4.1.1", "5.1", "5.1.1.1", "5.1.x", "5..1", "5.1.1000"})
    EXPECT_EQ(fault(Reject{550, status, "x", false}), "response.enhanced_status") << status;
  for (const std::string& message : {std::string(), std::string("a\r\n250 ok"), std::string("gr\xC3\xBCn"), std::string(481, 'x')})
    EXPECT_EQ(fault(Reject{550, "5.7.1", message, false}), "response.message");
}

TEST(MtaHookResponse, NoValueBecomesTwoFields) {
  EXPECT_EQ(fault_of(AddHeader{"X", "a\r\nBcc: b"}), "modifications[0].value");
  EXPECT_EQ(fault_of(InsertHeader{0, "X: y\r\nZ", "a"}), "modifications[0].name");
  EXPECT_EQ(fault_of(ChangeHeader{0, "", "a"}), "modifications[0].name");
  EXPECT_EQ(fault_of(DeleteHeader{0, "\xC3\xBC"}), "modifications[0].name");
  EXPECT_EQ(fault_of(AddHeader{"X", "\xFF"}), "modifications[0].value");
  EXPECT_EQ(fault_of(AddRecipient{""}), "modifications[0].value");
  EXPECT_EQ(fault_of(DeleteRecipient{"<a@b>"}), "modifications[0].value");
  EXPECT_EQ(fault_of(ChangeFrom{"a@b\r\n"}), "modifications[0].value");
}

}  // namespace
}  // namespace postern::mtahook
