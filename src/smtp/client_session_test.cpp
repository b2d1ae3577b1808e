// The client against a scripted server, turn by turn. Client against our own server: engines_test.cpp.
#include "smtp/client_session.hpp"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

using std::chrono::seconds;

struct Client {
  explicit Client(ClientOptions options = defaults(), std::optional<TlsInfo> tls = {})
      : session(std::make_shared<const ClientOptions>(std::move(options)), random) {
    session.start(now, std::move(tls));
  }

  static ClientOptions defaults() {
    ClientOptions options;
    options.hostname = "out.example";
    return options;
  }
  /// Gives the server's words, and returns what the client says to them.
  std::string hear(std::string_view bytes) {
    session.receive(as_bytes(bytes), now);
    return said();
  }
  std::string said() {
    std::string out;
    while (session.has_output()) out += session.take_output();
    while (auto event = session.next_event()) std::visit([this](auto& each) { keep(each); }, *event);
    return out;
  }
  void keep(StartTls&) { ++handshakes; }
  void keep(Ready&) { ++readies; }
  void keep(TransactionDone& done) { results = std::move(done.results), dsn_passed = done.dsn_passed, ++transactions; }
  void keep(Failed& event) { failed.push_back(std::move(event)); }
  void keep(Finished&) { finished = true; }

  void hello(std::string_view extensions = "250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 DSN\r\n") {
    hear("220 mx ESMTP\r\n");
    hear(extensions);
    ASSERT_EQ(readies, 1);
  }
  std::string send(std::string_view content = "A: b\r\n\r\nx\r\n", const std::vector<std::string>& to = {"x@y.example"},
                   MailParameters parameters = {}) {
    OutgoingMessage message;
    message.from = ReversePath::parse("<a@b.example>").value();
    message.parameters = std::move(parameters);
    for (const std::string& each : to) message.recipients.push_back({ForwardPath::parse("<" + each + ">", Utf8::Allow).value(), {}});
    message.content = content;
    EXPECT_TRUE(session.send(std::move(message), now));
    return said();
  }

  SteadyTime now{};
  FixedRandom random;
  ClientSession session;
  int handshakes = 0, readies = 0, transactions = 0;
  bool dsn_passed = false, finished = false;
  std::vector<RecipientResult> results;
  std::vector<Failed> failed;
};

TEST(ClientSession, OneMessagePipelined) {  // RFC 2920 3.1
  Client client;
  EXPECT_EQ(client.hear("220 mx ESMTP\r\n"), "EHLO out.example\r\n");
  EXPECT_EQ(client.hear("250-mx\r\n250-PIPELINING\r\n250 SIZE\r\n"), "");
  EXPECT_EQ(client.send(".dot\r\nx\r\n", {"x@y.example", "z@y.example"}),
            "MAIL FROM:<a@b.example> SIZE=9\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n");
  EXPECT_EQ(client.hear("250 2.1.0 ok\r\n250 2.1.5 ok\r\n550 5.1.1 who?\r\n354 go\r\n"), "..dot\r\nx\r\n.\r\n");
  EXPECT_EQ(client.hear("250 2.0.0 queued\r\n"), "");
  ASSERT_EQ(client.results.size(), 2U);
  EXPECT_EQ(client.results[0].delivery, Delivery::Accepted);
  EXPECT_EQ(client.results[0].reply.text(), "250 2.0.0 queued");
  EXPECT_EQ(client.results[1].delivery, Delivery::PermanentFailure);
  EXPECT_EQ(client.results[1].reply.status, (EnhancedStatus{5, 1, 1}));
  // The same connection again, without RSET.
  EXPECT_TRUE(client.send().starts_with("MAIL FROM:"));
  client.hear("250 ok\r\n250 ok\r\n354 go\r\n");
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.transactions, 2);
  client.session.quit(client.now);
  EXPECT_EQ(client.said(), "QUIT\r\n");
  client.hear("221 bye\r\n");
  EXPECT_TRUE(client.finished && client.session.wants_close());
}

TEST(ClientSession, StepByStepWithoutPipelining) {
  Client client;
  client.hello("250 mx\r\n");
  EXPECT_EQ(client.send("x", {"x@y.example", "z@y.example"}), "MAIL FROM:<a@b.example>\r\n");
  EXPECT_EQ(client.hear("250 ok\r\n"), "RCPT TO:<x@y.example>\r\n");
  EXPECT_EQ(client.hear("450 4.2.1 later\r\n"), "RCPT TO:<z@y.example>\r\n");
  EXPECT_EQ(client.hear("250 ok\r\n"), "DATA\r\n");
  EXPECT_EQ(client.hear("354 go\r\n"), "x\r\n.\r\n");
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.results[0].delivery, Delivery::TemporaryFailure);
  EXPECT_EQ(client.results[1].delivery, Delivery::Accepted);
}

TEST(ClientSession, AnyCutOfRepliesGivesTheSame) {
  const std::string replies = "250 ok\r\n250-2.1.5 one\r\n250 2.1.5 two\r\n451 4.7.1 no\r\n354 go\r\n";
  for (std::size_t piece = 1; piece <= replies.size(); ++piece) {
    Client client;
    client.hello();
    client.send("x\r\n", {"x@y.example", "z@y.example"});
    std::string said;
    for (std::size_t at = 0; at < replies.size(); at += piece) said += client.hear(std::string_view(replies).substr(at, piece));
    EXPECT_EQ(said, "x\r\n.\r\n") << piece;
  }
}

TEST(ClientSession, EveryRecipientRefused) {
  Client client;
  client.hello();
  client.send();
  // RFC 2920 3.1: DATA was on its way; a server that takes it gets an empty end.
  EXPECT_EQ(client.hear("250 ok\r\n550 5.1.1 no\r\n354 go\r\n"), ".\r\n");
  client.hear("554 5.5.1 no valid recipients\r\n");
  ASSERT_EQ(client.results.size(), 1U);
  EXPECT_EQ(client.results[0].reply.text(), "550 5.1.1 no");
  EXPECT_TRUE(client.session.ready());
  // A server that refuses DATA as well still has the transaction open.
  client.send();
  client.hear("250 ok\r\n550 5.1.1 no\r\n554 5.5.1 none\r\n");
  EXPECT_TRUE(client.send().starts_with("RSET\r\nMAIL FROM:"));
  client.hear("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n");
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.results[0].delivery, Delivery::Accepted);
}

TEST(ClientSession, MailOrDataRefused) {
  Client client;
  client.hello();
  client.send();
  client.hear("451 4.7.1 greylisted\r\n503 5.5.1 need MAIL\r\n503 5.5.1 need MAIL\r\n");
  EXPECT_EQ(client.results[0].delivery, Delivery::TemporaryFailure);
  EXPECT_EQ(client.results[0].reply.text(), "451 4.7.1 greylisted");
  EXPECT_TRUE(client.send().starts_with("MAIL FROM:"));
  client.hear("250 ok\r\n250 ok\r\n552 5.3.4 too big\r\n");
  EXPECT_EQ(client.results[0].delivery, Delivery::PermanentFailure);
}

TEST(ClientSession, AbandonedTransactionIsResetStepByStep) {
  Client client;
  client.hello("250 mx\r\n");
  client.send();
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.hear("550 5.1.1 no\r\n"), "");  // no recipient: DATA is not said at all
  EXPECT_EQ(client.transactions, 1);
  EXPECT_EQ(client.send(), "RSET\r\n");
  EXPECT_EQ(client.hear("250 reset\r\n"), "MAIL FROM:<a@b.example>\r\n");
}

TEST(ClientSession, TooManyRecipientsIsTemporary) {  // RFC 5321 4.5.3.1.10
  Client client;
  client.hello();
  client.send("x\r\n", {"a@y.example", "b@y.example", "c@y.example"});
  client.hear("250 ok\r\n250 ok\r\n552 too many recipients\r\n552 5.2.2 mailbox full\r\n354 go\r\n");
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.results[1].delivery, Delivery::TemporaryFailure);
  EXPECT_EQ(client.results[2].delivery, Delivery::PermanentFailure);
}

TEST(ClientSession, Chunking) {  // RFC 3030
  Client client;
  client.hello("250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
  MailParameters binary;
  binary.body = BodyType::BinaryMime;
  const std::string content("A: b\r\n\r\n\0\n.\r\n", 13);
  EXPECT_EQ(client.send(content, {"x@y.example"}, binary), "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<x@y.example>\r\n");
  EXPECT_EQ(client.hear("250 ok\r\n250 ok\r\n"), "BDAT 13 LAST\r\n" + content);
  client.hear("250 ok\r\n");
  EXPECT_EQ(client.results[0].delivery, Delivery::Accepted);
}

TEST(ClientSession, Lmtp) {  // RFC 2033 4.2
  ClientOptions options = Client::defaults();
  options.lmtp = true;
  Client client(options);
  EXPECT_EQ(client.hear("220 lmtp\r\n"), "LHLO out.example\r\n");
  client.hear("250-x\r\n250 PIPELINING\r\n");
  client.send("x\r\n", {"a@y.example", "b@y.example", "c@y.example"});
  client.hear("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n");
  client.hear("250 2.0.0 a is in\r\n");
  EXPECT_EQ(client.transactions, 0);
  client.hear("452 4.2.2 c is full\r\n");
  ASSERT_EQ(client.results.size(), 3U);
  EXPECT_EQ(client.results[0].delivery, Delivery::Accepted);
  EXPECT_EQ(client.results[1].delivery, Delivery::PermanentFailure);
  EXPECT_EQ(client.results[2].reply.text(), "452 4.2.2 c is full");
}

TEST(ClientSession, WhatCannotBeSaidHere) {
  struct Case {
    std::string extensions, content;
    std::vector<std::string> to;
    MailParameters parameters;
    LocalCause cause;
    std::string reply;
  };
  MailParameters utf8, requiretls, binary;
  utf8.smtputf8 = true;
  requiretls.requiretls = true;
  binary.body = BodyType::BinaryMime;
  const std::string bare = "250 mx\r\n", eight = "250-mx\r\n250 8BITMIME\r\n", sized = "250-mx\r\n250 SIZE 10\r\n";
  const Case cases[] = {
      {bare, "A: b\r\n\r\n\xc3\xa4\r\n", {"x@y.example"}, {}, LocalCause::Needs8BitMime, "554 5.6.3"},
      {bare, "A: b\r\n", {"\xc3\xa4@y.example"}, {}, LocalCause::NeedsSmtpUtf8, "553 5.6.7"},
      {eight, "A: \xc3\xa4\r\n\r\n", {"x@y.example"}, utf8, LocalCause::NeedsSmtpUtf8, "553 5.6.7"},
      {bare, "A: b\r\n", {"x@y.example"}, requiretls, LocalCause::NeedsRequireTls, "550 5.7.10"},
      {bare, std::string("a\0b\r\n", 5), {"x@y.example"}, binary, LocalCause::NeedsBinaryMime, "554 5.6.3"},
      {bare, "a\nb\r\n", {"x@y.example"}, {}, LocalCause::BadContent, "554 5.6.11"},
      {bare, std::string(999, 'x') + "\r\n", {"x@y.example"}, {}, LocalCause::BadContent, "554 5.6.0"},
      {sized, "01234567890\r\n", {"x@y.example"}, {}, LocalCause::TooLarge, "552 5.3.4"},
  };
  for (const Case& each : cases) {
    Client client;
    client.hello(each.extensions);
    EXPECT_EQ(client.send(each.content, each.to, each.parameters), "") << each.reply;
    ASSERT_EQ(client.results.size(), 1U);
    EXPECT_EQ(client.results[0].cause, each.cause) << client.results[0].reply.text();
    EXPECT_EQ(client.results[0].delivery, Delivery::PermanentFailure);
    EXPECT_EQ(client.results[0].reply.text().substr(0, each.reply.size()), each.reply);
    EXPECT_TRUE(client.session.ready());
  }
}

TEST(ClientSession, WhatIsNotNeededIsNotDemanded) {
  Client client;
  client.hello("250 mx\r\n");
  MailParameters parameters;
  parameters.smtputf8 = true;
  parameters.body = BodyType::BinaryMime;
  parameters.ret = DsnReturn::Full;
  EXPECT_EQ(client.send("A: b\r\n", {"x@y.example"}, parameters), "MAIL FROM:<a@b.example>\r\n");
  EXPECT_FALSE(client.dsn_passed);
}

TEST(ClientSession, ParametersWhereOffered) {
  Client client;
  client.hello("250-mx\r\n250-DSN\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n");
  MailParameters parameters;
  parameters.envid = "q 1";
  EXPECT_EQ(client.send("A: \xc3\xa4\r\n", {"\xc3\xa4@y.example"}, parameters),
            "MAIL FROM:<a@b.example> SIZE=7 BODY=8BITMIME SMTPUTF8 ENVID=q+201\r\n");
}

TEST(ClientSession, StartTls) {  // RFC 3207
  Client client;
  client.hear("220 mx\r\n");
  EXPECT_EQ(client.hear("250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
  // What stands behind the 220 is an attacker's (RFC 3207 5).
  EXPECT_EQ(client.hear("220 go\r\n250-mx\r\n250 PIPELINING\r\n"), "");
  EXPECT_EQ(client.handshakes, 1);
  EXPECT_EQ(client.hear("250 more\r\n"), "");
  client.session.tls_started({"TLSv1.3", "x", {}, {}}, client.now);
  EXPECT_EQ(client.said(), "EHLO out.example\r\n");
  EXPECT_EQ(client.readies, 0);
  client.hear("250 mx\r\n");
  EXPECT_EQ(client.readies, 1);
  EXPECT_FALSE(client.session.capabilities().pipelining);
  EXPECT_TRUE(client.session.capabilities().auth.empty());
}

TEST(ClientSession, RequiredTlsIsNotNegotiable) {
  ClientOptions options = Client::defaults();
  options.tls_policy = ClientTls::Required;
  const std::vector<std::string> servers[] = {
      {"250 mx\r\n"},                                                 // not offered
      {"500 what?\r\n"},                                              // no EHLO: no falling back to HELO
      {"250-mx\r\n250 STARTTLS\r\n", "454 4.7.0 not available\r\n"},  // refused
  };
  for (const auto& replies : servers) {
    Client client(options);
    client.hear("220 mx\r\n");
    std::string said;
    for (const std::string& reply : replies) said = client.hear(reply);
    ASSERT_EQ(client.failed.size(), 1U);
    EXPECT_TRUE(client.session.wants_close());
    EXPECT_EQ(client.readies, 0);
  }
}

TEST(ClientSession, OpportunisticTlsGoesOnWithout) {
  Client client;
  client.hear("220 mx\r\n");
  client.hear("250-mx\r\n250 STARTTLS\r\n");
  client.hear("454 4.7.0 not now\r\n");
  EXPECT_EQ(client.readies, 1);
  Client old;
  old.hear("220 mx\r\n");
  EXPECT_EQ(old.hear("502 what?\r\n"), "HELO out.example\r\n");  // RFC 5321 3.2
  old.hear("250-mx\r\n250 PIPELINING\r\n");
  EXPECT_EQ(old.readies, 1);
  EXPECT_FALSE(old.session.capabilities().pipelining);  // extensions exist only after EHLO
}

ClientOptions smarthost() {
  ClientOptions options = Client::defaults();
  options.tls_policy = ClientTls::Required;
  options.credentials = std::make_shared<const ClientCredentials>(ClientCredentials{"tim", SecretBytes::from_text("tanstaaf")});
  return options;
}

TEST(ClientSession, AuthOnlyInsideTls) {
  ClientOptions options = smarthost();
  options.tls_policy = ClientTls::Opportunistic;
  Client client(options);
  client.hear("220 mx\r\n");
  EXPECT_EQ(client.hear("250-mx\r\n250 AUTH PLAIN\r\n"), "");
  ASSERT_EQ(client.failed.size(), 1U);
  EXPECT_EQ(client.failed[0].reply.status, (EnhancedStatus{4, 7, 11}));
}

/// A handshake whose certificate was verified.
TlsInfo verified() { return {"TLSv1.3", "x", {}, {}, true}; }

TEST(ClientSession, AuthOnlyWithAVerifiedServer) {  // RFC 4616 6
  for (const bool implicit : {true, false}) {
    Client client(smarthost(), implicit ? std::optional(TlsInfo{"TLSv1.3", "x", {}, {}}) : std::nullopt);
    client.hear("220 mx\r\n");
    if (!implicit) {
      client.hear("250-mx\r\n250 STARTTLS\r\n");
      client.hear("220 go\r\n");
      client.session.tls_started({"TLSv1.3", "x", {}, {}}, client.now);
      client.said();
    }
    EXPECT_EQ(client.hear("250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n"), "");
    ASSERT_EQ(client.failed.size(), 1U);
    EXPECT_EQ(client.failed[0].reply.status, (EnhancedStatus{4, 7, 5}));
  }
}

TEST(ClientSession, AuthPlain) {  // RFC 4616, RFC 4954
  Client client(smarthost(), verified());
  client.hear("220 mx\r\n");
  EXPECT_EQ(client.hear("250-mx\r\n250 AUTH LOGIN PLAIN\r\n"), "AUTH PLAIN AHRpbQB0YW5zdGFhZg==\r\n");
  client.hear("235 2.7.0 ok\r\n");
  EXPECT_EQ(client.readies, 1);
}

TEST(ClientSession, AuthFailures) {
  const std::pair<std::string, std::string> cases[] = {{"250-mx\r\n250 AUTH CRAM-MD5\r\n", ""},
                                                       {"250 mx\r\n", ""},
                                                       {"250-mx\r\n250 AUTH PLAIN\r\n", "535 5.7.8 no\r\n"},
                                                       {"250-mx\r\n250 AUTH SCRAM-SHA-256\r\n", "235 welcome\r\n"},
                                                       {"250-mx\r\n250 AUTH SCRAM-SHA-256\r\n", "334 cj14\r\n"}};
  for (const auto& [hello, reply] : cases) {
    FixedRandom random;
    ClientSession session(std::make_shared<const ClientOptions>(smarthost()), random);
    session.start({}, verified());
    session.receive(as_bytes("220 mx\r\n"), {});
    session.receive(as_bytes(hello), {});
    session.receive(as_bytes(reply), {});
    const auto event = session.next_event();
    ASSERT_TRUE(event && std::holds_alternative<Failed>(*event)) << hello << reply;
    EXPECT_TRUE(session.wants_close());
  }
}

TEST(ClientSession, LostConnections) {
  Client half;  // before the end: certainly not delivered
  half.hello();
  half.send();
  half.hear("250 ok\r\n250 ok\r\n");
  half.session.connection_lost("reset");
  half.said();
  ASSERT_EQ(half.results.size(), 1U);
  EXPECT_EQ(half.results[0].delivery, Delivery::TemporaryFailure);
  EXPECT_FALSE(half.results[0].maybe_delivered);
  ASSERT_EQ(half.failed.size(), 1U);
  EXPECT_EQ(half.failed[0].cause, LocalCause::ConnectionLost);

  Client after;  // after the final dot: nobody knows (RFC 5321 4.5.3.2.6)
  after.hello();
  after.send();
  after.hear("250 ok\r\n250 ok\r\n354 go\r\n");
  after.session.connection_lost("reset");
  after.said();
  EXPECT_EQ(after.results.at(0).delivery, Delivery::TemporaryFailure);
  EXPECT_TRUE(after.results[0].maybe_delivered);
}

TEST(ClientSession, A421AfterTheDotIsAnAnswer) {
  Client client;
  client.hello();
  client.send();
  client.hear("250 ok\r\n250 ok\r\n354 go\r\n");
  client.hear("421 4.3.2 shutting down\r\n");
  EXPECT_EQ(client.results.at(0).delivery, Delivery::TemporaryFailure);
  EXPECT_FALSE(client.results[0].maybe_delivered);
}

TEST(ClientSession, RequireTlsNeedsTheExtensionToo) {  // RFC 8689 4.2.1
  for (const bool offered : {false, true}) {
    Client client(Client::defaults(), TlsInfo{});
    client.hello(offered ? "250-mx\r\n250 REQUIRETLS\r\n" : "250 mx\r\n");
    MailParameters parameters;
    parameters.requiretls = true;
    EXPECT_EQ(client.send("A: b\r\n", {"x@y.example"}, parameters), offered ? "MAIL FROM:<a@b.example> REQUIRETLS\r\n" : "");
    EXPECT_EQ(client.results.size(), offered ? 0U : 1U);
    if (!client.results.empty()) {
      EXPECT_EQ(client.results[0].reply.text().substr(0, 10), "550 5.7.30");
    }
  }
}

TEST(ClientSession, ContentIsHandedOutInPieces) {
  Client client;
  client.hello("250-mx\r\n250 PIPELINING\r\n");
  std::string content;
  while (content.size() < 300'000) content += ".line\r\n";
  client.send(content);
  client.session.receive(as_bytes("250 ok\r\n250 ok\r\n354 go\r\n"), client.now);
  const std::string piece = client.session.take_output();
  EXPECT_GE(piece.size(), 64U * 1024);
  EXPECT_LE(piece.size(), 128U * 1024);
  // The server has seen enough: its verdict counts, and the connection with half a message in it is of no more use.
  client.session.receive(as_bytes("552 5.3.4 too big\r\n"), client.now);
  EXPECT_FALSE(client.session.has_output());
  client.said();
  EXPECT_EQ(client.results.at(0).delivery, Delivery::PermanentFailure);
  EXPECT_TRUE(client.session.wants_close());
}

TEST(ClientSession, ServerLeaves) {  // RFC 5321 3.8
  Client client;
  client.hello();
  client.send();
  client.hear("250 ok\r\n421 4.3.2 shutting down\r\n");
  EXPECT_EQ(client.results.at(0).delivery, Delivery::TemporaryFailure);
  EXPECT_EQ(client.failed.at(0).reply.code, 421);
  Client greeted;
  greeted.hear("554 5.7.1 not you\r\n");
  EXPECT_EQ(greeted.failed.at(0).stage, FailureStage::Greeting);
  EXPECT_TRUE(greeted.failed[0].permanent());
}

TEST(ClientSession, NonsenseIsTemporary) {
  for (const char* reply : {"hello\r\n", "250-a\r\n550 b\r\n", "250 ok\r\n250 ok\r\n250 what\r\n", "354 go\r\n250 ok\r\n250 ok\r\n"}) {
    Client client;
    client.hello();
    client.send();
    client.hear(reply);
    ASSERT_EQ(client.results.size(), 1U) << reply;
    EXPECT_EQ(client.results[0].delivery, Delivery::TemporaryFailure) << reply;
    EXPECT_EQ(client.results[0].cause, LocalCause::Protocol) << reply;
  }
}

TEST(ClientSession, Timeouts) {  // RFC 5321 4.5.3.2
  Client client;
  EXPECT_EQ(client.session.deadline(), client.now + seconds(300));
  client.hello();
  EXPECT_EQ(client.session.deadline(), SteadyTime::max());
  client.send();
  client.hear("250 ok\r\n250 ok\r\n");
  EXPECT_EQ(client.session.deadline(), client.now + seconds(120));
  client.hear("354 go\r\n");
  client.session.tick(client.now + seconds(1));
  EXPECT_EQ(client.session.deadline(), client.now + seconds(601));
  client.session.tick(client.now + seconds(601));
  client.said();
  EXPECT_EQ(client.results.at(0).cause, LocalCause::Timeout);
  EXPECT_TRUE(client.results[0].maybe_delivered);
}

TEST(ClientSession, SendOnlyWhenReady) {
  Client client;
  EXPECT_EQ(client.session.send({}, client.now).error().code, ErrorCode::Conflict);
  client.hello();
  EXPECT_EQ(client.session.send({}, client.now).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern::smtp
