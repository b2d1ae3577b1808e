// What a shell may say, where, and in which octets.
#include <gtest/gtest.h>

#include "milter/session.hpp"
#include "milter/testing/mta.hpp"

namespace postern::milter {
namespace {

using namespace std::string_literals;
using namespace postern::milter::testing;

struct Mta {
  std::uint32_t actions, protocol;
  std::string connect_macros;
};
Mta postfix() { return {kPostfixActions, kPostfixProtocol, macros('C', {"v", "Postfix 3.7.11"})}; }
Mta old_sendmail() { return {0x3f, 0x7f, macros('C', {"v", "8.12.0"})}; }
Mta stalwart() { return {kStalwartActions, kStalwartProtocol, macros('C', {"{daemon_name}", "Stalwart"})}; }

std::string until_data(const Mta& mta) {
  return negotiate(6, mta.actions, mta.protocol) + mta.connect_macros + connect("c", '4', 1, "192.0.2.1") + strings('H', {"c"}) +
         strings('M', {"<a@b>"}) + strings('R', {"<c@d>"});
}
std::string rest() { return strings('L', {"A", "1"}) + packet('N') + packet('E', "A: 1\r\n\r\nx\r\n"); }

/// A session at the end of a message, whose event waits.
class AtEnd {
 public:
  explicit AtEnd(const Mta& mta) : session(std::make_shared<const SessionOptions>()) {
    session.receive(as_bytes(until_data(mta) + rest()));
    while (auto event = session.next_event()) {
      if (std::holds_alternative<EndOfMessage>(*event)) break;
      (void)session.continue_();
    }
    (void)session.take_output();
  }
  Session session;
  std::string finish() {
    EXPECT_TRUE(session.continue_());
    return session.take_output();
  }
};

template <class E>
Driver deciding(const std::function<void(Session&)>& decide) {
  Driver driver;
  driver.on_event = [decide](Session& session, const Event& event) {
    if (std::holds_alternative<E>(event)) decide(session);
  };
  return driver;
}
void say_reject(Session& session) { EXPECT_TRUE(session.reject()); }
void say_accept(Session& session) { EXPECT_TRUE(session.accept()); }

TEST(MilterVerdicts, Octets) {
  const auto octets = [](const std::function<Status(Session&)>& say) {
    AtEnd at(postfix());
    EXPECT_TRUE(say(at.session));
    return at.session.take_output();
  };
  EXPECT_EQ(octets([](Session& s) { return s.continue_(); }), "\0\0\0\1c"s);
  EXPECT_EQ(octets([](Session& s) { return s.accept(); }), "\0\0\0\1a"s);
  EXPECT_EQ(octets([](Session& s) { return s.reject(); }), "\0\0\0\1r"s);
  EXPECT_EQ(octets([](Session& s) { return s.tempfail(); }), "\0\0\0\1t"s);
  EXPECT_EQ(octets([](Session& s) { return s.discard(); }), "\0\0\0\1d"s);
  EXPECT_EQ(octets([](Session& s) { return s.reply({550, "5.7.1", "100% no"}); }), "\0\0\0\x14y550 5.7.1 100%% no\0"s);
  EXPECT_EQ(octets([](Session& s) { return s.reply({451, "4.7.1", "one\ntw\xc3\xb6"}); }), "\0\0\0\x1fy451-4.7.1 one\r\n451 4.7.1 tw??\0"s);
}

TEST(MilterVerdicts, StalwartReadsOneLineAsItStands) {
  AtEnd at(stalwart());
  EXPECT_TRUE(at.session.reply({550, "5.7.1", "100% no\nmore"}));
  EXPECT_EQ(at.session.take_output(), strings('y', {"550 5.7.1 100% no more"}));
}

TEST(MilterVerdicts, RepliesThatNoMtaTakes) {
  AtEnd at(postfix());
  EXPECT_EQ(at.session.reply({250, "2.0.0", "x"}).error().field, "code");
  EXPECT_EQ(at.session.reply({550, "4.0.0", "x"}).error().field, "enhanced");
  EXPECT_EQ(at.session.reply({550, "", "x"}).error().field, "enhanced");
  EXPECT_EQ(at.session.reply({550, "5.7.1234", "x"}).error().field, "enhanced");
  EXPECT_EQ(at.session.reply({550, "5.7.1", std::string(40, '\n')}).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(at.session.take_output(), "");
  EXPECT_EQ(at.finish(), packet('c'));
  EXPECT_EQ((SmtpReply{550, "5.7.1", "x\ny"}.line()), "550 5.7.1 x?y");
}

TEST(MilterVerdicts, OfAConnection) {
  Driver driver = deciding<Helo>(say_reject);
  const std::string after = strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}) + packet('N') + packet('E');
  driver.feed(negotiate(6, 0xff, 0) + connect("c", '4', 1, "192.0.2.1"));
  EXPECT_EQ(driver.say(strings('H', {"c"}) + after + after),
            "\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r\0\0\0\1r"s);
  EXPECT_EQ(driver.log.back(), "helo c");
}

TEST(MilterVerdicts, StalwartGoesOnAfterAccept) {
  Driver driver = deciding<Mail>(say_accept);
  const std::string input = until_data(stalwart()) + packet('T') + rest();
  std::string accepts;
  for (int i = 0; i < 6; ++i) accepts += packet('a');  // MAIL, RCPT, DATA, HEADER, EOH, BODYEOB
  EXPECT_EQ(driver.say(input), negotiate(6, 0xff, 0) + packet('c') + packet('c') + accepts);
  EXPECT_TRUE(driver.messages.empty());
  driver.on_event = nullptr;
  driver.feed(strings('M', {"<a@b>"}) + strings('R', {"<c@d>"}) + rest());
  EXPECT_EQ(driver.messages.size(), 1U);
}

TEST(MilterVerdicts, OfAMessage) {
  Driver driver = deciding<Data>(say_reject);
  driver.feed(until_data(postfix()));
  EXPECT_EQ(driver.say(packet('T')), packet('r'));
  driver.on_event = nullptr;
  driver.feed(packet('A') + strings('M', {"<x@b>"}) + strings('R', {"<c@d>"}) + rest());
  EXPECT_EQ(driver.messages.at(0).from.path, "<x@b>");
  Driver mail = deciding<Mail>(say_reject);
  mail.feed(until_data(postfix()));  // RCPT after a refused MAIL: no MTA does, and it hears the same
  EXPECT_EQ(mail.log.back(), "mail <a@b>");
  EXPECT_TRUE(mail.output.ends_with(packet('r') + packet('r')));
}

TEST(MilterVerdicts, OfARecipient) {
  Driver driver;
  driver.on_event = [](Session& session, const Event& event) {
    const auto* each = std::get_if<Recipient>(&event);
    if (each != nullptr && each->recipient.address() == "no@d") {
      EXPECT_TRUE(session.reply({550, "5.1.1", "No"}));
    }
  };
  driver.feed(until_data(postfix()));
  EXPECT_EQ(driver.say(strings('R', {"<no@d>"}) + strings('R', {"<e@d>"})), strings('y', {"550 5.1.1 No"}) + packet('c'));
  driver.feed(rest());
  const Message& message = driver.messages.at(0);
  ASSERT_EQ(message.recipients.size(), 2U);
  EXPECT_EQ(message.recipients[1].path, "<e@d>");
}

TEST(MilterVerdicts, WhereTheyMeanNothing) {
  const auto conflict = [](const Status& said) { EXPECT_EQ(said.error().code, ErrorCode::Conflict); };
  Driver driver;
  driver.on_event = [&](Session& session, const Event& event) {
    const bool of_connection = std::holds_alternative<Connect>(event) || std::holds_alternative<Helo>(event);
    if (of_connection || std::holds_alternative<Unknown>(event) || std::holds_alternative<Negotiated>(event)) conflict(session.discard());
    if (std::holds_alternative<Unknown>(event)) conflict(session.accept());
    if (!std::holds_alternative<EndOfMessage>(event)) {
      conflict(session.progress());
      conflict(session.add_header("A", "b"));
      conflict(session.quarantine("x"));
    }
  };
  driver.feed(until_data(postfix()) + strings('U', {"X"}));
  EXPECT_EQ(driver.log.back(), "unknown X");
  EXPECT_TRUE(driver.output.ends_with(packet('c')));
  EXPECT_EQ(driver.session.accept().error().text(), "no event waits for a decision");
}

TEST(MilterVerdicts, WithoutAnAnswerThereIsOneVerdict) {
  SessionOptions options;
  options.no_reply = smfip::kNrMail;
  Driver driver(options);
  driver.on_event = [](Session& session, const Event& event) {
    if (!std::holds_alternative<Mail>(event)) return;
    EXPECT_EQ(session.reject().error().text(), "verdict: cannot be said for SMFIC_MAIL: its answer was negotiated away");
  };
  driver.feed(until_data(postfix()));
  EXPECT_EQ(driver.log.back(), "rcpt <c@d>");
}

TEST(MilterVerdicts, UnknownCommandsAreRejectedAlone) {
  Driver driver = deciding<Unknown>(say_reject);
  driver.feed(until_data(postfix()));
  EXPECT_EQ(driver.say(strings('U', {"X"}) + strings('R', {"<e@d>"})), packet('r') + packet('c'));
}

TEST(MilterModifications, OctetsWithLeadSpace) {
  AtEnd at(postfix());
  Session& s = at.session;
  EXPECT_TRUE(s.add_header("A", "1"));
  EXPECT_TRUE(s.add_header("A", " 1"));
  EXPECT_TRUE(s.add_header("A", "\t1\r\n\t2"));
  EXPECT_TRUE(s.prepend_header("B", "2"));
  EXPECT_TRUE(s.insert_header(3, "B", "2\n 3"));
  EXPECT_TRUE(s.change_header(1, "C", "3"));
  EXPECT_TRUE(s.delete_header(2, "D"));
  EXPECT_TRUE(s.change_from("a@b"));
  EXPECT_TRUE(s.change_from("<>", {"SIZE=1", "RET=HDRS"}));
  EXPECT_TRUE(s.add_recipient("x@y"));
  EXPECT_TRUE(s.add_recipient("<x@y>", {"NOTIFY=NEVER", "ORCPT=rfc822;x@y"}));
  EXPECT_TRUE(s.delete_recipient("X@y"));
  EXPECT_TRUE(s.quarantine("bad"));
  EXPECT_EQ(s.take_output(), "");
  EXPECT_TRUE(s.progress());
  EXPECT_EQ(s.take_output(), "\0\0\0\1p"s);
  EXPECT_EQ(at.finish(), strings('h', {"A", " 1"}) + strings('h', {"A", " 1"}) + strings('h', {"A", "\t1\n\t2"}) +
                             packet('i', u32(0) + "B\0 2\0"s) + packet('i', u32(3) + "B\0 2\n 3\0"s) + packet('m', u32(1) + "C\0 3\0"s) +
                             packet('m', u32(2) + "D\0\0"s) + strings('e', {"<a@b>"}) + strings('e', {"<>", "SIZE=1 RET=HDRS"}) +
                             strings('+', {"<x@y>"}) + strings('2', {"<x@y>", "NOTIFY=NEVER ORCPT=rfc822;x@y"}) + strings('-', {"<X@y>"}) +
                             strings('q', {"bad"}) + packet('c'));
}

TEST(MilterModifications, OctetsForStalwart) {
  AtEnd at(stalwart());
  Session& s = at.session;
  EXPECT_TRUE(s.add_header("A", " 1\n 2"));
  EXPECT_TRUE(s.prepend_header("B", "2"));
  EXPECT_TRUE(s.change_from("a@b"));
  EXPECT_TRUE(s.add_recipient("x@y"));
  EXPECT_TRUE(s.delete_recipient("Bob@B.Example"));
  EXPECT_TRUE(s.replace_body("new\r\n"));
  EXPECT_EQ(s.quarantine("bad").error(),
            (Error{ErrorCode::Unsupported, "Stalwart would deliver the message: store it here and discard() it", "SMFIF_QUARANTINE"}));
  EXPECT_EQ(at.finish(), strings('h', {"A", "1\r\n 2"}) + packet('i', u32(0) + "B\0002\0"s) + strings('e', {"<a@b>", ""}) +
                             strings('+', {"<x@y>"}) + strings('-', {"<bob@b.example>"}) + packet('b', "new\r\n") + packet('c'));
}

TEST(MilterModifications, Body) {
  AtEnd at(postfix());
  const std::string body(kChunkBytes + 10, 'x');
  EXPECT_EQ(at.session.replace_body("").error().field, "body");
  EXPECT_TRUE(at.session.replace_body(body));
  EXPECT_EQ(at.session.replace_body("again").error().code, ErrorCode::Conflict);
  EXPECT_EQ(at.finish(), packet('b', body.substr(0, kChunkBytes)) + packet('b', body.substr(kChunkBytes)) + packet('c'));
  at.session.receive(as_bytes(strings('M', {"<a@b>"})));  // and the next message is whole
  EXPECT_TRUE(std::holds_alternative<Mail>(*at.session.next_event()));
}

TEST(MilterModifications, OnlyWhatWasNegotiated) {
  AtEnd at(old_sendmail());
  EXPECT_EQ(at.session.change_from("a@b").error(),
            (Error{ErrorCode::Unsupported, "change_from was not negotiated with the MTA", "SMFIF_CHGFROM"}));
  EXPECT_EQ(at.session.add_recipient("a@b", {"NOTIFY=NEVER"}).error().field, "SMFIF_ADDRCPT_PAR");
  EXPECT_TRUE(at.session.add_recipient("a@b"));
  EXPECT_TRUE(at.session.add_header("A", " 1"));  // the MTA puts its own space in
  EXPECT_EQ(at.finish(), strings('+', {"<a@b>"}) + strings('h', {"A", "1"}) + packet('c'));
  AtEnd none({0, 0, ""});
  Session& s = none.session;
  EXPECT_EQ(s.add_header("A", "b").error().field, "SMFIF_ADDHDRS");
  EXPECT_EQ(s.prepend_header("A", "b").error().field, "SMFIF_ADDHDRS");
  EXPECT_EQ(s.change_header(1, "A", "b").error().field, "SMFIF_CHGHDRS");
  EXPECT_EQ(s.delete_header(1, "A").error().field, "SMFIF_CHGHDRS");
  EXPECT_EQ(s.add_recipient("a@b").error().field, "SMFIF_ADDRCPT");
  EXPECT_EQ(s.delete_recipient("a@b").error().field, "SMFIF_DELRCPT");
  EXPECT_EQ(s.replace_body("x").error().field, "SMFIF_CHGBODY");
  EXPECT_EQ(s.quarantine("x").error().field, "SMFIF_QUARANTINE");
  AtEnd parameters({smfif::kAddRcptPar, 0, ""});
  EXPECT_TRUE(parameters.session.add_recipient("a@b"));
  EXPECT_EQ(parameters.finish(), strings('2', {"<a@b>"}) + packet('c'));
}

TEST(MilterModifications, NoFieldBecomesTwo) {
  AtEnd at(postfix());
  Session& s = at.session;
  for (const std::string_view value : {"x\nBcc: y", "x\r\nBcc: y", "x\n", "x\ry", "x\r\n\r\nbody"}) {
    EXPECT_EQ(s.add_header("A", value).error().field, "value");
    EXPECT_EQ(s.change_header(1, "A", value).error().field, "value");
    EXPECT_EQ(s.insert_header(1, "A", value).error().field, "value");
  }
  EXPECT_EQ(s.add_header("A", "x\0y"s).error().field, "value");
  for (const std::string_view name : {"", "A B", "A:", "A\n"}) EXPECT_EQ(s.add_header(name, "x").error().field, "name");
  EXPECT_EQ(s.change_header(0, "A", "x").error().field, "index");
  EXPECT_EQ(s.delete_header(0, "A").error().field, "index");
  EXPECT_EQ(s.insert_header(0x7fffffff, "A", "x").error().field, "index");
  EXPECT_EQ(s.change_header(1, "A", " ").error().field, "value");
  EXPECT_EQ(s.add_header("A", std::string(kChunkBytes, 'x')).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(s.add_recipient("").error().field, "path");
  EXPECT_EQ(s.add_recipient("a\r\n@b").error().field, "path");
  EXPECT_EQ(s.delete_recipient("<>").error().field, "path");
  EXPECT_EQ(s.change_from("a@b", {"SIZE=1 X=2"}).error().field, "args");
  EXPECT_EQ(s.change_from("a@b", {""}).error().field, "args");
  EXPECT_EQ(s.add_recipient("a@b", {std::string(kChunkBytes, 'x')}).error().code, ErrorCode::TooLarge);
  EXPECT_EQ(at.finish(), packet('c'));
}

TEST(MilterModifications, GoWithAVerdictThatKeepsTheMessage) {
  AtEnd refused(postfix());
  EXPECT_TRUE(refused.session.add_header("A", "1"));
  EXPECT_TRUE(refused.session.reject());
  EXPECT_EQ(refused.session.take_output(), packet('r'));
  AtEnd accepted(postfix());
  EXPECT_TRUE(accepted.session.add_header("A", "1"));
  EXPECT_TRUE(accepted.session.accept());
  EXPECT_EQ(accepted.session.take_output(), strings('h', {"A", " 1"}) + packet('a'));
}

}  // namespace
}  // namespace postern::milter
