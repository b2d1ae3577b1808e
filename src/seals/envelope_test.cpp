#include "seals/envelope.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/cursor.hpp"

namespace postern::seals {
namespace {

const Bytes kRoot(32, 0x11);
const Bytes kKey(32, 0x22);

TEST(Envelope, OpensWhatItLocked) {
  const Bytes blob = lock_blob(BlobKind::Tpm, as_bytes("how to get the key"), kKey, kRoot).value();
  EXPECT_EQ(hex_encode(ByteView(blob).first(8)), "5053010400000012");
  const OpenedBlob opened = read_blob(blob).value();
  EXPECT_EQ(opened.kind, BlobKind::Tpm);
  EXPECT_EQ(as_text(opened.recipe), "how to get the key");
  EXPECT_TRUE(std::ranges::equal(unlock_blob(opened, kKey)->view(), kRoot));
  EXPECT_EQ(unlock_blob(opened, Bytes(32, 0x23)).error().code, ErrorCode::IntegrityFailed);
  EXPECT_NE(lock_blob(BlobKind::Tpm, {}, kKey, kRoot), lock_blob(BlobKind::Tpm, {}, kKey, kRoot));
}

TEST(Envelope, EveryBitIsAuthentic) {
  const Bytes blob = lock_blob(BlobKind::Passphrase, as_bytes("recipe"), kKey, kRoot).value();
  for (std::size_t bit = 0; bit < blob.size() * 8; ++bit) {
    Bytes changed = blob;
    changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
    const auto opened = read_blob(changed);
    EXPECT_FALSE(opened && unlock_blob(*opened, kKey)) << "bit " << bit;
  }
  for (std::size_t size = 0; size < blob.size(); ++size) EXPECT_FALSE(read_blob(ByteView(blob).first(size))) << size;
  Bytes longer = blob;
  longer.push_back(0);
  EXPECT_EQ(read_blob(longer).error().code, ErrorCode::BadInput);
}

TEST(Envelope, SaysWhatItCannotRead) {
  EXPECT_EQ(read_blob({}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(read_blob(Bytes(kSealBlob + 1)).error().code, ErrorCode::TooLarge);
  Bytes blob = lock_blob(BlobKind::RawKey, {}, kKey, kRoot).value();
  blob[2] = 2;
  EXPECT_EQ(read_blob(blob).error().code, ErrorCode::Unsupported);
  blob[2] = 1, blob[3] = 6;
  EXPECT_EQ(read_blob(blob).error().code, ErrorCode::Unsupported);
  EXPECT_EQ(lock_blob(BlobKind::RawKey, {}, kKey, Bytes(31)).error().code, ErrorCode::BadInput);
  EXPECT_EQ(lock_blob(BlobKind::RawKey, {}, Bytes(16), kRoot).error().code, ErrorCode::BadInput);
  EXPECT_EQ(lock_blob(BlobKind::RawKey, Bytes(kSealBlob), kKey, kRoot).error().code, ErrorCode::TooLarge);
}

// A device that takes everything and gives back something else.
class Forgetful final : public EnvelopeSeal {
 public:
  Forgetful() : EnvelopeSeal("forgetful", "") {}

 private:
  Result<FreshKey> fresh_key() override { return FreshKey{BlobKind::Tpm, SecretBytes(kKey), to_bytes("x")}; }
  Result<SecretBytes> key_of(BlobKind, ByteView) override { return SecretBytes(32); }
};

TEST(Envelope, WrapProvesItsBlobFirst) {
  Forgetful seal;
  const Error error = seal.wrap(kRoot).error();
  EXPECT_EQ(error.code, ErrorCode::IntegrityFailed);
  EXPECT_NE(error.what.find("opening what was just sealed"), std::string::npos) << error.what;
  EXPECT_EQ(seal.wrap(Bytes(16)).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern::seals
