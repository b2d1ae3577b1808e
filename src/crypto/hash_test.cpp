#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "crypto/hmac.hpp"
#include "crypto/hmac_sha256.hpp"
#include "crypto/kdf.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

std::string hex(ByteView bytes) { return hex_encode(bytes); }
Bytes unhex(std::string_view text) { return hex_decode(text).value(); }

TEST(Hash, KnownAnswers) {  // FIPS 180-4 and FIPS 202 examples for "abc"
  EXPECT_EQ(hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(digest(HashAlgorithm::Sha1, as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(digest(HashAlgorithm::Sha384, as_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(hex(digest(HashAlgorithm::Sha3_256, as_bytes("abc"))), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
  EXPECT_EQ(hex(digest(HashAlgorithm::Sha3_512, as_bytes("abc"))).substr(0, 32), "b751850b1a57168a5693cd924b6b096e");
  EXPECT_EQ(hex(sha512(as_bytes("abc"))).substr(0, 32), "ddaf35a193617abacc417349ae204131");
}

TEST(Hash, PiecesCopiesAndReuse) {
  Hasher hasher(HashAlgorithm::Sha256);
  hasher.update("a");
  Hasher fork = hasher;
  EXPECT_EQ(hasher.update("bc").finish(), digest(HashAlgorithm::Sha256, as_bytes("abc")));
  EXPECT_EQ(fork.update("x").finish(), digest(HashAlgorithm::Sha256, as_bytes("ax")));
  EXPECT_EQ(hasher.update("abc").finish(), digest(HashAlgorithm::Sha256, as_bytes("abc")));
}

TEST(Hash, NamesReadInEveryUsualSpelling) {
  for (const char* name : {"sha256", "SHA-256", "sha2-256", "SHA256"}) EXPECT_EQ(hash_from_name(name), HashAlgorithm::Sha256) << name;
  EXPECT_EQ(hash_from_name("sha3-512"), HashAlgorithm::Sha3_512);
  EXPECT_FALSE(hash_from_name("md5"));
  EXPECT_FALSE(hash_from_name(""));
}

TEST(Hmac, Rfc4231) {  // RFC 4231 4.2, 4.3, 4.7
  EXPECT_EQ(hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(Bytes(131, 0xaa), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, SameKeyAgainAndEmptyKey) {
  Hmac mac(HashAlgorithm::Sha256, as_bytes("Jefe"));
  const Bytes first = mac.update(as_bytes("what do ya ")).update(as_bytes("want for nothing?")).finish();
  EXPECT_EQ(mac.update(as_bytes("what do ya want for nothing?")).finish(), first);
  EXPECT_EQ(hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HmacSha256, IsHmac) {  // RFC 4231 4.2, 4.3, 4.7 by way of the other implementation
  for (const std::size_t key_size : {0U, 1U, 20U, 63U, 64U, 65U, 131U}) {
    const Bytes key(key_size, 0xAA);
    HmacSha256 kept(key);
    for (const std::size_t size : {0U, 1U, 8U, 54U, 55U, 56U, 63U, 64U, 65U, 1000U}) {
      const Bytes message(size, 0x5B);
      EXPECT_EQ(kept.update(message).finish(), hmac_sha256(key, message)) << key_size << " " << size;
      EXPECT_EQ(kept.update(ByteView(message).first(size / 3)).update(ByteView(message).subspan(size / 3)).finish(),
                hmac_sha256(key, message));
    }
  }
}

TEST(Kdf, HkdfRfc5869) {  // RFC 5869 A.1 and A.3
  const auto a1 = hkdf(HashAlgorithm::Sha256, Bytes(22, 0x0b), unhex("000102030405060708090a0b0c"), unhex("f0f1f2f3f4f5f6f7f8f9"), 42);
  EXPECT_EQ(hex(a1.value().view()), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  const auto a3 = hkdf(HashAlgorithm::Sha256, Bytes(22, 0x0b), {}, {}, 42);
  EXPECT_EQ(hex(a3.value().view()), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  EXPECT_EQ(hkdf(HashAlgorithm::Sha256, {}, {}, {}, 255 * 32 + 1).error().code, ErrorCode::BadInput);
}

TEST(Kdf, Argon2idRfc9106) {  // RFC 9106 5.3
  const Argon2Cost cost{.memory_kib = 32, .iterations = 3, .lanes = 4};
  const auto tag = argon2id(Bytes(32, 0x01), Bytes(16, 0x02), cost, 32, Bytes(8, 0x03), Bytes(12, 0x04));
  EXPECT_EQ(hex(tag.value().view()), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
}

TEST(Kdf, Argon2idRefusesWhatItCannotDo) {
  const Bytes salt(16, 2);
  const Argon2Cost good{.memory_kib = 64, .iterations = 1, .lanes = 1};
  EXPECT_TRUE(argon2id({}, salt, good, 32));
  EXPECT_EQ(argon2id({}, Bytes(7, 2), good, 32).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, good, 3).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, good, 1025).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, {.memory_kib = 64, .iterations = 0, .lanes = 1}, 32).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, {.memory_kib = 64, .iterations = 1, .lanes = 0}, 32).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, {.memory_kib = 63, .iterations = 1, .lanes = 8}, 32).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, {.memory_kib = 4096, .iterations = 1, .lanes = 0xffffffff}, 32).error().code, ErrorCode::BadInput);
  EXPECT_EQ(argon2id({}, salt, {.memory_kib = kArgon2Memory + 1, .iterations = 1, .lanes = 1}, 32).error().code, ErrorCode::TooLarge);
  EXPECT_NE(hex(argon2id({}, salt, good, 32)->view()), hex(argon2id(as_bytes("x"), salt, good, 32)->view()));
}

TEST(Kdf, Pbkdf2AndScryptRfc7914) {  // RFC 7914 11 and 12
  EXPECT_EQ(
      hex(pbkdf2(HashAlgorithm::Sha256, as_bytes("passwd"), as_bytes("salt"), 1, 64).value().view()),
      "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  const ScryptCost tiny{.n = 16, .r = 1, .p = 1};
  EXPECT_EQ(
      hex(scrypt({}, {}, tiny, 64).value().view()),
      "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
  const ScryptCost usual{.n = 1024, .r = 8, .p = 16};
  EXPECT_EQ(hex(scrypt(as_bytes("password"), as_bytes("NaCl"), usual, 64).value().view()).substr(0, 32),
            "fdbabe1c9d3472007856e7190d01e9fe");
}

TEST(Kdf, ScryptRefusesCostsThatCannotBe) {
  for (const ScryptCost cost : {ScryptCost{.n = 15}, ScryptCost{.n = 1}, ScryptCost{.n = 0}, ScryptCost{.r = 0}, ScryptCost{.p = 0}}) {
    EXPECT_EQ(scrypt(as_bytes("x"), as_bytes("y"), cost, 32).error().code, ErrorCode::BadInput);
  }
  EXPECT_EQ(scrypt(as_bytes("x"), as_bytes("y"), {.n = 1ULL << 30, .r = 8, .p = 1}, 32).error().code, ErrorCode::TooLarge);
}

TEST(Random, BlocksDoNotRepeatWithinOrAcrossFork) {
  Bytes before(64);
  fill_nonce(before);
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Bytes mine(64);
    fill_nonce(mine);
    const bool written = ::write(pipe_ends[1], mine.data(), mine.size()) == 64;
    ::_exit(written ? 0 : 1);
  }
  Bytes parents(64);
  Bytes childs(64);
  fill_nonce(parents);
  ASSERT_EQ(::read(pipe_ends[0], childs.data(), childs.size()), 64);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  EXPECT_EQ(status, 0);
  EXPECT_NE(parents, childs);
  EXPECT_NE(before, parents);
}

TEST(Random, LargeRequestsAreFilledWhole) {
  Bytes large(10000);
  fill_nonce(large);
  int zeros = 0;
  for (const Byte b : large) zeros += b == 0 ? 1 : 0;
  EXPECT_LT(zeros, 120);  // expected 39
  EXPECT_EQ(random_key(32).size(), 32U);
}

TEST(Openssl, ErrorsSayTheReasonAndEmptyTheQueue) {
  const auto bad = hkdf(HashAlgorithm::Sha256, {}, {}, {}, 0);
  EXPECT_FALSE(bad);
  EXPECT_EQ(openssl_error(ErrorCode::Internal, "doing nothing").text(), "doing nothing");
}

}  // namespace
}  // namespace postern
