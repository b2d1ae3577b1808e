#include <gtest/gtest.h>

#include "smtp/loopback.hpp"

namespace postern::smtp {
namespace {

ServerOptions submission() {
  ServerOptions options;
  options.dialect = Dialect::Submission;
  options.hostname = "mail.example";
  options.auth = options.auth_required = true;
  options.unknown_user_key = to_bytes("secret");
  return options;
}

struct Login : testing::Test {
  LoopbackServer server{submission()};
  void SetUp() override {
    FixedRandom random(5);
    server.users["tim"] = make_scram("tanstaaf", random, kScramMinIterations).value();
    server.exporter = Bytes(32, 7);
    server.greet();
  }
  void start_tls() {
    server.feed("EHLO c.example\r\nSTARTTLS\r\n");
    server.feed("EHLO c.example\r\n");
  }
  static std::string b64(std::string_view text) { return base64_encode(as_bytes(text)); }
  std::string plain(std::string_view user, std::string_view password) { return b64(write_plain(user, as_bytes(password))); }
};

TEST_F(Login, OnlyInsideTls) {  // RFC 4954 4
  EXPECT_EQ(server.say("EHLO c.example\r\n").find("AUTH"), std::string::npos);
  EXPECT_EQ(server.say("AUTH PLAIN\r\n").substr(0, 9), "530 5.7.0");
  EXPECT_EQ(server.say("STARTTLS\r\n").substr(0, 3), "220");
  EXPECT_EQ(server.say("AUTH PLAIN\r\n").substr(0, 9), "503 5.5.1");
  EXPECT_NE(server.say("EHLO c.example\r\n").find("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"), std::string::npos);
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\n").substr(0, 9), "530 5.7.0");
}

TEST_F(Login, OptionalTlsStillNeedsItForAuth) {
  ServerOptions options = submission();
  options.tls = TlsMode::Optional;
  LoopbackServer other(options);
  other.greet();
  EXPECT_EQ(other.say("EHLO c.example\r\n").find("AUTH"), std::string::npos);
  EXPECT_EQ(other.say("AUTH PLAIN " + plain("tim", "tanstaaf") + "\r\n").substr(0, 10), "538 5.7.11");  // RFC 4954 6
}

TEST_F(Login, Plain) {
  start_tls();
  EXPECT_EQ(server.say("AUTH PLAIN " + plain("tim", "wrong") + "\r\n").substr(0, 9), "535 5.7.8");
  EXPECT_EQ(server.say("AUTH PLAIN\r\n"), "334 \r\n");
  EXPECT_EQ(server.say(plain("tim", "tanstaaf") + "\r\n").substr(0, 9), "235 2.7.0");
  EXPECT_EQ(server.session().user(), "tim");
  EXPECT_EQ(server.session().protocol(), "ESMTPSA");
  EXPECT_EQ(server.say("AUTH PLAIN\r\n").substr(0, 9), "503 5.5.1");  // RFC 4954 4: only once
  EXPECT_EQ(server.say("MAIL FROM:<tim@mail.example>\r\n").substr(0, 3), "250");
}

TEST_F(Login, LoginMechanism) {
  start_tls();
  EXPECT_EQ(server.say("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(server.say(b64("tim") + "\r\n"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(server.say(b64("tanstaaf") + "\r\n").substr(0, 3), "235");
}

TEST_F(Login, LoginWithInitialResponse) {
  start_tls();
  EXPECT_EQ(server.say("AUTH LOGIN " + b64("tim") + "\r\n"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(server.say(b64("no") + "\r\n").substr(0, 9), "535 5.7.8");
}

TEST_F(Login, Malformed) {
  start_tls();
  const std::pair<std::string, std::string> table[] = {{"AUTH", "501 5.5.4"},           {"AUTH DIGEST-MD5", "504 5.5.4"},
                                                       {"AUTH PLAIN !!!", "501 5.5.2"}, {"AUTH PLAIN =", "501 5.5.2"},
                                                       {"AUTH PLAIN\r\n*", "334 "},     {"AUTH PLAIN " + b64("x"), "501 5.5.2"}};
  for (const auto& [line, reply] : table) EXPECT_EQ(server.say(line + "\r\n").substr(0, reply.size()), reply) << line;
}

TEST_F(Login, TooManyFailures) {
  start_tls();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(server.say("AUTH PLAIN " + plain("tim", "no") + "\r\n").substr(0, 3), "535");
  EXPECT_EQ(server.say("AUTH PLAIN " + plain("tim", "no") + "\r\n").substr(0, 9), "421 4.7.0");
  EXPECT_TRUE(server.session().wants_close());
}

TEST_F(Login, LinesOfAnExchangeMayBeLong) {  // RFC 4954 4: 12288 octets
  start_tls();
  server.feed("AUTH PLAIN\r\n");
  EXPECT_EQ(server.say(std::string(12000, 'A') + "\r\n").substr(0, 9), "501 5.5.2");  // read, and no PLAIN message
  server.feed("AUTH PLAIN\r\n");
  EXPECT_EQ(server.say(std::string(13000, 'A') + "\r\n").substr(0, 9), "500 5.5.6");
  EXPECT_EQ(server.say("NOOP\r\n").substr(0, 3), "250");
}

TEST_F(Login, NotDuringATransaction) {
  ServerOptions options = submission();
  options.auth_required = false;
  LoopbackServer other(options, PeerInfo{"192.0.2.1", TlsInfo{}});
  other.greet();
  other.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n");
  EXPECT_EQ(other.say("AUTH PLAIN\r\n").substr(0, 9), "503 5.5.1");
}

/// Runs a client half against the session.
std::string scram_login(LoopbackServer& server, SaslClient& client) {
  std::string reply = server.say("AUTH " + std::string(client.mechanism()) + ' ' + base64_encode(as_bytes(client.initial())) + "\r\n");
  while (reply.starts_with("334 ")) {
    const auto challenge = base64_decode(reply.substr(4, reply.size() - 6)).value();
    const auto response = client.step(as_text(challenge));
    reply = server.say((response ? base64_encode(as_bytes(*response)) : "*") + "\r\n");
  }
  return reply;
}

TEST_F(Login, Scram) {  // RFC 7677
  start_tls();
  FixedRandom random(8);
  auto wrong = make_scram_client("tim", SecretBytes::from_text("no"), {}, false, random).value();
  EXPECT_EQ(scram_login(server, *wrong).substr(0, 9), "535 5.7.8");
  auto ghost = make_scram_client("ghost", SecretBytes::from_text("no"), {}, false, random).value();
  EXPECT_EQ(scram_login(server, *ghost), "535 5.7.8 The user or the password is wrong\r\n");
  EXPECT_EQ(server.log.back(), "auth-failed SCRAM-SHA-256 ghost");
  auto right = make_scram_client("tim", SecretBytes::from_text("tanstaaf"), {}, false, random).value();
  EXPECT_EQ(scram_login(server, *right).substr(0, 9), "235 2.7.0");
  EXPECT_TRUE(right->may_succeed());
  EXPECT_EQ(server.session().user(), "tim");
}

TEST_F(Login, ScramPlus) {  // RFC 5802 6, RFC 9266
  start_tls();
  FixedRandom random(8);
  auto elsewhere = make_scram_client("tim", SecretBytes::from_text("tanstaaf"), Bytes(32, 1), true, random).value();
  EXPECT_EQ(scram_login(server, *elsewhere).substr(0, 9), "535 5.7.8");
  auto downgraded = make_scram_client("tim", SecretBytes::from_text("tanstaaf"), Bytes(32, 7), false, random).value();
  EXPECT_EQ(scram_login(server, *downgraded).substr(0, 9), "501 5.5.2");  // it says "y", and PLUS was offered
  auto bound = make_scram_client("tim", SecretBytes::from_text("tanstaaf"), Bytes(32, 7), true, random).value();
  EXPECT_EQ(scram_login(server, *bound).substr(0, 3), "235");
}

TEST_F(Login, PasswordIsInNoOutput) {
  start_tls();
  server.feed("AUTH PLAIN " + plain("tim", "tanstaaf") + "\r\n");
  EXPECT_EQ(server.output.find("tanstaaf"), std::string::npos);
  EXPECT_EQ(server.output.find(plain("tim", "tanstaaf")), std::string::npos);
}

TEST_F(Login, TroubleWithTheUserStoreIsNobodysFault) {  // RFC 4954 6: 454 4.7.0
  start_tls();
  server.decide = false;
  for (int i = 0; i < 20; ++i) {  // far more than auth_attempts
    server.feed("AUTH SCRAM-SHA-256 " + b64("n,,n=tim,r=abc") + "\r\n");
    ASSERT_TRUE(std::holds_alternative<ScramLookup>(*server.session().next_event()));
    server.session().reject({454, {4, 7, 0}, "later"});
    EXPECT_EQ(server.session().take_output(), "454 4.7.0 later\r\n");
    EXPECT_FALSE(server.session().next_event()) << "no failed login to note";
  }
  EXPECT_FALSE(server.session().wants_close());
  server.decide = true;
  EXPECT_EQ(server.say("AUTH PLAIN " + plain("tim", "tanstaaf") + "\r\n").substr(0, 9), "235 2.7.0");
}

TEST(Submission, OnlyATrustedPeerNeedsNoLogin) {  // RFC 6409 4.3
  ServerOptions options = submission();
  options.tls = TlsMode::Off;
  for (const bool trusted : {false, true}) {
    LoopbackServer server(options, {"192.0.2.1", {}, trusted});
    server.greet();
    server.feed("EHLO c.example\r\n");
    EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\n").substr(0, 9), trusted ? "250 2.1.0" : "530 5.7.0");
  }
}

}  // namespace
}  // namespace postern::smtp
