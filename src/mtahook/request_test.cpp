#include "mtahook/request.hpp"

#include <gtest/gtest.h>

namespace postern::mtahook {
namespace {

/// What Stalwart 0.16 sends at each stage; `context`, `rest`: more of it.
std::string session(const std::string& stage, const std::string& context = {}) {
  return R"("context":{"stage":")" + stage +
         R"(","client":{"ip":"192.0.2.7","port":4711,"ptr":null,"helo":"client.example","activeConnections":1},)" + context +
         R"("server":{"name":"Stalwart","port":25,"ip":"198.51.100.1"},"protocol":{"version":1}})";
}
const std::string kEnvelope =
    R"("envelope":{"from":{"address":"a@example.org"},"to":[{"address":"b@example.net"},{"address":"c@example.net"}]})";
const std::string kMessage =
    R"("message":{"headers":[["From"," <a@example.org>\r\n"],["Subject"," two\r\n\tlines\r\n"]],"contents":"x\r\n","size":99})";
std::string data(const std::string& message = kMessage) {
  return "{" + session("data", R"("sasl":{"login":"a"},"tls":{"version":"TLSv1.3","cipher":"TLS_AES"},"queue":{"id":"1f"},)") + "," +
         kEnvelope + "," + message + "}";
}

std::string fault(const std::string& json, const RequestLimits& limits = {}) {
  const auto parsed = parse_request(json, limits);
  if (parsed) return "accepted";
  return std::string(name_of(parsed.error().code)) + " " + parsed.error().field;
}

TEST(MtaHookRequest, EveryFieldOfAMessage) {
  const auto request = parse_request(data()).value();
  EXPECT_EQ(request.stage, Stage::Data);
  EXPECT_EQ(request.client.ip, "192.0.2.7");
  EXPECT_EQ(request.client.port, 4711);
  EXPECT_TRUE(request.client.ptr.empty());
  EXPECT_EQ(request.client.helo, "client.example");
  EXPECT_EQ(request.login, "a");
  EXPECT_EQ(request.tls->version + request.tls->cipher, "TLSv1.3TLS_AES");
  EXPECT_EQ(request.server.name + request.server.ip, "Stalwart198.51.100.1");
  EXPECT_EQ(request.server.port, 25);
  EXPECT_EQ(request.queue_id, "1f");
  EXPECT_EQ(request.envelope->from, "a@example.org");
  EXPECT_EQ(request.envelope->to, (std::vector<std::string>{"b@example.net", "c@example.net"}));
  EXPECT_EQ(request.message->size, 99U);
  EXPECT_EQ(request.message->header_text(), "From: <a@example.org>\r\nSubject: two\r\n\tlines\r\n\r\n");
  EXPECT_FALSE(request.message->damaged);
}

TEST(MtaHookRequest, EveryStage) {
  EXPECT_EQ(parse_request("{" + session("connect") + "}").value().stage, Stage::Connect);
  EXPECT_FALSE(parse_request("{" + session("ehlo", R"("sasl":null,"tls":null,)") + "}").value().tls);
  const auto mail = parse_request("{" + session("mail") + R"(,"envelope":{"from":{"address":""},"to":[]}})").value();
  EXPECT_TRUE(mail.envelope->from.empty() && mail.envelope->to.empty());
  EXPECT_EQ(parse_request("{" + session("rcpt") + "," + kEnvelope + "}").value().envelope->to.back(), "c@example.net");
}

TEST(MtaHookRequest, WhatIsNotKnownIsSkipped) {
  EXPECT_EQ(fault("{\"more\":[{\"x\":[1,2.5,true,null]}]," + session("connect", R"("future":{"context":{}},)") + "}"), "accepted");
}

TEST(MtaHookRequest, MappedAddressesAreIpv4) {
  std::string json = "{" + session("connect") + "}";
  json.replace(json.find("192.0.2.7"), 9, "::ffff:192.0.2.7");
  EXPECT_EQ(parse_request(json).value().client.ip, "192.0.2.7");
}

TEST(MtaHookRequest, FaultsNameTheirPath) {
  const auto broken = [](const std::string& stage, const std::string& from, const std::string& to) {
    std::string json = stage == "data" ? data() : "{" + session(stage) + "," + kEnvelope + "}";
    return fault(json.replace(json.find(from), from.size(), to));
  };
  EXPECT_EQ(fault(""), "bad_input body");
  EXPECT_EQ(fault("[]"), "bad_input body");
  EXPECT_EQ(fault("{} {}"), "bad_input body");
  EXPECT_EQ(fault("{\"a\":\"\xFF\"}"), "bad_input body");
  EXPECT_EQ(fault("{}"), "bad_input context");
  EXPECT_EQ(broken("mail", "\"stage\"", "\"Stage\""), "bad_input context.stage");
  EXPECT_EQ(broken("mail", "\"mail\"", "\"auth\""), "bad_input context.stage");
  EXPECT_EQ(broken("mail", "\"mail\"", "7"), "bad_input context.stage");
  EXPECT_EQ(broken("mail", "\"version\":1", "\"version\":2"), "bad_input context.protocol.version");
  EXPECT_EQ(broken("mail", "\"version\":1", "\"version\":1.5"), "bad_input context.protocol.version");
  EXPECT_EQ(broken("mail", "\"protocol\"", "\"protokoll\""), "bad_input context.protocol");
  EXPECT_EQ(broken("mail", "192.0.2.7", "192.0.2.700"), "bad_input context.client.ip");
  EXPECT_EQ(broken("mail", "4711", "70000"), "bad_input context.client.port");
  EXPECT_EQ(broken("mail", "4711", "-1"), "bad_input context.client.port");
  EXPECT_EQ(broken("mail", "client.example", "a\\r\\nb"), "bad_input context.client.helo");
  EXPECT_EQ(broken("mail", "\"envelope\"", "\"umschlag\""), "bad_input envelope");
  EXPECT_EQ(broken("mail", "{\"address\":\"a@example.org\"}", "[]"), "bad_input envelope.from");
  EXPECT_EQ(broken("rcpt", "{\"address\":\"c@example.net\"}", "{}"), "bad_input envelope.to[1].address");
  EXPECT_EQ(broken("rcpt", "{\"address\":\"c@example.net\"}", "\"c\""), "bad_input envelope.to[1]");
  EXPECT_EQ(broken("data", "\"login\"", "\"user\""), "bad_input context.sasl.login");
  EXPECT_EQ(broken("data", "\"message\"", "\"mail\""), "bad_input message");
  EXPECT_EQ(broken("data", "\"headers\"", "\"fields\""), "bad_input message.headers");
  EXPECT_EQ(broken("data", "[\"From\",", "[\"From\",\"\","), "bad_input message.headers[0]");
  EXPECT_EQ(broken("data", "\"Subject\"", "null"), "bad_input message.headers[1]");
  EXPECT_EQ(fault("{" + session("rcpt") + R"(,"envelope":{"from":{"address":""},"to":[]}})"), "bad_input envelope.to");
}

TEST(MtaHookRequest, Bounds) {
  RequestLimits limits;
  limits.bytes = data().size();
  EXPECT_EQ(fault(data(), limits), "accepted");
  --limits.bytes;
  EXPECT_EQ(fault(data(), limits), "too_large body");
  limits = {};
  limits.recipients = 1;
  EXPECT_EQ(fault(data(), limits), "too_large envelope.to");
  limits = {};
  limits.text_bytes = 12;
  EXPECT_EQ(fault(data(), limits), "too_large context.client.helo");
}

// A deep document must not become a deep recursion, wherever it stands.
TEST(MtaHookRequest, Depth) {
  const auto nested = [](std::size_t levels) {
    return "{\"x\":" + std::string(levels, '[') + std::string(levels, ']') + "," + session("connect") + "}";
  };
  EXPECT_EQ(fault(nested(kDepth - 1)), "accepted");
  EXPECT_EQ(fault(nested(kDepth + 1)), "bad_input body");
  EXPECT_EQ(fault(nested(200'000)), "bad_input body");
}

TEST(MtaHookMessage, NoValueBecomesTwoFields) {
  const auto text = [](std::string value) { return Message{{{"A", std::move(value)}}}.header_text(); };
  EXPECT_EQ(text(" x\r\nB: y\r\n"), "A: x\r\n B: y\r\n\r\n");
  EXPECT_EQ(text(" x\nB: y"), "A: x\r\n B: y\r\n\r\n");
  EXPECT_EQ(text(" x\r\n\r\nbody"), "A: x\r\n \r\n body\r\n\r\n");
  EXPECT_EQ(text(" x\ry\r"), "A: x\r\n y\r\n\r\n");
  EXPECT_EQ(text("\r\n"), "A:\r\n\r\n");
}

/// The names of what is left of a header, and "!" when it is damaged.
std::string seen(const std::string& fields, const RequestLimits& limits = {}) {
  const auto request = parse_request(data("\"message\":{\"headers\":[" + fields + "]}"), limits).value();
  std::string out = request.message->damaged ? "!" : "";
  for (const auto& field : request.message->headers) out += field.name;
  return out;
}

// A sender can write all of this: as a fault it would make the MTA defer his mail until he gives up.
TEST(MtaHookMessage, WhatASenderWritesIsNoFaultOfTheQuestion) {
  EXPECT_EQ(seen(R"(["A"," gr\u00fcn\r\n"],["B",""])"), "AB");
  EXPECT_EQ(seen(R"(["A"," gr\ufffdn\r\n"],["B",""])"), "!AB");
  for (const char* name : {"", " B", "\\tB", "no colon\\n", "B:C", "B\\u0000", "B\\rC"})
    EXPECT_EQ(seen("[\"A\",\" a\"],[\"" + std::string(name) + "\",\" b\"],[\"C\",\" c\"]"), "!AC") << name;
  EXPECT_EQ(seen(R"(["B\ufffd"," b"])"), "!B\xEF\xBF\xBD");
}

TEST(MtaHookMessage, Bounds) {
  RequestLimits limits;
  limits.header_fields = 2;
  EXPECT_EQ(seen(R"(["A"," a"],["B"," b"])", limits), "AB");
  EXPECT_EQ(seen(R"(["A"," a"],["B"," b"],["C"," c"])", limits), "!AB");
  limits = {};
  limits.header_bytes = 6;
  EXPECT_EQ(seen(R"(["A"," a"],["B"," b"])", limits), "AB");
  limits.header_bytes = 5;
  EXPECT_EQ(seen(R"(["A"," a"],["B"," b"])", limits), "!A");
}

}  // namespace
}  // namespace postern::mtahook
