// What is stapled, remembered and never asked, and what follows for connections. Real responders and lists: tests/e2e/test_revocation.py.
#include "gateway/revocations.hpp"

#include <gtest/gtest.h>

#include "crypto/random.hpp"
#include "http/server.hpp"
#include "io/testing/run.hpp"
#include "pki/testing/revocation.hpp"

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using postern::testing::Made;
using postern::testing::make_certificate;
using postern::testing::make_ocsp;

constexpr WallTime kNow{std::chrono::days(20'000)};

struct RevocationsTest : ::testing::Test {
  io::testing::RunningLoops loops;
  io::WorkerPool workers{1, 10};
  ManualClock clock{kNow};
  config::Config config;
  io::FixtureResolver resolver{dns::Fixture()};
  NonceRandom random;
  std::unique_ptr<Revocations> revocations = std::move(Revocations::make({config, resolver, workers, clock, random}).value());
  Made root = make_certificate({.name = "root", .ca = true});
  Made leaf = named("http://127.0.0.1/ocsp");

  Made named(const std::string& url) const {
    const std::string information = "OCSP;URI:" + url;
    return make_certificate({.name = "leaf", .information = information.c_str()}, &root);
  }
  Bytes staple(int status, std::chrono::seconds life = 1h) const {
    const std::int64_t now = unix_seconds(kNow);
    return make_ocsp(leaf.certificate, root.certificate, root, {.status = status, .this_update = now, .next_update = now + life.count()});
  }
  PathRevocation judge(Bytes stapled = {}, RevocationPolicy policy = RevocationPolicy::Hard, bool ask = true) {
    return loops.run(revocations->judge({{leaf.certificate, root.certificate}, policy, std::move(stapled), ask}));
  }
};

TEST_F(RevocationsTest, StapledAnswersAreRememberedUntilTheyEnd) {
  EXPECT_TRUE(judge(staple(V_OCSP_CERTSTATUS_GOOD)).ok);
  EXPECT_EQ(revocation_text(judge()), ", not revoked (stapled OCSP)");
  EXPECT_EQ(revocations->stats().remembered.load(), 1U);
  clock.advance(1h);
  EXPECT_FALSE(judge().ok);
  EXPECT_FALSE(judge(staple(V_OCSP_CERTSTATUS_REVOKED)).ok) << "within the skew of clocks it still counts";
  EXPECT_EQ(revocations->stats().revoked.load(), 1U);
}

TEST_F(RevocationsTest, ALaterStapledRevocationBeatsWhatIsRemembered) {
  EXPECT_TRUE(judge(staple(V_OCSP_CERTSTATUS_GOOD)).ok);
  EXPECT_FALSE(judge(staple(V_OCSP_CERTSTATUS_REVOKED), RevocationPolicy::Soft).ok);
  EXPECT_FALSE(judge({}, RevocationPolicy::Soft).ok) << "and is remembered in its place";
  EXPECT_FALSE(judge(staple(V_OCSP_CERTSTATUS_GOOD), RevocationPolicy::Soft).ok) << "an older answer does not take it back";
}

TEST_F(RevocationsTest, OtherAddressesAreNotAsked) {
  for (const char* url : {"http://127.0.0.1/", "http://10.1.2.3/", "http://[::1]/", "http://169.254.169.254/latest", "https://192.0.2.1/",
                          "http://8.8.8.8:22/", "http://nowhere.example/"}) {
    leaf = named(url);
    const PathRevocation hard = judge();
    EXPECT_FALSE(hard.ok) << url;
    EXPECT_NE(hard.reason.find("it is not known whether"), std::string::npos) << hard.reason;
    EXPECT_EQ(revocation_text(judge({}, RevocationPolicy::Soft)), ", revocation not known") << url;
  }
  EXPECT_EQ(revocations->stats().failed_questions.load(), 7U) << "each is remembered for a while";
  clock.advance(5min);
  EXPECT_FALSE(judge().ok);
  EXPECT_EQ(revocations->stats().failed_questions.load(), 8U);
}

TEST_F(RevocationsTest, NobodyIsAskedWhereItDoesNotMatter) {
  const PathRevocation found = judge({}, RevocationPolicy::Soft, false);
  EXPECT_TRUE(found.ok);
  EXPECT_EQ(revocation_text(found), "");
  EXPECT_EQ(revocations->stats().failed_questions.load(), 0U);
}

TEST_F(RevocationsTest, OffLooksAtNothing) {
  EXPECT_TRUE(judge(staple(V_OCSP_CERTSTATUS_REVOKED), RevocationPolicy::Off).ok);
  EXPECT_EQ(revocations->remembered(), 0U);
}

TEST_F(RevocationsTest, ACertificateThatNamesNobody) {
  leaf = make_certificate({.name = "leaf"}, &root);
  EXPECT_EQ(revocation_text(judge({}, RevocationPolicy::Soft)), "");
  EXPECT_NE(judge().reason.find("names neither an OCSP responder nor a CRL"), std::string::npos);
}

/// Connections of ours judged by a responder that the operator names, on a port of this process.
struct PeerJudges : RevocationsTest {
  io::Task<http::Response> respond() {
    const std::int64_t now = unix_seconds(kNow);
    const Bytes answer =
        make_ocsp(leaf.certificate, root.certificate, root, {.status = says, .this_update = now, .next_update = now + 3600});
    http::Response out;
    out.body = std::string(as_text(ByteView(answer)));
    co_return out;
  }
  std::unique_ptr<http::Server> serve() {
    http::ServerOptions options;
    options.address = io::Endpoint::parse("127.0.0.1:0").value();
    return http::Server::open(loops, std::move(options), [this](const http::Request&) { return respond(); }).value();
  }
  PeerRules rules(RevocationPolicy policy) const { return {policy, "peer", responder}; }
  Result<std::string> judged(RevocationPolicy policy = RevocationPolicy::Soft) {
    auto pair = io::Stream::pair(loops.at(0)).value();
    const auto by = judge_of_paths([this] { return revocations.get(); }, rules(policy));
    return loops.run(by(pair.first, {leaf.certificate, root.certificate}));
  }
  int says = V_OCSP_CERTSTATUS_GOOD;
  std::unique_ptr<http::Server> server = serve();
  std::string responder = "http://" + server->local().text() + "/";
};

TEST_F(PeerJudges, AGoodAnswerIsTold) { EXPECT_EQ(judged(RevocationPolicy::Hard).value(), ", not revoked (OCSP)"); }

TEST_F(PeerJudges, ARevokedOneIsDeniedByEveryPolicyThatLooks) {
  says = V_OCSP_CERTSTATUS_REVOKED;
  for (const RevocationPolicy policy : {RevocationPolicy::Soft, RevocationPolicy::Hard}) {
    const auto found = judged(policy);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::Denied);
    EXPECT_NE(found.error().what.find("the certificate of CN=leaf is revoked at"), std::string::npos) << found.error().what;
  }
  EXPECT_FALSE(judge_of_paths([this] { return revocations.get(); }, rules(RevocationPolicy::Off))) << "nobody is to be asked";
  EXPECT_FALSE(judge_of_peers([this] { return revocations.get(); }, rules(RevocationPolicy::Off)));
}

TEST_F(PeerJudges, AnUnknownOneAndASilentResponderPassBySoftAlone) {
  says = V_OCSP_CERTSTATUS_UNKNOWN;
  EXPECT_EQ(judged().value(), ", revocation not known");
  EXPECT_EQ(judged(RevocationPolicy::Hard).error().code, ErrorCode::Unavailable);
  clock.advance(5min);
  (void)loops.run([](http::Server& ended) -> io::Task<bool> {
    co_await ended.stop(io::testing::soon());
    co_return true;
  }(*server));
  EXPECT_EQ(judged().value(), ", revocation not known");
  EXPECT_NE(judged(RevocationPolicy::Hard).error().what.find(responder), std::string::npos) << "who did not answer";
}

TEST_F(PeerJudges, WhileNobodyCanBeAskedSoftPassesAndHardWaits) {
  auto pair = io::Stream::pair(loops.at(0)).value();
  const auto nobody = [] { return static_cast<Revocations*>(nullptr); };
  EXPECT_TRUE(loops.run(judge_of_peers(nobody, rules(RevocationPolicy::Soft))(pair.first)));
  EXPECT_EQ(loops.run(judge_of_peers(nobody, rules(RevocationPolicy::Hard))(pair.first)).error().code, ErrorCode::Unavailable);
}

TEST(RevocationNetworks, AreChecked) {
  io::WorkerPool workers{1, 10};
  ManualClock clock{kNow};
  config::Config config;
  config.outbound.revocation_networks = {"10.0.0.0/33"};
  io::FixtureResolver resolver{dns::Fixture()};
  NonceRandom random;
  EXPECT_EQ(Revocations::make({config, resolver, workers, clock, random}).error().field, "outbound.revocation_networks");
}

TEST(PublicAddresses, AreTheInternets) {  // RFC 6890
  for (const char* yes :
       {"8.8.8.8", "100.63.255.255", "172.15.0.1", "172.32.0.1", "192.0.1.1", "223.255.255.255", "2001:4860::1", "2606::1"})
    EXPECT_TRUE(is_public_address(io::IpAddress::parse(yes).value())) << yes;
  for (const char* no :
       {"0.0.0.0",         "10.0.0.1",       "100.64.0.1",  "127.0.0.1", "169.254.169.254", "172.16.0.1",  "172.31.255.255",
        "192.168.1.1",     "198.18.0.1",     "203.0.113.1", "224.0.0.1", "255.255.255.255", "::",          "::1",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1",     "fc00::1",   "2001::1",         "2001:db8::1", "2002:a00:1::1",
        "ff02::1"})
    EXPECT_FALSE(is_public_address(io::IpAddress::parse(no).value())) << no;
}

}  // namespace
}  // namespace postern::gateway
