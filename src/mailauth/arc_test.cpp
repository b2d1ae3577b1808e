#include "mailauth/arc.hpp"

#include <gtest/gtest.h>

#include "crypto/pkey.hpp"
#include "dns/fixture.hpp"
#include "mailauth/arc_parse.hpp"

namespace postern {
namespace {

const std::string kMessage =
    "Authentication-Results: mx.example; spf=pass smtp.mailfrom=a@example.org; dkim=none\r\n"
    "From: <a@example.org>\r\nTo: <b@example.net>\r\nSubject: chain\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\nA text.\r\n";

class Arc : public ::testing::Test {
 protected:
  Arc() { m_zone.add_txt("s._domainkey.hop.example", dkim_key_record(DkimAlgorithm::Ed25519Sha256, m_key.public_key().to_raw())); }
  std::string sealed(const std::string& message, ArcResult cv) {
    const auto view = MessageView::parse(message).value();
    const auto set = seal(view, cv);
    return set->seal + set->message_signature + set->authentication_results + message;
  }
  Result<ArcSet> seal(const MessageView& view, ArcResult cv) {
    ArcSealOptions options;
    options.authserv_id = "mx.example";
    options.time = wall_from_millis(1'790'000'000'000);
    DkimKeyRef key{"hop.example", "s", DkimAlgorithm::Ed25519Sha256, "", 0};
    return arc_seal(view, cv, key, options,
                    [this](const DkimKeyRef&, ByteView data) { return m_key.sign(SignAlgorithm::ed25519(), data); });
  }
  ArcVerdict verify(const std::string& message) {
    const auto view = MessageView::parse(message).value();
    return arc_verify(view, m_zone);
  }
  std::string chain(int sets) {
    std::string message = kMessage;
    for (int i = 0; i < sets; ++i) message = sealed(message, i == 0 ? ArcResult::None : ArcResult::Pass);
    return message;
  }

  PrivateKey m_key = PrivateKey::generate(KeyKind::Ed25519).value();
  dns::Fixture m_zone;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

TEST_F(Arc, ChainsOfAnyLengthPass) {
  EXPECT_EQ(verify(kMessage).cv, ArcResult::None);
  for (const int sets : {1, 2, 3, 50}) {
    const ArcVerdict verdict = verify(chain(sets));
    EXPECT_EQ(verdict.cv, ArcResult::Pass) << sets << ": " << verdict.reason;
    EXPECT_EQ(verdict.instances, static_cast<std::size_t>(sets));
    EXPECT_EQ(verdict.sealers, std::vector<std::string>(static_cast<std::size_t>(sets), "hop.example"));
  }
}

TEST_F(Arc, CarriesTheResultsOfThisHost) {
  const auto view = MessageView::parse(kMessage).value();
  const auto set = seal(view, ArcResult::None);
  EXPECT_EQ(set->authentication_results,
            "ARC-Authentication-Results: i=1; mx.example;\r\n spf=pass smtp.mailfrom=a@example.org;\r\n dkim=none\r\n");
}

TEST_F(Arc, EveryChangeIsSeen) {
  const std::string two = chain(2);
  for (const auto& [from, to] : std::initializer_list<std::pair<const char*, const char*>>{{"A text.", "A text!"},
                                                                                           {"Subject: chain", "Subject: chained"},
                                                                                           {"spf=pass", "spf=fail"},
                                                                                           {"cv=pass", "cv=none"},
                                                                                           {"cv=none", "cv=pass"},
                                                                                           {"i=2; a=", "i=3; a="},
                                                                                           {"d=hop.example", "d=hip.example"},
                                                                                           {"t=1790000000", "t=1790000001"}})
    EXPECT_EQ(verify(replaced(two, from, to)).cv, ArcResult::Fail) << from;
  EXPECT_EQ(verify(replaced(two, "\r\n\r\nA text", "\r\nX-Added: 1\r\n\r\nA text")).cv, ArcResult::Pass) << "what is not signed may come";
}

// RFC 8617 4.1.2 takes the tags of RFC 6376 3.5, which has FWS around the colons of h= and nowhere in c=.
TEST_F(Arc, WhiteSpaceOnlyWhereTheGrammarHasIt) {
  const auto parsed = [](const std::string& tags) {
    const std::string raw =
        "ARC-Message-Signature: i=1; a=ed25519-sha256; d=hop.example; s=s; b=AAAA; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; " +
        tags + "\r\n" + kMessage;
    return parse_arc_message_signature(MessageView::parse(raw)->fields().front());
  };
  EXPECT_TRUE(parsed("c=relaxed/simple; h=from"));
  EXPECT_EQ(parsed("c=relaxed/simple; h= from :\r\n To")->parsed.names, (std::vector<std::string>{"from", "to"}));
  for (const char* bad : {"c=relaxed / simple; h=from", "c=relaxed/ simple; h=from", "h=fr om", "h=from:sub ject", "h=from:", "h=from::to"})
    EXPECT_FALSE(parsed(bad)) << bad;
}

// RFC 8617 5.2 step 3.
TEST_F(Arc, SetsThatAreNotWhole) {
  const std::string two = chain(2);
  const auto field_end = [&](std::size_t at) {
    auto end = two.find("\r\n", at);
    while (two[end + 2] == ' ') end = two.find("\r\n", end + 2);
    return end + 2;
  };
  for (const char* name : {"ARC-Seal: i=1", "ARC-Message-Signature: i=1", "ARC-Authentication-Results: i=1", "ARC-Seal: i=2"}) {
    const auto at = two.find(name);
    ASSERT_NE(at, std::string::npos) << name;
    const std::string field = two.substr(at, field_end(at) - at);
    EXPECT_EQ(verify(replaced(two, field, "")).cv, ArcResult::Fail) << "without " << name;
    EXPECT_EQ(verify(field + two).cv, ArcResult::Fail) << "twice " << name;
  }
  std::string many = kMessage;
  for (int i = 1; i <= 60; ++i) many = "ARC-Seal: i=" + std::to_string(i) + "; a=rsa-sha256; cv=pass; d=x.example; s=s; b=AAAA\r\n" + many;
  EXPECT_EQ(verify(many).cv, ArcResult::Fail);
  for (const char* value : {"i=0", "i=01", "i=x", "i=51", "i=", "", "i=1; i=1"})
    EXPECT_EQ(verify("ARC-Seal: " + std::string(value) + "\r\n" + kMessage).cv, ArcResult::Fail) << value;
}

// RFC 8617 5.1: a broken chain is marked once and then ends.
TEST_F(Arc, AFailedChainIsMarkedAndEnds) {
  const std::string broken = replaced(chain(2), "A text.", "Another text.");
  const std::string marked = sealed(broken, verify(broken).cv);
  EXPECT_NE(marked.find("cv=fail"), std::string::npos);
  EXPECT_EQ(verify(marked).cv, ArcResult::Fail);
  const auto view = MessageView::parse(marked).value();
  EXPECT_EQ(seal(view, ArcResult::Fail).error().code, ErrorCode::Conflict);
}

// RFC 8617 5.1.2: one set above what is there, "as if this newest ARC Set was the only set present".
TEST_F(Arc, AChainWhoseStructureIsBrokenIsMarkedToo) {
  const std::string two = chain(2);
  const std::string failed = sealed(two, ArcResult::Fail), seal_of_failed_two = failed.substr(0, failed.size() - two.size());
  const auto at = two.find("ARC-Seal: i=1");
  std::string gap = two;
  gap.erase(at, two.find("\r\nARC", at) + 2 - at);
  for (const std::string& broken : {gap, "ARC-Seal: i=2; cv=pass\r\n" + two, "ARC-Seal: i=0\r\n" + two, "ARC-Seal: i=x\r\n" + two}) {
    ASSERT_EQ(verify(broken).cv, ArcResult::Fail) << broken;
    const std::string marked = sealed(broken, ArcResult::Pass);
    EXPECT_TRUE(marked.starts_with("ARC-Seal: i=3; ")) << marked;
    EXPECT_NE(marked.substr(0, marked.find("\r\nARC")).find("cv=fail"), std::string::npos) << "whoever seals is mistaken about it";
    EXPECT_EQ(verify(marked).cv, ArcResult::Fail);
    EXPECT_EQ(seal(MessageView::parse(marked).value(), ArcResult::Fail).error().code, ErrorCode::Conflict) << "once";
    // It covers its own set alone, so it is the same whatever the others are (Ed25519 has one signature for one text).
    EXPECT_EQ(marked, seal_of_failed_two + broken);
  }
  const std::string unreadable = std::string("ARC-Seal: none\r\n") + kMessage;
  EXPECT_TRUE(sealed(unreadable, ArcResult::Fail).starts_with("ARC-Seal: i=1; "));
}

TEST_F(Arc, KeysThatCannotBeHad) {
  const std::string one = chain(1);
  const auto view = MessageView::parse(one).value();
  EXPECT_EQ(arc_key_names(view), std::vector<std::string>{"s._domainkey.hop.example"});
  dns::Fixture nothing;
  EXPECT_EQ(arc_verify(view, nothing).cv, ArcResult::Fail);
  EXPECT_FALSE(arc_verify(view, nothing).temporary);
  auto away = dns::Fixture::parse(R"({"records": {"s._domainkey.hop.example": [{"timeout": true}]}})").value();
  EXPECT_TRUE(arc_verify(view, away).temporary);
}

TEST_F(Arc, WhatCannotBeSealed) {
  const auto view = MessageView::parse(kMessage).value();
  ArcSealOptions options;
  const auto sign = [this](const DkimKeyRef&, ByteView data) { return m_key.sign(SignAlgorithm::ed25519(), data); };
  const DkimKeyRef key{"hop.example", "s", DkimAlgorithm::Ed25519Sha256, "", 0};
  EXPECT_EQ(arc_seal(view, ArcResult::None, key, options, sign).error().field, "authserv-id");
  options.authserv_id = "mx.example; spf=pass";
  EXPECT_EQ(arc_seal(view, ArcResult::None, key, options, sign).error().field, "authserv-id");
  options.authserv_id = "mx.example";
  options.results = "spf=pass\r\nX-Injected: 1";
  EXPECT_EQ(arc_seal(view, ArcResult::None, key, options, sign).error().field, "results");
  options.results.clear();
  // 5.1.1
  for (const char* other : {"to", "ARC-Seal", "arc-message-signature", "ARC-Authentication-Results", "Authentication-Results"}) {
    options.headers = {other == std::string_view("to") ? "cc" : "from", other};
    EXPECT_EQ(arc_seal(view, ArcResult::None, key, options, sign).error().field, "headers") << other;
  }
  options.headers.clear();
  options.time = WallTime(std::chrono::seconds(-5));
  EXPECT_EQ(arc_seal(view, ArcResult::None, key, options, sign).error().field, "time");
}

}  // namespace
}  // namespace postern
