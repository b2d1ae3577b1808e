// A session turn by turn. Limits: session_limits_test.cpp; decisions and modifications: session_decisions_test.cpp.
#include "milter/session.hpp"

#include <gtest/gtest.h>

#include <random>

#include "milter/testing/mta.hpp"

namespace postern::milter {
namespace {

using namespace std::string_literals;
using namespace postern::milter::testing;

const std::string kContinue = "\0\0\0\1c"s;

/// What Postfix 3.7 sends for one message that Alice sends after a login: macros ahead of every command, LF in folded fields, the last
/// chunk of the body in SMFIC_BODYEOB, and an SMFIC_ABORT when all is done.
std::string postfix_message() {
  const auto id = [](char command) { return macros(command, {"i", "4YxQ2"}); };
  return macros('M', {"{auth_type}", "PLAIN", "{auth_authen}", "alice", "{mail_mailer}", "smtp", "{mail_addr}", "alice@a.example"}) +
         strings('M', {"<alice@a.example>", "size=120", "BODY=8BITMIME"}) +
         macros('R', {"{rcpt_mailer}", "smtp", "{rcpt_host}", "b.example", "{rcpt_addr}", "bob@b.example"}) +
         strings('R', {"<bob@b.example>", "NOTIFY=NEVER"}) + macros('R', {"i", "4YxQ2", "{rcpt_addr}", "carol@b.example"}) +
         strings('R', {"<carol@b.example>"}) + id('T') + packet('T') + id('L') + strings('L', {"From", " alice@a.example"}) + id('L') +
         strings('L', {"Subject", " folded\n\there"}) + id('N') + packet('N') + id('B') + packet('B', std::string(65535, 'x')) + id('E') +
         packet('E', "\r\nend\r\n") + packet('A');
}
std::string postfix_start() {
  return negotiate(6, kPostfixActions, kPostfixProtocol) +
         macros('C', {"j", "mx.b.example", "{daemon_name}", "mx.b.example", "{daemon_addr}", "192.0.2.9", "v", "Postfix 3.7.11", "_",
                      "client.a.example [192.0.2.1]"}) +
         connect("client.a.example", '4', 40000, "192.0.2.1") +
         macros('H', {"{tls_version}", "TLSv1.3", "{cipher}", "X", "{cipher_bits}", "256"}) + strings('H', {"client.a.example"});
}

/// Reference 3.2: replayed on a fresh connection, protocol 0x42, no arguments, fields trimmed, the whole message in the body.
const std::string kStalwartRaw = "Received: from x\r\n\tby y; now\r\nSubject:  hi\r\nX-Bytes: \xff\xfe\r\n\r\nHello\r\n";
std::string stalwart_session(const std::string& raw = kStalwartRaw) {
  return negotiate(6, kStalwartActions, kStalwartProtocol) +
         macros('C', {"{daemon_name}", "Stalwart", "j", "mail.b.example", "{client_addr}", "2001:db8::1", "{client_port}", "4444",
                      "{client_ptr}", "unknown"}) +
         connect("client.a.example", '6', 4444, "2001:db8::1") +
         macros('H', {"{cipher}", "TLS13_AES_256_GCM_SHA384", "{tls_version}", "TLSv1.3"}) + strings('H', {"client.a.example"}) +
         macros('M', {"{mail_addr}", "alice@a.example", "{auth_authen}", "alice"}) + strings('M', {"<alice@a.example>"}) +
         macros('R', {"{rcpt_addr}", "bob@b.example"}) + strings('R', {"<bob@b.example>"}) + packet('T') +
         strings('L', {"Received", "from x\r\n\tby y; now"}) + strings('L', {"Subject", "hi"}) + strings('L', {"X-Bytes", ""}) +
         packet('N') + packet('B', raw.substr(0, 20)) + packet('B', raw.substr(20)) + packet('E');
}

TEST(MilterSession, EveryVersion) {
  for (const std::uint32_t version : {2U, 3U, 4U, 5U, 6U, 7U}) {
    Driver driver;
    EXPECT_EQ(driver.say(negotiate(version, 0x3f, 0x7f)), negotiate(std::min(version, 6U), 0x3f, 0));
    EXPECT_EQ(driver.log, std::vector{"negotiated " + std::to_string(std::min(version, 6U))});
    EXPECT_TRUE(driver.session.wants_input());
  }
  Driver old;
  EXPECT_EQ(old.say(negotiate(1, 0xf, 0x3f)), "");
  EXPECT_EQ(old.failures.at(0).error, (Error{ErrorCode::Unsupported, "SMFIC_OPTNEG: the MTA speaks 1, and 2 is the least", "version"}));
  EXPECT_TRUE(old.session.wants_close());
}

TEST(MilterSession, AsksForWhatIsOfferedAndWanted) {
  Driver plain;
  EXPECT_EQ(plain.say(negotiate(6, kPostfixActions, kPostfixProtocol)), negotiate(6, 0xff, smfip::kHdrLeadSpc));
  Driver stalwart;
  EXPECT_EQ(stalwart.say(negotiate(6, kStalwartActions, kStalwartProtocol)), negotiate(6, 0xff, 0));
  SessionOptions options;
  options.actions = smfif::kAddHdrs | smfif::kSetSymList;
  options.skip = smfip::kNoHelo | smfip::kNoUnknown | smfip::kSkip;  // kSkip is no command that can be left out
  options.no_reply = smfip::kNrHdr | smfip::kNrBody;
  Driver wishes(options);
  EXPECT_EQ(wishes.say(negotiate(6, kPostfixActions, kPostfixProtocol & ~smfip::kNrBody)),
            negotiate(6, smfif::kAddHdrs, smfip::kHdrLeadSpc | smfip::kNoHelo | smfip::kNoUnknown | smfip::kNrHdr));
}

TEST(MilterSession, PostfixTranscript) {
  Driver driver;
  std::string replies;
  for (int i = 0; i < 9; ++i) replies += kContinue;
  driver.feed(postfix_start());
  EXPECT_EQ(driver.say(postfix_message()), replies);  // M R R T L L N B E, and none for macros
  EXPECT_EQ(driver.log, (std::vector<std::string>{"negotiated 6", "connect client.a.example 4 40000 192.0.2.1", "helo client.a.example",
                                                  "mail <alice@a.example> size=120 BODY=8BITMIME", "rcpt <bob@b.example> NOTIFY=NEVER",
                                                  "rcpt <carol@b.example>", "data", "message"}));
  const Message& message = driver.messages.at(0);
  EXPECT_EQ(message.peer, Peer::Standard);
  EXPECT_EQ(message.raw, "From: alice@a.example\r\nSubject: folded\r\n\there\r\n\r\n" + std::string(65535, 'x') + "\r\nend\r\n");
  EXPECT_TRUE(message.header_exact && message.has_header && message.has_body);
  EXPECT_FALSE(message.body_has_header);
  EXPECT_EQ(message.macro("i"), "4YxQ2");
  EXPECT_EQ(message.macro("auth_authen"), "alice");
  EXPECT_EQ(message.macro("{tls_version}"), "TLSv1.3");
  EXPECT_EQ(message.macro("rcpt_addr"), "carol@b.example");
  EXPECT_EQ(message.macros.at(Stage::Connect).at("v"), "Postfix 3.7.11");
  EXPECT_EQ(message.helo, "client.a.example");
  EXPECT_EQ(message.connection.port, 40000);
  EXPECT_EQ(message.from.args, (std::vector<std::string>{"size=120", "BODY=8BITMIME"}));
  EXPECT_EQ(message.recipients.size(), 2U);
}

TEST(MilterSession, OneConnectionManyMessages) {
  Driver driver;
  driver.feed(postfix_start() + postfix_message() + postfix_message());
  driver.feed(strings('M', {"<x@a.example>"}));
  EXPECT_EQ(driver.session.macros().find("auth_authen"), "");  // of the message before
  EXPECT_EQ(driver.session.macros().find("tls_version"), "TLSv1.3");
  driver.feed(postfix_message() + packet('Q'));
  EXPECT_EQ(driver.messages.size(), 3U);
  EXPECT_EQ(driver.messages[0].raw, driver.messages[2].raw);
  EXPECT_EQ(driver.log.back(), "quit");
  EXPECT_TRUE(driver.session.wants_close());
  EXPECT_EQ(driver.say(packet('H')), "");
}

TEST(MilterSession, StalwartTranscript) {
  Driver driver;
  driver.feed(stalwart_session() + packet('Q'));
  EXPECT_EQ(driver.log, (std::vector<std::string>{"negotiated 6", "connect client.a.example 6 4444 2001:db8::1", "helo client.a.example",
                                                  "mail <alice@a.example>", "rcpt <bob@b.example>", "data", "message", "quit"}));
  const Message& message = driver.messages.at(0);
  EXPECT_EQ(message.peer, Peer::Stalwart);
  EXPECT_TRUE(message.body_has_header && message.header_exact);
  EXPECT_EQ(message.raw, kStalwartRaw);
  EXPECT_EQ(message.body(), "Hello\r\n");
  EXPECT_EQ(message.macro("daemon_name"), "Stalwart");
  EXPECT_EQ(message.macro("auth_authen"), "alice");
  EXPECT_EQ(message.macro("i"), "");
  EXPECT_TRUE(message.from.args.empty());
}

TEST(MilterSession, WhoIsStalwart) {
  const auto peer = [](std::initializer_list<std::string_view> told) {
    Driver driver;
    driver.feed(negotiate(6, kStalwartActions, kStalwartProtocol) + macros('C', told) + connect("c", '4', 1, "192.0.2.1"));
    return driver.session.peer();
  };
  EXPECT_EQ(peer({"{daemon_name}", "stalwart v0.16"}), Peer::Stalwart);
  EXPECT_EQ(peer({"{daemon_name}", "smtpd"}), Peer::Standard);
  EXPECT_EQ(peer({}), Peer::Standard);
  EXPECT_EQ(peer({"{daemon_name}", "stalwart.example", "v", "Postfix 3.7.11"}), Peer::Standard);  // a Postfix on such a host
}

TEST(MilterSession, BodyOfASenderWhoKnowsTheHeader) {  // Postfix: the fields again at the start of the body are body
  Driver driver;
  driver.feed(postfix_start() + strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}) + strings('L', {"A", " 1"}) + packet('N') +
              packet('E', "A: 1\r\n\r\nx"));
  EXPECT_EQ(driver.messages.at(0).raw, "A: 1\r\n\r\nA: 1\r\n\r\nx");
  Driver nameless;
  nameless.feed(negotiate(6, kStalwartActions, kStalwartProtocol) + connect("c", '4', 1, "192.0.2.1") + strings('M', {"<a@b>"}) +
                strings('R', {"<c@d>"}) + strings('L', {"A", "1"}) + packet('N') + packet('E', "A:1\r\n\r\nx"));
  EXPECT_EQ(nameless.messages.at(0).raw, "A:1\r\n\r\nx");
}

TEST(MilterSession, VersionTwo) {  // no DATA, no SMFIP_HDR_LEADSPC
  Driver driver;
  driver.feed(negotiate(2, 0x3f, 0x7f) + connect("c", '4', 25, "192.0.2.1") + strings('H', {"c"}) + strings('M', {"<>"}) +
              strings('R', {"<c@d>"}) + strings('L', {"A", "1"}) + packet('N') + packet('E'));
  EXPECT_EQ(driver.messages.at(0).raw, "A: 1\r\n\r\n");
  EXPECT_FALSE(driver.messages[0].header_exact);
}

TEST(MilterSession, AnswersNobodyWants) {  // SMFIP_NR_*
  SessionOptions options;
  options.no_reply = smfip::kNrAll;
  Driver driver(options);
  driver.feed(negotiate(6, kPostfixActions, kPostfixProtocol));
  const std::string all = stalwart_session();
  EXPECT_EQ(driver.say(all.substr(negotiate(0, 0, 0).size())), kContinue);  // SMFIC_BODYEOB is always answered
  EXPECT_EQ(driver.messages.size(), 1U);
}

TEST(MilterSession, WhatTheMtaMayLeaveOut) {
  SessionOptions options;
  options.skip = smfip::kNoAll & ~smfip::kNoBody;
  Driver bare(options);
  bare.feed(negotiate(6, kPostfixActions, kPostfixProtocol) + macros('C', {"j", "mx"}) + packet('B', "x\r\n") + packet('E'));
  EXPECT_EQ(bare.log, (std::vector<std::string>{"negotiated 6", "message"}));
  EXPECT_EQ(bare.messages.at(0).raw, "x\r\n");
  EXPECT_FALSE(bare.messages[0].has_header);
  options.skip = smfip::kNoBody | smfip::kNoEoh;
  Driver bodiless(options);
  bodiless.feed(postfix_start() + strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}) + strings('L', {"A", " 1"}) + packet('E'));
  EXPECT_EQ(bodiless.messages.at(0).raw, "A: 1\r\n\r\n");
  EXPECT_FALSE(bodiless.messages[0].has_body);
}

TEST(MilterSession, NewConnectionOnTheSameStream) {
  Driver driver;
  driver.feed(postfix_start() + packet('K') + connect("other", '4', 1, "192.0.2.2") + strings('M', {"<a@b>"}));
  EXPECT_EQ(driver.log, (std::vector<std::string>{"negotiated 6", "connect client.a.example 4 40000 192.0.2.1", "helo client.a.example",
                                                  "quit, next", "connect other 4 1 192.0.2.2", "mail <a@b>"}));
  EXPECT_EQ(driver.session.macros().count(), 0U);
  EXPECT_EQ(driver.session.helo(), "");
  EXPECT_EQ(driver.session.agreed().version, 6U);
}

TEST(MilterSession, UnknownCommands) {
  Driver driver;
  EXPECT_EQ(driver.say(postfix_start() + strings('U', {"XFOO bar"})).substr(17), kContinue + kContinue + kContinue);
  EXPECT_EQ(driver.log.back(), "unknown XFOO bar");
  driver.feed(strings('M', {"<a@b>"}) + strings('U', {"X"}) + strings('R', {"<c@d>"}));
  EXPECT_EQ(driver.log.back(), "rcpt <c@d>");
}

TEST(MilterSession, AbortGoesBackBehindHelo) {
  const std::string begin = postfix_start() + strings('M', {"<a@b>"});
  const std::string parts[] = {strings('R', {"<c@d>"}), packet('T'), strings('L', {"A", " 1"}), packet('N'), packet('B', "x")};
  for (std::size_t told = 0; told <= std::size(parts); ++told) {
    Driver driver;
    driver.feed(begin);
    for (std::size_t i = 0; i < told; ++i) driver.feed(parts[i]);
    EXPECT_EQ(driver.say(packet('A')), "");
    EXPECT_EQ(driver.log.back(), "abort");
    EXPECT_EQ(driver.session.content_octets(), 0U);
    driver.feed(postfix_message());
    EXPECT_EQ(driver.log.back(), "message");
    EXPECT_EQ(driver.messages.at(0).recipients.size(), 2U);
  }
}

TEST(MilterSession, MailOrHeloInsideAMessageIsAnAbort) {
  Driver driver;
  driver.feed(postfix_start() + strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}) + macros('M', {"i", "new"}) + strings('M', {"<e@f>"}));
  EXPECT_EQ(driver.log[driver.log.size() - 2], "abort");
  EXPECT_EQ(driver.log.back(), "mail <e@f>");
  EXPECT_EQ(driver.session.macros().find("i"), "new");
  driver.feed(strings('H', {"again"}));
  EXPECT_EQ(driver.log[driver.log.size() - 2], "abort");
  EXPECT_EQ(driver.session.macros().find("i"), "");
}

TEST(MilterSession, OutOfOrder) {
  const std::string start = negotiate(6, kPostfixActions, kPostfixProtocol), conn = connect("c", '4', 1, "192.0.2.1");
  const std::string mail = strings('M', {"<a@b>"}), rcpt = strings('R', {"<c@d>"}), field = strings('L', {"A", "1"});
  const std::pair<std::string, std::string> cases[] = {
      {conn, "order: SMFIC_CONNECT: may not come before SMFIC_OPTNEG"},
      {packet('Q'), "order: SMFIC_QUIT: may not come before SMFIC_OPTNEG"},
      {macros('C', {}), "order: SMFIC_MACRO: may not come before SMFIC_OPTNEG"},
      {start + start, "order: SMFIC_OPTNEG: may not come after SMFIC_OPTNEG"},
      {start + mail, "order: SMFIC_MAIL: may not come after SMFIC_OPTNEG"},
      {start + strings('H', {"x"}), "order: SMFIC_HELO: may not come after SMFIC_OPTNEG"},
      {start + conn + conn, "order: SMFIC_CONNECT: may not come after SMFIC_CONNECT"},
      {start + conn + rcpt, "order: SMFIC_RCPT: may not come after SMFIC_CONNECT"},
      {start + conn + strings('H', {"x"}) + packet('T'), "order: SMFIC_DATA: may not come after SMFIC_HELO"},
      {start + conn + mail + packet('T'), "order: SMFIC_DATA: may not come after SMFIC_MAIL"},
      {start + conn + mail + field, "order: SMFIC_HEADER: may not come after SMFIC_MAIL"},
      {start + conn + mail + rcpt + packet('B', "x"), "order: SMFIC_BODY: may not come after SMFIC_RCPT"},
      {start + conn + mail + rcpt + packet('T') + rcpt, "order: SMFIC_RCPT: may not come after SMFIC_DATA"},
      {start + conn + mail + rcpt + packet('T') + strings('U', {"x"}), "order: SMFIC_UNKNOWN: may not come after SMFIC_DATA"},
      {start + conn + mail + rcpt + field + packet('E'), "order: SMFIC_BODYEOB: may not come after SMFIC_HEADER"},
      {start + conn + mail + rcpt + packet('N') + field, "order: SMFIC_HEADER: may not come after SMFIC_EOH"},
      {start + conn + mail + rcpt + packet('N') + packet('N'), "order: SMFIC_EOH: may not come after SMFIC_EOH"},
  };
  for (const auto& [input, error] : cases) {
    Driver driver;
    driver.feed(input);
    ASSERT_EQ(driver.failures.size(), 1U) << error;
    EXPECT_EQ(driver.failures[0].error.text(), error);
    EXPECT_TRUE(driver.failures[0].ended && driver.session.wants_close() && !driver.session.wants_input());
  }
}

TEST(MilterSession, Malformed) {
  const std::string start = negotiate(6, kPostfixActions, kPostfixProtocol), conn = start + connect("c", '4', 1, "192.0.2.1");
  const std::string data = conn + strings('M', {"<a@b>"}) + strings('R', {"<c@d>"});
  const std::pair<std::string, std::string> cases[] = {
      {u32(0), "length"},
      {u32(0x00100001), "length"},
      {packet('z'), "command"},
      {packet('O', "short"), "actions"},
      {start + packet('C', "name without an end"), "hostname"},
      {start + packet('D'), "command"},
      {start + packet('D', "Cx\0"s), "macro"},
      {conn + packet('H', "x"), "name"},
      {conn + packet('H'), "name"},
      {conn + packet('M'), "path"},
      {conn + packet('U', "x"), "command"},
      {conn + packet('A', "x"), "payload"},
      {conn + packet('Q', "x"), "payload"},
      {data + packet('T', "x"), "payload"},
      {data + packet('L', "A\0x"s), "value"},
      {data + strings('L', {"A", "x\nBcc: y"}), "value"},
      {data + packet('N', "x"), "payload"},
  };
  for (const auto& [input, field] : cases) {
    Driver driver;
    driver.feed(input);
    ASSERT_EQ(driver.failures.size(), 1U) << field;
    EXPECT_EQ(driver.failures[0].error.field, field);
    EXPECT_TRUE(driver.failures[0].ended);
    EXPECT_EQ(driver.failures[0].reply, "");
  }
}

TEST(MilterSession, CutAtEveryOctet) {
  for (const std::string& stream : {stalwart_session() + packet('Q'), postfix_start() + strings('M', {"<a@b>", "SIZE=1"}) + packet('A') +
                                                                          strings('U', {"X"}) + packet('K') + packet('Q')}) {
    Driver whole, octets;
    whole.feed(stream);
    for (const char c : stream) octets.feed(std::string_view(&c, 1));
    EXPECT_EQ(octets.output, whole.output);
    EXPECT_EQ(octets.log, whole.log);
    for (std::size_t cut = 0; cut < stream.size(); ++cut) {
      Driver driver;
      driver.feed(stream.substr(0, cut));
      driver.feed(stream.substr(cut));
      ASSERT_EQ(driver.output, whole.output) << cut;
      ASSERT_EQ(driver.log, whole.log) << cut;
      ASSERT_EQ(driver.messages.size(), whole.messages.size());
      if (!whole.messages.empty()) {
        ASSERT_EQ(driver.messages[0].raw, whole.messages[0].raw);
      }
    }
  }
}

TEST(MilterSession, NothingIsParsedBeforeTheDecision) {
  Session session(std::make_shared<const SessionOptions>());
  session.receive(as_bytes(postfix_start()));
  ASSERT_TRUE(std::holds_alternative<Negotiated>(*session.next_event()));
  ASSERT_TRUE(std::holds_alternative<Connect>(*session.next_event()));
  EXPECT_FALSE(session.next_event());
  EXPECT_FALSE(session.wants_input());
  EXPECT_TRUE(session.continue_());
  EXPECT_EQ(session.continue_().error().code, ErrorCode::Conflict);  // nothing waits yet
  ASSERT_TRUE(std::holds_alternative<Helo>(*session.next_event()));
}

/// Whatever the order: each command that wants an answer gets one, until the session ends.
TEST(MilterSession, OneAnswerForEachCommand) {
  const std::string commands[] = {strings('H', {"h"}),
                                  strings('M', {"<a@b>"}),
                                  strings('R', {"<c@d>"}),
                                  packet('T'),
                                  strings('L', {"A", "1"}),
                                  packet('N'),
                                  packet('B', "x"),
                                  packet('E'),
                                  strings('U', {"X"}),
                                  macros('R', {"i", "1"}),
                                  packet('A')};
  std::mt19937 random(3);
  std::size_t messages = 0;
  for (int round = 0; round < 20000; ++round) {
    Driver driver;
    driver.feed(negotiate(6, kPostfixActions, kPostfixProtocol) + connect("c", '4', 1, "192.0.2.1"));
    std::size_t at = 0;
    for (int step = 0; step < 30; ++step) {
      at = random() % 4 == 0 ? random() % std::size(commands) : (at + 1) % 8;
      const std::string answer = driver.say(commands[at]);
      if (driver.session.wants_close()) break;
      ASSERT_EQ(answer, commands[at][4] == 'D' || commands[at][4] == 'A' ? "" : kContinue);
    }
    messages += driver.messages.size();
  }
  EXPECT_GT(messages, 1000U);
}

TEST(MilterSession, RandomOctets) {
  std::mt19937 random(11);
  const std::string seeds[] = {stalwart_session(), postfix_start() + postfix_message().substr(0, 900)};
  for (int round = 0; round < 3000; ++round) {
    std::string stream = seeds[round % 2];
    for (int i = static_cast<int>(random() % 6); i >= 0; --i) stream[random() % stream.size()] = static_cast<char>(random());
    Driver driver;
    driver.feed(stream);
    std::string noise(random() % 60, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    Driver deaf;
    deaf.feed(noise);
    EXPECT_LE(deaf.failures.size(), 1U);
  }
}

}  // namespace
}  // namespace postern::milter
