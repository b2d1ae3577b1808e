// A draft's form, out and in again: what nobody changes stays.
#include "api/x400_draft.hpp"

#include <boost/json.hpp>

#include "cabinet/testing/mailbox.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using namespace cabinet::testing;

class X400Draft : public Mailbox {
 protected:
  Status read(const char* body, cabinet::Request& out) { return read_draft(json::parse(body).as_object(), *cabinet, out); }
  static ipm::IPMIdentifier identifier(const char* local, bool has_user) {
    ipm::IPMIdentifier out;
    if (has_user) out.user = cabinet::name_in(kOther, "").value();
    out.user_relative_identifier = asn1::PrintableString(local);
    return out;
  }
};

/// Others write identifiers that could not be given here: outside of PrintableString, like an id of ours, without a local part.
TEST_F(X400Draft, AReferenceThatIsShownIsTakenBackAsItWas) {
  for (const auto& [local, has_user] :
       {std::pair{"a@b", true}, {"a\tb", true}, {"", true}, {"01M88W6S9KY1TVJYDTRKG2AE8C", false}, {"Plan of the day", false}}) {
    cabinet::Request request = to(kOther);
    request.heading.related = {identifier(local, has_user)};
    request.heading.replied_to = request.heading.related.front();
    const cabinet::HeadingOptions before = request.heading;
    const json::object form = json_of(cabinet::Cabinet::Draft{{}, request}, {});
    ASSERT_TRUE(read_draft({{"related", form.at("related")}, {"reply_to", form.at("reply_to")}}, *cabinet, request)) << local;
    EXPECT_EQ(request.heading, before) << local;
  }
  cabinet::Request fresh = to(kOther);
  EXPECT_EQ(read(R"({"related":["a@b"]})", fresh).error().field, "related");
}

TEST_F(X400Draft, AGivenContentTakesThePlaceOfTheHeading) {
  cabinet::Request request = to(kOther);
  request.heading.sensitivity = ipm::SensitivityField::Private;
  request.heading.expires = 1'900'000'000;
  ASSERT_TRUE(read(R"({"content":{"base64":"AQID","type":"1.3.6.1.4.1.55555.1"}})", request));
  EXPECT_TRUE(cabinet->create(request, alice));
  EXPECT_TRUE(json_of(cabinet::Cabinet::Draft{{}, request}, ipm::MessageView{.parts = {{}, {}}}).at("attachments").as_array().empty());
  cabinet::Request both = to(kOther);
  ASSERT_TRUE(read(R"({"content":{"base64":"AQID"},"sensitivity":"private"})", both));
  EXPECT_EQ(cabinet->create(both, alice).error().field, "content") << "that of this body counts";
}

}  // namespace
}  // namespace postern::api
