#include "dnszone/tsig.hpp"

#include <gtest/gtest.h>

namespace postern::dnszone {
namespace {

// Made by dnspython, which shares no code with us: an update, its signatures, and responses that go on from the first of them.
constexpr std::string_view kRequest =
    "123428000001000200020000076578616d706c65036f72670000060001065f646d617263c00c001000fe000000000000c00c0010000100"
    "000000000e0d763d737066312061202d616c6cc00c001000fe00000000000e0d763d737066312061202d616c6cc00c0010000100000e10"
    "000f0e763d73706631206d78202d616c6c";
constexpr std::string_view kSigned =
    "123428000001000200020001076578616d706c65036f72670000060001065f646d617263c00c001000fe000000000000c00c0010000100"
    "000000000e0d763d737066312061202d616c6cc00c001000fe00000000000e0d763d737066312061202d616c6cc00c0010000100000e10"
    "000f0e763d73706631206d78202d616c6c06757064617465c00c00fa00ff00000000003d0b686d61632d7368613235360000006b07623c"
    "012c0020a4a60ed82776b6c9f5d80336826d6210dd16561910653bc97967389753157874123400000000";
constexpr std::string_view kMac256 = "a4a60ed82776b6c9f5d80336826d6210dd16561910653bc97967389753157874";
constexpr std::string_view kMac384 = "cae5ce7e0a1b7b7a01dc56cf451161dca289d7cb1979d97d15e3f1b9ec417654bc7982d03c773b7084f8ef6583ede81b";
constexpr std::string_view kMac512 =
    "7eba35f6a151fc3607646b58cf9d375f559fcec22eb203744c5935b64f5959643c6f4db7266fde02cc69042b3868d02ad7e8e8fac002bc"
    "83d3304e620e6c785d";
constexpr std::string_view kDone =
    "1234a800000000000000000106757064617465076578616d706c65036f72670000fa00ff00000000003d0b686d61632d73686132353600"
    "00006b07623c012c0020a733fea219cb2fb3e8fdad0156a72d6bcc24e93663ab4e497e0230c21aac7153123400000000";
constexpr std::string_view kRefused =
    "1234a805000000000000000106757064617465076578616d706c65036f72670000fa00ff00000000003d0b686d61632d73686132353600"
    "00006b07623c012c00201e046b7979bb5e4f50f7515918ab6b422b2fba1e94d51c0c85803731c7140bb5123400000000";
constexpr std::string_view kBadTime =
    "1234a809000000000000000106757064617465076578616d706c65036f72670000fa00ff0000000000430b686d61632d73686132353600"
    "00006b07623c012c002049936427b220779c13db5f5d44831bea8512b1485f41ebefa1911b6e2db2fa4c12340012000600006b076624";
constexpr WallTime kNow(std::chrono::seconds(1795646012));

Bytes bytes(std::string_view hex) { return hex_decode(hex).value(); }

TsigKey key_with(std::string_view algorithm, std::string_view name = "update.example.org") {
  return parse_tsig_key("key \"" + std::string(name) + "\" { algorithm " + std::string(algorithm) +
                        "; secret \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"; };")
      .value();
}

TEST(Tsig, SignsAsOthersDo) {
  const auto signed_message = tsig_sign(bytes(kRequest), key_with("hmac-sha256"), kNow);
  ASSERT_TRUE(signed_message) << signed_message.error().text();
  EXPECT_EQ(hex_encode(signed_message->mac), kMac256);
  EXPECT_EQ(hex_encode(tsig_sign(bytes(kRequest), key_with("HMAC-SHA384"), kNow)->mac), kMac384);
  EXPECT_EQ(hex_encode(tsig_sign(bytes(kRequest), key_with("hmac-sha512"), kNow)->mac), kMac512);
  // Theirs has the key's name compressed; everything else is the same.
  const auto ours = parse_message(signed_message->bytes), theirs = parse_message(bytes(kSigned));
  ASSERT_TRUE(ours && theirs);
  EXPECT_EQ(ours->additional.back().name, theirs->additional.back().name);
  EXPECT_EQ(ours->additional.back().rdata, theirs->additional.back().rdata);
}

TEST(Tsig, VerifiesWhatOthersSign) {
  const TsigKey key = key_with("hmac-sha256");
  for (const std::string_view response : {kDone, kRefused}) {
    const auto verdict = tsig_verify(bytes(response), key, bytes(kMac256), kNow);
    ASSERT_TRUE(verdict) << verdict.error().text();
    EXPECT_TRUE(verdict->verified);
    EXPECT_EQ(verdict->error, Rcode::NoError);
  }
  const auto late = tsig_verify(bytes(kBadTime), key, bytes(kMac256), kNow + std::chrono::hours(5));
  ASSERT_TRUE(late) << late.error().text();
  EXPECT_TRUE(late->verified);
  EXPECT_EQ(late->error, Rcode::BadTime);
  EXPECT_EQ(late->server_time, std::chrono::seconds(1795646012 + 1000));
}

TEST(Tsig, RefusesWhatIsNotProven) {
  const TsigKey key = key_with("hmac-sha256");
  const Bytes good = bytes(kDone), mac = bytes(kMac256);
  // Every octet counts: of the header, of the signature, of the time.
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    const auto verdict = tsig_verify(bad, key, mac, kNow);
    const bool harmless = i < 2;  // RFC 8945 4.2: the id itself may be changed on the way, the original one is signed
    if (!harmless) EXPECT_FALSE(verdict && verdict->verified) << "octet " << i;
  }
  EXPECT_EQ(tsig_verify(good, key, bytes(kMac384), kNow).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(tsig_verify(good, key_with("hmac-sha256", "other.example"), mac, kNow).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(tsig_verify(good, key_with("hmac-sha512"), mac, kNow).error().code, ErrorCode::IntegrityFailed);
  // RFC 8945 5.2.3
  EXPECT_TRUE(tsig_verify(good, key, mac, kNow + kTsigFudge));
  EXPECT_EQ(tsig_verify(good, key, mac, kNow + kTsigFudge + std::chrono::seconds(1)).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(tsig_verify(good, key, mac, kNow - kTsigFudge - std::chrono::seconds(1)).error().code, ErrorCode::IntegrityFailed);
  // Without a signature
  const auto unsigned_answer = tsig_verify(bytes("1234a8000000000000000000"), key, mac, kNow);
  ASSERT_TRUE(unsigned_answer);
  EXPECT_FALSE(unsigned_answer->verified);
}

TEST(Tsig, KeyFiles) {
  const auto key =
      parse_tsig_key("# made today\n/* by hand */ key Update.Example.ORG. { // which\n secret AAEC;\n algorithm \"HMAC-SHA512\"; }");
  ASSERT_TRUE(key) << key.error().text();
  EXPECT_EQ(key->name, "update.example.org");
  EXPECT_EQ(key->algorithm, TsigAlgorithm::HmacSha512);
  EXPECT_EQ(hex_encode(key->secret.view()), "000102");

  const auto field = [](std::string_view text) { return parse_tsig_key(text).error().field; };
  EXPECT_EQ(parse_tsig_key("key a { algorithm hmac-md5; secret AAEC; };").error().code, ErrorCode::Unsupported);
  EXPECT_EQ(parse_tsig_key("key a { algorithm hmac-sha256-128; secret AAEC; };").error().code, ErrorCode::Unsupported);
  EXPECT_EQ(field("key a { algorithm hmac-sha256; };"), "secret");
  EXPECT_EQ(field("key a { secret AAEC; };"), "algorithm");
  EXPECT_EQ(field("key a { algorithm hmac-sha256; secret \"\"; };"), "secret");
  EXPECT_EQ(field("key a..b { algorithm hmac-sha256; secret AAEC; };"), "key name");
  for (const std::string_view bad :
       {"", "zone a { };", "key", "key a", "key a {", "key a { algorithm", "key a { algorithm hmac-sha256 secret AAEC; };", "key \"a { ;",
        "/* ", "key a { algorithm hmac-sha256; algorithm hmac-sha256; secret AAEC; };", "key a { AAEC; };",
        "key a { algorithm hmac-sha256; secret AAEC; }; key b { algorithm hmac-sha256; secret AAEC; };"})
    EXPECT_FALSE(parse_tsig_key(bad)) << bad;
  EXPECT_EQ(parse_tsig_key(std::string(kTsigKeyFileLimit + 1, ' ')).error().code, ErrorCode::TooLarge);
}

TEST(Tsig, AnErrorNeverShowsTheSecret) {
  for (const std::string_view text : {"key a { algorithm hmac-sha256; secret \"S3cret!\"; };", "key a { S3cret; };",
                                      "key a { algorithm hmac-sha256; secret S3cret S3cret; };"})
    EXPECT_EQ(parse_tsig_key(text).error().text().find("S3cret"), std::string::npos) << text;
}

}  // namespace
}  // namespace postern::dnszone
