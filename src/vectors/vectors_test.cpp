#include "vectors/vectors.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "crypto/pkey.hpp"
#include "vectors/pq_forms.hpp"

namespace postern::vectors {
namespace {

namespace json = boost::json;

json::value text(std::string_view value) { return json::value(value); }

std::string line(std::string_view type, std::string_view algorithm, json::object group, json::object test) {
  return json::serialize(json::object{
      {"id", 7}, {"type", text(type)}, {"algorithm", text(algorithm)}, {"group", std::move(group)}, {"test", std::move(test)}});
}

Verdict verdict(const std::string& of) {
  const auto got = judge(of);
  EXPECT_TRUE(got) << got.error().text() << " in " << of;
  return got.value_or(Verdict{});
}

std::string output(const Verdict& of) { return of.output ? hex_encode(*of.output) : "none"; }

const Verdict kInvalid{};
const Verdict kUnsupported = Verdict::unsupported();

// RFC 8439 2.8.2
const json::object kChaCha{
    {"key", "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"},
    {"iv", "070000004041424344454647"},
    {"aad", "50515253c0c1c2c3c4c5c6c7"},
    {"ct",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd"
     "3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116"},
    {"tag", "1ae10b594f09e26a7e902ecbd0600691"}};

json::object with(json::object from, std::string_view name, json::value value) {
  from[name] = std::move(value);
  return from;
}
json::object without(json::object from, std::string_view name) {
  from.erase(name);
  return from;
}

Verdict chacha(json::object test, json::object group = {{"tagSize", 128}}) {
  return verdict(line("AeadTest", "CHACHA20-POLY1305", std::move(group), std::move(test)));
}

TEST(Vectors, AeadOpensAndSeals) {
  const Verdict opened = chacha(kChaCha);
  EXPECT_TRUE(opened.valid);
  EXPECT_TRUE(output(opened).starts_with("4c616469657320616e642047656e746c656d656e"));
  json::object sealing = without(without(kChaCha, "ct"), "tag");
  sealing["msg"] = output(opened);
  EXPECT_EQ(output(chacha(sealing)), std::string(kChaCha.at("ct").as_string()) + std::string(kChaCha.at("tag").as_string()));
  EXPECT_TRUE(chacha(with(kChaCha, "msg", text(output(opened)))).valid);
  EXPECT_FALSE(chacha(with(kChaCha, "msg", "00")).valid);
}

TEST(Vectors, AeadThatDoesNotVerifyGivesNothing) {
  EXPECT_EQ(chacha(with(kChaCha, "tag", "1ae10b594f09e26a7e902ecbd0600690")), kInvalid);
  EXPECT_EQ(chacha(with(kChaCha, "aad", "")), kInvalid);
  EXPECT_EQ(chacha(with(kChaCha, "iv", "0700000040414243")), kInvalid);  // RFC 8439 2.8: 96 bits
  EXPECT_EQ(chacha(kChaCha, {{"tagSize", 96}}), kUnsupported);
}

TEST(Vectors, GcmSizes) {
  const auto gcm = [](std::size_t key, std::size_t nonce) {
    return verdict(line("AeadTest", "AES-GCM", {{"tagSize", 128}},
                        {{"key", text(std::string(key * 2, '0'))}, {"iv", text(std::string(nonce * 2, '0'))}, {"aad", ""}, {"msg", ""}}));
  };
  // McGrew and Viega, test cases 1 and 13
  EXPECT_EQ(output(gcm(16, 12)), "58e2fccefa7e3061367f1d57a4e7455a");
  EXPECT_EQ(output(gcm(32, 12)), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(gcm(24, 12), kUnsupported);
  EXPECT_EQ(gcm(16, 16), kUnsupported);
  EXPECT_EQ(gcm(16, 0), kInvalid);  // SP 800-38D 5.2.1.1
  EXPECT_EQ(gcm(15, 12), kInvalid);
}

TEST(Vectors, KeyWrap) {
  const json::object plain{{"key", "000102030405060708090a0b0c0d0e0f"}, {"ct", "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"}};
  EXPECT_EQ(output(verdict(line("KeywrapTest", "AES-WRAP", {}, plain))), "00112233445566778899aabbccddeeff");  // RFC 3394 4.1
  EXPECT_EQ(verdict(line("KeywrapTest", "AES-KWP", {}, plain)), kInvalid);
  const json::object padded{{"key", "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"}, {"msg", "466f7250617369"}};
  EXPECT_EQ(output(verdict(line("KeywrapTest", "AES-KWP", {}, padded))), "afbeb0f07dfbf5419200f2ccb50bb24f");  // RFC 5649 6
  EXPECT_EQ(verdict(line("KeywrapTest", "ARIA-KWP", {}, padded)), kUnsupported);
}

TEST(Vectors, Cbc) {
  json::object test{{"key", "2b7e151628aed2a6abf7158809cf4f3c"},
                    {"iv", "000102030405060708090a0b0c0d0e0f"},
                    {"ct", "7649abac8119b246cee98e9b12e9197d8964e0b149c10b7b682e6e39aaeb731c"}};
  EXPECT_EQ(output(verdict(line("IndCpaTest", "AES-CBC-PKCS5", {}, test))), "6bc1bee22e409f96e93d7e117393172a");  // SP 800-38A F.2.1
  EXPECT_EQ(verdict(line("IndCpaTest", "AES-CBC-PKCS5", {}, with(test, "ct", ""))), kInvalid);
  EXPECT_EQ(verdict(line("IndCpaTest", "AES-CBC-PKCS5", {}, with(test, "ct", "7649abac8119b246cee98e9b12e9197d"))), kInvalid);
}

TEST(Vectors, MacsAndDerivations) {
  const json::object mac{{"key", "4a656665"}, {"msg", "7768617420646f2079612077616e7420666f72206e6f7468696e673f"}};
  EXPECT_EQ(output(verdict(line("MacTest", "HMACSHA256", {{"tagSize", 128}}, mac))), "5bdcc146bf60754e6a042426089575c7");  // RFC 4231 4.3
  EXPECT_FALSE(verdict(line("MacTest", "HMACSHA256", {{"tagSize", 128}}, with(mac, "tag", "5bdcc146bf60754e6a042426089575c6"))).valid);
  EXPECT_EQ(verdict(line("MacTest", "HMACSM3", {{"tagSize", 128}}, mac)), kUnsupported);
  EXPECT_EQ(verdict(line("MacTest", "HMACSHA512/256", {{"tagSize", 128}}, mac)), kUnsupported);
  const json::object derive{{"ikm", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"},
                            {"salt", "000102030405060708090a0b0c"},
                            {"info", "f0f1f2f3f4f5f6f7f8f9"},
                            {"size", 42}};  // RFC 5869 A.1
  EXPECT_EQ(output(verdict(line("HkdfTest", "HKDF-SHA-256", {}, derive))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(verdict(line("HkdfTest", "HKDF-SHA-256", {}, with(derive, "size", 8161))), kInvalid);
  const json::object stretch{{"password", "70617373776f7264"}, {"salt", "73616c74"}, {"iterationCount", 2}, {"dkLen", 20}};
  EXPECT_EQ(output(verdict(line("PbkdfTest", "PBKDF2-HMACSHA1", {}, stretch))), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");  // RFC 6070 2
}

// RFC 5903 8.1
const json::object kPoint{
    {"public",
     "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f330398"
     "72ab"},
    {"private", "00c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433"}};

Verdict ecdh(const json::object& test, std::string_view curve = "secp256r1") {
  return verdict(line("EcdhEcpointTest", "ECDH", {{"curve", text(curve)}}, test));
}

TEST(Vectors, EcdhAndPointsThatAreNone) {
  EXPECT_EQ(output(ecdh(kPoint)), "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
  EXPECT_FALSE(ecdh(with(kPoint, "shared", "00")).valid);
  std::string off(kPoint.at("public").as_string());
  off.back() = 'a';
  EXPECT_EQ(ecdh(with(kPoint, "public", text(off))), kInvalid);
  EXPECT_EQ(ecdh(with(kPoint, "public", "00")), kInvalid);
  EXPECT_EQ(ecdh(with(kPoint, "public", "")), kInvalid);
  EXPECT_EQ(ecdh(with(kPoint, "private", "00")), kInvalid);
  EXPECT_EQ(ecdh(with(kPoint, "private", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")), kInvalid);  // the order
  EXPECT_EQ(ecdh(kPoint, "secp256k1"), kUnsupported);
  EXPECT_EQ(ecdh(kPoint, "secp384r1"), kInvalid);
}

TEST(Vectors, EcdsaInBothForms) {
  const auto key = PrivateKey::generate(KeyKind::EcP521).value();
  const Bytes der = key.sign(SignAlgorithm::ecdsa(HashAlgorithm::Sha512), as_bytes("m")).value();
  const Bytes fixed = ecdsa_to_fixed(KeyKind::EcP521, der).value();
  const json::object group{
      {"publicKey", {{"curve", "secp521r1"}}}, {"publicKeyDer", text(hex_encode(key.public_key().to_spki()))}, {"sha", "SHA-512"}};
  const auto test = [](ByteView signature) { return json::object{{"msg", "6d"}, {"sig", text(hex_encode(signature))}}; };
  EXPECT_TRUE(verdict(line("EcdsaVerify", "ECDSA", group, test(der))).valid);
  EXPECT_TRUE(verdict(line("EcdsaP1363Verify", "ECDSA", group, test(fixed))).valid);
  EXPECT_EQ(verdict(line("EcdsaP1363Verify", "ECDSA", group, test(der))), kInvalid);
  EXPECT_EQ(verdict(line("EcdsaVerify", "ECDSA", group, test(fixed))), kInvalid);
  Bytes longer = fixed;
  longer.push_back(0);
  EXPECT_EQ(verdict(line("EcdsaP1363Verify", "ECDSA", group, test(longer))), kInvalid);
  EXPECT_EQ(verdict(line("EcdsaVerify", "ECDSA", with(group, "sha", "SHA-1"), test(der))), kUnsupported);
  EXPECT_EQ(verdict(line("EcdsaVerify", "ECDSA", with(group, "sha", "SHA-512/256"), test(der))), kUnsupported);
}

TEST(Vectors, RsaDecryption) {
  const auto key = PrivateKey::generate(KeyKind::Rsa).value();
  const OaepOptions options{HashAlgorithm::Sha256, HashAlgorithm::Sha1, to_bytes("label")};
  const Bytes sealed = key.public_key().encrypt_oaep(options, as_bytes("text")).value();
  const json::object group{{"privateKeyPkcs8", text(hex_encode(key.to_pkcs8()->view()))}, {"sha", "SHA-256"}, {"mgfSha", "SHA-1"}};
  json::object test{{"ct", text(hex_encode(sealed))}, {"label", text(hex_encode(as_bytes("label")))}};
  EXPECT_EQ(output(verdict(line("RsaesOaepDecrypt", "RSAES-OAEP", group, test))), hex_encode(as_bytes("text")));
  EXPECT_EQ(verdict(line("RsaesOaepDecrypt", "RSAES-OAEP", group, with(test, "label", ""))), kInvalid);
  // The cipher text 1 opens to 1 under each key: block type 00, which is none of RFC 8017 7.2.2. An OAEP text would
  // not do: it opens to 00 and a masked octet, which is 02 for one key in 256.
  Bytes one(sealed.size());
  one.back() = 1;
  const Verdict wrong = verdict(line("RsaesPkcs1Decrypt", "RSAES-PKCS1-v1_5", group, with(test, "ct", text(hex_encode(one)))));
  EXPECT_TRUE(wrong == kInvalid || wrong == kUnsupported) << "a wrong padding never shows as right";
}

TEST(Vectors, PostQuantumKeysInDer) {
  EXPECT_EQ(hex_encode(mldsa_spki(PqKind::MlDsa65, Bytes(2, 0xaa))),
            "3012300b06096086480165030403120303"
            "00aaaa");
  const std::string kem = hex_encode(mlkem_pkcs8(PqKind::MlKem1024, Bytes(64, 0xbb)));
  EXPECT_TRUE(kem.starts_with("3054020100300b060960864801650304040304428040bb")) << kem;
  EXPECT_EQ(hex_encode(ByteView(mldsa_spki(PqKind::MlDsa44, Bytes(1312))).first(4)), "30820532");
}

TEST(Vectors, RepliesEchoTheId) {
  EXPECT_EQ(answer(line("NoSuchTest", "X", {}, {}), 1).json, R"({"id":7,"unsupported":true})");
  const std::string named =
      R"({"id":"a-1","type":"HkdfTest","algorithm":"HKDF-SHA-256","group":{},"test":{"ikm":"","salt":"","info":"","size":1}})";
  EXPECT_EQ(answer(named, 1).json, R"({"id":"a-1","valid":true,"output":"eb"})");
  EXPECT_TRUE(answer(named, 1).understood);
}

TEST(Vectors, WhatIsNoCaseNamesLineAndField) {
  const auto error = [](std::string_view of) {
    const Reply reply = answer(of, 42);
    EXPECT_FALSE(reply.understood);
    const json::value parsed = json::parse(reply.json);
    EXPECT_EQ(parsed.at("line").as_int64(), 42);
    return std::string(parsed.at("error").at("code").as_string()) + " " + std::string(parsed.at("error").at("field").as_string());
  };
  EXPECT_EQ(error("rubbish"), "bad_input ");
  EXPECT_EQ(error("[]"), "bad_input ");
  EXPECT_EQ(error(std::string(100, '[')), "bad_input ");
  EXPECT_EQ(error(std::string(kLine + 1, ' ')), "too_large ");
  EXPECT_EQ(error(R"({"id":1,"algorithm":"X","group":{},"test":{}})"), "bad_input type");
  EXPECT_EQ(error(R"({"id":1,"type":"MacTest","algorithm":"X","group":[],"test":{}})"), "bad_input group");
  EXPECT_EQ(error(line("MacTest", "HMACSHA256", {{"tagSize", 128}}, {{"key", "0"}, {"msg", ""}})), "bad_input key");
  EXPECT_EQ(error(line("MacTest", "HMACSHA256", {{"tagSize", 128}}, {{"key", "00"}})), "bad_input msg");
  EXPECT_EQ(error(line("MacTest", "HMACSHA256", {{"tagSize", -8}}, {{"key", "00"}, {"msg", ""}})), "bad_input tagSize");
  EXPECT_EQ(error(line("MacTest", "HMACSHA256", {{"tagSize", 264}}, {{"key", "00"}, {"msg", ""}})), "bad_input tagSize");
  const json::object hungry{{"password", ""}, {"salt", ""}, {"iterationCount", 4000000000}, {"dkLen", 1}};
  EXPECT_EQ(error(line("PbkdfTest", "PBKDF2-HMACSHA256", {}, hungry)), "too_large iterationCount");
}

}  // namespace
}  // namespace postern::vectors
