#include "secrets/transit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/bytes.hpp"
#include "crypto/pkey.hpp"
#include "secrets/testing/drive.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;
using testing::Drive;
using ::testing::HasSubstr;
using testing::Seen;
using ::testing::StartsWith;

std::string b64(std::string_view text) { return base64_encode(as_bytes(text)); }

class Transit : public ::testing::Test {
 protected:
  Transit() : drive(make_transit) {}
  void make(const std::string& name, const std::string& body = "{}") { ASSERT_EQ(drive.write("keys/" + name, body).status, 200) << name; }
  std::string encrypt(const std::string& name, std::string_view plain) {
    return drive.write("encrypt/" + name, R"({"plaintext":")" + b64(plain) + "\"}").text("ciphertext");
  }
  Drive drive;
};

// keys ---------------------------------------------------------------------------------------------------------------------------------

TEST_F(Transit, ANewKeyIsDescribed) {
  const Seen made = drive.write("keys/k");
  EXPECT_EQ(made.status, 200);
  for (const char* name :
       {"name", "type", "derived", "deletion_allowed", "min_available_version", "min_decryption_version", "min_encryption_version",
        "latest_version", "exportable", "allow_plaintext_backup", "supports_encryption", "supports_decryption", "supports_signing",
        "supports_derivation", "auto_rotate_period", "imported_key", "soft_deleted", "keys"})
    EXPECT_TRUE(made.data.contains(name)) << name;
  EXPECT_EQ(made.text("type"), "aes256-gcm96");
  EXPECT_EQ(made.number("keys/1"), unix_seconds(drive.bench.clock().now()));
  EXPECT_EQ(made.number("min_decryption_version"), 1);
  EXPECT_FALSE(made.data.contains("kdf"));
  EXPECT_EQ(drive.read("keys/k").data, made.data);
  EXPECT_EQ(drive.read("keys/none").status, 404);
  EXPECT_EQ(json::serialize(drive.list("keys").at("keys")), R"(["k"])");
}

TEST_F(Transit, AnExistingKeyIsNotMadeAgain) {
  make("k", R"({"type":"ed25519"})");
  const Seen again = drive.write("keys/k", R"({"type":"aes256-gcm96"})");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.text("type"), "ed25519");
  EXPECT_EQ(again.number("latest_version"), 1);
}

TEST_F(Transit, TypesShowTheirPublicHalves) {
  make("ed", R"({"type":"ed25519"})");
  const Seen ed = drive.read("keys/ed");
  EXPECT_EQ(ed.text("keys/1/name"), "ed25519");
  EXPECT_EQ(base64_decode(ed.text("keys/1/public_key")).value().size(), 32U);
  EXPECT_TRUE(ed.at("supports_signing").as_bool());
  EXPECT_FALSE(ed.at("supports_encryption").as_bool());
  EXPECT_TRUE(parse_rfc3339(ed.text("keys/1/creation_time")));
  make("ec", R"({"type":"ecdsa-p384"})");
  EXPECT_EQ(drive.read("keys/ec").text("keys/1/name"), "P-384");
  EXPECT_THAT(drive.read("keys/ec").text("keys/1/public_key"), StartsWith("-----BEGIN PUBLIC KEY-----"));
  make("mac", R"({"type":"hmac","key_size":"32"})");
  EXPECT_EQ(drive.read("keys/mac").number("key_size"), 32);
  make("conv", R"({"derived":"true","convergent_encryption":true})");
  EXPECT_EQ(drive.read("keys/conv").text("kdf"), "hkdf_sha256");
  EXPECT_EQ(drive.read("keys/conv").number("convergent_encryption_version"), -1);
}

TEST_F(Transit, BadKeysAreRefused) {
  EXPECT_EQ(drive.write("keys/k", R"({"type":"rot13"})").error, "unknown key type rot13");
  for (const char* body :
       {R"({"convergent_encryption":true})", R"({"type":"hmac","key_size":8})", R"({"type":"hmac","key_size":1000})",
        R"({"derived":"maybe"})", R"({"auto_rotate_period":"5m"})", R"({"auto_rotate_period":"-1h"})", R"({"managed_key_name":"x"})",
        R"({"type":"hybrid"})", R"({"external_key_ref":"x"})", R"({"hybrid_key_type_pqc":"x"})", R"({"max_encryptions":-1})",
        R"({"expiration":"soon"})", R"({"allowed_operations":"encrypt,fly"})", R"({"max_kept_versions":4294967296})",
        R"({"type":"rsa-2048","derived":true})"})
    EXPECT_EQ(drive.write("keys/k", body).status, 400) << body;
  EXPECT_EQ(drive.read("keys/k").status, 404);
  for (const char* name : {"-k", "k-", ".k", "k%20", "k k", "a/b/c"})
    EXPECT_EQ(drive.write("keys/" + std::string(name)).status, 404) << name;
}

TEST_F(Transit, LimitsThatDoNotFitLeaveNoKey) {
  EXPECT_EQ(drive.write("keys/k", R"({"max_encryptions":"9000000000000"})").status, 400);
  EXPECT_EQ(drive.read("keys/k").status, 404);
}

TEST_F(Transit, DeletionNeedsPermission) {
  make("k");
  const Seen refused = drive.remove("keys/k");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.error, HasSubstr("deletion is not allowed for this key"));
  EXPECT_EQ(drive.write("keys/k/config", R"({"deletion_allowed":"true"})").status, 200);
  EXPECT_EQ(drive.remove("keys/k").status, 204);
  EXPECT_EQ(drive.read("keys/k").status, 404);
  EXPECT_EQ(drive.remove("keys/k").status, 400);
}

TEST_F(Transit, ConfigRotateTrim) {
  make("k");
  const std::string old = encrypt("k", "x");
  EXPECT_EQ(drive.write("keys/k/rotate").number("latest_version"), 2);
  EXPECT_EQ(drive.write("keys/k/rotate", R"({"mount_point":"transit","name":"k"})").number("latest_version"), 3);
  EXPECT_THAT(encrypt("k", "x"), StartsWith("vault:v3:"));
  EXPECT_FALSE(drive.write("keys/k/config", R"({"min_decryption_version":0})").warnings.empty());
  EXPECT_EQ(drive.write("keys/k/config", R"({"min_decryption_version":"2","min_encryption_version":2})").status, 200);
  const Seen refused = drive.write("decrypt/k", R"({"ciphertext":")" + old + "\"}");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.error, "ciphertext or signature version is disallowed by policy (too old)");
  EXPECT_EQ(drive.write("keys/k/trim").status, 400);
  EXPECT_EQ(drive.write("keys/k/trim", R"({"min_available_version":3})").status, 400);
  EXPECT_EQ(drive.write("keys/k/trim", R"({"min_available_version":"2"})").number("min_available_version"), 2);
  for (const char* bad : {R"({"min_decryption_version":9})", R"({"min_decryption_version":-1})", R"({"min_encryption_version":99})",
                          R"({"min_decryption_version":"x"})"})
    EXPECT_EQ(drive.write("keys/k/config", bad).status, 400) << bad;
  EXPECT_EQ(drive.write("keys/none/config", R"({"exportable":true})").status, 400);
  EXPECT_EQ(drive.write("keys/none/rotate").status, 400);
}

TEST_F(Transit, SoftDeletedKeysRefuse) {
  make("k");
  EXPECT_EQ(drive.remove("keys/k/soft-delete").status, 200);
  EXPECT_TRUE(drive.read("keys/k").at("soft_deleted").as_bool());
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":""})").status, 400);
  EXPECT_EQ(drive.write("keys/k/soft-delete-restore").status, 200);
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":""})").status, 200);
}

TEST_F(Transit, OwnSettingsAreKeptAndObeyed) {
  make("k", R"({"max_encryptions":"2","max_kept_versions":3,"allowed_operations":"encrypt,decrypt"})");
  Seen known = drive.read("keys/k");
  EXPECT_EQ(known.number("max_encryptions"), 2);
  EXPECT_EQ(known.number("max_kept_versions"), 3);
  EXPECT_EQ(json::serialize(known.at("allowed_operations")), R"(["encrypt","decrypt"])");
  const std::string first = encrypt("k", "x");
  (void)encrypt("k", "x");
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":"eA=="})").status, 400) << "the limit";
  EXPECT_EQ(drive.read("keys/k").number("usage/1/encryptions"), 2);
  EXPECT_EQ(drive.write("rewrap/k", R"({"ciphertext":")" + first + "\"}").status, 400) << "not on the list";
  EXPECT_EQ(drive.write("keys/k/config", R"({"max_signatures":7})").number("max_encryptions"), 2) << "the other limit stays";
  EXPECT_EQ(drive.write("keys/k/rotate").status, 200);
  EXPECT_THAT(encrypt("k", "x"), StartsWith("vault:v2:"));
  EXPECT_EQ(drive.write("keys/k/config", R"({"expiration":"2020-01-01T00:00:00Z"})").status, 200);
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":"eA=="})").status, 400) << "expired";
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":")" + first + "\"}").status, 200);
  EXPECT_EQ(drive.write("keys/k/config", R"({"expiration":"never"})").text("expiration"), "");
}

// encrypt, decrypt, rewrap, datakey -----------------------------------------------------------------------------------------------------

TEST_F(Transit, EncryptAndDecrypt) {
  make("k");
  const Seen sealed = drive.write("encrypt/k", R"({"plaintext":"aGVsbG8=","associated_data":"YQ=="})");
  EXPECT_EQ(sealed.status, 200);
  EXPECT_EQ(sealed.number("key_version"), 1);
  EXPECT_EQ(sealed.data.size(), 2U);
  const std::string body = R"({"associated_data":"YQ==","ciphertext":")" + sealed.text("ciphertext") + "\"}";
  EXPECT_EQ(json::serialize(drive.write("decrypt/k", body).data), R"({"plaintext":"aGVsbG8="})");
  const Seen other = drive.write("decrypt/k", R"({"associated_data":"Yg==","ciphertext":")" + sealed.text("ciphertext") + "\"}");
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(other.error, "cipher: message authentication failed");
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":""})").status, 200) << "nothing is something to encrypt";
}

TEST_F(Transit, BadInputIsNeverOurFault) {
  make("k");
  EXPECT_EQ(drive.write("encrypt/k").error, "missing plaintext to encrypt");
  EXPECT_EQ(drive.write("decrypt/k").error, "missing ciphertext to decrypt");
  EXPECT_EQ(drive.write("rewrap/k").error, "missing ciphertext to decrypt");
  EXPECT_EQ(drive.write("decrypt/none", R"({"ciphertext":"vault:v1:AAAA"})").error, "encryption key not found");
  for (const char* body :
       {R"({"plaintext":"%"})", R"({"plaintext":"YQ"})", R"({"plaintext":"YQ= ="})", R"({"plaintext":5})", R"({"plaintext":["YQ=="]})",
        R"({"plaintext":"YQ==","context":"%"})", R"({"plaintext":"YQ==","associated_data":"%"})", R"({"plaintext":"YQ==","key_version":2})",
        R"({"plaintext":"YQ==","key_version":-1})", R"({"plaintext":"YQ==","key_version":"x"})",
        R"({"plaintext":"YQ==","key_version":99999999999})", R"({"plaintext":"YQ==","nonce":"YQ=="})",
        R"({"plaintext":"YQ==","padding_scheme":"pkcs1v15"})"})
    EXPECT_EQ(drive.write("encrypt/k", body).status, 400) << body;
  const std::pair<const char*, const char*> ciphertexts[] = {
      {"x", "invalid ciphertext: no prefix"},
      {"vault:v1", "invalid ciphertext: wrong number of fields"},
      {"vault:vx:AAAA", "invalid ciphertext: version number could not be decoded"},
      {"vault:v9:AAAA", "invalid ciphertext: version is too new"},
      {"vault:v1:%", "invalid ciphertext: could not decode base64"},
  };
  for (const auto& [text, error] : ciphertexts) {
    for (const char* path : {"decrypt/k", "rewrap/k"}) {
      const Seen seen = drive.write(path, std::string(R"({"ciphertext":")") + text + "\"}");
      EXPECT_EQ(seen.status, 400) << text;
      EXPECT_EQ(seen.error, error);
    }
  }
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":""})").error, "missing ciphertext to decrypt");
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":"vault:v1:AAAA"})").status, 400);
}

TEST_F(Transit, UpsertMakesTheKey) {
  EXPECT_EQ(drive.write("encrypt/none", R"({"plaintext":"%"})").status, 400);
  EXPECT_EQ(drive.read("keys/none").status, 404) << "garbage makes no key";
  EXPECT_EQ(drive.write("encrypt/plain", R"({"plaintext":"YQ=="})").status, 200);
  EXPECT_FALSE(drive.read("keys/plain").at("derived").as_bool());
  EXPECT_EQ(drive.write("encrypt/der", R"({"plaintext":"YQ==","context":"YQ==","type":"chacha20-poly1305"})").status, 200);
  EXPECT_TRUE(drive.read("keys/der").at("derived").as_bool());
  EXPECT_EQ(drive.read("keys/der").text("type"), "chacha20-poly1305");
  EXPECT_EQ(drive.write("encrypt/x", R"({"plaintext":"YQ==","type":"ecdsa-p256"})").error,
            "key type ecdsa-p256 not supported for this operation");
  EXPECT_EQ(drive.write("encrypt/x", R"({"plaintext":"YQ==","type":"hmac"})").status, 400);
  EXPECT_EQ(drive.write("encrypt/x", R"({"plaintext":"YQ==","convergent_encryption":true})").status, 400);
  EXPECT_EQ(drive.write("config/keys", R"({"disable_upsert":"true"})").status, 200);
  EXPECT_TRUE(drive.read("config/keys").at("disable_upsert").as_bool());
  EXPECT_EQ(drive.write("encrypt/x", R"({"plaintext":"YQ=="})").error, "encryption key not found");
  EXPECT_EQ(drive.read("keys/x").status, 404);
}

TEST_F(Transit, RewrapKeepsContextAndAssociatedData) {
  make("k", R"({"derived":true})");
  const std::string with = R"("context":"Y3R4","associated_data":"YWFk")";
  const std::string old = drive.write("encrypt/k", R"({"plaintext":"aGk=",)" + with + "}").text("ciphertext");
  EXPECT_EQ(drive.write("keys/k/rotate").status, 200);
  const Seen wrapped = drive.write("rewrap/k", R"({"ciphertext":")" + old + "\"," + with + "}");
  EXPECT_EQ(wrapped.number("key_version"), 2);
  EXPECT_THAT(wrapped.text("ciphertext"), StartsWith("vault:v2:"));
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":")" + wrapped.text("ciphertext") + "\"," + with + "}").text("plaintext"), "aGk=");
  EXPECT_EQ(drive.write("rewrap/k", R"({"ciphertext":")" + old + R"(","context":"Y3R4"})").status, 400);
}

TEST_F(Transit, ConvergentRefusesAssociatedData) {
  make("k", R"({"derived":true,"convergent_encryption":true})");
  const std::string body = R"({"plaintext":"aGk=","context":"Y3R4"})";
  EXPECT_EQ(drive.write("encrypt/k", body).text("ciphertext"), drive.write("encrypt/k", body).text("ciphertext"));
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":"aGk=","context":"Y3R4","associated_data":"YQ=="})").status, 400);
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":"aGk="})").status, 400) << "no context";
}

TEST_F(Transit, DataKeys) {
  make("k");
  const Seen both = drive.write("datakey/plaintext/k", R"({"bits":"512"})");
  EXPECT_EQ(base64_decode(both.text("plaintext")).value().size(), 64U);
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":")" + both.text("ciphertext") + "\"}").text("plaintext"), both.text("plaintext"));
  const Seen wrapped = drive.write("datakey/wrapped/k");
  EXPECT_EQ(wrapped.status, 200);
  EXPECT_FALSE(wrapped.data.contains("plaintext"));
  EXPECT_EQ(drive.write("datakey/clear/k").status, 400);
  for (const char* body : {R"({"bits":64})", R"({"bits":0})", R"({"bits":-256})", R"({"context":"%"})", R"({"associated_data":"%"})"})
    EXPECT_EQ(drive.write("datakey/plaintext/k", body).status, 400) << body;
  EXPECT_EQ(drive.write("datakey/plaintext/none").status, 400);
}

// batches --------------------------------------------------------------------------------------------------------------------------------

TEST_F(Transit, BatchesKeepOrderAndReferences) {
  make("k");
  const Seen sealed = drive.write(
      "encrypt/k",
      R"({"plaintext":"ignored","batch_input":[{"plaintext":"YQ==","reference":"one"},{"plaintext":"","key_version":"1"},{"plaintext":"Yg==","associated_data":"YQ=="}]})");
  EXPECT_EQ(sealed.status, 200);
  EXPECT_EQ(sealed.data.size(), 1U);
  EXPECT_EQ(sealed.text("batch_results/0/reference"), "one");
  EXPECT_EQ(sealed.text("batch_results/1/reference"), "");
  EXPECT_EQ(sealed.number("batch_results/2/key_version"), 1);
  json::array items;
  for (const char* at : {"0", "1", "2"}) items.push_back({{"ciphertext", sealed.text("batch_results/" + std::string(at) + "/ciphertext")}});
  items[2].as_object()["associated_data"] = "YQ==";
  const Seen opened = drive.call(Operation::Update, "decrypt/k", {{"batch_input", items}});
  EXPECT_EQ(opened.status, 200);
  EXPECT_EQ(opened.text("batch_results/0/plaintext"), "YQ==");
  EXPECT_EQ(opened.text("batch_results/1/plaintext"), "");
  EXPECT_EQ(opened.text("batch_results/2/plaintext"), "Yg==");
}

TEST_F(Transit, BatchesThatFailAsAWhole) {
  make("k");
  make("ed", R"({"type":"ed25519"})");
  EXPECT_EQ(drive.write("encrypt/k", R"({"batch_input":[]})").error, "missing batch input to process");
  EXPECT_EQ(drive.write("encrypt/k", R"({"batch_input":[{"plaintext":"YQ==","context":"YQ=="},{"plaintext":"YQ=="}]})").error,
            "context should be set either in all the request blocks or in none");
  for (const char* batch : {R"("x")", "5", "true", "{}", "[5]", R"(["x"])", "[null]", "[[]]", R"([{"plaintext":"YQ=="},5])"}) {
    for (const char* path : {"encrypt/k", "decrypt/k", "rewrap/k", "hmac/k", "sign/ed", "verify/ed"}) {
      const Seen seen = drive.write(path, std::string(R"({"batch_input":)") + batch + "}");
      EXPECT_EQ(seen.status, 400) << path << batch;
      EXPECT_THAT(seen.error, HasSubstr("failed to parse batch input")) << path << batch;
    }
  }
  for (const char* item :
       {"{}", R"({"plaintext":5})", R"({"plaintext":"YQ==","context":5})", R"({"plaintext":"YQ==","reference":{}})",
        R"({"plaintext":"YQ==","key_version":"x"})", R"({"plaintext":"YQ==","key_version":-1})", R"({"plaintext":null})"})
    EXPECT_THAT(drive.write("encrypt/k", std::string(R"({"batch_input":[)") + item + "]}").error,
                StartsWith("failed to parse batch input: '[0]"))
        << item;
  EXPECT_EQ(drive.write("encrypt/k", R"({"plaintext":"YQ==","batch_input":null})").status, 200) << "null is no batch";
}

TEST_F(Transit, OneBadItemIsA400WithTheNormalBody) {
  make("k");
  const std::string bad = R"({"batch_input":[{"plaintext":"YQ=="},{"plaintext":"%","reference":"r"},{"plaintext":"YQ==","nonce":"YQ=="}])";
  const Seen seen = drive.write("encrypt/k", bad + "}");
  EXPECT_EQ(seen.status, 400);
  EXPECT_EQ(seen.error, "");
  EXPECT_EQ(seen.at("batch_results").as_array().size(), 3U);
  EXPECT_THAT(seen.text("batch_results/0/ciphertext"), StartsWith("vault:v1:"));
  EXPECT_EQ(seen.text("batch_results/1/error"), "failed to base64-decode plaintext");
  EXPECT_EQ(seen.text("batch_results/1/reference"), "r");
  EXPECT_THAT(seen.text("batch_results/2/error"), StartsWith("nonce"));
  EXPECT_EQ(drive.write("encrypt/k", bad + R"(,"partial_failure_response_code":207})").status, 207);
  const Seen silly = drive.write("encrypt/k", bad + R"(,"partial_failure_response_code":"600"})");
  EXPECT_EQ(silly.status, 400);
  EXPECT_EQ(silly.warnings.size(), 1U);
  EXPECT_EQ(drive.write("encrypt/k", R"({"batch_input":[{"plaintext":"%"}],"partial_failure_response_code":207})").status, 400)
      << "all failed";
  const Seen opened = drive.write("decrypt/k", R"({"batch_input":[{"ciphertext":"vault:v1:AAAA"},{"ciphertext":""}]})");
  EXPECT_EQ(opened.status, 400);
  EXPECT_EQ(opened.text("batch_results/1/error"), "missing ciphertext to decrypt");
}

TEST_F(Transit, SignAndHmacBatchesAre200) {
  make("k", R"({"type":"ed25519","derived":true})");
  const Seen made = drive.write(
      "sign/k", R"({"batch_input":[{"input":"YQ==","context":"YQ==","reference":"a"},{"input":"%","context":"YQ=="},{"context":"YQ=="}]})");
  EXPECT_EQ(made.status, 200);
  EXPECT_THAT(made.text("batch_results/0/signature"), StartsWith("vault:v1:"));
  EXPECT_EQ(base64_decode(made.text("batch_results/0/publickey")).value().size(), 32U);
  EXPECT_EQ(made.at("batch_results/0/public_key"), nullptr);
  EXPECT_EQ(made.text("batch_results/1/error"), "unable to decode input as base64");
  EXPECT_EQ(made.text("batch_results/2/error"), "missing input");
  const Seen single = drive.write("sign/k", R"({"input":"YQ==","context":"YQ=="})");
  EXPECT_EQ(single.text("public_key"), made.text("batch_results/0/publickey"));
  const Seen verified =
      drive.write("verify/k", R"({"batch_input":[{"input":"YQ==","context":"YQ==","signature":")" + made.text("batch_results/0/signature") +
                                  R"("},{"input":"Yg==","context":"YQ==","signature":"vault:v1:AAAA"}]})");
  EXPECT_EQ(verified.status, 200);
  EXPECT_TRUE(verified.at("batch_results/0/valid").as_bool());
  EXPECT_FALSE(verified.at("batch_results/1/valid").as_bool());
  const Seen macs = drive.write("hmac/k", R"({"batch_input":[{"input":"YQ=="},{}]})");
  EXPECT_EQ(macs.status, 200);
  EXPECT_THAT(macs.text("batch_results/0/hmac"), StartsWith("vault:v1:"));
  EXPECT_EQ(macs.text("batch_results/1/error"), "missing input for HMAC");
}

// signatures and MACs ---------------------------------------------------------------------------------------------------------------------

TEST_F(Transit, SignAndVerify) {
  make("ec", R"({"type":"ecdsa-p256"})");
  for (const char* options : {"", R"(,"marshaling_algorithm":"jws")", R"(,"hash_algorithm":"sha2-512")", R"(,"algorithm":"sha3-256")"}) {
    const Seen made = drive.write("sign/ec", std::string(R"({"input":"YQ==")") + options + "}");
    ASSERT_EQ(made.status, 200) << options << made.error;
    EXPECT_EQ(made.number("key_version"), 1);
    EXPECT_EQ(made.data.size(), 2U);
    const std::string signature = R"(,"signature":")" + made.text("signature") + "\"";
    EXPECT_TRUE(drive.write("verify/ec", std::string(R"({"input":"YQ==")") + options + signature + "}").at("valid").as_bool());
    const Seen wrong = drive.write("verify/ec", std::string(R"({"input":"Yg==")") + options + signature + "}");
    EXPECT_EQ(wrong.status, 200);
    EXPECT_FALSE(wrong.at("valid").as_bool());
  }
  const Seen by_url = drive.write("sign/ec/sha2-384", R"({"input":"YQ==","hash_algorithm":"sha2-224"})");
  EXPECT_TRUE(drive.write("verify/ec", R"({"input":"YQ==","hash_algorithm":"sha2-384","signature":")" + by_url.text("signature") + "\"}")
                  .at("valid")
                  .as_bool())
      << "the URL beats the body";
  EXPECT_EQ(drive.write("sign/ec").status, 200) << "no input is the empty input";
}

TEST_F(Transit, BadSigningIs400) {
  make("ec", R"({"type":"ecdsa-p256"})");
  make("aes");
  EXPECT_EQ(drive.write("sign/none", R"({"input":""})").error, "signing key not found");
  EXPECT_EQ(drive.write("verify/none", R"({"input":"","signature":"vault:v1:AAAA"})").error, "signature verification key not found");
  EXPECT_EQ(drive.write("sign/aes", R"({"input":""})").status, 400);
  EXPECT_EQ(drive.write("sign/ec", R"({"input":"","hash_algorithm":"none"})").error,
            "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15");
  for (const char* body : {R"({"input":"%"})", R"({"input":"","hash_algorithm":"md5"})", R"({"input":"","marshaling_algorithm":"der"})",
                           R"({"input":"","salt_length":"long"})", R"({"input":"","signature_algorithm":"rsa"})",
                           R"({"input":"","key_version":5})", R"({"input":"","key_version":-5})", R"({"input":"","context":"%"})",
                           R"({"input":"","signature_context":"YQ=="})", R"({"input":"","prehashed":"maybe"})"})
    EXPECT_EQ(drive.write("sign/ec", body).status, 400) << body;
  EXPECT_EQ(drive.write("verify/ec", R"({"input":""})").error, "neither a 'signature' nor an 'hmac' were given to verify");
  EXPECT_EQ(drive.write("verify/ec", R"({"input":"","signature":"x","hmac":"x"})").error, "provide one of 'signature' or 'hmac'");
  EXPECT_EQ(drive.write("verify/ec", R"({"batch_input":[{"input":"","signature":"x"},{"input":"","hmac":"x"}]})").error,
            "elements of batch_input must all provide 'signature' or all provide 'hmac'");
  EXPECT_EQ(drive.write("verify/ec", R"({"batch_input":[{"input":"","signature":"x"},{"input":""}]})").error,
            "some elements of batch_input are missing 'signature'");
  EXPECT_EQ(drive.write("verify/ec", R"({"batch_input":[{"input":"","hmac":"x"},{"input":""}]})").error,
            "some elements of batch_input are missing 'hmac'");
  EXPECT_EQ(drive.write("verify/ec", R"({"batch_input":[{"input":""}]})").error, "no batch_input elements have 'signature' or 'hmac'");
  for (const char* signature : {"x", "vault:v1", "vault:vx:AAAA", "vault:v7:AAAA", "vault:v1:%"})
    EXPECT_EQ(drive.write("verify/ec", std::string(R"({"input":"","signature":")") + signature + "\"}").status, 400) << signature;
}

TEST_F(Transit, Hmac) {
  make("k", R"({"type":"hmac","key_size":32})");
  for (const char* algorithm : {"", "sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-256"}) {
    const std::string suffix = *algorithm == '\0' ? "" : "/" + std::string(algorithm);
    const Seen made = drive.write("hmac/k" + suffix, R"({"input":"YQ=="})");
    ASSERT_EQ(made.status, 200) << algorithm;
    EXPECT_EQ(made.data.size(), 1U);
    const std::string mac = R"("hmac":")" + made.text("hmac") + "\"}";
    EXPECT_TRUE(drive.write("verify/k" + suffix, R"({"input":"YQ==",)" + mac).at("valid").as_bool());
    EXPECT_FALSE(drive.write("verify/k" + suffix, R"({"input":"Yg==",)" + mac).at("valid").as_bool());
  }
  EXPECT_EQ(drive.write("hmac/k").error, "missing input for HMAC");
  EXPECT_EQ(drive.write("hmac/none", R"({"input":""})").error, "encryption key not found");
  for (const char* body : {R"({"input":"%"})", R"({"input":"","algorithm":"crc32"})", R"({"input":"","key_version":9})"})
    EXPECT_EQ(drive.write("hmac/k", body).status, 400) << body;
  for (const char* mac : {"x", "vault:v1", "vault:vx:AAAA", "vault:v9:AAAA", "vault:v1:%"})
    EXPECT_EQ(drive.write("verify/k", std::string(R"({"input":"","hmac":")") + mac + "\"}").status, 400) << mac;
  EXPECT_EQ(drive.write("cmac/k", R"({"input":""})").status, 400);
}

// tools -----------------------------------------------------------------------------------------------------------------------------------

TEST_F(Transit, Random) {
  EXPECT_EQ(base64_decode(drive.write("random").text("random_bytes")).value().size(), 32U);
  EXPECT_EQ(drive.write("random/16", R"({"format":"hex"})").text("random_bytes").size(), 32U);
  EXPECT_EQ(base64_decode(drive.write("random/platform/48").text("random_bytes")).value().size(), 48U);
  EXPECT_EQ(base64_decode(drive.write("random", R"({"bytes":"131072","source":"all"})").text("random_bytes")).value().size(), 131072U);
  for (const char* body : {R"({"bytes":131073})", R"({"bytes":0})", R"({"bytes":-1})", R"({"format":"text"})", R"({"source":"moon"})",
                           R"({"source":"seal"})", R"({"bytes":"many"})"})
    EXPECT_EQ(drive.write("random", body).status, 400) << body;
  EXPECT_EQ(drive.write("random/platform/many").status, 400);
  EXPECT_EQ(drive.write("random/99999999999999999999").status, 400);
}

TEST_F(Transit, Hash) {  // FIPS 180-4: SHA-256 of "abc"
  EXPECT_EQ(drive.write("hash", R"({"input":"YWJj"})").text("sum"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(drive.write("hash/sha2-512", R"({"input":"YWJj","format":"base64"})").text("sum").substr(0, 8), "3a81oZNh");
  EXPECT_EQ(drive.write("hash", R"({"input":"YWJj","algorithm":"sha3-256"})").text("sum").substr(0, 8), "3a985da7");
  for (const char* body : {R"({"input":"%"})", R"({"input":"","format":"octal"})", R"({"input":"","algorithm":"md5"})"})
    EXPECT_EQ(drive.write("hash", body).status, 400) << body;
}

// in and out ------------------------------------------------------------------------------------------------------------------------------

TEST_F(Transit, ExportNeedsPermission) {
  make("k", R"({"exportable":true})");
  make("closed");
  const Seen out = drive.read("export/encryption-key/k");
  EXPECT_EQ(out.status, 200);
  EXPECT_EQ(out.text("type"), "aes256-gcm96");
  EXPECT_EQ(base64_decode(out.text("keys/1")).value().size(), 32U);
  EXPECT_EQ(drive.read("export/encryption-key/k/latest").text("keys/1"), out.text("keys/1"));
  EXPECT_EQ(drive.read("export/encryption-key/closed").status, 400);
  EXPECT_EQ(drive.read("export/encryption-key/none").status, 404);
  for (const char* path : {"export/everything/k", "export/signing-key/k", "export/encryption-key/k/9", "export/encryption-key/k/x"})
    EXPECT_EQ(drive.read(path).status, 400) << path;
  EXPECT_EQ(drive.read("export/encryption-key/k", R"({"format":"jpeg"})").status, 400);
}

TEST_F(Transit, BackupAndRestore) {
  make("k", R"({"exportable":true,"allow_plaintext_backup":true})");
  make("closed");
  EXPECT_EQ(drive.read("backup/closed").status, 400);
  const std::string sealed = encrypt("k", "kept");
  const Seen saved = drive.read("backup/k");
  ASSERT_EQ(saved.status, 200) << saved.error;
  const std::string body = R"("backup":")" + saved.text("backup") + "\"";
  EXPECT_EQ(drive.write("restore", "{" + body + "}").status, 400) << "it is there";
  EXPECT_EQ(drive.write("restore", "{" + body + R"(,"force":"true"})").status, 204);
  EXPECT_EQ(drive.write("restore/other", "{" + body + "}").status, 204);
  EXPECT_EQ(drive.write("decrypt/other", R"({"ciphertext":")" + sealed + "\"}").text("plaintext"), b64("kept"));
  for (const char* bad : {"{}", R"({"backup":""})", R"({"backup":"%"})", R"({"backup":"e30="})"})
    EXPECT_EQ(drive.write("restore/third", bad).status, 400) << bad;
}

TEST_F(Transit, ImportsAreChecked) {
  for (const char* body : {"{}", R"({"ciphertext":"%"})", R"({"ciphertext":"YQ=="})", R"({"ciphertext":"YQ==","public_key":"x"})",
                           R"({"public_key":"x","type":"ed25519"})", R"({"ciphertext":"YQ==","hash_function":"MD5"})",
                           R"({"ciphertext":"YQ==","hash_function":"SHA3-256"})", R"({"ciphertext":"YQ==","type":"rot13"})"})
    EXPECT_EQ(drive.write("keys/in/import", body).status, 400) << body;
  EXPECT_EQ(drive.read("keys/in").status, 404);
  make("k");
  EXPECT_EQ(drive.write("keys/k/import_version", R"({"ciphertext":"YQ=="})").status, 400);
}

TEST_F(Transit, MountSettings) {
  EXPECT_EQ(drive.read("cache-config").number("size"), 0);
  EXPECT_EQ(drive.write("cache-config", R"({"size":"50"})").status, 200);
  EXPECT_EQ(drive.read("cache-config").number("size"), 50);
  for (const char* body : {R"({"size":9})", R"({"size":-1})", R"({"size":"x"})"})
    EXPECT_EQ(drive.write("cache-config", body).status, 400) << body;
  EXPECT_FALSE(make_transit({{"x", "y"}}, SystemClock()));
}

TEST_F(Transit, KeysComeBackAfterARestart) {
  make("k");
  const std::string sealed = encrypt("k", "kept");
  drive.bench.restart();
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":")" + sealed + "\"}").text("plaintext"), b64("kept"));
  drive.bench.backend().stop();
  EXPECT_EQ(drive.write("decrypt/k", R"({"ciphertext":")" + sealed + "\"}").status, 503);
}

TEST_F(Transit, UseWhileRotating) {
  make("k");
  std::atomic<bool> done = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> users;
  for (int i = 0; i < 3; ++i) {
    users.emplace_back([&] {
      while (!done) {
        const std::string sealed = encrypt("k", "x");
        if (drive.write("decrypt/k", R"({"ciphertext":")" + sealed + "\"}").text("plaintext") != "eA==") ++failures;
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(drive.write("keys/k/rotate").status, 200);
  done = true;
  for (auto& user : users) user.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(drive.read("keys/k").number("latest_version"), 51);
}

}  // namespace
}  // namespace postern::vault
