#include "gateway/late_signature.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"

namespace postern::gateway {
namespace {

const std::string kTrace = "Received: from a by b; Thu, 26 Nov 2026 22:00:00 +0000\r\n";
const std::string kMessage = "From: alice@example.org\r\nTo: bob@example.com\r\nSubject: x\r\n\r\nbody\r\n";
const LateSignature kLate{kTrace.size(),
                          wall_from_millis(1795308067123),
                          {{"example.org", "ed1", DkimAlgorithm::Ed25519Sha256, "dkim_key", 3},
                           {"example.org", "rsa1", DkimAlgorithm::RsaSha256, "dkim_rsa", 1}}};

/// A "signature" that depends on the key's version and the data.
Later<Bytes> by_hash(const DkimKeyRef& key, ByteView data) {
  const Sha256 hash = sha256(as_bytes(std::to_string(key.key_version) + key.key_name + std::string(as_text(data))));
  return Bytes(hash.begin(), hash.end());
}

std::vector<DkimKeyRef> nobody(const std::string& /*domain*/) { return {}; }

std::string signed_at_once() {
  DkimSignOptions options;
  options.time = kLate.time;
  const auto view = MessageView::parse(kMessage, {}).value();
  return kTrace + dkim_sign(view, kLate.keys, options, by_hash).value() + kMessage;
}

TEST(LateSignature, TheCopyIsTheOneThatWouldHaveBeenSignedAtOnce) {
  const std::string stored = write_late(kLate, kTrace + kMessage);
  EXPECT_TRUE(is_late(stored));
  EXPECT_EQ(finish_late(stored, by_hash, nobody).value(), signed_at_once());
  EXPECT_NE(signed_at_once().find("t=1795308067;"), std::string::npos);
}

TEST(LateSignature, WhatIsSignedAlreadyStaysAsItIs) {
  const auto never = [](const DkimKeyRef&, ByteView) -> Later<Bytes> { return fail(ErrorCode::Internal, "nobody asked for that"); };
  for (const std::string& stored : {kTrace + kMessage, std::string(), std::string("x")})
    EXPECT_EQ(finish_late(stored, never, nobody).value(), stored);
}

TEST(LateSignature, ASignerThatDoesNotAnswerIsTheReason) {
  const auto away = [](const DkimKeyRef&, ByteView) -> Later<Bytes> { return fail(ErrorCode::Unavailable, "the keeper is away"); };
  const auto made = finish_late(write_late(kLate, kTrace + kMessage), away, nobody);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::Unavailable);
  EXPECT_NE(made.error().text().find("ed1"), std::string::npos) << made.error().text();
}

TEST(LateSignature, MailThatOutlivedItsKeysIsSignedByThoseOfNow) {
  const auto sign = [](const DkimKeyRef& key, ByteView data) -> Later<Bytes> {
    if (key.key_version < 4) return fail(ErrorCode::NotFound, "no such version");
    return by_hash(key, data);
  };
  const auto now = [](const std::string& domain) {
    return std::vector<DkimKeyRef>{{domain, "ed2", DkimAlgorithm::Ed25519Sha256, "dkim_key", 4}};
  };
  const std::string made = finish_late(write_late(kLate, kTrace + kMessage), sign, now).value();
  EXPECT_NE(made.find("s=ed2;"), std::string::npos);
  EXPECT_NE(made.find("t=1795308067;"), std::string::npos);
  EXPECT_EQ(made.find("s=rsa1;"), std::string::npos);
  EXPECT_EQ(finish_late(write_late(kLate, kTrace + kMessage), sign, nobody).value(), kTrace + kMessage) << "the domain signs no more";
}

TEST(LateSignature, WhatNobodyWroteIsRefused) {
  const std::string good = write_late(kLate, kTrace + kMessage);
  const auto code_of = [](std::string stored) {
    const auto made = finish_late(std::move(stored), by_hash, nobody);
    return made ? ErrorCode::Conflict : made.error().code;
  };
  for (std::size_t size = 1; size <= good.find('\n'); ++size) EXPECT_EQ(code_of(good.substr(0, size)), ErrorCode::Internal) << size;
  const std::string mark("\0late-dkim ", 11);
  for (const char* recipe :
       {"", "null", "[]", "{}", R"({"at":-1,"time":1,"keys":[]})", R"({"at":9999,"time":1,"keys":[]})", R"({"at":1.5,"time":1,"keys":[]})",
        R"({"at":0,"time":"x","keys":[]})", R"({"at":0,"time":1,"keys":{}})", R"({"at":0,"time":1,"keys":[{}]})",
        R"({"at":0,"time":1,"keys":[{"d":"a","s":"b","a":"rsa-md5","key":"k","version":1}]})",
        R"({"at":0,"time":1,"keys":[{"d":"a","s":"b","a":"rsa-sha256","key":"k","version":-1}]})"})
    EXPECT_EQ(code_of(mark + recipe + "\n" + kMessage), ErrorCode::Internal) << recipe;
}

TEST(LateSignature, EveryOctetMayBeDamaged) {
  const std::string good = write_late(kLate, kTrace + kMessage);
  for (std::size_t at = 0; at < good.find('\n'); ++at) {
    for (const char other : {'\0', '{', '"', '9', '\n', '\xff'}) {
      std::string damaged = good;
      damaged[at] = other;
      const auto made = finish_late(std::move(damaged), by_hash, nobody);
      EXPECT_TRUE(!made || !is_late(*made)) << "the stored form is given to nobody, octet " << at;
    }
  }
}

}  // namespace
}  // namespace postern::gateway
