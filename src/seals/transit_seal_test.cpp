#include "seals/transit_seal.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);

/// "Encrypts" by turning the text around; keeps what it was asked.
struct FakeVault {
  std::vector<std::string> paths, bodies;
  unsigned status = 200;
  std::string answer;  ///< Instead of the right one.

  TransitExchange exchange() {
    return [this](TransitRequest request) -> Result<TransitReply> {
      paths.push_back(request.path);
      bodies.emplace_back(as_text(request.body.view()));
      if (status == 0) return fail(ErrorCode::Unavailable, "connecting to vault.example:8200: refused");
      return TransitReply{status, SecretBytes::from_text(answer.empty() ? reply() : answer)};
    };
  }
  std::string reply() const {
    const bool opening = paths.back().find("/decrypt/") != std::string::npos;
    const std::string given = bodies.back().substr(0, bodies.back().size() - 2);
    std::string value = given.substr(given.rfind('"') + 1);
    if (opening) value.erase(0, 9);
    std::ranges::reverse(value);
    return opening ? R"({"data":{"plaintext":")" + value + "\"}}"
                   : R"({"data":{"ciphertext":"vault:v1:)" + value + R"(","key_version":1}})";
  }
  std::unique_ptr<Seal> seal(std::string_view key = "transit/postern-root") {
    return make_transit_seal({.name = "other", .key = parse_transit_key(key).value(), .exchange = exchange()}).value();
  }
};

TEST(TransitSealTest, AsksTheOtherVault) {
  FakeVault vault;
  const auto seal = vault.seal("team/transit/postern-root");
  EXPECT_EQ(seal->type(), "transit");
  EXPECT_EQ(seal->name(), "other");
  const Bytes blob = seal->wrap(kRoot).value();
  ASSERT_EQ(vault.paths, (std::vector<std::string>{"team/transit/encrypt/postern-root", "team/transit/decrypt/postern-root"}));
  EXPECT_EQ(vault.bodies[0].substr(0, 14), R"({"plaintext":")");
  EXPECT_EQ(vault.bodies[1].substr(0, 24), R"({"ciphertext":"vault:v1:)");
  // The other server never sees the root key.
  EXPECT_EQ(vault.bodies[0].find(base64_encode(kRoot)), std::string::npos);
  // The blob knows its key, whatever the setting names today.
  EXPECT_TRUE(std::ranges::equal(vault.seal("elsewhere/k")->unwrap(blob)->view(), kRoot));
  EXPECT_EQ(vault.paths.back(), "team/transit/decrypt/postern-root");
}

TEST(TransitSealTest, StatusesAreTold) {
  FakeVault vault;
  const auto seal = vault.seal();
  const Bytes blob = seal->wrap(kRoot).value();
  const std::pair<unsigned, ErrorCode> opening[] = {
      {0, ErrorCode::Unavailable},   {400, ErrorCode::IntegrityFailed}, {403, ErrorCode::Denied},      {404, ErrorCode::Unavailable},
      {429, ErrorCode::Unavailable}, {503, ErrorCode::Unavailable},     {204, ErrorCode::Unavailable}, {302, ErrorCode::Unavailable}};
  vault.answer = R"({"errors":["secret words"]})";
  for (const auto& [status, code] : opening) {
    vault.status = status;
    const Error error = seal->unwrap(blob).error();
    EXPECT_EQ(error.code, code) << status;
    EXPECT_EQ(error.text().find("secret words"), std::string::npos);
  }
  vault.status = 400;
  EXPECT_EQ(seal->wrap(kRoot).error().code, ErrorCode::Unavailable);
}

TEST(TransitSealTest, AnswersAreNotTrusted) {
  FakeVault vault;
  const auto seal = vault.seal();
  const Bytes blob = seal->wrap(kRoot).value();
  const std::string other_key = base64_encode(Bytes(32, 9));
  for (const std::string& bad :
       {std::string("{}"), std::string("null"), std::string("[1]"), std::string("not json"), std::string(R"({"data":null})"),
        std::string(R"({"data":{"plaintext":7}})"), std::string(R"({"data":{"plaintext":"AAAA"}})"),
        std::string(R"({"data":{"plaintext":"*"}})"), R"({"data":{"plaintext":")" + other_key + "\"}}", std::string(10000, '['),
        std::string(kTransitReply + 1, ' '), "{\"data\":{" + std::string(kTransitReply - 20, ' ') + "}}"}) {
    vault.answer = bad;
    EXPECT_FALSE(seal->unwrap(blob)) << bad.substr(0, 60);
  }
  for (const char* bad : {"", "v1:xx", "vault:v1:\\\"", "vault:v1:a b", "vault:v1:\\n"}) {
    vault.answer = R"({"data":{"ciphertext":")" + std::string(bad) + "\"}}";
    EXPECT_FALSE(seal->wrap(kRoot)) << bad;
  }
  vault.answer = R"({"data":{"ciphertext":"vault:v1:)" + std::string(5000, 'x') + "\"}}";
  EXPECT_FALSE(seal->wrap(kRoot));
}

TEST(TransitSealTest, ChangedBlobsDoNotOpen) {
  FakeVault vault;
  const auto seal = vault.seal();
  const Bytes blob = seal->wrap(kRoot).value();
  for (std::size_t i = 0; i < blob.size(); ++i) {
    Bytes changed = blob;
    changed[i] ^= 1;
    EXPECT_FALSE(seal->unwrap(changed)) << "byte " << i;
  }
  // No blob sends us elsewhere than to a transit engine's decrypt.
  for (const char* place : {"a/../b", "/x", "x/", "a//b", "a/b?c", "a/b%2f"})
    EXPECT_FALSE(read_transit_recipe(write_transit_recipe({{std::string(place).substr(0, 1), std::string(place).substr(2)}, "vault:v1:x"})))
        << place;
}

TEST(TransitSealTest, KeysAreReadStrictly) {
  EXPECT_EQ(parse_transit_key("a/b/c")->mount, "a/b");
  EXPECT_EQ(parse_transit_key("a/b/c")->key, "c");
  for (const char* bad : {"", "a", "/a", "a/", "a//b", "../b", "a/..", "a/b c", "a/\xc3\xa4"})
    EXPECT_EQ(parse_transit_key(bad).error().code, ErrorCode::BadInput) << bad;
  EXPECT_EQ(parse_transit_key("a/" + std::string(300, 'b')).error().code, ErrorCode::TooLarge);
  EXPECT_FALSE(make_transit_seal({.name = "", .key = {"a", "b"}, .exchange = {}}));
}

}  // namespace
}  // namespace postern::seals
