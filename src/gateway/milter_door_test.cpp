// The envelope that an MTA tells its filter, and who is alone.
#include "gateway/milter_door.hpp"

#include <gtest/gtest.h>

#include <array>

#include "io/testing/run.hpp"
#include "milter/testing/mta.hpp"

namespace postern::gateway {
namespace {

constexpr auto kStandard = milter::Peer::Standard;
constexpr auto kStalwart = milter::Peer::Stalwart;

Result<Arrival> arrival(milter::Peer peer, milter::Path from, std::vector<milter::Path> recipients) {
  milter::Message message;
  message.peer = peer;
  message.from = std::move(from);
  message.recipients = std::move(recipients);
  FixedRandom random;
  return arrival_of(message, {}, {}, random);
}

std::string sender(milter::Peer peer, std::string path) {
  const auto out = arrival(peer, {std::move(path), {}}, {{"<b@c.example>", {}}});
  return out ? out->envelope.from.text() : "refused";
}

std::string recipient(milter::Peer peer, std::string path) {
  const auto out = arrival(peer, {"<a@b.example>", {}}, {{std::move(path), {}}});
  return out ? out->envelope.recipients.front().path.text() : "refused";
}

TEST(MilterEnvelope, AsWritten) {
  EXPECT_EQ(sender(kStandard, "<>"), "<>");
  EXPECT_EQ(sender(kStandard, ""), "<>");
  EXPECT_EQ(sender(kStandard, "a@b.example"), "<a@b.example>");
  EXPECT_EQ(sender(kStandard, R"(<"a b"@c.example>)"), R"(<"a b"@c.example>)");
  EXPECT_EQ(sender(kStandard, "<@x.example:a@b.example>"), "<a@b.example>");  // RFC 5321 appendix C
  EXPECT_EQ(recipient(kStandard, "<Postmaster>"), "<Postmaster>");
}

TEST(MilterEnvelope, WithoutTheQuotes) {
  for (const auto peer : {kStandard, kStalwart}) {
    EXPECT_EQ(sender(peer, "<a b@c.example>"), R"(<"a b"@c.example>)");
    EXPECT_EQ(sender(peer, "<a> b@c.example>"), R"(<"a> b"@c.example>)");
    EXPECT_EQ(recipient(peer, "<a@b@c.example>"), R"(<"a@b"@c.example>)");
    EXPECT_TRUE(arrival(peer, {"<a@b.example>", {}}, {{"<>", {}}})->envelope.recipients.front().path.is_bare_postmaster());
  }
  EXPECT_EQ(sender(kStalwart, "<@x.example:a@b.example>"), R"(<"@x.example:a"@b.example>)");
}

/// A local part is no place for parameters, and none makes the mail somebody else's.
TEST(MilterEnvelope, WhatLooksLikeParametersIsPartOfTheAddress) {
  for (const auto peer : {kStandard, kStalwart}) {
    EXPECT_EQ(sender(peer, "<a@b.example> ENVID=x@c.example>"), R"(<"a@b.example> ENVID=x"@c.example>)");
    EXPECT_EQ(recipient(peer, "<a@b.example> ORCPT=rfc822;x@c.example>"), R"(<"a@b.example> ORCPT=rfc822;x"@c.example>)");
  }
}

TEST(MilterEnvelope, WhatIsNone) {
  for (const auto peer : {kStandard, kStalwart}) {
    for (const char* path : {"<a>", "<@>", "<a b@>", "<a b@c d.example>", "<a\xFF@b.example>"}) {
      EXPECT_EQ(sender(peer, path), "refused") << path;
      EXPECT_EQ(recipient(peer, path), "refused") << path;
    }
    EXPECT_EQ(arrival(peer, {"<a b>", {}}, {{"<b@c.example>", {}}}).error().field, "FROM");
    EXPECT_EQ(arrival(peer, {"<a@b.example>", {}}, {{"<a b>", {}}}).error().field, "TO");
    EXPECT_EQ(arrival(peer, {"<a@b.example>", {}}, {}).error().field, "RCPT");
  }
}

/// Who gets the mail is whom the MTA reads, whatever the client wrote; what it reads and we cannot is nobody that a rule could be asked
/// about.
TEST(MilterEnvelope, AsTheMtaUnderstandsIt) {
  const auto understood = [](std::string v, std::string path, std::string resolved) {
    milter::Message message;
    message.macros.set(milter::Stage::Connect, "v", v);
    message.from.path = "<a@b.example>";
    message.recipients = {{std::move(path), {}, std::move(resolved)}};
    FixedRandom random;
    const auto out = arrival_of(message, {}, {}, random);
    return out ? out->envelope.recipients.front().path.text() : "refused";
  };
  for (const char* v : {"Postfix 3.7.11", "8.17.1.9", "ESMTP"}) {
    EXPECT_EQ(understood(v, "<bob%c.example@here.example>", "bob@c.example"), "<bob@c.example>") << v;
    EXPECT_EQ(understood(v, "<c.example!bob@here.example>", "bob@c.example"), "<bob@c.example>") << v;
    EXPECT_EQ(understood(v, "<bob%a_b.example@here.example>", "bob@a_b.example"), "refused") << v;
    EXPECT_EQ(understood(v, "<root>", "root@here.example"), "<root@here.example>") << v;
    EXPECT_EQ(understood(v, "<root>", "root"), "refused") << v;
    EXPECT_EQ(understood(v, "<root>", ""), "refused") << v;
    EXPECT_EQ(understood(v, "<bob@c.example>", ""), "<bob@c.example>") << v;
    EXPECT_EQ(understood(v, "<Postmaster>", ""), "<Postmaster>") << v;
  }
  EXPECT_EQ(understood("Postfix 3.7.11", "<list@here.example>", "bob@c.example"), "<bob@c.example>");
  EXPECT_EQ(understood("8.17.1.9", "<list@here.example>", "bob@c.example"), "<list@here.example>")
      << "an alias: rules are about who was written to";
  EXPECT_EQ(understood("8.17.1.9", "<bob@here.example>", "bob"), "<bob@here.example>") << "Sendmail tells the user alone";
  EXPECT_EQ(understood("Postfix 3.7.11", "<@x.example:bob@c.example>", "bob@c.example"), "<bob@c.example>");
}

TEST(MilterEnvelope, Parameters) {
  const auto known = arrival(kStandard, {"<a@b.example>", {"SIZE=10", "ENVID=x"}}, {{"<b@c.example>", {"NOTIFY=NEVER"}}}).value();
  EXPECT_EQ(known.envelope.parameters.envid, "x");
  EXPECT_TRUE(known.envelope.recipients.front().parameters.notify.never);
  const auto unknown = arrival(kStandard, {"<a@b.example>", {"X=1"}}, {{"<b@c.example>", {"X=1"}}}).value();
  EXPECT_EQ(unknown.envelope.from.text(), "<a@b.example>");
  EXPECT_EQ(unknown.envelope.recipients.front().path.text(), "<b@c.example>");
}

// RFC 6531 3.4: Stalwart passes no parameters on, and such an address was announced with one.
TEST(MilterEnvelope, Utf8) {
  const auto told = arrival(kStalwart, {"<gr\xC3\xBCn@b.example>", {}}, {{"<gr\xC3\xBCn@c.example>", {}}}).value();
  EXPECT_EQ(told.envelope.from.text(), "<gr\xC3\xBCn@b.example>");
  EXPECT_TRUE(told.envelope.parameters.smtputf8);
  EXPECT_FALSE(arrival(kStalwart, {"<a@b.example>", {}}, {{"<b@c.example>", {}}})->envelope.parameters.smtputf8);
}

/// Lets everything pass, and tells what it knew.
class Passing final : public FilterReception {
 public:
  io::Task<FilterVerdict> filter(Arrival arrival) override {
    lone.push_back(arrival.lone);
    FilterVerdict out;
    out.action = FilterVerdict::Action::Pass;
    co_return out;
  }
  void answered(bool alone) noexcept override { answers.push_back(alone); }
  std::vector<bool> lone, answers;
};

struct MilterCompany : testing::Test {
  MilterCompany() {
    DoorOptions options;
    options.name = "filter";
    door.emplace(MilterDoorParts{std::move(options), std::make_shared<const milter::SessionOptions>(), reception, "mx.example",
                                 std::make_shared<ContentBudget>(1024 * 1024), clock, random});
  }
  ~MilterCompany() override {
    loops.stop();
    loops.join();
    loops.clear();
  }
  [[nodiscard]] io::Stream mta() {
    auto streams = *io::Stream::pair(loops.at(0));
    io::spawn(loops.at(0), door->serve(std::move(streams.first)), "milter");
    tell(streams.second, milter::testing::negotiate(6, milter::testing::kPostfixActions, 0));
    tell(streams.second, milter::testing::connect("c.example", '4', 25, "192.0.2.1"));
    return std::move(streams.second);
  }
  /// Returns when there is an answer.
  void tell(io::Stream& stream, std::string packet) {
    loops.run([](io::Stream& to, std::string octets) -> io::Task<void> {
      EXPECT_TRUE(co_await to.write_all(octets, io::testing::soon()));
      std::array<Byte, 4096> answer{};
      EXPECT_GT((co_await to.read_some(answer, io::testing::soon())).value_or(0), 0U);
    }(stream, std::move(packet)));
  }
  void begin(io::Stream& stream) {
    tell(stream, milter::testing::strings('M', {"<a@b.example>"}));
    tell(stream, milter::testing::strings('R', {"<x@y.example>"}));
  }
  void end(io::Stream& stream) {
    tell(stream, milter::testing::strings('L', {"Subject", "x"}));
    tell(stream, milter::testing::packet('N'));
    tell(stream, milter::testing::packet('E'));
    tell(stream, milter::testing::strings('H', {"c.example"}));  // behind what follows the answer
  }

  SystemClock clock;
  SystemRandom random;
  io::testing::RunningLoops loops;
  Passing reception;
  std::optional<MilterDoor> door;
};

TEST_F(MilterCompany, AMessageIsAloneThatIsTheOnlyOneUnderWay) {
  io::Stream one = mta(), other = mta();
  begin(one);
  end(one);
  begin(one);
  begin(other);
  end(one);
  end(other);
  EXPECT_EQ(reception.lone, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(reception.answers, (std::vector<bool>{true, false, true}));
}

TEST_F(MilterCompany, AConnectionThatEndsInAMessageIsNoCompanyAnyMore) {
  io::Stream one = mta();
  {
    io::Stream gone = mta();
    begin(gone);
    loops.run([](io::Stream& stream) -> io::Task<void> {
      stream.abort();
      co_return;
    }(gone));
  }
  begin(one);
  end(one);
  EXPECT_EQ(reception.lone, (std::vector<bool>{true}));
}

}  // namespace
}  // namespace postern::gateway
