// The envelope that an MTA tells its filter.
#include "gateway/milter_door.hpp"

#include <gtest/gtest.h>

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
    EXPECT_EQ(arrival(peer, {"<a b>", {}}, {{"<b@c.example>", {}}}).error().field, "FROM:");
    EXPECT_EQ(arrival(peer, {"<a@b.example>", {}}, {{"<a b>", {}}}).error().field, "TO:");
    EXPECT_EQ(arrival(peer, {"<a@b.example>", {}}, {}).error().field, "RCPT");
  }
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

}  // namespace
}  // namespace postern::gateway
