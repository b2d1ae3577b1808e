// What bounds a session: sizes, counts, times, and peers that do not play by the rules.
#include <gtest/gtest.h>

#include "smtp/loopback.hpp"

namespace postern::smtp {
namespace {

using std::chrono::seconds;

ServerOptions plain() {
  ServerOptions options;
  options.hostname = "mx.example";
  options.tls = TlsMode::Off;
  return options;
}

constexpr std::string_view kUntilData = "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n";

TEST(ServerLimits, BareLineEndsInCommands) {  // RFC 5321 2.3.8
  for (const char* bad : {"NOOP\n", "NOOP\rNOOP\r\n", "\n", "\r\r\n", "MAIL FROM:<a@b.example>\nRCPT TO:<x@y.example>\r\n"}) {
    LoopbackServer server(plain());
    server.greet();
    EXPECT_EQ(server.say(std::string(bad) + "MAIL FROM:<z@z.example>\r\n").substr(0, 9), "521 5.5.2") << bad;
    EXPECT_TRUE(server.session().wants_close());
    EXPECT_EQ(server.closed, std::vector{CloseReason::Abuse});
  }
}

TEST(ServerLimits, SmugglingNeverStartsASecondMessage) {  // RFC 5321 2.3.8, 4.1.1.4
  const std::string variants[] = {"\n.\n",
                                  "\r.\r",
                                  "\n.\r\n",
                                  "\r.\r\n",
                                  "\r\n.\n",
                                  "\r\n.\r",
                                  "\n.\r",
                                  "\r.\n",
                                  std::string("\r\n.\0\r\n", 6),
                                  std::string("\r\n\0.\r\n", 6)};
  for (const std::string& variant : variants) {
    const std::string attack =
        "Subject: x\r\n\r\nbody" + variant + "MAIL FROM:<admin@victim.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nevil\r\n.\r\n";
    for (std::size_t cut = 0; cut < attack.size(); ++cut) {
      LoopbackServer server(plain());
      server.greet();
      server.feed(kUntilData);
      server.feed(attack.substr(0, cut));
      server.feed(attack.substr(cut));
      EXPECT_TRUE(server.messages.empty());
      EXPECT_EQ(server.log.size() - server.closed.size(), 2U) << testing::PrintToString(variant) << " let a smuggled command in";
      const bool named = server.output.find("521 5.6.11") != std::string::npos || server.output.find("554 5.6.11") != std::string::npos ||
                         server.output.find("554 5.6.0") != std::string::npos;
      EXPECT_TRUE(named) << testing::PrintToString(variant) << server.output;
    }
  }
}

TEST(ServerLimits, ContentFaultsAreAnsweredAfterTheEnd) {
  ServerOptions options = plain();
  options.limits.message_bytes = 1000;
  options.limits.line_accepted = 100;
  const std::pair<std::string, std::string> table[] = {
      {"a\nb\r\n", "554 5.6.11"},
      {"a\rb\r\n", "554 5.6.11"},
      {std::string("a\0b\r\n", 5), "554 5.6.0"},
      {std::string(101, 'x') + "\r\n", "554 5.6.0"},
  };
  LoopbackServer server(options);
  server.greet();
  for (const auto& [content, reply] : table) {
    server.feed(kUntilData);
    EXPECT_EQ(server.say(content), "");
    EXPECT_EQ(server.say(".\r\n").substr(0, reply.size()), reply);
  }
  server.feed(kUntilData);
  std::string large;
  for (int i = 0; i < 30; ++i) large += std::string(50, 'y') + "\r\n";
  EXPECT_EQ(server.say(large), "");
  EXPECT_EQ(server.say(".\r\n").substr(0, 9), "552 5.3.4");  // RFC 1870 6.2
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\n");
  EXPECT_EQ(server.say("BDAT 1500 LAST\r\n" + std::string(1500, 'x') + "NOOP\r\n").substr(0, 9), "552 5.3.4");
  EXPECT_TRUE(server.messages.empty());
  EXPECT_TRUE(server.closed.empty());
}

TEST(ServerLimits, EndlessContentEnds) {
  ServerOptions options = plain();
  options.limits.message_bytes = 1000;
  LoopbackServer server(options);
  server.greet();
  server.feed(kUntilData);
  const std::string line = std::string(70, 'x') + "\r\n";
  std::size_t sent = 0;
  for (; sent < 10'000'000 && !server.session().wants_close(); sent += line.size()) server.feed(line);
  EXPECT_LT(sent, 2'000'000U);
  EXPECT_NE(server.output.find("552 5.3.4"), std::string::npos);
  // A chunk of that size is refused before it is read.
  LoopbackServer other(options);
  other.greet();
  other.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\n");
  EXPECT_EQ(other.say("BDAT 18446744073709551615 LAST\r\n").substr(0, 9), "552 5.3.4");
  EXPECT_TRUE(other.session().wants_close());
  EXPECT_EQ(LoopbackServer(options).say(""), "");
}

TEST(ServerLimits, CommandLines) {  // RFC 5321 4.5.3.1.4
  LoopbackServer server(plain());
  server.greet();
  EXPECT_EQ(server.say("NOOP " + std::string(505, 'x') + "\r\n").substr(0, 3), "250");
  EXPECT_EQ(server.say("NOOP " + std::string(506, 'x') + "\r\n").substr(0, 9), "500 5.5.2");
  EXPECT_EQ(server.say("NOOP " + std::string(5000, 'x') + "\r\n"), "500 5.5.2 The line is too long\r\n");
  server.feed("EHLO c.example\r\n");
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example> AUTH=" + std::string(499, 'x') + " ENVID=" + std::string(100, 'y') + "\r\n").substr(0, 3),
            "555");  // AUTH was not offered
  EXPECT_EQ(server.say("NOOP " + std::string(100000, 'x')).substr(0, 9), "421 4.7.0");
}

TEST(ServerLimits, Recipients) {  // RFC 5321 4.5.3.1.10
  ServerOptions options = plain();
  options.limits.recipients = 3;
  LoopbackServer server(options);
  server.greet();
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server.say("RCPT TO:<x@y.example>\r\n").substr(0, 3), "250");
  EXPECT_EQ(server.say("RCPT TO:<x@y.example>\r\n").substr(0, 9), "452 4.5.3");
  server.feed("DATA\r\na\r\n.\r\n");
  EXPECT_EQ(server.messages.at(0).envelope.recipients.size(), 3U);
}

TEST(ServerLimits, BadAndIdleCommands) {
  LoopbackServer bad(plain());
  bad.greet();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bad.say("FOO\r\n").substr(0, 3), "500");
  EXPECT_EQ(bad.say("FOO\r\n").substr(0, 9), "421 4.7.0");
  EXPECT_EQ(bad.closed, std::vector{CloseReason::Abuse});
  LoopbackServer idle(plain());
  idle.greet();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(idle.say("NOOP\r\n").substr(0, 3), "250");
  EXPECT_EQ(idle.say("NOOP\r\n").substr(0, 9), "421 4.7.0");
  LoopbackServer web(plain());
  web.greet();
  EXPECT_EQ(web.say("POST / HTTP/1.1\r\nMAIL FROM:<a@b.example>\r\n").substr(0, 9), "521 5.5.2");
  EXPECT_TRUE(web.log.size() == 1);
}

TEST(ServerLimits, EarlyTalker) {  // RFC 5321 4.3.1
  LoopbackServer server(plain());
  server.feed("EHLO c.example\r\n");
  EXPECT_EQ(server.output, "");
  server.greet();
  EXPECT_EQ(server.output.substr(0, 9), "554 5.5.0");
  EXPECT_EQ(server.say("MAIL FROM:<a@b.example>\r\n").substr(0, 3), "503");  // RFC 5321 3.1
  EXPECT_EQ(server.say("QUIT\r\n").substr(0, 3), "221");
  LoopbackServer refused(plain());
  refused.session().refuse({421, {4, 7, 0}, "too many connections"}, refused.now);
  refused.pump();
  EXPECT_TRUE(refused.session().wants_close());
}

TEST(ServerLimits, UndecidedInputIsBounded) {
  LoopbackServer server(plain());
  server.decide = false;
  server.session().greet(server.now);
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n");
  for (std::size_t i = 0; i < ServerSession::kMaxWaiting / 1024; ++i) server.feed(std::string(1024, 'x'));
  EXPECT_FALSE(server.session().wants_close());
  server.feed("x");
  EXPECT_TRUE(server.session().wants_close());
  EXPECT_TRUE(server.output.ends_with("421 4.7.0 Too much input waits for an answer; wait for replies\r\n"));
}

TEST(ServerLimits, CommandTimeoutIsNotExtendedByTrickle) {  // RFC 5321 4.5.3.2.7
  LoopbackServer server(plain());
  server.greet();
  const SteadyTime start = server.now;
  EXPECT_EQ(server.session().deadline(), start + seconds(300));
  for (int i = 0; i < 4; ++i) {
    server.now += seconds(60);
    server.feed("N");
    EXPECT_EQ(server.session().deadline(), start + seconds(300));
  }
  server.session().tick(start + seconds(299));
  EXPECT_FALSE(server.session().wants_close());
  server.session().tick(start + seconds(300));
  server.pump();
  EXPECT_TRUE(server.output.ends_with("421 4.4.2 Timeout; closing\r\n"));
  EXPECT_EQ(server.closed, std::vector{CloseReason::Timeout});
}

TEST(ServerLimits, ContentTimeouts) {
  LoopbackServer server(plain());
  server.greet();
  server.feed(kUntilData);
  for (int i = 0; i < 59; ++i) {  // busy enough for the block timeout, too slow for the whole
    server.now += seconds(60);
    server.session().tick(server.now);
    server.feed("x");
  }
  EXPECT_FALSE(server.session().wants_close());
  EXPECT_EQ(server.session().deadline(), SteadyTime{} + seconds(3600));
  server.session().tick(SteadyTime{} + seconds(3600));
  EXPECT_TRUE(server.session().wants_close());
}

TEST(ServerLimits, ARefusedChunkHasTimeOfItsOwn) {
  LoopbackServer server(plain());
  server.greet();
  server.feed(kUntilData);
  server.feed("a\r\n.\r\n");
  server.now += seconds(250);
  server.feed("NOOP\r\n");
  server.now += seconds(4000);  // long after the time of that message's content
  server.feed("NOOP\r\nBDAT 4\r\nx");
  EXPECT_EQ(server.session().deadline(), server.now + seconds(300));
}

TEST(ServerLimits, ASlowVerdictDoesNotCostTheClientItsTime) {
  LoopbackServer server(plain());
  server.decide = false;
  server.session().greet(server.now);
  server.feed("EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n");
  server.session().accept();
  const SteadyTime later = server.now + seconds(1000);
  server.session().tick(later);
  EXPECT_FALSE(server.session().wants_close());
  EXPECT_EQ(server.session().deadline(), later + seconds(300));
}

TEST(ServerLimits, AnIdleSessionIsSmall) {  // 5,000 idle connections matter
  EXPECT_LE(sizeof(ServerSession), 1024U);
}

TEST(ServerLimits, PeerGoneForgetsTheMessage) {
  LoopbackServer server(plain());
  server.greet();
  server.feed(kUntilData);
  server.feed("half a mess");
  server.session().peer_gone();
  server.pump();
  EXPECT_TRUE(server.messages.empty());
  EXPECT_EQ(server.closed, std::vector{CloseReason::PeerGone});
  server.session().peer_gone();
  server.feed("age\r\n.\r\n");
  EXPECT_EQ(server.closed.size(), 1U);
}

std::string lines(std::size_t bytes) {
  std::string out;
  while (out.size() < bytes) out += std::string(70, 'x') + "\r\n";
  return out;
}

TEST(ServerLimits, ContentCountsWhileItArrives) {
  ServerOptions options = plain();
  options.content_budget = std::make_shared<ContentBudget>(1024 * 1024);
  LoopbackServer slow(options), next(options), small(options);
  for (LoopbackServer* server : {&slow, &next, &small}) {
    server->greet();
    server->feed(kUntilData);
  }
  EXPECT_EQ(options.content_budget->used(), 0U);
  slow.feed(lines(700'000));  // and no end of it
  EXPECT_GE(options.content_budget->used(), 700'000U);
  next.feed(lines(300'000));
  EXPECT_EQ(next.say(".\r\nNOOP\r\n").substr(0, 9), "452 4.3.1");  // RFC 5321 4.2.3: after the end, and the session goes on
  EXPECT_FALSE(next.session().wants_close());
  EXPECT_TRUE(next.messages.empty());
  EXPECT_LT(options.content_budget->used(), 800'000U) << "refused content is not held";
  EXPECT_EQ(small.say(lines(100'000) + ".\r\n").substr(0, 3), "250") << "a quarter is kept for small messages";
  slow.session().peer_gone();
  EXPECT_EQ(options.content_budget->used(), 0U);
  next.feed(kUntilData);
  EXPECT_EQ(next.say(lines(300'000) + ".\r\n").substr(0, 3), "250");
  EXPECT_EQ(options.content_budget->used(), 0U);
}

TEST(ServerLimits, ContentCountsUntilItIsDecided) {
  ServerOptions options = plain();
  options.content_budget = std::make_shared<ContentBudget>(1024 * 1024);
  LoopbackServer server(options);
  server.greet();
  server.feed(kUntilData);
  server.on_message = [&](const MessageReceived& message) {
    EXPECT_GE(options.content_budget->used(), message.content.size());
    return Reply(250, {2, 0, 0}, "Queued");
  };
  server.feed(lines(50'000) + ".\r\n");
  EXPECT_EQ(server.messages.size(), 1U);
  EXPECT_EQ(options.content_budget->used(), 0U);
  options.content_budget = std::make_shared<ContentBudget>(64 * 1024);
  options.dialect = Dialect::Lmtp;
  LoopbackServer lmtp(options);
  lmtp.greet();
  lmtp.feed("LHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<z@y.example>\r\n");
  const std::string both = lmtp.say("BDAT 70000 LAST\r\n" + lines(70'000).substr(0, 70'000));  // RFC 2033 4.2: a reply for each recipient
  EXPECT_EQ(both.substr(0, 9), "452 4.3.1");
  EXPECT_NE(both.find("\r\n452 4.3.1"), std::string::npos);
}

}  // namespace
}  // namespace postern::smtp
