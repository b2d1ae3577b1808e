// Our client against our server, in memory: whatever the options, what goes in comes out.
#include <gtest/gtest.h>

#include <random>

#include "smtp/client_session.hpp"
#include "smtp/loopback.hpp"

namespace postern::smtp {
namespace {

struct Pair {
  Pair(ServerOptions server_options, ClientOptions client_options)
      : server(std::move(server_options)), client(std::make_shared<const ClientOptions>(std::move(client_options)), random) {
    server.greet();
    client.start(server.now);
  }
  /// Moves bytes both ways, `piece` at a time, until both are silent.
  void run(std::size_t piece = 1000) {
    for (bool moved = true; moved;) {
      moved = false;
      while (auto event = client.next_event()) {
        if (std::holds_alternative<StartTls>(*event)) client.tls_started({"TLSv1.3", "x", server.exporter, {}, true}, server.now);
        events.push_back(std::move(*event));
      }
      while (client.has_output()) {
        const std::string out = client.take_output();
        for (std::size_t at = 0; at < out.size(); at += piece) server.feed(std::string_view(out).substr(at, piece));
        moved = true;
      }
      const std::string in = std::exchange(server.output, {});
      for (std::size_t at = 0; at < in.size(); at += piece) client.receive(as_bytes(std::string_view(in).substr(at, piece)), server.now);
      moved = moved || !in.empty();
    }
  }
  std::vector<RecipientResult> deliver(OutgoingMessage message) {
    EXPECT_TRUE(client.send(std::move(message), server.now));
    run();
    std::vector<RecipientResult> results;
    for (ClientEvent& event : std::exchange(events, {}))
      if (auto* done = std::get_if<TransactionDone>(&event)) results = std::move(done->results);
    return results;
  }
  FixedRandom random;
  LoopbackServer server;
  ClientSession client;
  std::vector<ClientEvent> events;
};

ServerOptions server_options(TlsMode tls) {
  ServerOptions options;
  options.tls = tls;
  return options;
}

OutgoingMessage message(std::string_view content, const std::vector<std::string>& to) {
  OutgoingMessage out;
  out.from = ReversePath::parse("<a@b.example>").value();
  for (const std::string& each : to) out.recipients.push_back({ForwardPath::parse("<" + each + ">").value(), {}});
  out.content = content;
  return out;
}

TEST(Engines, ContentIsTheSameOnTheOtherSide) {
  std::mt19937 random(5);
  for (const bool chunking : {false, true}) {
    for (const bool pipelining : {false, true}) {
      ClientOptions options;
      options.chunking = chunking;
      options.pipelining = pipelining;
      Pair pair(server_options(TlsMode::Off), options);
      pair.run();
      for (int round = 0; round < 50; ++round) {
        std::string content;
        for (std::size_t i = random() % 400; i > 0; --i)
          content += std::array{"\r\n", ".", "text", "..", "\r\n.\r\n", "\xc3\xa4"}[random() % 6];
        content += "\r\n";
        const auto results = pair.deliver(message(content, {"x@y.example", "refused@y.example", "later@y.example"}));
        ASSERT_EQ(results.size(), 3U);
        EXPECT_EQ(results[0].delivery, Delivery::Accepted);
        EXPECT_EQ(results[1].delivery, Delivery::PermanentFailure);
        EXPECT_EQ(results[2].delivery, Delivery::TemporaryFailure);
        EXPECT_EQ(pair.server.messages.back().content, content);
      }
      EXPECT_EQ(pair.server.messages.size(), 50U);
    }
  }
}

TEST(Engines, LargeMessageInOddPieces) {
  std::string content;
  while (content.size() < 2'000'000) content += "." + std::string(content.size() % 77, 'x') + "\r\n";
  for (const bool chunking : {false, true}) {
    ClientOptions options;
    options.chunking = chunking;
    Pair pair(server_options(TlsMode::Off), options);
    pair.run(4099);
    EXPECT_EQ(pair.deliver(message(content, {"x@y.example"})).at(0).delivery, Delivery::Accepted);
    EXPECT_TRUE(pair.server.messages.at(0).content == content);
  }
}

TEST(Engines, TlsAndEveryLogin) {
  for (const bool plus : {true, false}) {
    for (const bool scram : {true, false}) {
      ServerOptions options = server_options(TlsMode::Required);
      options.dialect = Dialect::Submission;
      options.auth = options.auth_required = true;
      options.auth_scram_sha_256 = scram;
      ClientOptions client;
      client.tls_policy = ClientTls::Required;
      client.credentials = std::make_shared<const ClientCredentials>(ClientCredentials{"tim", SecretBytes::from_text("tanstaaf")});
      Pair pair(options, client);
      if (plus) pair.server.exporter = Bytes(32, 9);
      pair.server.users["tim"] = make_scram("tanstaaf", pair.random, kScramMinIterations).value();
      pair.run();
      ASSERT_TRUE(pair.client.ready());
      EXPECT_EQ(pair.server.session().user(), "tim");
      EXPECT_EQ(pair.server.log.back(), std::string("auth ") + (scram ? plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256" : "PLAIN") + " tim");
      OutgoingMessage secret = message("A: b\r\n", {"x@y.example"});
      secret.parameters.requiretls = true;
      EXPECT_EQ(pair.deliver(std::move(secret)).at(0).delivery, Delivery::Accepted);
      EXPECT_TRUE(pair.server.messages.at(0).envelope.parameters.requiretls);
    }
  }
}

TEST(Engines, LmtpVerdictsPerRecipient) {
  ServerOptions options = server_options(TlsMode::Off);
  options.dialect = Dialect::Lmtp;
  ClientOptions client;
  client.lmtp = true;
  Pair pair(options, client);
  pair.server.on_lmtp_message = [](const MessageReceived&) { return std::vector<Reply>{{250, {2, 0, 0}, "in"}, {452, {4, 2, 2}, "full"}}; };
  pair.run();
  const auto results = pair.deliver(message("A: b\r\n", {"a@y.example", "refused@y.example", "b@y.example"}));
  EXPECT_EQ(results.at(0).delivery, Delivery::Accepted);
  EXPECT_EQ(results.at(1).delivery, Delivery::PermanentFailure);
  EXPECT_EQ(results.at(2).delivery, Delivery::TemporaryFailure);
}

TEST(Engines, EnvelopeParametersSurvive) {
  Pair pair(server_options(TlsMode::Off), {});
  pair.run();
  OutgoingMessage out = message("A: b\r\n", {"x@y.example"});
  out.parameters.envid = "id+1 =";
  out.parameters.ret = DsnReturn::Headers;
  out.recipients[0].parameters.notify.success = true;
  out.recipients[0].parameters.orcpt = OriginalRecipient{"utf-8", "\xc3\xa4@y.example"};
  const MailParameters sent = out.parameters;
  const RcptParameters sent_rcpt = out.recipients[0].parameters;
  pair.deliver(std::move(out));
  const Envelope& envelope = pair.server.messages.at(0).envelope;
  EXPECT_EQ(envelope.parameters.envid, sent.envid);
  EXPECT_EQ(envelope.parameters.ret, sent.ret);
  EXPECT_EQ(envelope.parameters.size, 6U);
  EXPECT_EQ(envelope.recipients.at(0).parameters, sent_rcpt);
}

}  // namespace
}  // namespace postern::smtp
