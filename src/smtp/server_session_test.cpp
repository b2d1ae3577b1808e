// What a session answers, turn by turn. Limits and abuse: server_limits_test.cpp; logins: server_auth_test.cpp.
#include <gtest/gtest.h>

#include <random>

#include "smtp/loopback.hpp"

namespace postern::smtp {
namespace {

ServerOptions plain() {
  ServerOptions options;
  options.hostname = "mx.example";
  options.tls = TlsMode::Off;
  return options;
}
ServerOptions lmtp() {
  ServerOptions options = plain();
  options.dialect = Dialect::Lmtp;
  return options;
}

/// Client lines and what each must be answered with: the beginnings of the reply lines, joined by "|".
struct Turn {
  std::string client;
  std::string server;
};

void expect_reply(const std::string& got, const std::string& wanted, const std::string& said) {
  std::string_view rest = got;
  for (std::size_t at = 0; at <= wanted.size();) {
    const std::size_t bar = std::min(wanted.find('|', at), wanted.size());
    const std::string start = wanted.substr(at, bar - at);
    const std::size_t end = rest.find("\r\n");
    if (start.empty()) {
      EXPECT_EQ(rest, "") << "after " << said;
      return;
    }
    ASSERT_NE(end, std::string_view::npos) << "no more replies after " << said << "; got " << got;
    EXPECT_EQ(rest.substr(0, start.size()), start) << "after " << said << "; got " << got;
    rest.remove_prefix(end + 2);
    at = bar + 1;
  }
  EXPECT_EQ(rest, "") << "after " << said;
}

void dialogue(LoopbackServer& server, const std::vector<Turn>& turns) {
  server.greet();
  for (const Turn& turn : turns) expect_reply(server.say(turn.client + "\r\n"), turn.server, turn.client);
}
void dialogue(const std::vector<Turn>& turns, const ServerOptions& options = plain()) {
  LoopbackServer server(options);
  dialogue(server, turns);
}

TEST(ServerSession, OneMessage) {  // RFC 5321 appendix D.1
  LoopbackServer server(plain());
  dialogue(server, {{"EHLO bar.example",
                     "250-mx.example greets 192.0.2.1|250-PIPELINING|250-SIZE "
                     "26214400|250-8BITMIME|250-ENHANCEDSTATUSCODES|250-CHUNKING|250-BINARYMIME|250-SMTPUTF8|250 DSN"},
                    {"MAIL FROM:<smith@bar.example>", "250 2.1.0"},
                    {"RCPT TO:<jones@foo.example>", "250 2.1.5"},
                    {"RCPT TO:<refused@foo.example>", "550 5.1.1"},
                    {"RCPT TO:<brown@foo.example>", "250 2.1.5"},
                    {"DATA", "354"},
                    {"Subject: x\r\n\r\n..dot\r\n.", "250 2.0.0 Queued"},
                    {"QUIT", "221 2.0.0"}});
  ASSERT_EQ(server.messages.size(), 1U);
  EXPECT_EQ(server.messages[0].content, "Subject: x\r\n\r\n.dot\r\n");
  EXPECT_EQ(server.messages[0].envelope.from.text(), "<smith@bar.example>");
  ASSERT_EQ(server.messages[0].envelope.recipients.size(), 2U);
  EXPECT_EQ(server.messages[0].envelope.recipients[1].path.text(), "<brown@foo.example>");
  EXPECT_EQ(server.closed, std::vector{CloseReason::Quit});
  EXPECT_TRUE(server.session().wants_close());
  EXPECT_TRUE(server.output.starts_with("220 mx.example ESMTP Postern\r\n"));
}

TEST(ServerSession, OrderOfCommands) {  // RFC 5321 4.1.4
  dialogue({{"MAIL FROM:<a@b.example>", "503 5.5.1"},
            {"EHLO", "501 5.5.4"},
            {"EHLO two words", "501 5.5.4"},
            {"HELO c.example", "250 mx.example"},
            {"RCPT TO:<x@y.example>", "503 5.5.1"},
            {"DATA", "503 5.5.1"},
            {"MAIL FROM:<a@b.example> SIZE=1", "555 5.5.4"},  // no extensions after HELO
            {"MAIL FROM:<a@b.example>", "250"},
            {"MAIL FROM:<a@b.example>", "503 5.5.1"},
            {"DATA", "554 5.5.1"},
            {"DATA now", "501 5.5.4"},
            {"RCPT TO:<refused@y.example>", "550 5.1.1"},
            {"DATA", "554 5.5.1"},
            {"RSET", "250 2.0.0"},
            {"RCPT TO:<x@y.example>", "503 5.5.1"},
            {"MAIL FROM:<refused@b.example>", "550"},
            {"RCPT TO:<x@y.example>", "503 5.5.1"},
            {"MAIL FROM:<>", "250"},
            {"EHLO c.example", "250-|250-|250-|250-|250-|250-|250-|250-|250 "},
            {"RCPT TO:<x@y.example>", "503 5.5.1"}});
}

TEST(ServerSession, OtherCommands) {
  dialogue({{"NOOP", "250 2.0.0"},
            {"noop anything", "250 2.0.0"},
            {"VRFY jones", "252 2.5.0"},
            {"VRFY", "501 5.5.4"},
            {"HELP", "214 2.0.0"},
            {"EXPN list", "502 5.5.1"},
            {"ETRN x", "502 5.5.1"},
            {"FOO", "500 5.5.2"},
            {"", "500 5.5.2"},
            {"LHLO x", "500 5.5.2"},
            {"STARTTLS", "502 5.5.1"},
            {"AUTH PLAIN", "502 5.5.1"},
            {"RSET now", "501 5.5.4"},
            {"QUIT now", "501 5.5.4"},
            {"NOOP   ", "250 2.0.0"},
            {"EHLO \xc3\xa4", "501 5.5.2"},
            {std::string("NOOP \0x", 7), "500 5.5.2"},
            {"NOOP\tx", "500 5.5.2"},
            {"NOOP a\x01", "501 5.5.2"},
            {"MAIL FROM:<a\x01z@b.example>", "501 5.5.2"},
            {"quit", "221 2.0.0"}});
}

TEST(ServerSession, Parameters) {
  LoopbackServer server(plain());
  dialogue(server, {{"EHLO c.example", "250-|250-|250-|250-|250-|250-|250-|250-|250 "},
                    {"MAIL FROM:<a@b.example> SIZE=26214401", "552 5.3.4"},  // RFC 1870 6.1
                    {"MAIL FROM:<a@b.example> REQUIRETLS", "530 5.7.10"},    // RFC 8689
                    {"MAIL FROM:<a@b.example> NOPE", "555 5.5.4"},
                    {"MAIL FROM:<\xc3\xa4@b.example>", "553 5.6.7"},
                    {"MAIL FROM:<\xc3\xa4@b.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=q1", "250"},
                    {"RCPT TO:<\xc3\xb6@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;\\x{F6}@b.example", "250"},
                    {"RCPT TO:<x@b.example> NOTIFY=SOMETIMES", "501 5.5.4"}});
  EXPECT_EQ(server.log[0], "mail <\xc3\xa4@b.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=q1");
  EXPECT_EQ(server.log[1], "rcpt <\xc3\xb6@b.example> NOTIFY=SUCCESS,FAILURE ORCPT=utf-8;\\x{F6}@b.example");
}

TEST(ServerSession, Chunking) {  // RFC 3030 4.1
  LoopbackServer server(plain());
  dialogue(server, {{"EHLO c.example", "250-|250-|250-|250-|250-|250-|250-|250-|250 "},
                    {"MAIL FROM:<a@b.example> BODY=BINARYMIME", "250"},
                    {"RCPT TO:<x@y.example>", "250"},
                    {"DATA", "503 5.5.1"}});
  EXPECT_EQ(server.say("BDAT 10\r\nA: b\r\n\r\n\r\n"), "250 2.0.0 10 octets so far\r\n");
  EXPECT_EQ(server.say("DATA\r\n").substr(0, 9), "503 5.5.1");
  EXPECT_EQ(server.say("RCPT TO:<z@y.example>\r\n").substr(0, 9), "503 5.5.1");
  EXPECT_EQ(server.say(std::string("BDAT 4\r\n\0\n\r.", 12)).substr(0, 9), "250 2.0.0");
  EXPECT_EQ(server.say("BDAT 0 LAST\r\n"), "250 2.0.0 Queued\r\n");
  ASSERT_EQ(server.messages.size(), 1U);
  EXPECT_EQ(server.messages[0].content, std::string("A: b\r\n\r\n\r\n\0\n\r.", 14));
  // All in one go, with what follows.
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 5 LAST\r\nabc\r\nNOOP\r\n").size(),
            std::string("250 2.1.0 Sender accepted\r\n250 2.1.5 Recipient accepted\r\n250 2.0.0 Queued\r\n250 2.0.0 OK\r\n").size());
}

TEST(ServerSession, RefusedChunksAreReadAway) {  // RFC 3030 2
  LoopbackServer server(plain());
  server.greet();
  server.feed("EHLO c.example\r\n");
  EXPECT_EQ(server.say("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), "503 5.5.1 Send MAIL first\r\n250 2.0.0 OK\r\n");
  // Text chunks are checked; a failed one ends the transaction, and those on their way are answered one by one.
  const std::string replies =
      server.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 2\r\na\nBDAT 3\r\nb\r\nBDAT 0 LAST\r\nNOOP\r\n");
  EXPECT_NE(replies.find("554 5.6.11"), std::string::npos);
  EXPECT_EQ(server.messages.size(), 0U);
  std::size_t refused = 0;
  for (std::size_t at = replies.find("503 5.5.1"); at != std::string::npos; at = replies.find("503 5.5.1", at + 1)) ++refused;
  EXPECT_EQ(refused, 2U);
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\nBDAT 2\r\nxxNOOP\r\n").find("554 5.5.1"), 27U);
  // Without a size nobody knows where the commands go on.
  EXPECT_EQ(server.say("BDAT x\r\nMAIL FROM:<>\r\n").substr(0, 9), "501 5.5.4");
  EXPECT_TRUE(server.session().wants_close());
}

TEST(ServerSession, Lmtp) {  // RFC 2033 4
  LoopbackServer server(lmtp());
  server.on_lmtp_message = [](const MessageReceived&) { return std::vector<Reply>{{250, {2, 0, 0}, "in"}, {552, {5, 2, 2}, "full"}}; };
  dialogue(server, {{"HELO c.example", "500 5.5.2"},
                    {"EHLO c.example", "500 5.5.2"},
                    {"LHLO c.example", "250-|250-|250-|250-|250-|250-|250-|250-|250 "},
                    {"MAIL FROM:<a@b.example>", "250"},
                    {"DATA", "503 5.5.1"},
                    {"RCPT TO:<x@y.example>", "250"},
                    {"RCPT TO:<refused@y.example>", "550"},
                    {"RCPT TO:<y@y.example>", "250"},
                    {"DATA", "354"},
                    {"a\r\n.", "250 2.0.0 in|552 5.2.2 full"},
                    {"MAIL FROM:<a@b.example>", "250"},
                    {"RCPT TO:<x@y.example>", "250"},
                    {"RCPT TO:<y@y.example>", "250"},
                    {"DATA", "354"},
                    {"a\nb\r\n.", "554 5.6.11|554 5.6.11"},
                    {"MAIL FROM:<a@b.example>", "250"},
                    {"RCPT TO:<x@y.example>", "250"},
                    {"RCPT TO:<y@y.example>", "250"},
                    {"RCPT TO:<z@y.example>", "250"},
                    {"DATA", "354"},
                    {"a\r\n.", "250 2.0.0 in|552 5.2.2 full|451 4.3.0"}});
  EXPECT_EQ(server.session().protocol(), "LMTP");
}

TEST(ServerSession, StartTls) {  // RFC 3207
  ServerOptions options = plain();
  options.tls = TlsMode::Required;
  LoopbackServer server(options);
  dialogue(server, {{"MAIL FROM:<a@b.example>", "530 5.7.0"},
                    {"VRFY x", "530 5.7.0"},
                    {"DATA", "530 5.7.0"},
                    {"AUTH PLAIN", "530 5.7.0"},
                    {"NOOP", "250"},
                    {"RSET", "250"},
                    {"EHLO c.example", "250-|250-|250-|250-|250-|250-|250-|250-|250-DSN|250 STARTTLS"},
                    {"MAIL FROM:<a@b.example>", "530 5.7.0"},
                    {"BDAT 2\r\nxx", "530 5.7.0|500"},
                    {"STARTTLS now", "501 5.5.4"},
                    {"STARTTLS", "220 2.0.0"}});
  EXPECT_EQ(server.session().helo(), "");  // RFC 3207 4.2: everything is forgotten
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\n").substr(0, 9), "503 5.5.1");
  EXPECT_EQ(server.say("STARTTLS\r\n").substr(0, 9), "503 5.5.1");
  const std::string hello = server.say("EHLO c.example\r\n");
  EXPECT_EQ(hello.find("STARTTLS"), std::string::npos);
  EXPECT_NE(hello.find("250 REQUIRETLS"), std::string::npos);  // RFC 8689 2
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example> REQUIRETLS\r\n").substr(0, 3), "250");
  EXPECT_EQ(server.session().protocol(), "ESMTPS");
}

TEST(ServerSession, StartTlsInjection) {  // RFC 3207 4.2, CVE-2011-0411
  ServerOptions options = plain();
  options.tls = TlsMode::Optional;
  // In the same segment, in the next one, or half and half: what comes in the clear behind STARTTLS has no effect.
  for (const std::size_t cut : {10U, 11U, 20U, 40U}) {
    LoopbackServer server(options);
    server.greet();
    server.feed("EHLO victim.example\r\nMAIL FROM:<a@b.example>\r\n");
    server.decide = false;  // the handshake takes a while
    const std::string attack = "STARTTLS\r\nRSET\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n";
    server.feed(attack.substr(0, cut));
    server.feed(attack.substr(cut));
    EXPECT_FALSE(server.session().wants_input());
    EXPECT_TRUE(server.output.ends_with("220 2.0.0 Ready to start TLS\r\n")) << cut;
    server.decide = true;
    server.pump();
    EXPECT_EQ(server.say("NOOP\r\n"), "250 2.0.0 OK\r\n") << cut;
    EXPECT_EQ(server.say("RCPT TO:<x@y.example>\r\n").substr(0, 9), "503 5.5.1") << cut;
  }
}

TEST(ServerSession, ImplicitTls) {  // RFC 8314
  LoopbackServer server(plain(), PeerInfo{"192.0.2.1", TlsInfo{"TLSv1.3", "x", {}, {}}});
  server.greet();
  EXPECT_EQ(server.say("EHLO c.example\r\n").find("STARTTLS"), std::string::npos);
  EXPECT_EQ(server.session().protocol(), "ESMTPS");
  EXPECT_EQ(server.session().protocol(true), "UTF8SMTPS");  // RFC 6531 4.3
}

TEST(ServerSession, PipelinedGroup) {  // RFC 2920 3.2
  LoopbackServer server(plain());
  server.greet();
  server.feed("EHLO c.example\r\n");
  EXPECT_EQ(server.say("RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<refused@y.example>\r\nDATA\r\n"),
            "250 2.0.0 Reset\r\n250 2.1.0 Sender accepted\r\n250 2.1.5 Recipient accepted\r\n550 5.1.1 No such user\r\n354 Go ahead; end "
            "with a dot on a line of its own\r\n");
  EXPECT_EQ(server.say("a\r\n.\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\nMAIL FROM:<ignored@b.example>\r\n"),
            "250 2.0.0 Queued\r\n250 2.1.0 Sender accepted\r\n221 2.0.0 mx.example closing\r\n");  // bytes after QUIT are nobody's
}

TEST(ServerSession, DecisionsOneAtATime) {
  LoopbackServer server(plain());
  server.decide = false;
  server.session().greet(server.now);
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<z@y.example>\r\n");
  ServerSession& session = server.session();
  const auto first = session.next_event();
  ASSERT_TRUE(first && std::holds_alternative<MailFrom>(*first));
  EXPECT_FALSE(session.next_event());
  EXPECT_FALSE(session.wants_input());
  EXPECT_EQ(session.deadline(), SteadyTime::max());
  session.accept();
  const auto second = session.next_event();
  ASSERT_TRUE(second && std::holds_alternative<RcptTo>(*second));
  session.reject({450, {4, 2, 1}, "greylisted"});
  session.accept();  // the third event has not been taken yet, but it is the one that waits
  EXPECT_TRUE(session.take_output().ends_with("450 4.2.1 greylisted\r\n250 2.1.5 Recipient accepted\r\n"));
  EXPECT_TRUE(session.wants_input());
  session.accept();  // nobody asked
  EXPECT_EQ(session.take_output(), "");
}

TEST(ServerSession, VerdictThatCloses) {  // RFC 5321 3.8
  LoopbackServer server(plain());
  server.on_message = [](const MessageReceived&) { return Reply(421, {4, 3, 2}, "shutting down"); };
  server.greet();
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\na\r\n.\r\nNOOP\r\n");
  EXPECT_TRUE(server.output.ends_with("421 4.3.2 shutting down\r\n"));
  EXPECT_TRUE(server.session().wants_close());
}

TEST(ServerSession, AnyCutGivesTheSame) {
  using namespace std::string_literals;
  const std::string sessions[] = {
      "EHLO c.example\r\nMAIL FROM:<a@b.example> BODY=8BITMIME\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<refused@y.example>\r\nDATA\r\nA: "
      "b\r\n\r\n..x\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\nMAIL\r\n",
      "EHLO c.example\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<x@y.example>\r\nBDAT 4\r\n\r\0\n.BDAT 3 "
      "LAST\r\nabcNOOP\r\nBDAT 4\r\nQUITBDAT 2 LAST\r\n\r\nNOOP\r\n"s,  // the literal operator keeps the NUL
      "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\na\nb\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT "
      "TO:<x@y.example>\r\nDATA\r\na\n.\nMAIL FROM:<evil@x.example>\r\n.\r\n",
      "EHLO c.example\r\nNOOP " + std::string(3000, 'x') + "\r\nNOOP " + std::string(600, 'x') + "\r\nNOOP\r\nNOOP\nNOOP\r\n",
      "EHLO c.example\r\nNOOP " + std::string(70000, 'x') + "\r\nNOOP\r\n",
      "HELO c.example\r\nFOO\rBAR\r\nNOOP\r\n",
  };
  for (const std::string& input : sessions) {
    LoopbackServer whole(plain());
    whole.greet();
    whole.feed(input);
    std::mt19937 random(11);
    for (int round = 0; round < 40; ++round) {
      LoopbackServer cut(plain());
      cut.greet();
      for (std::size_t at = 0; at < input.size();) {
        const std::size_t piece = round == 0 ? 1 : 1 + random() % (round < 20 ? 7 : 400);
        cut.feed(std::string_view(input).substr(at, piece));
        at += piece;
      }
      ASSERT_EQ(cut.output, whole.output) << input.substr(0, 200);
      ASSERT_EQ(cut.log, whole.log);
    }
  }
}

}  // namespace
}  // namespace postern::smtp
