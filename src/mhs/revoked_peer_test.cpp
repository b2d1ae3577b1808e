// Whether a peer that we call is called at all when its certificate is revoked, or nobody says whether it is. A real responder:
// tests/e2e/test_x400_tls.py.
#include <gtest/gtest.h>

#include <fstream>

#include "io/listener.hpp"
#include "io/testing/run.hpp"
#include "mhs/p1_caller.hpp"
#include "mhs/settings.hpp"
#include "pki/testing/revocation.hpp"
#include "store/test_support.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::mhs {
namespace {

using namespace std::chrono_literals;
using postern::testing::Made;
using postern::testing::make_certificate;
using postern::testing::make_ocsp;

constexpr WallTime kNow{std::chrono::days(20'000)};

/// A peer whose door does TLS, staples what it is told, and then hangs up: how far a call comes shows in how it fails.
struct RevokedPeer : ::testing::Test {
  config::Config settings() const {
    config::Config out;
    out.x400.domain = "C=DE;A= ;P=NORTH";
    out.x400.mta_name = "north";
    out.outbound.revocation_networks = {"127.77.0.0/16"};
    out.x400_peers.resize(1);
    config::X400Peer& peer = out.x400_peers.front();
    peer.name = "south";
    peer.domain = "C=GB;A=GOLD;P=SOUTH";
    peer.ca = (directory.path() / "ca.pem").string();
    peer.verify_name = false;
    std::ofstream(peer.ca) << root.certificate.to_pem();
    return out;
  }

  io::SslContext shown() const {
    TlsServerProfile profile;
    profile.chain = {leaf.certificate};
    profile.key = share(leaf.key.get());
    profile.staple = stapled;
    return server_context(std::move(profile)).value().shared();
  }
  io::Task<void> greet(io::Stream stream) { (void)co_await stream.start_tls_server(door_context, io::testing::soon()); }
  void staple(int status) {
    const std::int64_t now = unix_seconds(kNow);
    stapled->set(make_ocsp(leaf.certificate, root.certificate, root,
                           {.status = status, .this_update = now, .next_update = now + std::chrono::seconds(1h).count()}));
  }
  static io::ListenOptions door() {
    io::ListenOptions out;
    out.address = io::Endpoint::parse("127.0.0.1:0").value();
    return out;
  }
  Peer peer(const std::string& policy) {
    config.outbound.revocation = policy;
    config.x400_peers.front().address = "127.0.0.1:" + std::to_string(listener->local().port);
    const auto judge = [this](RevocationPolicy wanted) {
      return gateway::judge_of_paths([this] { return sealed ? nullptr : revocations.get(); }, {wanted, "X.400 MTA"});
    };
    return std::move(mta_of(config, {{}, {}, judge}, clock).value().peers.front());
  }
  /// Why there is no association.
  CallFailure call(const std::string& policy = "soft") {
    const Peer called = peer(policy);
    const CallParts parts{mta, resolver, workers, clock, "north.example", {}};
    auto opened = loops.run(P1Caller::open(parts, called, io::testing::soon()));
    return opened ? CallFailure{"it is open"} : opened.error();
  }
  /// Past everything that TLS has to prove.
  bool binds(const std::string& policy = "soft") { return call(policy).text.starts_with("the bind"); }
  std::string text(const std::string& policy) { return call(policy).text; }

  test::TemporaryDirectory directory;
  ManualClock clock{kNow};
  Made root = make_certificate({.name = "root", .ca = true});
  Made leaf = make_certificate({.name = "south", .information = "OCSP;URI:http://127.77.99.99/"}, &root);  // where nobody listens
  std::shared_ptr<Staple> stapled = std::make_shared<Staple>();
  io::SslContext door_context = shown();
  config::Config config = settings();
  bool sealed = false;
  SystemRandom random;
  io::FixtureResolver resolver{dns::Fixture()};
  Mta mta;
  io::WorkerPool workers{1, 10};
  io::testing::RunningLoops loops;
  std::unique_ptr<gateway::Revocations> revocations =
      std::move(gateway::Revocations::make({config, resolver, workers, clock, random}).value());
  std::unique_ptr<io::Listener> listener =
      io::Listener::open(loops, door(), [this](io::Stream stream) { return greet(std::move(stream)); }).value();
};

TEST_F(RevokedPeer, IsNotCalledWhateverThePolicyAndTheReasonIsSaid) {
  staple(V_OCSP_CERTSTATUS_REVOKED);
  for (const char* policy : {"soft", "hard"}) {
    const CallFailure failure = call(policy);
    EXPECT_EQ(failure.text, "TLS: the certificate of CN=south is revoked at 1970-01-01T00:16:40.000Z") << policy;
    EXPECT_TRUE(failure.refused);
  }
  EXPECT_TRUE(binds("off"));
}

TEST_F(RevokedPeer, AGoodOneIsCalled) {
  staple(V_OCSP_CERTSTATUS_GOOD);
  EXPECT_TRUE(binds("hard"));
  EXPECT_EQ(revocations->stats().stapled.load(), 1U);
}

TEST_F(RevokedPeer, OneThatNobodyKnowsOfIsCalledBySoftAlone) {
  staple(V_OCSP_CERTSTATUS_UNKNOWN);
  EXPECT_TRUE(binds());
  EXPECT_NE(text("hard").find("it is not known whether the certificate of CN=south is revoked"), std::string::npos) << text("hard");
}

TEST_F(RevokedPeer, NoAnswerOfTheResponderIsNoGoodAnswer) {
  EXPECT_TRUE(binds());
  EXPECT_EQ(revocations->stats().failed_questions.load(), 1U);
  EXPECT_NE(text("hard").find("http://127.77.99.99/"), std::string::npos) << text("hard");
}

TEST_F(RevokedPeer, PinsSayWhatIsTrustedNow) {
  staple(V_OCSP_CERTSTATUS_REVOKED);
  config.x400_peers.front().pins = {fingerprint_text(leaf.certificate.fingerprint())};
  EXPECT_TRUE(binds("hard"));
  EXPECT_FALSE(peer("hard").tls.options.ask_for_status);
}

TEST_F(RevokedPeer, WhileTheKeyEngineIsSealedNobodyIsAsked) {
  sealed = true;
  staple(V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_TRUE(binds());
  const CallFailure failure = call("hard");
  EXPECT_NE(failure.text.find("the key engine is sealed"), std::string::npos) << failure.text;
  EXPECT_FALSE(failure.refused) << "it passes by itself";
}

}  // namespace
}  // namespace postern::mhs
