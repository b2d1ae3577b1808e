// Lines stay small whatever a client sends: vault/audit_line.hpp says how.
#include <gtest/gtest.h>

#include "crypto/hmac.hpp"
#include "vault/audit_line.hpp"
#include "vault/audit_weight.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

/// Of the frame around data.
constexpr std::size_t kFrame = 16UL * 1024;

struct Scene {
  AuditMask mask{Bytes(32, 1)};
  AuditDeviceOptions look;
  Request request;
  AuditMount mount;
  AuditCaller caller;
  json::object answer, auth;

  Scene() { request.path = "secret/data/x"; }
  std::string request_text() {
    std::string out;
    const AuditExchange exchange{request, Operation::Update, &caller, mount, {}, nullptr, nullptr, nullptr, {}, {}};
    AuditLine(out, mask, look, exchange).write_request();
    return out;
  }
  json::object request_line() { return json::parse(request_text()).as_object(); }
  std::string response_text(Operation operation = Operation::Update) {
    std::string out;
    const AuditExchange exchange{request, operation, &caller, mount, {}, &answer, auth.empty() ? nullptr : &auth, nullptr, {}, {}};
    AuditLine(out, mask, look, exchange).write_response();
    return out;
  }
};

json::string masked(std::string_view text) { return json::string("hmac-sha256:" + hex_encode(hmac_sha256(Bytes(32, 1), as_bytes(text)))); }
json::string masked_json(const json::value& value) { return masked(json::serialize(value)); }

json::array empty_strings(std::size_t count) {
  json::array out;
  out.resize(count, json::value(""));
  return out;
}

TEST(AuditBounds, AListThatIsTooLargeIsOneMaskAndItsNeighboursStay) {
  Scene scene;
  scene.request.data = {{"small", "s"}, {"huge", empty_strings(1'000'000)}, {"number", 7}, {"after", {"a"}}};
  const std::string text = scene.request_text();
  EXPECT_LT(text.size(), kFrame);
  const json::object data = json::parse(text).at("request").at("data").as_object();
  EXPECT_EQ(data.at("small"), masked("s"));
  EXPECT_EQ(data.at("huge"), masked_json(scene.request.data.at("huge")));
  EXPECT_EQ(data.at("number"), 7);
  EXPECT_EQ(data.at("after"), (json::array{masked("a")}));
}

TEST(AuditBounds, WhoComesFirstIsShown) {
  Scene scene;
  const json::array part = empty_strings(kAuditData / 79 * 2 / 3);
  scene.request.data = {{"first", part}, {"second", part}, {"third", "t"}};
  const std::string text = scene.request_text();
  EXPECT_LT(text.size(), kAuditData + kFrame);
  const json::object data = json::parse(text).at("request").at("data").as_object();
  EXPECT_EQ(data.at("first").as_array().size(), part.size());
  EXPECT_EQ(data.at("second"), masked_json(part));
  EXPECT_EQ(data.at("third"), masked("t"));
}

TEST(AuditBounds, TooManyKeysAreOneMask) {
  Scene scene;
  for (int i = 0; i < 20'000; ++i) scene.request.data[std::to_string(i)] = "";
  const json::object line = scene.request_line();
  EXPECT_EQ(json::serialize(line.at("request").at("data")), json::serialize(json::object{{"too_large", masked_json(scene.request.data)}}));
}

TEST(AuditBounds, EveryShapeStaysBelow) {
  const auto nested = [](std::size_t depth) {
    json::value out = empty_strings(100'000);
    for (std::size_t i = 0; i < depth; ++i) out = i % 2 ? json::value(json::object{{"k", out}}) : json::value(json::array{out});
    return out;
  };
  json::object keys;
  for (int i = 0; i < 50'000; ++i) keys["\x01\x02\"" + std::to_string(i)] = i;
  const std::vector<json::object> bodies{{{"a", nested(1)}},
                                         {{"a", nested(60)}},
                                         {{"a", nested(70)}},
                                         {{"a", keys}},
                                         keys,
                                         {{std::string(2'000'000, 'k'), 1}},
                                         {{"a", std::string(20'000'000, 'x')}},
                                         {{"a", {{"plain", std::string(2'000'000, '\x01')}}}}};
  const std::vector<std::string> plain{"plain"};
  for (const bool raw : {false, true}) {
    for (const json::object& body : bodies) {
      Scene scene;
      scene.look.log_raw = raw;
      scene.mount.plain_request_keys = scene.mount.plain_response_keys = &plain;
      scene.request.data = body;
      scene.answer = body;
      for (const std::string& text : {scene.request_text(), scene.response_text()}) {
        EXPECT_LT(text.size(), 2 * kAuditData + kFrame);
        boost::system::error_code error;
        (void)json::parse(text, error, {}, {.max_depth = 100});
        EXPECT_FALSE(error) << error.message();
      }
    }
  }
}

TEST(AuditBounds, AValueThatJustFitsIsShown) {
  Scene scene;
  scene.request.data = {{"v", empty_strings((kAuditData - 16) / 79)}};
  EXPECT_TRUE(scene.request_line().at("request").at("data").at("v").is_array());
  scene.request.data = {{"v", empty_strings(kAuditData / 79 + 1)}};
  EXPECT_TRUE(scene.request_line().at("request").at("data").at("v").is_string());
}

TEST(AuditBounds, ElidedListsCountAsTheirLength) {
  Scene scene;
  scene.look.elide_list_responses = true;
  scene.answer = {{"keys", empty_strings(1'000'000)}, {"more", empty_strings(1'000'000)}};
  const json::value data = json::parse(scene.response_text(Operation::List)).at("response").at("data");
  EXPECT_EQ(data.at("keys"), 1'000'000);
  EXPECT_TRUE(data.at("more").is_string());
}

TEST(AuditBounds, TheEnvelopeToo) {
  Scene scene;
  scene.caller.policies.assign(100'000, "p");
  scene.auth = {{"client_token", "t"}, {"policies", {"default"}}, {"metadata", {{"m", std::string(1'000'000, 'x')}}}};
  const std::string text = scene.response_text();
  EXPECT_LT(text.size(), kFrame);
  const json::object line = json::parse(text).as_object();
  EXPECT_TRUE(line.at("auth").at("policies").is_string());
  EXPECT_EQ(json::serialize(line.at("response").at("auth").at("policies")), R"(["default"])");
  EXPECT_EQ(line.at("response").at("auth").at("metadata"), masked_json(scene.auth.at("metadata")));
}

TEST(AuditBounds, TheEstimateIsFromAbove) {
  const json::value value{{"a", {1, -1.5e300, nullptr, true, "x", {{"b", "\x01\"\\"}}}}, {"\n", 18446744073709551615ULL}};
  for (const bool raw : {false, true}) {
    Scene scene;
    scene.look.log_raw = raw;
    scene.request.data = {{"v", value}};
    AuditWeight weight(nullptr, raw, kAuditData);
    ASSERT_TRUE(weight.take(value, false, 1));
    EXPECT_GE(kAuditData - weight.left(), json::serialize(scene.request_line().at("request").at("data").at("v")).size());
  }
}

}  // namespace
}  // namespace postern::vault
