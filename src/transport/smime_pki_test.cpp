// S/MIME for X.400 with keys in a keeper and certificates of the built-in authority: as the daemon has it, over memory.
#include "transport/smime_pki.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "contentseal/names.hpp"
#include "contentseal/seal.hpp"
#include "crypto/random.hpp"
#include "keys/transit_keeper.hpp"
#include "transport/sealing_service.hpp"
#include "transport/testing/one_message.hpp"
#include "transport/x400_person.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;
using contentseal::testing::address;
using contentseal::testing::kAlice;
using contentseal::testing::kBob;
using contentseal::testing::kNow;
using std::chrono::days;

class SmimePki : public ::testing::Test {
 protected:
  ManualClock clock{kNow};
  NonceRandom random;
  MemoryCertificateStore certificates;
  std::shared_ptr<Keeper> keeper = make_memory_keeper(clock).value();
  std::shared_ptr<Authority> authority = Authority::open(keeper, certificates, clock, random).value();
  config::Config config;
  const fs::path folder = fs::temp_directory_path() / ("postern-smime-pki-" + std::to_string(::getpid()));
  std::optional<gateway::Identities> people;
  bool is_open = true;
  testing::OneMessage peer;
  const Bytes message = to_bytes("\xA0 any octets are a content");

  SmimePki() {
    fs::create_directories(folder);
    config.smime.certificates_dir = folder.string();
    config.smime.x400_source = "pki";
    people.emplace(keeper, authority, config, clock);
  }
  ~SmimePki() override { fs::remove_all(folder); }

  std::unique_ptr<Service> service(const std::string& user = kAlice) {
    SmimeParts parts;
    parts.roots = [this] { return Result<CertificateChain>(CertificateChain{authority->root()}); };
    parts.people = [this]() -> Result<gateway::Identities*> {
      if (!is_open) return fail(ErrorCode::Unavailable, "the key engine is sealed");
      return &*people;
    };
    return with_smime(std::make_unique<testing::GivenService>(peer, "native", user), config, std::move(parts), clock);
  }
  Status submit(Service& with, const std::string& to) {
    sdk::Submit request;
    request.submission.originator = kAlice;
    request.submission.content_type = "1.3.26.0.4406.0.4.1";
    request.submission.recipients = {{to, {}, sdk::ReportRequest::NonDelivery}};
    POSTERN_CHECK(with.transport().submit(request, message, {}));
    return {};
  }
  struct Got {
    Bytes content;
    boost::json::object verdict;
  };
  Got fetch(Service& with) {
    Got out;
    const auto fetched = with.transport().fetch({}, [&](ByteView piece) { return append(out.content, piece), true; }, {});
    EXPECT_TRUE(fetched) << (fetched ? "" : fetched.error().text());
    if (!fetched) return out;
    if (const auto verdict = verdict_of(fetched->entry)) out.verdict = boost::json::parse(*verdict).as_object();
    return out;
  }
  static Finding finding(Service& of, const std::string& name) {
    for (const Finding& each : of.findings())
      if (each.name == name) return each;
    return {"", Finding::State::Failed, "there is no finding " + name};
  }
  KeyName key_of(const char* who) { return gateway::smime_key_name(x400_person(address(who)).value().name); }
  Certificate current(const char* who) { return people->smime_of(x400_person(address(who)).value(), true).value().front().chain.front(); }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; }
};

// X.402 18.4: equal addresses are one person. The name is where his key is found after an update too.
TEST_F(SmimePki, APersonHasOneKeyHoweverHisAddressIsWritten) {
  EXPECT_EQ(key_of("C=DE;A= ;P=NORTH;O=Works;S=Alice"), key_of("/S=ALICE/O=works/P=North/A= /C=de/"));
  EXPECT_NE(key_of(kAlice), key_of(kBob));
  EXPECT_EQ(key_of(kAlice).get(), "smime-1d723377301bf928224b2d2b3dfc78fb");
}

// RFC 3854 4.3, RFC 5280 4.2.1.6.
TEST_F(SmimePki, TheCertificateNamesTheAddressAndNoMailAddress) {
  const Certificate made = current(kAlice);
  EXPECT_TRUE(contentseal::names_address(made, address(kAlice), {}));
  EXPECT_FALSE(contentseal::names_address(made, address(kBob), {}));
  EXPECT_TRUE(made.emails().empty());
  EXPECT_EQ(made.subject(), "CN=/C=DE/ADMD= /PRMD=NORTH/O=Works/S=Alice/");
  const std::string unit(30, 'U');
  const Certificate longer = current(("C=DE;A= ;P=NORTH;O=Works;OU1=" + unit + ";OU2=" + unit + ";S=Alice").c_str());
  EXPECT_EQ(longer.subject(), "CN=/OU2=" + unit + "/S=Alice/") << "what fits, from the end";
  EXPECT_TRUE(people->page("", 100)->people.empty()) << "the list of mail people is theirs";
}

TEST_F(SmimePki, SignedAndEncryptedWithoutAFile) {
  config.smime.x400_encrypt = "must";
  const auto alice = service();
  ASSERT_TRUE(submit(*alice, kAlice)) << submit(*alice, kAlice).error().text();
  EXPECT_EQ(contentseal::outermost_of(peer.content), contentseal::Outermost::Encrypted);
  const Got got = fetch(*alice);
  EXPECT_EQ(got.content, message);
  ASSERT_TRUE(got.verdict.contains("valid"));
  EXPECT_TRUE(got.verdict.at("valid").as_bool() && got.verdict.at("encrypted").as_bool()) << got.verdict;
  EXPECT_FALSE(submit(*alice, kBob)) << "who has neither key nor certificate here";
  const Certificate bob = current(kBob);
  ASSERT_TRUE(submit(*alice, kBob)) << "one of ours now";
  EXPECT_FALSE(fetch(*alice).verdict.at("opened").as_bool()) << "to Bob only";
  EXPECT_EQ(fetch(*service(kBob)).content, message);
}

TEST_F(SmimePki, ACorrespondentsFileGoesBeforeOurOwnPeople) {
  const auto root = contentseal::testing::authority("Elsewhere");
  const auto bob = contentseal::testing::person({.addresses = {kBob}}, &root);
  static_cast<void>(current(kBob));
  write("bob.pem", bob.certificate.to_pem());
  const auto material = load_smime(folder.string(), {},
                                   std::make_shared<PkiKeys>([this] { return Result<gateway::Identities*>(&*people); },
                                                             [] { return Result<Profile>(fail(ErrorCode::NotFound, "none")); }, true));
  ASSERT_TRUE(material);
  EXPECT_EQ((*material)->certificate_for(address(kBob), kNow).value(), bob.certificate);
}

TEST_F(SmimePki, RenewedAndRotatedWithoutARestart) {
  config.smime.x400_encrypt = "must";
  const auto alice = service();
  ASSERT_TRUE(submit(*alice, kAlice));
  const Bytes old = peer.content;
  const Certificate first = current(kAlice);
  for (const char* name : {"smime signing", "smime encryption"}) {
    const Finding said = finding(*alice, name);
    EXPECT_EQ(said.state, Finding::State::Ok) << said.text;
    EXPECT_NE(said.text.find("the built-in CA's certificate for a key of the key engine until " + rfc3339(first.not_after())),
              std::string::npos)
        << said.text;
  }
  clock.step(days(60) - std::chrono::minutes(1));
  EXPECT_EQ(finding(*alice, "smime signing").state, Finding::State::Ok) << finding(*alice, "smime signing").text;
  clock.step(days(1));
  clock.advance(kSmimeAge);
  EXPECT_EQ(finding(*alice, "smime signing").state, Finding::State::Ok) << finding(*alice, "smime signing").text;
  EXPECT_FALSE(current(kAlice) == first);
  ASSERT_TRUE(keeper->rotate(key_of(kAlice)));
  people->forget(key_of(kAlice));
  clock.advance(kSmimeAge);
  ASSERT_TRUE(submit(*alice, kAlice));
  EXPECT_EQ(fetch(*alice).content, message);
  peer.content = old;
  EXPECT_EQ(fetch(*alice).content, message) << "what was encrypted to the first certificate still opens";
}

TEST_F(SmimePki, AKeyOfTheLastSecondsOpensAndAnOutageIsNoVerdict) {
  const auto alice = service();
  ASSERT_TRUE(submit(*alice, kAlice));  // what is known now, is known for a while
  ASSERT_TRUE(keeper->rotate(key_of(kAlice)));
  people->forget(key_of(kAlice));
  const CertificateChain newest{current(kAlice)};
  peer.content = contentseal::encrypt_content({asn1::Oid{2, 6, 1, 10, 1}, message}, newest, {}, kNow).value().octets;
  EXPECT_EQ(fetch(*alice).content, message);
  peer.content.back() ^= 1;
  EXPECT_FALSE(fetch(*alice).verdict.at("opened").as_bool()) << "damaged: that stays so";
  is_open = false;
  const auto fetched = alice->transport().fetch({}, [](ByteView) { return true; }, {});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::Unavailable) << "whether it is damaged, nobody knows now";
}

/// Keys that can be listed although they cannot be used, as behind a channel whose other end is going.
class GivenKeys final : public SmimeKeys {
 public:
  explicit GivenKeys(SmimeIdentity identity) : m_identity(std::move(identity)) {}
  bool is_ready = false;
  Result<std::vector<SmimeIdentity>> ours() override { return std::vector{m_identity}; }
  Status ready() override { return is_ready ? Status() : fail(ErrorCode::Unavailable, "the keeper is away"); }
  Result<Certificate> certificate_of(const oraddress::ORAddress&) override { return fail(ErrorCode::NotFound, "nobody"); }

 private:
  SmimeIdentity m_identity;
};

TEST_F(SmimePki, WhatTheKeeperCouldNotDecryptIsNoVerdictWhileItIsAway) {
  const auto alice = contentseal::testing::person({.addresses = {kAlice}}, nullptr);
  const auto other = contentseal::testing::person({.addresses = {kAlice}}, nullptr);
  const auto keys = std::make_shared<GivenKeys>(SmimeIdentity{{alice.certificate}, other.key});  // unwraps nothing
  SmimeSource source(folder.string(), [] { return Result<CertificateChain>(CertificateChain()); }, clock, keys);
  SealingTransport sealing(peer, source, {}, clock);
  const CertificateChain readers{alice.certificate};
  peer.content = contentseal::encrypt_content({asn1::Oid{2, 6, 1, 10, 1}, message}, readers, {}, kNow).value().octets;
  const auto fetch_once = [&] { return sealing.fetch({}, [](ByteView) { return true; }, {}); };
  const auto away = fetch_once();
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().what, "the keeper is away");
  keys->is_ready = true;
  ASSERT_TRUE(fetch_once());
  EXPECT_NE(verdict_of(fetch_once()->entry).value_or("").find("cannot be unwrapped"), std::string::npos);
}

/// signing.pem, which here our own authority issues once more, so that it is trusted.
TEST_F(SmimePki, ACertificateThatAnotherAuthorityIssuedForAKeyOfTheEngine) {
  const auto elsewhere = contentseal::testing::authority("Elsewhere");
  const Certificate built_in = current(kAlice);
  const auto issued = authority->issue_email(
      {.name = "Alice by another", .other_names = x400_person(address(kAlice)).value().subject.other_names}, built_in.public_key().value());
  ASSERT_TRUE(issued) << issued.error().text();
  write("signing.pem", issued->to_pem());
  const auto alice = service();
  const Finding said = finding(*alice, "smime signing");
  EXPECT_EQ(said.state, Finding::State::Ok) << said.text;
  EXPECT_NE(said.text.find("signing.pem for a key of the key engine"), std::string::npos) << said.text;
  ASSERT_TRUE(submit(*alice, kBob));
  EXPECT_EQ(fetch(*alice).verdict.at("signers").at(0).at("subject").as_string(), "CN=Alice by another");
  ASSERT_TRUE(keeper->rotate(key_of(kAlice)));
  people->forget(key_of(kAlice));
  clock.advance(kSmimeAge);
  ASSERT_TRUE(submit(*alice, kBob));
  EXPECT_TRUE(fetch(*alice).verdict.at("valid").as_bool()) << "with the version that it is for: " << fetch(*alice).verdict;
  write("signing.pem", contentseal::testing::person({.addresses = {kAlice}}, &elsewhere).certificate.to_pem());
  clock.advance(kSmimeAge);
  EXPECT_EQ(finding(*alice, "smime signing").state, Finding::State::Failed);
  EXPECT_NE(finding(*alice, "smime signing").text.find("is not for a key of this user"), std::string::npos);
  EXPECT_FALSE(submit(*alice, kBob)) << "not with another certificate than the one that was asked for";
}

TEST_F(SmimePki, WithoutAutoEnrollAKeyIsAnOperatorsAct) {
  config.smime.auto_enroll = false;
  const auto alice = service();
  ASSERT_TRUE(submit(*alice, kBob));
  EXPECT_EQ(peer.content, message) << "should: goes as it is";
  EXPECT_EQ(finding(*alice, "smime signing").state, Finding::State::Note);
  EXPECT_NE(finding(*alice, "smime signing").text.find("--kind x400"), std::string::npos) << "what to do is said";
  static_cast<void>(current(kAlice));
  clock.advance(kSmimeAge);
  ASSERT_TRUE(submit(*alice, kBob));
  EXPECT_TRUE(contentseal::is_sealed(peer.content));
}

TEST_F(SmimePki, NobodyGoesUnsignedBecauseSomethingCannotBeAsked) {
  const auto no_profile = service("");
  EXPECT_EQ(submit(*no_profile, kBob).error().code, ErrorCode::Conflict) << "whose keys, nobody knows";
  EXPECT_EQ(finding(*no_profile, "smime signing").state, Finding::State::Failed);
  EXPECT_FALSE(submit(*service("our-mta"), kBob)) << "an MTA's name is no O/R address";
  SmimeParts sealed;
  sealed.roots = [] { return Result<CertificateChain>(CertificateChain()); };
  sealed.people = [] { return Result<gateway::Identities*>(fail(ErrorCode::Unavailable, "the key engine is sealed")); };
  const auto locked = with_smime(std::make_unique<testing::GivenService>(peer, "native", kAlice), config, std::move(sealed), clock);
  EXPECT_EQ(submit(*locked, kBob).error().code, ErrorCode::Conflict);
  EXPECT_NE(finding(*locked, "smime signing").text.find("sealed"), std::string::npos);
  config.smime.x400_sign = "never";
  config.smime.x400_encrypt = "should";
  const auto asked_late = service();
  ASSERT_TRUE(submit(*asked_late, kBob)) << "in clear: he has no certificate";
  peer.content.clear();
  is_open = false;
  EXPECT_EQ(submit(*asked_late, kBob).error().code, ErrorCode::Conflict) << "whether he has one cannot be asked";
  EXPECT_TRUE(peer.content.empty());
}

// RFC 3854 4.3: correspondents believe a signature only when its certificate names the originator.
TEST_F(SmimePki, ACertificateOfSomebodyElseIsAWarning) {
  config.smime.x400_source = "files";
  const auto root = contentseal::testing::authority();
  const auto alice = contentseal::testing::person({.addresses = {kAlice}}, &root);
  SmimeMaterial material;
  material.signer = contentseal::testing::identity(alice);
  material.roots = {root.certificate};
  const auto said = [&](const char* user) { return judge_smime(material, kNow, SealingNeed::Should, address(user)).front(); };
  EXPECT_EQ(said(kAlice).state, Finding::State::Ok) << said(kAlice).text;
  EXPECT_EQ(said(kBob).state, Finding::State::Warning);
  EXPECT_NE(said(kBob).text.find("does not name the profile's user"), std::string::npos) << said(kBob).text;
}

}  // namespace
}  // namespace postern::transport
