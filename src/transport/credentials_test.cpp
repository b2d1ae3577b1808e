#include "transport/credentials.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "pki/testing/certificates.hpp"
#include "transport/peer_check.hpp"

namespace postern::transport {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;
using postern::testing::CertificateWish;
using postern::testing::Made;
using postern::testing::make_certificate;

constexpr std::int64_t kNow = 1'800'000'000, kDay = 86'400;
const WallTime kAt{std::chrono::seconds(kNow)};

class Credentials : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "credentials-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    m_folder = name;
    m_config.source = (m_folder / "postern.toml").string();
    m_config.transport.mode = "native";
    auto& tls = m_config.transport.tls;
    tls.ca_bundle = "ca.pem", tls.client_certificate = "our.pem", tls.client_key = "our.key";
    write("ca.pem", m_authority.certificate.to_pem());
    show(issue({.name = "ours", .not_after = kNow + 90 * kDay}));
  }
  void TearDown() override { fs::remove_all(m_folder); }

  Made issue(const CertificateWish& wish) { return make_certificate(wish, &m_authority); }
  void write(const char* file, const std::string& text) { std::ofstream(m_folder / file) << text; }
  void show(const Made& made) {
    write("our.pem", made.certificate.to_pem());
    const BioPtr text = bio_buffer();
    ASSERT_EQ(PEM_write_bio_PrivateKey(text.get(), made.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    write("our.key", std::string(as_text(bio_bytes(text.get()))));
  }
  Finding finding(const std::string& name) {
    for (const Finding& one : judge_credentials(m_config, {}, kAt))
      if (one.name == name) return one;
    ADD_FAILURE() << "nothing is said of " << name;
    return {};
  }
  void expect(const std::string& name, State state, const std::string& says) {
    const Finding one = finding(name);
    EXPECT_EQ(one.state, state) << one.text;
    EXPECT_NE(one.text.find(says), std::string::npos) << one.text;
  }
  PeerJudgement judge(const Made& peer, const std::string& host = "store.example.org", const Profile& profile = {}) {
    return judge_peer(m_config, profile, {{peer.certificate}, host}, kAt);
  }

  Made m_authority = make_certificate({.name = "authority", .ca = true});
  fs::path m_folder;
  config::Config m_config;
};

TEST_F(Credentials, WhatIsRightIsSaidToo) {
  for (const Finding& one : judge_credentials(m_config, {}, kAt)) EXPECT_EQ(one.state, State::Ok) << one.name << ": " << one.text;
  expect("certificate", State::Ok, "CN=ours until 2027-");
  expect("trust", State::Ok, "1 authorities, of transport.tls.ca_bundle");
  expect("ocsp", State::Ok, "no responder is configured");
}

// RFC 5280 6.1.3: a path is valid at a time.
TEST_F(Credentials, CertificatesEndAndBegin) {
  show(issue({.name = "ours", .not_after = kNow + 29 * kDay}));
  expect("certificate", State::Warning, "it ends soon");
  show(issue({.name = "ours", .not_after = kNow - 1}));
  expect("certificate", State::Failed, "expired");
  show(issue({.name = "ours", .not_before = kNow + kDay}));
  expect("certificate", State::Failed, "valid");
}

TEST_F(Credentials, KeyChainAndFilesMustFit) {
  const Made other = make_certificate({.name = "other"});
  write("our.pem", other.certificate.to_pem());
  expect("certificate", State::Failed, "client_key is not the key of");
  show(other);
  expect("certificate", State::Warning, "no authority that we trust issued ours");
  fs::remove(m_folder / "our.key");
  expect("certificate", State::Failed, "transport.tls.client_key");
  fs::remove(m_folder / "our.pem");
  expect("certificate", State::Failed, "transport.tls.client_certificate");
  write("ca.pem", "no certificate");
  expect("trust", State::Failed, "transport.tls.ca_bundle");
}

TEST_F(Credentials, WhatIsWeakerIsAWarning) {
  m_config.transport.tls.min_version = "1.2";
  expect("tls", State::Warning, "TLS 1.2 is accepted");
  m_config.transport.tls.enabled = false;
  expect("tls", State::Warning, "in clear");
  m_config.transport.tls.ocsp_responder = "http://ocsp.example.org/";
  expect("ocsp", State::Ok, "http://ocsp.example.org/ is asked");
  m_config.transport.tls.ocsp_responder = "https://ocsp.example.org/";
  expect("ocsp", State::Warning, "only http:// is");
}

TEST_F(Credentials, ThePinsetSaysWhetherItIsEnforcedAndHasOurs) {
  expect("pinset", State::Ok, "chain and name decide");
  const auto ours = certificates_from_file((m_folder / "our.pem").string()).value().front();
  m_config.transport.fingerprints = {fingerprint_text(ours.fingerprint())};
  expect("pinset", State::Ok, "enforce_pinset is off; our certificate is one of them");
  m_config.transport.tls.enforce_pinset = true;
  m_config.transport.fingerprints = {"sha256:" + std::string(64, '0')};
  expect("pinset", State::Ok, "one must be the peer's; our certificate is none of them");
}

TEST_F(Credentials, AnEnforcedPinsetNeedsAFingerprintInSettingsOrProfile) {
  EXPECT_TRUE(check_pinset(m_config));
  m_config.transport.tls.enforce_pinset = true;
  EXPECT_TRUE(check_pinset(m_config)) << "a profile that is not there does not keep mail from starting";
  expect("pinset", State::Failed, "refuses every peer");
  fs::create_directory(m_folder / "profiles");
  const std::string profile = "peer = \"a@store.example.org:102\"\nuser = \"C=DE;A= ;P=ACME;S=Doe\"\npassword_ref = \"file:not-for-us\"\n";
  write("profiles/a.toml", profile);
  const Status none = check_pinset(m_config);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().field, "transport.tls.enforce_pinset");
  EXPECT_NE(none.error().what.find("transport.fingerprints or as pins of the profile"), std::string::npos) << none.error().what;
  write("profiles/a.toml", profile + "pins = [\"sha256:" + std::string(64, '0') + "\"]\n");
  EXPECT_TRUE(check_pinset(m_config)) << "whether or not its password may be read";
  fs::remove(m_folder / "profiles/a.toml");
  m_config.transport.fingerprints = {"sha256:" + std::string(64, '0')};
  EXPECT_TRUE(check_pinset(m_config));
  m_config.transport.fingerprints = {"sha256:00"};
  EXPECT_EQ(check_pinset(m_config).error().field, "transport.fingerprints");
  m_config.transport.fingerprints.clear();
  m_config.transport.mode = "mock";
  EXPECT_TRUE(check_pinset(m_config)) << "nobody is called";
}

TEST_F(Credentials, APeerIsJudgedByChainAndName) {
  const Made peer = issue({.name = "store", .dns = {"store.example.org"}, .not_after = kNow + 90 * kDay});
  EXPECT_EQ(judge(peer).findings.front().state, State::Ok) << judge(peer).findings.front().text;
  EXPECT_EQ(judge(peer).path.size(), 2U);
  EXPECT_EQ(judge(peer, "other.example.org").findings.front().state, State::Failed);
  const Made soon = issue({.name = "store", .dns = {"store.example.org"}, .not_after = kNow + kDay});
  EXPECT_EQ(judge(soon).findings.front().state, State::Warning);
  const Made gone = issue({.name = "store", .dns = {"store.example.org"}, .not_after = kNow - kDay});
  EXPECT_EQ(judge(gone).findings.front().state, State::Failed);
  const Made own = make_certificate({.name = "store", .dns = {"store.example.org"}});
  EXPECT_EQ(judge(own).findings.front().state, State::Failed);
}

TEST_F(Credentials, AnEnforcedPinsetDecidesAloneWhereNoAuthorityIsNamed) {
  const Made own = make_certificate({.name = "store", .dns = {"store.example.org"}});
  Profile profile;
  profile.pins = {fingerprint_text(own.certificate.spki_fingerprint())};
  m_config.transport.tls.enforce_pinset = true;
  EXPECT_EQ(judge(own, "store.example.org", profile).findings[0].state, State::Failed) << "with a ca_bundle both must hold";
  m_config.transport.tls.ca_bundle.clear();
  const auto right = judge(own, "store.example.org", profile).findings;
  ASSERT_EQ(right.size(), 2U);
  EXPECT_EQ(right[0].state, State::Note) << right[0].text;
  EXPECT_EQ(right[1].state, State::Ok) << right[1].text;
  profile.pins = {"sha256:" + std::string(64, '0')};
  const auto wrong = judge(own, "store.example.org", profile).findings;
  EXPECT_EQ(wrong[1].state, State::Failed);
  EXPECT_NE(wrong[1].text.find(fingerprint_text(own.certificate.fingerprint())), std::string::npos) << "what to add is said";
  m_config.transport.tls.enforce_pinset = false;
  EXPECT_EQ(judge(own, "store.example.org", profile).findings[1].state, State::Warning) << "compared only";
}

}  // namespace
}  // namespace postern::transport
