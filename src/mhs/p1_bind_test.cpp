#include "mhs/p1_bind.hpp"

#include <gtest/gtest.h>

namespace postern::mhs {
namespace {

Mta sample() {
  Mta mta;
  mta.name = "ours";
  Peer one;
  one.name = "partner";
  one.mta_name = "mta.partner";
  one.our_password = SecretBytes::from_text("from us");
  one.peer_password = SecretBytes::from_text("secret");
  one.tls.required = false;
  mta.peers.push_back(std::move(one));
  Peer two;
  two.name = "pinned";
  two.mta_name = "mta.pinned";
  two.tls.pins = {Bytes(32, 7)};
  mta.peers.push_back(std::move(two));
  return mta;
}

mts::MTABindArgument argument(const char* name, const char* password, bool octets = true) {
  mts::AuthenticatedArgument who;
  who.name = name;
  mts::Password value;
  if (octets)
    value.value = asn1::OctetString(password);
  else
    value.value = asn1::Ia5String(password);
  who.credentials.value = std::move(value);
  return {std::move(who)};
}

std::string verdict(const Mta& mta, const mts::MTABindArgument& argument, const Road& road = {}) {
  const auto admitted = admit(mta, argument, road);
  return admitted ? (*admitted)->name : admitted.error().why;
}

TEST(P1Bind, NameAndPasswordInEitherForm) {
  const Mta mta = sample();
  EXPECT_EQ(verdict(mta, argument("mta.partner", "secret")), "partner");
  EXPECT_EQ(verdict(mta, argument("mta.partner", "secret", false)), "partner");
  EXPECT_EQ(verdict(mta, argument("mta.partner", "Secret")), "partner shows a wrong password");
  EXPECT_EQ(verdict(mta, argument("mta.partner", "")), "partner shows a wrong password");
  EXPECT_EQ(verdict(mta, argument("who\x01", "secret")), "no peer has the MTA name who?");
}

TEST(P1Bind, PinsSayWhoComesWithoutAPassword) {
  const Mta mta = sample();
  const Road pinned{"", true, Bytes(32, 1), Bytes(32, 7)};
  EXPECT_EQ(verdict(mta, {}, pinned), "pinned");
  EXPECT_EQ(verdict(mta, argument("mta.pinned", "anything"), pinned), "pinned");
  EXPECT_EQ(verdict(mta, argument("mta.pinned", "anything"), {"", true, Bytes(32, 1), Bytes(32, 2)}),
            "the certificate of pinned matches none of its pins");
  EXPECT_EQ(verdict(mta, argument("mta.pinned", "anything"), {"", false, {}, {}}), "pinned must come by TLS");
  EXPECT_EQ(verdict(mta, {}, {"", true, {}, {}}), "an unauthenticated bind, and no peer has this certificate as its pin");
}

TEST(P1Bind, WhatWaitsGoesBackOverARoadThatIsAsSureAsOneOfOurOwn) {
  Peer peer;
  peer.name = "partner";
  peer.peer_password = SecretBytes::from_text("secret");
  const Road road{"", true, Bytes(32, 1), Bytes(32, 7)};
  const Status unsure = may_send_back(peer, road, TransferMode::Normal);
  ASSERT_FALSE(unsure) << "a password alone";
  EXPECT_EQ(unsure.error().code, ErrorCode::Denied);
  peer.tls.pins = {Bytes(32, 8)};
  EXPECT_FALSE(may_send_back(peer, road, TransferMode::Normal)) << "another pin";
  peer.tls.pins = {Bytes(32, 7)};
  EXPECT_TRUE(may_send_back(peer, road, TransferMode::Normal));
  EXPECT_EQ(may_send_back(peer, road, TransferMode::X410).error().field, "x400_peer.mode");
  peer.tls.pins.clear();
  peer.strong.emplace();
  EXPECT_TRUE(may_send_back(peer, road, TransferMode::Normal));
  peer.strong.reset();
  peer.tls.required = false;
  EXPECT_TRUE(may_send_back(peer, {}, TransferMode::Normal)) << "in clear nothing is sure either way";
}

TEST(P1Bind, WhatWeSayIsUnderstoodInEveryMode) {
  const Mta mta = sample();
  for (const TransferMode mode : {TransferMode::Normal, TransferMode::X410, TransferMode::X410_1984}) {
    const auto made = bind_argument(mta, mta.peers[0], mode);
    // X.219: the argument of a bind stands under [16] where there is an application context.
    EXPECT_EQ(made->data.ber.front() == 0xB0, mode == TransferMode::Normal);
    const auto read = read_bind_argument(made->data);
    ASSERT_TRUE(read) << read.error().text();
    const auto& who = std::get<mts::AuthenticatedArgument>(read->value.value);
    EXPECT_EQ(who.name.octets, "ours");
    EXPECT_EQ(as_text(std::get<mts::Password>(who.credentials.value).octets()), "from us");
    EXPECT_TRUE(read_bind_result(*bind_result(mta, mta.peers[0], mode, *read)));
    EXPECT_EQ(bind_error(mts::BindError::Busy, mode).has_value(), mode == TransferMode::Normal);
  }
  EXPECT_TRUE(
      std::holds_alternative<asn1::Null>(read_bind_argument(bind_argument(mta, mta.peers[1], TransferMode::Normal)->data)->value.value));
  EXPECT_FALSE(read_bind_argument(*bind_result(mta, mta.peers[0], TransferMode::Normal, {})));  // another part
  EXPECT_FALSE(read_bind_argument({{0xB0, 0x05, 0x05}}));
}

TEST(P1Bind, ARefusalSaysWhosePeerHasSomethingToMend) {
  const Mta mta = sample();
  const Road pinned{"", true, Bytes(32, 7), Bytes(32, 1)};
  const auto peer = [&](const mts::MTABindArgument& argument, const Road& road) { return admit(mta, argument, road).error().peer; };
  EXPECT_EQ(peer(argument("mta.partner", "wrong"), {}), "partner");
  EXPECT_EQ(peer(argument("mta.pinned", ""), {"", true, Bytes(32, 1), Bytes(32, 2)}), "pinned");
  EXPECT_EQ(peer(argument("stranger", "secret"), pinned), "pinned") << "the right pin with another name";
  EXPECT_EQ(verdict(mta, argument("stranger", "secret"), pinned),
            "no peer has the MTA name stranger, and the certificate is that of pinned");
  EXPECT_EQ(peer(argument("stranger", "secret"), {}), "");
}

TEST(P1Bind, TheResponderMustBeTheOneThatWasCalled) {
  const Mta mta = sample();
  const Peer& peer = mta.peers[0];
  mts::AuthenticatedResult who;
  who.name = "mta.partner";
  mts::Password password;
  password.value = asn1::OctetString("secret");
  who.credentials.value = password;
  EXPECT_TRUE(check_result(mta, peer, {who}, {}));
  who.name = "another";
  EXPECT_EQ(check_result(mta, peer, {who}, {}).error().what, "the responder is another, not mta.partner");
  who.name = "mta.partner";
  password.value = asn1::OctetString("wrong");
  who.credentials.value = password;
  EXPECT_EQ(check_result(mta, peer, {who}, {}).error().code, ErrorCode::Denied);
  EXPECT_FALSE(check_result(mta, peer, {}, {}));
  EXPECT_TRUE(check_result(mta, mta.peers[1], {}, {}));
}

TEST(P1Bind, NoPasswordInAnyText) {
  const Mta mta = sample();
  const auto admitted = admit(mta, argument("mta.partner", "letmein"), {});
  EXPECT_EQ(admitted.error().why.find("letmein"), std::string::npos);
  EXPECT_EQ(admitted.error().why.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace postern::mhs
