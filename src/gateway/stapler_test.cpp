// What is stapled, until when, and when the responder is asked again. A real responder and real clients: tests/e2e/test_stapling.py.
#include "gateway/stapler.hpp"

#include <gtest/gtest.h>

#include "io/testing/run.hpp"
#include "pki/testing/revocation.hpp"
#include "store/test_support.hpp"

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using postern::testing::Made;
using postern::testing::make_certificate;
using postern::testing::make_ocsp;

constexpr WallTime kNow{std::chrono::days(20'000)};
constexpr auto kLife = 48h;

std::unique_ptr<Store> store_in(const test::TemporaryDirectory& directory) {
  StoreOptions where;
  where.data_dir = directory.path();
  return Store::open(std::move(where)).value();
}

struct StaplerTest : ::testing::Test {
  test::TemporaryDirectory directory;
  test::FaultGuard faults;
  std::unique_ptr<Store> store = store_in(directory);
  io::testing::RunningLoops loops;
  io::WorkerPool workers{1, 10};
  ManualClock clock{kNow};
  Made root = make_certificate({.name = "root", .ca = true});
  Made leaf = issue("OCSP;URI:http://127.0.0.1/");
  ShownCertificate shown = show(leaf.certificate);
  Result<int> says = V_OCSP_CERTSTATUS_GOOD;  ///< The responder.
  int asked = 0;
  std::unique_ptr<Stapler> stapler = make();

  Made issue(const char* information, const char* features = "") const {
    return make_certificate({.name = "leaf", .information = information, .features = features}, &root);
  }
  ShownCertificate show(const Certificate& certificate) const { return {{certificate, root.certificate}, std::make_shared<Staple>()}; }
  OcspAnswer answer(int status) const {
    const std::int64_t now = unix_seconds(clock.now());
    const std::int64_t ends = now + std::chrono::seconds(kLife).count();
    const Certificate& about = shown.chain.front();
    OcspAnswer out{make_ocsp(about, root.certificate, root, {.status = status, .this_update = now, .next_update = ends}), {}};
    out.verdict = check_ocsp({&about, &root.certificate, out.response, clock.now()});
    return out;
  }
  io::Task<Result<OcspAnswer>> respond() {
    ++asked;
    if (!says) co_return fail(says.error());
    co_return answer(*says);
  }
  std::unique_ptr<Stapler> make(bool asks = true) {
    StaplerParts parts{*store, workers, clock, [this] { return shown; }, {}};
    if (asks) parts.ask = [this](const Certificate&, const Certificate&) { return respond(); };
    auto out = std::make_unique<Stapler>(std::move(parts));
    out->restore();
    return out;
  }
  void look() {
    loops.run([](Stapler& at) -> io::Task<bool> {
      co_await at.look();
      co_return true;
    }(*stapler));
  }
  bool stapled() const { return shown.staple->get() != nullptr; }
  std::string trouble() const {
    const auto found = stapler->trouble();
    return found ? (found->refused ? "refused: " : "") + found->text : std::string();
  }
};

TEST_F(StaplerTest, AsksAtHalfOfTheAnswersLifeAndAtLeastDaily) {
  look();
  EXPECT_TRUE(stapled());
  EXPECT_EQ(stapler->text(), "until " + rfc3339(kNow + kLife));
  EXPECT_EQ(trouble(), "");
  look();
  clock.advance(24h - 1s);
  look();
  EXPECT_EQ(asked, 1);
  clock.advance(1s);
  look();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(stapler->text(), "until " + rfc3339(kNow + 24h + kLife));
}

TEST_F(StaplerTest, WhileTheResponderIsAwayTheLastAnswerServesToItsEnd) {
  look();
  says = fail(ErrorCode::Unavailable, "status 503");
  clock.advance(24h);
  for (int minute = 0; minute < 10; ++minute, clock.advance(1min)) look();
  EXPECT_EQ(asked, 1 + 4) << "after 0, 1, 3 and 7 minutes";
  EXPECT_TRUE(stapled());
  clock.advance(24h);
  look();
  EXPECT_FALSE(stapled()) << "an outdated answer would make clients refuse";
  EXPECT_NE(trouble().find("no OCSP answer is stapled"), std::string::npos);
  EXPECT_NE(trouble().find("status 503"), std::string::npos);
  says = V_OCSP_CERTSTATUS_GOOD;
  clock.advance(64min);
  look();
  EXPECT_TRUE(stapled());
  EXPECT_EQ(trouble(), "");
}

TEST_F(StaplerTest, ARestartKeepsTheAnswer) {
  look();
  says = fail(ErrorCode::Unavailable, "away");
  shown = show(leaf.certificate);
  stapler = make();
  EXPECT_TRUE(stapled()) << "before anybody is asked";
  clock.advance(kLife);
  shown = show(leaf.certificate);
  stapler = make();
  look();
  EXPECT_FALSE(stapled()) << "what is kept is judged anew";
}

TEST_F(StaplerTest, AnotherCertificateHasAnAnswerOfItsOwn) {
  look();
  const auto former = shown.staple;
  leaf = issue("OCSP;URI:http://127.0.0.1/");
  shown = show(leaf.certificate);
  says = fail(ErrorCode::Unavailable, "away");
  look();
  EXPECT_FALSE(stapled());
  EXPECT_NE(former->get(), nullptr) << "handshakes that began with the former certificate";
  EXPECT_EQ(asked, 2) << "at once";
}

TEST_F(StaplerTest, ARevokedCertificateIsNotStapled) {
  look();
  says = V_OCSP_CERTSTATUS_REVOKED;
  clock.advance(24h);
  look();
  EXPECT_FALSE(stapled());
  EXPECT_NE(trouble().find("the responder says: revoked"), std::string::npos);
  shown = show(leaf.certificate);
  stapler = make();
  EXPECT_FALSE(stapled()) << "nor is the former answer after a restart";
}

TEST_F(StaplerTest, AMediumThatFailsCostsTheRestartOnly) {
  disk_faults().fail_sync = true;
  look();
  EXPECT_TRUE(stapled());
}

TEST_F(StaplerTest, ACertificateThatDemandsItIsRefusedWithout) {  // RFC 7633
  leaf = issue("OCSP;URI:http://127.0.0.1/", "status_request");
  shown = show(leaf.certificate);
  says = fail(ErrorCode::Unavailable, "away");
  look();
  EXPECT_NE(trouble().find("refused: "), std::string::npos);
  EXPECT_NE(trouble().find("RFC 7633"), std::string::npos);
  says = V_OCSP_CERTSTATUS_GOOD;
  clock.advance(1min);
  look();
  EXPECT_EQ(trouble(), "");
}

TEST_F(StaplerTest, WhoeverNamesNoResponderNeedsNone) {
  leaf = make_certificate({.name = "own"}, &root);
  shown = show(leaf.certificate);
  look();
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(trouble() + stapler->text(), "");
  shown = {};
  look();
  EXPECT_EQ(trouble() + stapler->text(), "") << "no listener uses TLS";
  shown = show(make_certificate({.name = "own", .features = "status_request"}, &root).certificate);
  look();
  EXPECT_NE(trouble().find("names no OCSP responder"), std::string::npos);
}

TEST_F(StaplerTest, WithoutTheIssuerNobodyCanBeAsked) {
  shown.chain.pop_back();
  shown.staple = std::make_shared<Staple>();
  look();
  EXPECT_EQ(asked, 0);
  EXPECT_NE(stapler->text().find("its issuer does not stand behind it"), std::string::npos);
}

TEST_F(StaplerTest, SwitchedOffItAsksNobody) {
  stapler = make(false);
  look();
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(trouble() + stapler->text(), "");
}

}  // namespace
}  // namespace postern::gateway
