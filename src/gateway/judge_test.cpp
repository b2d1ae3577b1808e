// The rounds of a judgement: whatever the resolver has at hand and what it must be waited for, the verdict is the same.
#include "gateway/judge.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "crypto/pkey.hpp"
#include "io/testing/run.hpp"

namespace postern::gateway {
namespace {

using dns::RecordType;

dns::Answer text(const std::string& name, std::string data) {
  return {dns::AnswerStatus::NoError, false, {{name, RecordType::Txt, 300, dns::TxtData{{std::move(data)}}}}, name};
}

/// Answers from a table; some of it at once.
class PartlyAtHand final : public io::Resolver {
 public:
  std::map<std::pair<std::string, RecordType>, dns::Answer> answers;
  std::set<std::string> at_once;  ///< Names.
  std::set<std::string> silent;   ///< Names that nobody answers for.
  std::atomic<int> waited{0};

  io::Task<Result<dns::Answer>> query(std::string name, RecordType type) override {
    ++waited;
    if (silent.contains(name)) co_await io::sleep_until(io::kNoDeadline);
    co_return look_up(name, type);
  }
  std::optional<dns::Answer> at_hand(const std::string& name, RecordType type) const override {
    if (!at_once.contains(name)) return std::nullopt;
    return look_up(name, type);
  }

 private:
  dns::Answer look_up(const std::string& name, RecordType type) const {
    const auto found = answers.find({name, type});
    return found != answers.end() ? found->second : dns::Answer{dns::AnswerStatus::NxDomain, false, {}, name};
  }
};

struct Judging : ::testing::Test {
  io::testing::RunningLoops loops;
  io::WorkerPool workers{1, 10};
  SystemClock clock;
  config::Config config;
  PartlyAtHand resolver;
  std::string content;

  Judging() {
    config.authentication.enabled = true;
    config.authentication.dmarc = "enforce";
    config.server.hostname = "mail.postern.example";
    const PrivateKey key = *PrivateKey::generate(KeyKind::Ed25519);
    const std::string raw = "From: Alice <alice@strict.example>\r\nTo: <bob@postern.example>\r\nSubject: x\r\n\r\nA text.\r\n";
    const std::vector<DkimKeyRef> keys = {{"strict.example", "sel", DkimAlgorithm::Ed25519Sha256, "", 0}};
    DkimSignOptions options;
    options.time = clock.now();
    const MessageView view = *MessageView::parse(raw);
    content = *dkim_sign(view, keys, options, [&](const DkimKeyRef&, ByteView data) -> Result<Bytes> {
      return key.sign(SignAlgorithm::ed25519(), data);
    }) + raw;
    publish("strict.example", "v=spf1 include:spf.strict.example -all");
    publish("spf.strict.example", "v=spf1 ip4:192.0.2.0/24 -all");
    publish("_dmarc.strict.example", "v=DMARC1; p=reject");
    publish("sel._domainkey.strict.example", dkim_key_record(DkimAlgorithm::Ed25519Sha256, key.public_key().to_raw()));
  }

  void publish(const std::string& name, std::string data) {
    resolver.answers.insert_or_assign({name, RecordType::Txt}, text(name, std::move(data)));
  }
  std::shared_ptr<const Judgement> judge(const std::string& address) {
    const auto judge = *Judge::make({config, resolver, workers, clock});
    Arrival arrival;
    arrival.received = clock.now();
    arrival.id = MessageId("01M80JWM8A0TCTJP7HBD2MTF7F");
    arrival.content = content;
    arrival.road.address = address;
    arrival.road.helo = "out.strict.example";
    arrival.envelope.from = *ReversePath::parse("<alice@strict.example>");
    return loops.run(judge->judge(arrival));
  }
};

TEST_F(Judging, IsTheSameWhateverIsAtHand) {
  const std::set<std::string> reverse = {"10.2.0.192.in-addr.arpa"};
  std::set<std::string> all = reverse;
  for (const auto& [key, answer] : resolver.answers) all.insert(key.first);
  all.insert("_dmarc.example");
  for (const auto& at_once :
       {std::set<std::string>(), reverse, {"sel._domainkey.strict.example"}, {"strict.example", "_dmarc.strict.example"}, all}) {
    resolver.at_once = at_once;
    resolver.waited = 0;
    const auto found = judge("192.0.2.10");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->spf.result, SpfResult::Pass);
    ASSERT_EQ(found->dkim.size(), 1U);
    EXPECT_EQ(found->dkim.front().result, DkimResult::Pass) << found->dkim.front().reason;
    EXPECT_EQ(found->dmarc.result, DmarcResult::Pass);
    EXPECT_TRUE(found->dmarc.spf_aligned && found->dmarc.dkim_aligned);
    EXPECT_EQ(found->iprev.result, IprevResult::PermError);
    EXPECT_FALSE(found->refusal);
    EXPECT_EQ(found->field.find("temperror"), std::string::npos) << found->field;
    EXPECT_EQ(resolver.waited == 0, at_once == all) << "what is at hand is not asked for";
  }
}

// A name whose servers are silent: what does not depend on it is asked to its end, in the time that there is.
TEST_F(Judging, SilenceHoldsUpNothingElse) {
  config.authentication.dns_timeout = std::chrono::seconds(1);
  for (const char* name : {"spf.strict.example", "10.2.0.192.in-addr.arpa"}) {
    resolver.silent = {name};
    const auto found = judge("192.0.2.10");
    EXPECT_EQ(found->dkim.front().result, DkimResult::Pass) << name;
    EXPECT_EQ(found->dmarc.result, DmarcResult::Pass) << name;
    EXPECT_TRUE(found->dmarc.dkim_aligned) << name;
  }
  resolver.silent = {"sel._domainkey.strict.example"};
  const auto by_spf = judge("192.0.2.10");
  EXPECT_EQ(by_spf->dkim.front().result, DkimResult::TempError);
  EXPECT_EQ(by_spf->dmarc.result, DmarcResult::Pass);
  EXPECT_FALSE(by_spf->refusal);
  const auto forged = judge("203.0.113.66");
  EXPECT_EQ(forged->dmarc.result, DmarcResult::Fail);
  ASSERT_TRUE(forged->refusal);
  EXPECT_EQ(forged->refusal->code, 451) << "the signature could still be good";
}

// A stranger's signature whose key never comes, over mail in the name of somebody who asks for refusal.
TEST_F(Judging, ASilentSignerOpensNoDoor) {
  config.authentication.dns_timeout = std::chrono::seconds(1);
  const std::string stranger = "DKIM-Signature: v=1; a=ed25519-sha256; d=silent.example; s=x; h=from; bh=" + base64_encode(Bytes(32)) +
                               "; b=" + base64_encode(Bytes(64)) + "\r\n";
  content = stranger + "From: alice@a.b.c.strict.example\r\n\r\nx\r\n";
  resolver.silent = {"x._domainkey.silent.example"};
  const auto found = judge("203.0.113.66");
  EXPECT_EQ(found->dmarc.result, DmarcResult::Fail) << found->dmarc.reason;
  EXPECT_EQ(found->dmarc.record_domain, "strict.example");
  ASSERT_TRUE(found->refusal);
}

// What passes early has DMARC ask for the domain above it, while the other key is still waited for.
TEST_F(Judging, OneOfTwoKeysIsSilent) {
  config.authentication.dns_timeout = std::chrono::seconds(1);
  const auto signature = content.substr(0, content.find("From: "));
  std::string other = signature;
  other.replace(other.find("s=sel"), 5, "s=gone");
  content = other + content;
  resolver.silent = {"gone._domainkey.strict.example"};
  const auto found = judge("203.0.113.66");
  ASSERT_EQ(found->dkim.size(), 2U);
  EXPECT_EQ(found->dkim[0].result, DkimResult::TempError);
  EXPECT_EQ(found->dkim[1].result, DkimResult::Pass);
  EXPECT_EQ(found->dmarc.result, DmarcResult::Pass);
}

TEST_F(Judging, ASignatureThatIsLookedAtAtOnceCanFailToo) {
  for (const auto& [key, answer] : resolver.answers) resolver.at_once.insert(key.first);
  content.replace(content.find("A text."), 7, "B text.");
  const auto found = judge("203.0.113.66");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->dkim.front().result, DkimResult::Fail);
  EXPECT_EQ(found->spf.result, SpfResult::Fail);
  ASSERT_TRUE(found->refusal);
  EXPECT_EQ(found->refusal->code, 550);
}

}  // namespace
}  // namespace postern::gateway
