#include "vault/audit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "vault/audit_line.hpp"
#include "vault/testing/slow_sink.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

class MemorySink final : public AuditSink {
 public:
  Status write(std::string_view line) override {
    if (broken) return fail(ErrorCode::Unavailable, "broken on purpose");
    const std::lock_guard lock(m_mutex);
    lines.emplace_back(line);
    return {};
  }
  std::vector<std::string> lines;
  std::atomic<bool> broken{false};

 private:
  std::mutex m_mutex;
};

Bytes salt_of(Byte fill) { return Bytes(32, fill); }

AuditDeviceOptions device(std::string path = "file/", Byte salt = 1) {
  AuditDeviceOptions options;
  options.path = std::move(path);
  options.type = "file";
  options.salt = SecretBytes(salt_of(salt));
  return options;
}

std::string masked(std::string_view text, Byte salt = 1) { return "hmac-sha256:" + hex_encode(hmac_sha256(salt_of(salt), as_bytes(text))); }

json::string mask_of(std::string_view text, Byte salt = 1) { return json::string(masked(text, salt)); }

/// An encrypt request by a token, and everything that stands around it.
struct Scene {
  Request request;
  AuditCaller caller;
  AuditMount mount{"transit/", "transit", "transit_1a2b3c4d"};
  json::object response_data;
  Scene() {
    request.id = "7c8e3f8e-0000-4000-8000-000000000001";
    request.path = "transit/encrypt/dkim_key";
    request.token = "s.PLANTEDtoken";
    request.remote_address = "192.0.2.7";
    request.remote_port = 41000;
    request.data = {{"plaintext", "PLANTEDplain"}, {"key_version", 3}, {"derived", false}};
    caller.token = "s.PLANTEDtoken";
    caller.accessor = "PLANTEDaccessor";
    caller.display_name = "approle";
    caller.entity_id = "entity-1";
    caller.token_type = "service";
    caller.policies = {"default", "mail"};
    caller.granting_policies = {"mail"};
    caller.allowed = true;
    caller.ttl_seconds = 3600;
    caller.issue_time = "2026-11-22T00:00:00Z";
    response_data = {{"ciphertext", "vault:v1:PLANTED"}, {"key_version", 1}};
  }
  [[nodiscard]] AuditExchange exchange() const {
    AuditExchange out{request, Operation::Update, &caller, mount, wall_from_millis(1795308067120), nullptr, nullptr, nullptr, {}, {}};
    return out;
  }
};

struct Bench {
  AuditBroker broker;
  std::shared_ptr<MemorySink> sink = std::make_shared<MemorySink>();
  explicit Bench(AuditDeviceOptions options = device()) { EXPECT_TRUE(broker.add(std::move(options), sink)); }
  std::string request(const AuditExchange& exchange) {
    EXPECT_TRUE(broker.record_request(exchange));
    return sink->lines.back();
  }
  std::string response(const AuditExchange& exchange) {
    EXPECT_TRUE(broker.record_response(exchange));
    return sink->lines.back();
  }
};

json::object parsed(const std::string& line) { return json::parse(line).as_object(); }

TEST(Audit, RequestLineIsVaults) {
  Bench bench;
  EXPECT_EQ(bench.request(Scene().exchange()),
            R"({"time":"2026-11-22T00:41:07.12Z","type":"request","auth":{"client_token":")" + masked("s.PLANTEDtoken") +
                R"(","accessor":")" + masked("PLANTEDaccessor") +
                R"(","display_name":"approle","policies":["default","mail"],"token_policies":["default","mail"],)"
                R"("policy_results":{"allowed":true,"granting_policies":[{"name":"mail","namespace_id":"root","type":"acl"}]},)"
                R"("entity_id":"entity-1","token_type":"service","token_ttl":3600,"token_issue_time":"2026-11-22T00:00:00Z"},)"
                R"("request":{"id":"7c8e3f8e-0000-4000-8000-000000000001","operation":"update","mount_point":"transit/",)"
                R"("mount_type":"transit","mount_accessor":"transit_1a2b3c4d","mount_class":"secret","client_token":")" +
                masked("s.PLANTEDtoken") + R"(","client_token_accessor":")" + masked("PLANTEDaccessor") +
                R"(","namespace":{"id":"root"},"path":"transit/encrypt/dkim_key","data":{"plaintext":")" + masked("PLANTEDplain") +
                R"(","key_version":3,"derived":false},"remote_address":"192.0.2.7","remote_port":41000}})"
                "\n");
}

TEST(Audit, ResponseLineHasRequestAndAnswer) {
  Bench bench;
  Scene scene;
  AuditExchange exchange = scene.exchange();
  exchange.response_data = &scene.response_data;
  exchange.warnings = {"old"};
  const json::object line = parsed(bench.response(exchange));
  EXPECT_EQ(line.at("type"), "response");
  EXPECT_EQ(line.at("request").at("data").at("plaintext"), mask_of("PLANTEDplain"));
  EXPECT_EQ(
      json::serialize(line.at("response")),
      R"({"mount_point":"transit/","mount_type":"transit","mount_accessor":"transit_1a2b3c4d","mount_class":"secret","data":{"ciphertext":")" +
          masked("vault:v1:PLANTED") + R"(","key_version":1},"warnings":["old"]})");
  EXPECT_FALSE(line.contains("error"));
}

TEST(Audit, LoginAnswerAndWrapInfoHideTheirTokens) {
  Bench bench;
  Scene scene;
  const json::object auth{{"client_token", "PLANTED1"},
                          {"accessor", "PLANTED2"},
                          {"policies", {"default"}},
                          {"token_policies", {"default"}},
                          {"metadata", {{"username", "alice"}}},
                          {"lease_duration", 60},
                          {"entity_id", ""},
                          {"token_type", "service"},
                          {"unknown", "PLANTED3"},
                          {"num_uses", 0}};
  const json::object wrap{{"token", "PLANTED4"},
                          {"accessor", "PLANTED5"},
                          {"ttl", 300},
                          {"creation_time", "2026-11-22T00:41:07Z"},
                          {"creation_path", "sys/wrapping/wrap"},
                          {"wrapped_accessor", "PLANTED6"}};
  AuditExchange exchange = scene.exchange();
  exchange.caller = nullptr;
  exchange.response_auth = &auth;
  exchange.response_wrap = &wrap;
  const std::string text = bench.response(exchange);
  EXPECT_EQ(text.find("PLANTED"), std::string::npos) << text;
  const json::object line = parsed(text);
  EXPECT_EQ(json::serialize(line.at("auth")), R"({"token_type":"default"})");
  EXPECT_EQ(
      json::serialize(line.at("response").at("auth")),
      R"({"client_token":")" + masked("PLANTED1") + R"(","accessor":")" + masked("PLANTED2") +
          R"(","policies":["default"],"token_policies":["default"],"metadata":{"username":"alice"},"token_type":"service","token_ttl":60})");
  EXPECT_EQ(json::serialize(line.at("response").at("wrap_info")),
            R"({"ttl":300,"token":")" + masked("PLANTED4") + R"(","accessor":")" + masked("PLANTED5") +
                R"(","creation_time":"2026-11-22T00:41:07Z","creation_path":"sys/wrapping/wrap","wrapped_accessor":")" +
                masked("PLANTED6") + R"("})");
}

TEST(Audit, NoStringOfDataIsEverInClear) {
  Bench bench;
  Scene scene;
  json::value deep = "PLANTEDdeep";
  for (int i = 0; i < 200; ++i) deep = i % 2 ? json::value(json::object{{"k", deep}}) : json::value(json::array{deep});
  scene.request.data = {{"a", "PLANTED"},
                        {"list", {"PLANTED", {"PLANTED", {{"key", "PLANTED"}}}, 1, nullptr, true, 1.5}},
                        {"batch_input", {{{"plaintext", "PLANTED"}, {"context", "PLANTED"}}}},
                        {"deep", deep},
                        {"", "PLANTED"}};
  scene.response_data = scene.request.data;
  scene.request.headers = {{"X-Custom", "PLANTED"}, {"x-custom", "PLANTED"}, {"Other", "PLANTED"}};
  AuditExchange exchange = scene.exchange();
  exchange.response_data = &scene.response_data;
  exchange.error = "cannot use \"PLANTED\"";
  for (const std::string& text : {bench.request(exchange), bench.response(exchange)}) {
    EXPECT_EQ(text.find("PLANTED"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), text.size() - 1);
    const json::value line = json::parse(text, {}, {.max_depth = 100});
    EXPECT_EQ(line.at("request").at("data").at("list").at(1).at(1).at("key"), mask_of("PLANTED"));
    EXPECT_EQ(json::serialize(line.at("request").at("data").at("list").at(5)), "1.5E0");
    EXPECT_EQ(line.at("error"), mask_of("cannot use \"PLANTED\""));
    EXPECT_EQ(line.at("request").at("headers").as_object().size(), 2U);
  }
}

TEST(Audit, BelowTheDepthIsOneMaskOfTheText) {
  Bench bench;
  Scene scene;
  json::value inner = json::array{"secret", std::string(3000, 'x')};
  const std::string text = json::serialize(inner);
  for (unsigned i = 1; i < kAuditDepth; ++i) inner = json::array{inner};
  scene.request.data = {{"deep", inner}};
  const std::string line = bench.request(scene.exchange());
  EXPECT_NE(line.find("[\"" + masked(text) + "\"]"), std::string::npos) << line;
}

TEST(Audit, ErrorsOfTheCoreAreReadable) {
  Bench bench;
  Scene scene;
  AuditExchange exchange = scene.exchange();
  exchange.error = "1 error occurred:\n\t* permission denied\n\n";
  EXPECT_EQ(parsed(bench.request(exchange)).at("error"), json::string(exchange.error));
  EXPECT_EQ(parsed(bench.response(exchange)).at("response").at("data").at("error"), mask_of(exchange.error));
  exchange.error = "permission denied: s.PLANTEDtoken";
  EXPECT_EQ(parsed(bench.response(exchange)).at("error"), mask_of(exchange.error));
  const std::vector<std::string> plain{"error"};
  exchange.mount.plain_response_keys = &plain;
  EXPECT_EQ(parsed(bench.response(exchange)).at("error"), json::string(exchange.error));
}

TEST(Audit, PlainKeysOfTheMountHoldForTheNearestKey) {
  Bench bench;
  Scene scene;
  const std::vector<std::string> plain{"open"};
  scene.mount.plain_request_keys = &plain;
  scene.request.data = {{"open", {"x", {{"inner", "y"}}}}, {"shut", {{"open", "z"}}}};
  const json::object line = parsed(bench.request(scene.exchange()));
  EXPECT_EQ(json::serialize(line.at("request").at("data")), R"({"open":["x",{"inner":")" + masked("y") + R"("}],"shut":{"open":"z"}})");
}

TEST(Audit, OptionsOfADevice) {
  AuditDeviceOptions options = device();
  options.hmac_accessor = false;
  options.prefix = "vault: ";
  options.elide_list_responses = true;
  options.plain_headers = {"user-agent"};
  Bench bench(std::move(options));
  Scene scene;
  scene.request.headers = {{"User-Agent", "bao/2.5"}};
  scene.response_data = {{"keys", {"a", "b", "c"}}, {"key_info", {{"a", 1}}}, {"other", {"d"}}};
  AuditExchange exchange = scene.exchange();
  exchange.response_data = &scene.response_data;
  exchange.operation = Operation::List;
  const std::string text = bench.response(exchange);
  ASSERT_TRUE(text.starts_with("vault: {")) << text;
  const json::object line = parsed(text.substr(7));
  EXPECT_EQ(line.at("auth").at("accessor"), "PLANTEDaccessor");
  EXPECT_EQ(line.at("request").at("headers").at("User-Agent").at(0), "bao/2.5");
  EXPECT_EQ(json::serialize(line.at("response").at("data")), R"({"keys":3,"key_info":1,"other":[")" + masked("d") + R"("]})");
  exchange.operation = Operation::Read;  // only lists are elided
  EXPECT_TRUE(parsed(bench.response(exchange).substr(7)).at("response").at("data").at("keys").is_array());
}

TEST(Audit, RawDevicesShowWhatWasSent) {
  AuditDeviceOptions options = device();
  options.log_raw = true;
  Bench bench(std::move(options));
  const json::object line = parsed(bench.request(Scene().exchange()));
  EXPECT_EQ(line.at("request").at("data").at("plaintext"), "PLANTEDplain");
  EXPECT_EQ(line.at("request").at("client_token"), "s.PLANTEDtoken");
}

TEST(Audit, LinesAreValidWhateverStandsInThem) {
  Bench bench;
  Scene scene;
  scene.request.path = "a\"b\\\n\x01\xff";
  scene.request.remote_address.clear();
  scene.request.remote_port = 0;
  scene.request.token.clear();
  scene.request.data = {
      {"k\"\n", json::array()}, {"inf", std::numeric_limits<double>::infinity()}, {"big", ~std::uint64_t{0}}, {"o", json::object()}};
  scene.caller = {};
  scene.caller.policies = {""};
  scene.caller.granting_policies = {""};
  scene.mount = {};
  const std::string text = bench.request(scene.exchange());
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_TRUE(is_utf8(text));
  const json::object line = parsed(text);
  EXPECT_EQ(json::serialize(line.at("request").at("data")), R"({"k\"\n":[],"inf":null,"big":18446744073709551615,"o":{}})");
}

TEST(Audit, TimesAreThoseOfGo) {
  Bench bench;
  Scene scene;
  const auto time_of = [&](std::int64_t ms) {
    AuditExchange exchange = scene.exchange();
    exchange.time = wall_from_millis(ms);
    return std::string(parsed(bench.request(exchange)).at("time").as_string());
  };
  EXPECT_EQ(time_of(1795308067000), "2026-11-22T00:41:07Z");
  EXPECT_EQ(time_of(1795308067100), "2026-11-22T00:41:07.1Z");
  EXPECT_EQ(time_of(1795308067003), "2026-11-22T00:41:07.003Z");
  EXPECT_EQ(time_of(951782399999), "2000-02-28T23:59:59.999Z");
}

TEST(Audit, HashIsWhatStandsInTheLine) {
  Bench bench;
  EXPECT_EQ(bench.broker.hash("file/", "PLANTEDplain"), masked("PLANTEDplain"));
  EXPECT_EQ(bench.broker.hash("file", ""), masked(""));
  EXPECT_EQ(bench.broker.hash("other/", "x").error().code, ErrorCode::NotFound);
}

TEST(Audit, KnownMasksAreRightWhateverCameBefore) {
  Bench bench;
  Scene scene;
  for (int i = 0; i < 1000; ++i) {  // more tokens than are remembered, and each again
    const std::string token = "s.token" + std::to_string(i % 300) + std::string(static_cast<std::size_t>(i % 200), 'x');
    scene.request.token = token;
    ASSERT_EQ(parsed(bench.request(scene.exchange())).at("request").at("client_token"), mask_of(token));
  }
}

TEST(Audit, EachDeviceHasItsSalt) {
  AuditBroker broker;
  const auto one = std::make_shared<MemorySink>(), two = std::make_shared<MemorySink>();
  ASSERT_TRUE(broker.add(device("one/", 1), one));
  ASSERT_TRUE(broker.add(device("two/", 2), two));
  EXPECT_EQ(broker.add(device("two", 3), two).error().code, ErrorCode::Conflict);
  ASSERT_TRUE(broker.record_request(Scene().exchange()));
  EXPECT_EQ(parsed(one->lines.at(0)).at("auth").at("accessor"), mask_of("PLANTEDaccessor", 1));
  EXPECT_EQ(parsed(two->lines.at(0)).at("auth").at("accessor"), mask_of("PLANTEDaccessor", 2));
}

TEST(Audit, OneOfTwoIsEnoughAndNoneIsRefused) {
  AuditBroker broker;
  const auto one = std::make_shared<MemorySink>(), two = std::make_shared<MemorySink>();
  ASSERT_TRUE(broker.add(device("one/"), one));
  ASSERT_TRUE(broker.add(device("two/"), two));
  one->broken = true;
  EXPECT_TRUE(broker.record_request(Scene().exchange()));
  two->broken = true;
  EXPECT_EQ(broker.record_request(Scene().exchange()).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(broker.record_response(Scene().exchange()).error().code, ErrorCode::Unavailable);
  two->broken = false;
  EXPECT_TRUE(broker.record_response(Scene().exchange()));
  EXPECT_EQ(two->lines.size(), 2U);
  const auto devices = broker.devices();
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].failed, 4U);
  EXPECT_EQ(devices[1].written, 2U);
  broker.allow_none(true);  // says nothing about devices that fail
  one->broken = two->broken = true;
  EXPECT_FALSE(broker.record_request(Scene().exchange()));
}

TEST(Audit, NoDeviceRefusesUnlessToldSo) {
  AuditBroker broker;
  EXPECT_EQ(broker.record_request(Scene().exchange()).error().code, ErrorCode::Unavailable);
  broker.allow_none(true);
  EXPECT_TRUE(broker.record_request(Scene().exchange()));
  broker.allow_none(false);
  ASSERT_TRUE(broker.add(device(), std::make_shared<MemorySink>()));
  EXPECT_TRUE(broker.record_request(Scene().exchange()));
  broker.clear();
  EXPECT_FALSE(broker.record_request(Scene().exchange()));
  EXPECT_EQ(broker.hash("file/", "x").error().code, ErrorCode::NotFound);
  ASSERT_TRUE(broker.add(device(), std::make_shared<MemorySink>()));
  broker.remove("file");
  EXPECT_TRUE(broker.devices().empty());
}

TEST(Audit, DevicesThatCannotBeAreRefused) {
  AuditBroker broker;
  const auto sink = std::make_shared<MemorySink>();
  const auto field_of = [&](auto change) {
    AuditDeviceOptions options = device();
    change(options);
    const Status status = broker.add(std::move(options), sink);
    return status ? std::string("accepted") : status.error().field;
  };
  EXPECT_EQ(field_of([](auto& o) { o.salt = SecretBytes(Bytes(16, 1)); }), "salt");
  EXPECT_EQ(field_of([](auto& o) { o.path = "/"; }), "path");
  EXPECT_EQ(field_of([](auto& o) { o.path = "a\nb"; }), "path");
  EXPECT_EQ(field_of([](auto& o) { o.prefix = "a\nb"; }), "prefix");
  EXPECT_EQ(broker.add(device(), nullptr).error().field, "type");
}

TEST(Audit, ManyThreadsWriteWholeLinesWhileDevicesComeAndGo) {
  Bench bench;
  constexpr int kThreads = 4, kLines = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      Scene scene;
      scene.request.token = "s.thread" + std::to_string(t);
      for (int i = 0; i < kLines; ++i) {
        if (!bench.broker.record_request(scene.exchange())) std::abort();
      }
    });
  }
  const auto other = std::make_shared<MemorySink>();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(bench.broker.add(device("other/", 9), other));
    (void)bench.broker.hash("other/", "x");
    bench.broker.remove("other/");
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(bench.sink->lines.size(), static_cast<std::size_t>(kThreads * kLines));
  std::map<std::string, int> seen;
  for (const std::string& line : bench.sink->lines) ++seen[std::string(parsed(line).at("request").at("client_token").as_string())];
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(seen[masked("s.thread" + std::to_string(t))], kLines);
}

TEST(AuditReceipt, WaitsForTheDevicesThatHaveNotRecordedYet) {
  using State = AuditReceipt::State;
  AuditBroker broker;
  const auto slow = std::make_shared<testing::SlowSink>();
  ASSERT_TRUE(broker.add(device("slow/"), slow));
  const Scene scene;
  AuditReceipt receipt;
  EXPECT_TRUE(receipt.settled());
  ASSERT_TRUE(broker.record_request(scene.exchange(), &receipt));
  ASSERT_TRUE(broker.record_response(scene.exchange(), &receipt));
  EXPECT_EQ(slow->offered(), 2U);
  EXPECT_FALSE(receipt.settled());
  EXPECT_EQ(receipt.look(), State::Waiting);
  int rung = 0;
  receipt.ring_when_further([&] { ++rung; });
  ASSERT_EQ(slow->bells(), 1U);
  slow->record(1);
  EXPECT_EQ(rung, 1);
  EXPECT_EQ(receipt.look(), State::Waiting);
  slow->record(2);
  EXPECT_EQ(receipt.look(), State::Recorded);
  receipt.ring_when_further([&] { ++rung; });
  EXPECT_EQ(rung, 2);  // at once: there was nothing to wait for any more
}

TEST(AuditReceipt, OneDeviceIsEnoughAndNoneIsAFailure) {
  using State = AuditReceipt::State;
  AuditBroker broker;
  const auto slow = std::make_shared<testing::SlowSink>();
  ASSERT_TRUE(broker.add(device("slow/"), slow));
  const Scene scene;
  AuditReceipt alone;
  ASSERT_TRUE(broker.record_response(scene.exchange(), &alone));
  slow->fail_silently();
  EXPECT_EQ(alone.look(), State::Failed);
  slow->fail_silently(false);
  const auto quick = std::make_shared<MemorySink>();
  ASSERT_TRUE(broker.add(device("quick/"), quick));
  AuditReceipt both;
  ASSERT_TRUE(broker.record_response(scene.exchange(), &both));
  EXPECT_EQ(both.look(), State::Waiting);  // the quick one has it, the slow one gets its time
  slow->fail_silently();
  EXPECT_EQ(both.look(), State::Recorded);
  quick->broken = true;
  AuditReceipt none;
  ASSERT_TRUE(broker.record_response(scene.exchange(), &none));
  EXPECT_EQ(none.look(), State::Failed);
}

}  // namespace
}  // namespace postern::vault
