// Binds with strong credentials: P1 both ways, P3 and P7, and each bad one refused with the same code.
#include <gtest/gtest.h>

#include "mhs/own_proof.hpp"
#include "mhs/p1_bind.hpp"
#include "mhs/p3_client.hpp"
#include "mhs/testing/p7.hpp"
#include "mhs/testing/strong.hpp"

namespace postern::mhs {
namespace {

using io::testing::soon;
using testing::domain;
using testing::kAlice;
using testing::name_of;
using testing::peer_of;
using testing::StrongPerson;
using testing::TestNode;

const SystemClock kClock;

// ---- P1
struct P1Strong : ::testing::Test {
  P1Strong() {
    mtas[0] = {"north", domain("DE", " ", "NORTH")};
    mtas[1] = {"south", domain("GB", "GOLD", "SOUTH")};
    north.name = "north", north.domain = mtas[0].domain, north.strong = by_north.self(kClock);
    south.name = "south", south.domain = mtas[1].domain, south.strong = by_south.self(kClock);
    north.peers.push_back(strong_peer(mtas[1], by_south));
    south.peers.push_back(strong_peer(mtas[0], by_north));
  }
  static Peer strong_peer(const testing::Identity& who, const StrongPerson& person) {
    Peer out = peer_of(who);
    out.strong = person.trust();
    return out;
  }
  /// A bind of north as south reads it.
  mts::Bound<mts::MTABindArgument> bind_of_north(const Mta& as) const {
    return read_bind_argument(bind_argument(as, as.peers[0], TransferMode::Normal)->data).value();
  }
  std::string refusal(const mts::MTABindArgument& argument) const {
    const auto admitted = admit(south, argument, {});
    if (admitted) return {};
    EXPECT_EQ(admitted.error().error, mts::BindError::AuthenticationError) << "the peer learns this and no more";
    return admitted.error().why;
  }
  static mts::MTABindArgument with_password(const char* password) {
    mts::AuthenticatedArgument who;
    who.name = "north";
    who.credentials = simple_credentials(SecretBytes::from_text(password));
    return {std::move(who)};
  }
  std::array<testing::Identity, 2> mtas;
  StrongPerson by_north{"north"}, by_south{"south"}, stranger{"north"};
  Mta north, south;
};

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST_F(P1Strong, BothSidesProveWhoTheyAre) {
  const auto own = bind_argument(north, north.peers[0], TransferMode::Normal);
  const auto argument = read_bind_argument(own->data);
  ASSERT_TRUE(shows_strong(argument->value));
  EXPECT_EQ(refusal(argument->value), "");
  const auto result = read_bind_result(*bind_result(south, south.peers[0], TransferMode::Normal, *argument));
  const Status good = check_result(north, north.peers[0], result->value, own->random_number);
  EXPECT_TRUE(good) << good.error().text();
  const auto another = bind_argument(north, north.peers[0], TransferMode::Normal);
  EXPECT_TRUE(has(check_result(north, north.peers[0], result->value, another->random_number).error().what, "random number of this bind"));
}

TEST_F(P1Strong, NoDowngrade) {
  EXPECT_TRUE(has(refusal(with_password("shared")), "no strong credentials, and they are agreed on")) << "the right password";
  mts::AuthenticatedResult simple;
  simple.name = "south";
  simple.credentials = simple_credentials(SecretBytes::from_text("shared"));
  EXPECT_TRUE(has(check_result(north, north.peers[0], {simple}, {}).error().what, "without strong credentials"));
  EXPECT_FALSE(check_result(north, north.peers[0], {}, {})) << "an answer without a name";
  south.peers[0].tls.pins = {Bytes(32, 7)};
  south.peers[0].peer_password = {};
  const auto pinned = admit(south, {}, {"", true, Bytes(32, 7), {}});
  ASSERT_FALSE(pinned) << "an unauthenticated bind with the right TLS certificate";
  EXPECT_TRUE(has(pinned.error().why, "strong credentials to show"));
}

TEST_F(P1Strong, BadOnesAreRefusedWithTheReasonForUsOnly) {
  const auto good = bind_of_north(north);
  EXPECT_EQ(refusal(good.value), "");
  EXPECT_TRUE(has(refusal(good.value), "shown before"));
  Mta other;
  other.name = "north", other.domain = north.domain, other.strong = stranger.self(kClock);
  other.peers.push_back(strong_peer(mtas[1], by_south));
  EXPECT_TRUE(has(refusal(bind_of_north(other).value), "none of the pins")) << "another key";
  other.strong = by_north.self(kClock);
  other.peers[0].mta_name = "east";
  EXPECT_TRUE(has(refusal(bind_of_north(other).value), "somebody else")) << "made for another MTA";
  other.peers[0] = strong_peer({"south", mtas[0].domain}, by_south);
  EXPECT_TRUE(has(refusal(bind_of_north(other).value), "somebody else")) << "for one of this name elsewhere";
  ManualClock late(kClock.now() - std::chrono::minutes(6));
  other.peers[0] = strong_peer(mtas[1], by_south);
  other.strong = by_north.self(late);
  EXPECT_TRUE(has(refusal(bind_of_north(other).value), "compare the clocks"));
}

TEST_F(P1Strong, WhereSimpleOnesAreAgreedOnStrongOnesCountForNothing) {
  south.peers[0].strong.reset();
  EXPECT_TRUE(has(refusal(bind_of_north(north).value), "not agreed on"));
}

TEST_F(P1Strong, MessagesAreTransferred) {
  TestNode a(mtas[0]), b(mtas[1]);
  const char* bob = "C=GB;A=GOLD;P=SOUTH;O=Hall;S=Bob";
  a.mta.strong = by_north.self(kClock), b.mta.strong = by_south.self(kClock);
  b.mailboxes.add(bob);
  b.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Store);
  a.route("C=GB;A=GOLD;P=SOUTH", RouteTarget::Kind::Peer, "south");
  b.peers.push_back(strong_peer(mtas[0], by_north));
  b.start();
  a.peers.push_back(strong_peer(mtas[1], by_south));
  a.peers.back().address = osi::PresentationAddress{{}, {}, {}, "127.0.0.1", b.port};
  a.start();
  mts::MessageSubmissionEnvelope envelope;
  envelope.originator_name = name_of(kAlice);
  envelope.content_type.value = mts::BuiltInContentType::InterpersonalMessaging1988;
  envelope.per_recipient_fields.emplace_back().recipient_name = name_of(bob);
  envelope.per_recipient_fields.back().originator_report_request.set(mts::OriginatorReportRequestBit::NonDeliveryReport);
  ASSERT_TRUE(a.submit(envelope, Bytes(1000, 'x')));
  EXPECT_EQ(b.mailboxes.wait(bob, 1).size(), 1U);
  EXPECT_EQ(b.node->received().binds_refused, 0U);
}

// ---- P3 and P7
struct StrongUsers : testing::P7Node {
  StrongUsers() {
    node.mta.strong = by_store.self(kClock);
    node.mta.strong_users.emplace(oraddress::comparison_key(name_of(kAlice)), by_alice.trust());
  }
  UserCall strong_call(const StrongPerson& who, const char* user = kAlice) const {
    UserCall out = call(user, "secret of alice");
    out.strong = StrongCall{who.self(kClock), by_store.trust(), "north"};
    return out;
  }
  /// What became of a bind, by P3 and by P7; empty: it was accepted.
  std::vector<std::string> binds(const UserCall& with) {
    std::vector<std::string> out;
    const auto note = [&](const auto& client) { out.push_back(client ? std::string() : client.error().text); };
    note(run(P3Client::open(copy(with), node.resolver, soon())));
    note(run(P7Client::open(copy(with), node.resolver, soon())));
    return out;
  }
  static UserCall copy(const UserCall& from) {
    UserCall out;
    out.address = from.address;
    out.user = from.user;
    out.password = SecretBytes(from.password.view());
    out.strong = from.strong;
    out.tls.required = false;
    return out;
  }
  void expect_all(const UserCall& with, const char* part) {
    for (const std::string& said : binds(with)) EXPECT_TRUE(has(said, part)) << said;
  }
  StrongPerson by_alice{"alice"}, by_store{"store"}, stranger{"alice"};
};

TEST_F(StrongUsers, BindByP3AndP7) {
  for (const std::string& said : binds(strong_call(by_alice))) EXPECT_EQ(said, "");
}

TEST_F(StrongUsers, ThePasswordLetsNobodyInAnyMore) {
  expect_all(call(kAlice, "secret of alice"), "authentication-error");
  node.mta.strong_users.clear();
  for (const std::string& said : binds(call(kAlice, "secret of alice"))) EXPECT_EQ(said, "");
  expect_all(strong_call(by_alice), "authentication-error");
}

TEST_F(StrongUsers, BadOnesAreRefused) {
  expect_all(strong_call(stranger), "authentication-error");
  ManualClock late(kClock.now() - std::chrono::minutes(6));
  UserCall old = strong_call(by_alice);
  old.strong->self = by_alice.self(late);
  expect_all(old, "authentication-error");
  node.mta.strong_users.emplace(oraddress::comparison_key(name_of("C=DE;A= ;P=NORTH;S=Nobody")), by_alice.trust());
  expect_all(strong_call(by_alice, "C=DE;A= ;P=NORTH;S=Nobody"), "authentication-error");
  UserCall elsewhere = strong_call(by_alice);
  elsewhere.strong->responder_name = "south";
  EXPECT_TRUE(has(binds(elsewhere).front(), "authentication-error")) << "a token for another MTA";
}

TEST_F(StrongUsers, AStoreOfAnotherKeyIsNotBelieved) {
  UserCall with = strong_call(by_alice);
  with.strong->responder = stranger.trust();
  expect_all(with, "none of the pins");
}

TEST_F(StrongUsers, AResponderWithoutStrongCredentialsIsNotBelieved) {
  const auto proof = own_proof(strong_call(by_alice), {name_of(kAlice)});
  ASSERT_TRUE(proof) << proof.error().text();
  const Status good = proof->check(simple_credentials(SecretBytes::from_text("secret of the store")));
  ASSERT_FALSE(good);
  EXPECT_EQ(good.error().code, ErrorCode::Denied);
  EXPECT_TRUE(has(good.error().what, "without strong credentials")) << good.error().what;
}

TEST_F(StrongUsers, WhereNoneAreAgreedOnTheyCountForNothing) {
  UserCall with = strong_call(by_alice);
  node.mta.strong_users.clear();
  node.mta.strong.reset();
  expect_all(with, "authentication-error");
}

}  // namespace
}  // namespace postern::mhs
