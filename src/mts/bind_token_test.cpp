// Bind tokens (X.411 8.5.8): for us, of now, answering, signed as they say.
#include "mts/bind_token.hpp"

#include <gtest/gtest.h>

#include "mts/oids.hpp"
#include "mts/testing/samples.hpp"

namespace postern::mts {
namespace {

using testing::domain_of;
using testing::kNow;
using testing::name_of;

struct TokenWorld {
  StrongCredentials credentials;
  TokenCheck check{{TokenName{MTANameAndOptionalGDI{domain_of("US"), "us"}}}, kNow, 300};
};
TokenWorld token_for(std::string_view mta, std::int64_t time) {
  AsymmetricTokenData data;
  data.signature_algorithm_identifier.algorithm = {1, 2, 840, 113549, 1, 1, 11};
  data.name.value = MTANameAndOptionalGDI{{}, std::string(mta)};
  data.time = Time::at(time);
  data.signed_data = TokenData{TokenDataType::BindTokenSignedData, {Bytes{0x03, 0x02, 0x00, 0x5A}}};
  const AsymmetricToken token{asn1::to_any(data).value(), data.signature_algorithm_identifier, {}};
  TokenWorld world;
  world.credentials.bind_token = Token{oids::tok_asymmetric_token(), asn1::to_any(token).value()};
  return world;
}

TEST(TokenRules, AreForUsAndOfNow) {
  Bytes seen;
  const VerifySignature accepts = [&](const AlgorithmIdentifier&, ByteView octets, const asn1::BitString&, const Certificates*) -> Status {
    return seen.assign(octets.begin(), octets.end()), Status{};
  };
  const auto good = token_for("us", kNow - 10);
  const auto data = check_bind_token(good.credentials, good.check, accepts);
  ASSERT_TRUE(data) << data.error().text();
  EXPECT_EQ(seen, asn1::encode(*data).value());  // what is verified is what was sent
  EXPECT_EQ(data->signed_data->type, TokenDataType::BindTokenSignedData);
  const auto other = token_for("them", kNow);
  EXPECT_EQ(check_bind_token(other.credentials, other.check, accepts).error().code, ErrorCode::Denied);
  for (const std::int64_t time : {kNow - 301, kNow + 301}) {
    const auto old = token_for("us", time);
    EXPECT_EQ(check_bind_token(old.credentials, old.check, accepts).error().code, ErrorCode::Denied);
  }
}

TEST(TokenRules, BadOnes) {
  const VerifySignature refuses = [](const AlgorithmIdentifier&, ByteView, const asn1::BitString&, const Certificates*) -> Status {
    return fail(ErrorCode::IntegrityFailed, "signature");
  };
  auto world = token_for("us", kNow);
  EXPECT_EQ(check_bind_token(world.credentials, world.check, refuses).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(check_bind_token({}, world.check, refuses).error().code, ErrorCode::BadInput);
  world.credentials.bind_token->token_type_identifier = {1, 2, 3};
  EXPECT_EQ(check_bind_token(world.credentials, world.check, refuses).error().code, ErrorCode::Unsupported);
  world = token_for("us", kNow);
  world.credentials.bind_token->token.ber = {0x05, 0x00};
  EXPECT_EQ(check_bind_token(world.credentials, world.check, refuses).error().code, ErrorCode::BadInput);
}

/// The octets are their own signature: enough to see that what is signed is what is verified.
constexpr auto kSign = [](ByteView octets) -> Result<asn1::BitString> { return asn1::BitString{Bytes(octets.begin(), octets.end())}; };
constexpr auto kVerify = [](const AlgorithmIdentifier&, ByteView octets, const asn1::BitString& signature, const Certificates*) -> Status {
  if (Bytes(octets.begin(), octets.end()) == signature.octets) return {};
  return fail(ErrorCode::IntegrityFailed, "signature");
};
TokenOrder order_for(TokenName name) { return {{{1, 3, 101, 112}, {}}, std::move(name), kNow, {Bytes(kRandomNumberOctets, 0x5A)}}; }
StrongCredentials with(Token token) { return {std::move(token), {}, {}}; }

TEST(BindToken, WhatIsMadeIsUnderstood) {
  for (const TokenName& name : {TokenName{MTANameAndOptionalGDI{domain_of("US"), "us"}}, TokenName{name_of("Smith")}}) {
    const auto made = make_bind_token(order_for(name), kSign);
    ASSERT_TRUE(made) << made.error().text();
    const auto read = check_bind_token(with(*made), {{TokenName(), name}, kNow, 300}, kVerify);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(random_number_of(*read)->octets, Bytes(kRandomNumberOctets, 0x5A));
    EXPECT_EQ(random_number_of(with(*made))->octets, Bytes(kRandomNumberOctets, 0x5A));
  }
}

TEST(BindToken, ADomainCountsWhereItIsNamed) {
  const auto made = make_bind_token(order_for({MTANameAndOptionalGDI{domain_of("OTHER"), "us"}}), kSign);
  const auto judged = [&](std::optional<GlobalDomainIdentifier> domain) {
    return check_bind_token(with(*made), {{TokenName{MTANameAndOptionalGDI{std::move(domain), "us"}}}, kNow, 300}, kVerify);
  };
  EXPECT_TRUE(judged(domain_of("OTHER")));
  EXPECT_TRUE(judged(std::nullopt));
  EXPECT_EQ(judged(domain_of("US")).error().field, "bind-token.name");
}

// X.411 8.1.1.1.2.2: the responder's token has the initiator's random number, every bit of it.
TEST(BindToken, AResponderAnswersTheNumberOfThisBind) {
  const TokenName us{MTANameAndOptionalGDI{{}, "us"}};
  const auto made = make_bind_token(order_for(us), kSign);
  const auto judged = [&](asn1::BitString number) { return check_bind_token(with(*made), {{us}, kNow, 300, std::move(number)}, kVerify); };
  EXPECT_TRUE(judged({Bytes(kRandomNumberOctets, 0x5A)}));
  Bytes another(kRandomNumberOctets, 0x5A);
  another.back() ^= 1;
  EXPECT_EQ(judged({another}).error().field, "bind-token.signed-data");
  EXPECT_FALSE(judged({Bytes(kRandomNumberOctets - 1, 0x5A)}));
  EXPECT_FALSE(judged({Bytes(kRandomNumberOctets, 0x5A), 1})) << "one bit less";
}

TEST(BindToken, NeedsARandomNumber) {
  const TokenName us{MTANameAndOptionalGDI{{}, "us"}};
  for (const std::size_t octets : {std::size_t{0}, kMostRandomNumberOctets + 1}) {
    TokenOrder order = order_for(us);
    order.random_number = {Bytes(octets, 1)};
    EXPECT_EQ(check_bind_token(with(*make_bind_token(order, kSign)), {{us}, kNow, 300}, kVerify).error().code, ErrorCode::BadInput);
  }
  EXPECT_EQ(random_number_of(AsymmetricTokenData()).error().code, ErrorCode::BadInput);
}

// X.509 SIGNED: the algorithm that is signed is the one that counts.
TEST(BindToken, OneAlgorithmInsideAndOutside) {
  const TokenName us{MTANameAndOptionalGDI{{}, "us"}};
  auto made = make_bind_token(order_for(us), kSign);
  auto token = asn1::from_any<AsymmetricToken>(made->token).value();
  token.algorithm_identifier.algorithm = {1, 2, 840, 113549, 1, 1, 5};
  made->token = asn1::to_any(token).value();
  EXPECT_EQ(check_bind_token(with(*made), {{us}, kNow, 300}, kVerify).error().code, ErrorCode::Denied);
}

TEST(BindToken, WithoutASignatureThereIsNone) {
  const auto refuses = [](ByteView) -> Result<asn1::BitString> { return fail(ErrorCode::Unavailable, "no key"); };
  EXPECT_EQ(make_bind_token(order_for({name_of("Smith")}), refuses).error().code, ErrorCode::Unavailable);
}

}  // namespace
}  // namespace postern::mts
