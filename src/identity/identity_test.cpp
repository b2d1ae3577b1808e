#include <gtest/gtest.h>

#include "identity/users.hpp"

namespace postern {
namespace {

// RFC 7677 3: user "user", password "pencil", the whole exchange.
const std::string kAuthMessage =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const Bytes kSalt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").value();

TEST(Scram, Rfc7677Exchange) {
  const auto credentials = make_scram("pencil", kSalt, 4096).value();
  const Bytes proof = base64_decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").value();
  const Sha256 server = scram_verify_proof(credentials, kAuthMessage, proof).value();
  EXPECT_EQ(base64_encode(server), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  const auto client = scram_client_proof("pencil", kSalt, 4096, kAuthMessage).value();
  EXPECT_EQ(Bytes(client.client_proof.begin(), client.client_proof.end()), proof);
  EXPECT_EQ(client.server_signature, server);
}

TEST(Scram, WrongProofsAreDenied) {
  const auto credentials = make_scram("pencil", kSalt, 4096).value();
  Bytes proof = base64_decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").value();
  EXPECT_EQ(scram_verify_proof(credentials, kAuthMessage + "x", proof).error().code, ErrorCode::Denied);
  proof[31] ^= 1;
  EXPECT_EQ(scram_verify_proof(credentials, kAuthMessage, proof).error().code, ErrorCode::Denied);
  proof.pop_back();
  EXPECT_EQ(scram_verify_proof(credentials, kAuthMessage, proof).error().code, ErrorCode::Denied);
  EXPECT_EQ(scram_verify_proof(credentials, kAuthMessage, {}).error().code, ErrorCode::Denied);
}

TEST(Scram, TextFormRoundTripAndRefusal) {
  const auto credentials = make_scram("pencil", kSalt, 4096).value();
  const std::string text = credentials.to_text();
  EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
  EXPECT_EQ(text.find("pencil"), std::string::npos);
  EXPECT_EQ(ScramCredentials::from_text(text).value(), credentials);
  for (const std::string& bad : {std::string(), std::string("pencil"), text + "$", text.substr(1), text.substr(0, text.size() - 1),
                                 std::string("SCRAM-SHA-256$4095:W22ZaJ0SNY7soEsUEjb6gQ==$") + text.substr(44),
                                 std::string("SCRAM-SHA-256$99999999999:W22ZaJ0SNY7soEsUEjb6gQ==$") + text.substr(44)}) {
    EXPECT_FALSE(ScramCredentials::from_text(bad)) << bad;
  }
}

TEST(Scram, PasswordsAreChecked) {
  FixedRandom random;
  const auto credentials = make_scram("gr\xC3\xBC\xC3\x9F", random, kScramMinIterations).value();
  EXPECT_TRUE(verify_password(credentials, "gr\xC3\xBC\xC3\x9F"));
  for (const char* wrong : {"", "gr", "gr\xFC", "\x01"}) EXPECT_FALSE(verify_password(credentials, wrong));
  EXPECT_FALSE(make_scram("", random));
  EXPECT_FALSE(make_scram("a\nb", random));
  EXPECT_FALSE(make_scram("\xFF", random));
  EXPECT_EQ(make_scram(std::string(1025, 'x'), random).error().code, ErrorCode::TooLarge);
  EXPECT_FALSE(make_scram("x", Bytes(7), kScramIterations));
  EXPECT_FALSE(make_scram("x", Bytes(16), 4095));  // RFC 7677 4
}

TEST(Scram, DecoysAreStableAndDiffer) {
  const Bytes secret(32, 1);
  EXPECT_EQ(decoy_credentials("Nobody", secret), decoy_credentials("nobody", secret));
  EXPECT_NE(decoy_credentials("nobody", secret).salt, decoy_credentials("somebody", secret).salt);
  EXPECT_FALSE(verify_password(decoy_credentials("nobody", secret), "x"));
}

User user_with(std::vector<std::string> senders) { return {"alice", {}, std::move(senders), false}; }

TEST(Users, MaySendAs) {
  const User alice = user_with({"alice@example.org", "@lists.example.org"});
  for (const char* yes : {"alice@example.org", "Alice@EXAMPLE.org", "alice+tag@example.org", "any@lists.example.org", ""})
    EXPECT_TRUE(may_send_as(alice, yes)) << yes;
  for (const char* no : {"bob@example.org", "alice@example.com", "alice@evil.org@example.com", "any@sub.lists.example.org",
                         "@lists.example.org", "alice", "alice@example.org.evil.com", "+tag@example.org", "\"alice\"@example.org"}) {
    EXPECT_FALSE(may_send_as(alice, no)) << no;
  }
  EXPECT_TRUE(may_send_as(user_with({"*"}), "anybody@anywhere.org"));
  EXPECT_FALSE(may_send_as(user_with({}), "alice@example.org"));
  User disabled = user_with({"*"});
  disabled.disabled = true;
  EXPECT_FALSE(may_send_as(disabled, "alice@example.org"));
}

TEST(Users, AuthenticateSaysOneThingForEveryReason) {
  MemoryUserStore store;
  FixedRandom random;
  User alice{"Alice", make_scram("secret-1", random, kScramMinIterations).value(), {"Alice@Example.org"}, false};
  ASSERT_TRUE(store.put(alice));
  EXPECT_EQ(authenticate(store, "ALICE", "secret-1").value().senders, std::vector<std::string>{"alice@example.org"});
  const Error wrong = authenticate(store, "alice", "secret-2").error();
  const Error unknown = authenticate(store, "mallory", "secret-1").error();
  alice.disabled = true;
  ASSERT_TRUE(store.put(alice));
  EXPECT_EQ(wrong, unknown);
  EXPECT_EQ(wrong, authenticate(store, "alice", "secret-1").error());
  EXPECT_EQ(wrong.code, ErrorCode::Denied);
  EXPECT_TRUE(store.remove("aLICE"));
  EXPECT_EQ(store.remove("alice").error().code, ErrorCode::NotFound);
  EXPECT_TRUE(store.list().value().empty());
}

TEST(Users, RefusesNamesAndPatternsThatCannotBe) {
  for (const char* bad : {"", "a b", "a\nb", "\xFF"}) EXPECT_FALSE(parse_user_name(bad));
  for (const char* bad : {"", "alice", "alice@", "@", "a b@example.org", "\xFF@example.org"})
    EXPECT_FALSE(parse_sender_pattern(bad)) << bad;
  EXPECT_FALSE(parse_user_name(std::string(256, 'x')));
  EXPECT_EQ(parse_sender_pattern("@Example.ORG").value(), "@example.org");
}

}  // namespace
}  // namespace postern
