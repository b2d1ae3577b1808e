// Two sides of a bind with strong credentials, and each way in which they can be wrong.
#include "credentials/authenticator.hpp"

#include <gtest/gtest.h>

#include "asn1/ber.hpp"
#include "pki/testing/certificates.hpp"

namespace postern::credentials {
namespace {

using mts::MTANameAndOptionalGDI;
using mts::TokenName;
using postern::testing::CertificateWish;
using postern::testing::Made;
using postern::testing::make_certificate;

constexpr std::int64_t kNow = 1795671720;
const TokenName kNorth{MTANameAndOptionalGDI{{}, "north"}}, kSouth{MTANameAndOptionalGDI{{}, "south"}};

Bytes pin_of(const Certificate& certificate) {
  const Sha256 pin = certificate.spki_fingerprint();
  return {pin.begin(), pin.end()};
}
Identity identity_of(const Made& made, CertificateChain more = {}) {
  CertificateChain chain{made.certificate};
  for (Certificate& each : more) chain.push_back(std::move(each));
  return make_identity(std::move(chain), share(made.key.get())).value();
}

/// A root, an authority under it, and two MTAs that it certified.
struct World {
  Made root = make_certificate({.name = "Root", .ca = true});
  Made authority = make_certificate({.name = "Authority", .ca = true}, &root);
  Made north = make_certificate({.name = "north"}, &authority);
  Made south = make_certificate({.name = "south"}, &authority);
  ManualClock clock{WallTime(std::chrono::seconds(kNow))};
  SystemRandom random;
  Authenticator by_north = of(north), by_south = of(south);

  Authenticator of(const Made& made) {
    return Authenticator([identity = identity_of(made, {authority.certificate})] { return identity; }, clock, random);
  }
  [[nodiscard]] Trust certified(const char* subject) const { return {{root.certificate}, subject, {}}; }
  [[nodiscard]] static Trust pinned(const Made& made) { return {{}, {}, {pin_of(made.certificate)}}; }
  /// What south says to credentials in north's name; empty: they are good.
  std::string judged(const mts::StrongCredentials& credentials, const Trust& trust) {
    const auto admitted = by_south.admit(credentials, trust, {kSouth});
    return admitted ? std::string() : admitted.error().text();
  }
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST(Authenticator, BothSidesByCertificateAndByPin) {
  World world;
  for (const bool pins : {false, true}) {
    const auto shown = world.by_north.initiate(kSouth);
    ASSERT_TRUE(shown) << shown.error().text();
    const auto number = world.by_south.admit(shown->credentials, pins ? World::pinned(world.north) : world.certified("CN=north"), {kSouth});
    ASSERT_TRUE(number) << number.error().text();
    EXPECT_EQ(number->octets, shown->random_number.octets);
    const auto answer = world.by_south.respond(kNorth, *number);
    ASSERT_TRUE(answer);
    const Trust trust = pins ? World::pinned(world.south) : world.certified("CN=south");
    EXPECT_TRUE(world.by_north.confirm(*answer, trust, kNorth, shown->random_number));
  }
}

TEST(Authenticator, ATokenForAnotherIsRefused) {
  World world;
  const auto shown = world.by_north.initiate({MTANameAndOptionalGDI{{}, "east"}});
  EXPECT_TRUE(has(world.judged(shown->credentials, World::pinned(world.north)), "somebody else"));
}

TEST(Authenticator, ATokenCountsOnceAndForAWhile) {
  World world;
  const auto shown = world.by_north.initiate(kSouth);
  EXPECT_EQ(world.judged(shown->credentials, World::pinned(world.north)), "");
  EXPECT_TRUE(has(world.judged(shown->credentials, World::pinned(world.north)), "shown before"));
  world.clock.advance(std::chrono::seconds(300));
  EXPECT_TRUE(has(world.judged(shown->credentials, World::pinned(world.north)), "shown before")) << "as long as it could count";
  world.clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(has(world.judged(shown->credentials, World::pinned(world.north)), "compare the clocks"));
}

TEST(Authenticator, ATokenCountsOnceUnderWhateverNameItsKeyIsBelieved) {
  World world;
  const auto shown = world.by_north.initiate(kSouth);
  EXPECT_EQ(world.judged(shown->credentials, World::pinned(world.north)), "");
  EXPECT_TRUE(has(world.judged(shown->credentials, world.certified("CN=north")), "shown before")) << "another peer's trust, the same key";
}

TEST(Authenticator, ClocksMayDifferByTheSkewBothWays) {
  for (const int seconds : {-301, -300, 300, 301}) {
    World world;
    const auto shown = world.by_north.initiate(kSouth);
    world.clock.step(std::chrono::seconds(seconds));
    EXPECT_EQ(world.judged(shown->credentials, World::pinned(world.north)).empty(), std::abs(seconds) == 300) << seconds;
  }
}

TEST(Authenticator, ATokenThatComesEarlyIsRememberedAsLongAsItCounts) {
  World world;
  world.clock.step(std::chrono::seconds(300));
  const auto shown = world.by_north.initiate(kSouth);  // by a clock that is ahead
  world.clock.step(std::chrono::seconds(-300));
  EXPECT_EQ(world.judged(shown->credentials, World::pinned(world.north)), "");
  world.clock.advance(std::chrono::seconds(600));
  EXPECT_TRUE(has(world.judged(shown->credentials, World::pinned(world.north)), "shown before"));
}

TEST(Authenticator, AWrongKeyIsRefusedHoweverItsCertificateLooks) {
  World world;
  const auto shown = world.by_north.initiate(kSouth);
  mts::StrongCredentials swapped = shown->credentials;
  swapped.certificate = certificates_of({world.south.certificate});
  EXPECT_TRUE(has(world.judged(swapped, World::pinned(world.south)), "bind-token"));
  mts::StrongCredentials bare = shown->credentials;
  bare.certificate.reset();
  EXPECT_TRUE(has(world.judged(bare, World::pinned(world.north)), "without a certificate"));
}

TEST(Authenticator, ASignatureOverOtherOctetsIsRefused) {
  World world;
  auto shown = world.by_north.initiate(kSouth).value();
  auto token = asn1::from_any<mts::AsymmetricToken>(shown.credentials.bind_token->token).value();
  auto data = asn1::from_any<mts::AsymmetricTokenData>(token.asymmetric_token_data).value();
  data.time = mts::Time::at(kNow + 60);
  token.asymmetric_token_data = asn1::to_any(data).value();
  shown.credentials.bind_token->token = asn1::to_any(token).value();
  EXPECT_TRUE(has(world.judged(shown.credentials, World::pinned(world.north)), "bind-token"));
}

TEST(Authenticator, WhoseTheCertificateIsCounts) {
  World world;
  const auto judged = [&](const Trust& trust) { return world.judged(world.by_north.initiate(kSouth)->credentials, trust); };
  EXPECT_EQ(judged(world.certified("CN=north")), "");
  EXPECT_TRUE(has(judged(world.certified("CN=south")), "not the one expected"));
  EXPECT_TRUE(has(judged(world.certified("")), "not the one expected")) << "no subject is nobody";
  EXPECT_TRUE(has(judged(World::pinned(world.south)), "none of the pins"));
  EXPECT_FALSE(judged({}).empty()) << "nobody is trusted";
  const Made stranger = make_certificate({.name = "Root", .ca = true});
  EXPECT_FALSE(judged({{stranger.certificate}, "CN=north", {}}).empty());
}

TEST(Authenticator, ACertificateMustBeValidAndForSignatures) {
  World world;
  const auto judged = [&](const CertificateWish& wish, bool pinned) {
    const Made made = make_certificate(wish, &world.authority);
    const Identity identity{{made.certificate, world.authority.certificate}, made.key};
    const auto shown = show(identity, kSouth, {Bytes(16, 1)}, kNow).value();
    return world.judged(shown.credentials, pinned ? World::pinned(made) : world.certified("CN=north"));
  };
  for (const bool pinned : {false, true}) {
    EXPECT_FALSE(judged({.name = "north", .not_after = kNow - 1}, pinned).empty()) << "expired";
    EXPECT_FALSE(judged({.name = "north", .not_before = kNow + 1}, pinned).empty()) << "not yet valid";
    EXPECT_TRUE(has(judged({.name = "north", .key_usage = "critical,keyEncipherment"}, pinned), "not for signatures"));
  }
  EXPECT_EQ(judged({.name = "north", .key_usage = "critical,digitalSignature"}, false), "");
}

TEST(Authenticator, AnAnswerToAnotherBindIsRefused) {
  World world;
  const auto first = world.by_north.initiate(kSouth), second = world.by_north.initiate(kSouth);
  const auto answer = world.by_south.respond(kNorth, first->random_number);
  EXPECT_EQ(world.by_north.confirm(*answer, World::pinned(world.south), kNorth, second->random_number).error().field,
            "bind-token.signed-data");
  EXPECT_FALSE(world.by_north.confirm(*answer, World::pinned(world.south), kSouth, first->random_number)) << "for another name";
  EXPECT_FALSE(world.by_north.confirm(first->credentials, World::pinned(world.south), kNorth, first->random_number))
      << "our own, sent back";
}

TEST(Authenticator, RandomNumbersAreNotUsedTwice) {
  World world;
  EXPECT_NE(world.by_north.initiate(kSouth)->random_number.octets, world.by_north.initiate(kSouth)->random_number.octets);
}

TEST(Authenticator, ASealedKeyEngineHasNoIdentityNow) {
  World world;
  Authenticator sealed([]() -> Result<Identity> { return fail(ErrorCode::Unavailable, "sealed"); }, world.clock, world.random);
  EXPECT_EQ(sealed.initiate(kSouth).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(Authenticator({}, world.clock, world.random).respond(kSouth, {Bytes(16, 1)}).error().code, ErrorCode::Unavailable);
}

TEST(Identity, KeyAndCertificateBelongTogether) {
  World world;
  EXPECT_EQ(make_identity({world.north.certificate}, share(world.south.key.get())).error().field, "key");
  EXPECT_FALSE(make_identity({}, share(world.south.key.get())));
  const Made encipher = make_certificate({.name = "x", .key_usage = "critical,keyEncipherment"});
  EXPECT_EQ(make_identity({encipher.certificate}, share(encipher.key.get())).error().field, "certificate");
}

TEST(Certificates, AreReadAsTheyWereWritten) {
  World world;
  const CertificateChain chain{world.north.certificate, world.authority.certificate, world.root.certificate};
  EXPECT_EQ(chain_of(certificates_of(chain)).value(), chain);
  EXPECT_FALSE(certificates_of({world.north.certificate}).certification_path);
  mts::Certificates bad = certificates_of(chain);
  bad.certification_path->ber = {0x05, 0x00};
  EXPECT_EQ(chain_of(bad).error().code, ErrorCode::BadInput);
  EXPECT_FALSE(chain_of(certificates_of(CertificateChain(kChainLimit + 1, world.root.certificate)))) << "too many";
}

TEST(TokenReplays, HaveRoomForSoManyOfEachAndForgetTheOld) {
  TokenReplays replays(std::chrono::seconds(10), 2);
  const SteadyTime start{};
  const auto token = [](Byte n) { return sha256(Bytes{n}); };
  EXPECT_TRUE(replays.note("a", token(1), start));
  EXPECT_TRUE(replays.note("a", token(2), start));
  EXPECT_EQ(replays.note("a", token(1), start).error().code, ErrorCode::Denied);
  EXPECT_EQ(replays.note("a", token(3), start).error().code, ErrorCode::Exhausted) << "what was seen stays seen";
  EXPECT_TRUE(replays.note("b", token(1), start)) << "another's";
  EXPECT_TRUE(replays.note("a", token(3), start + std::chrono::seconds(11)));
  EXPECT_EQ(replays.size(), 2U);
}

}  // namespace
}  // namespace postern::credentials
