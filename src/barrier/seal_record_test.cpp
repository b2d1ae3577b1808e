#include "barrier/seal_record.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(SealRecordForm, ReadsWhatItWroteAndRefusesTheRest) {
  SealRecord record;
  record.type = "tpm";
  record.name = "front";
  record.blob = Bytes(100, 3);
  record.split = {.shares = 255, .threshold = 255};
  const Bytes encoded = record.encode();
  const SealRecord read = SealRecord::decode(encoded).value();
  EXPECT_EQ(read.type, "tpm");
  EXPECT_EQ(read.name, "front");
  EXPECT_EQ(read.blob, record.blob);
  EXPECT_EQ(read.split, record.split);
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_EQ(SealRecord::decode(ByteView(encoded).first(size)).error().code, ErrorCode::IntegrityFailed) << size;
  }
  record.split = {.shares = 3, .threshold = 1};
  EXPECT_FALSE(SealRecord::decode(record.encode()));
  record.split = {.shares = 3, .threshold = 2};
  record.blob.resize(kSealBlob + 1);
  EXPECT_FALSE(SealRecord::decode(record.encode()));
}

TEST(SealRecordForm, TheRootKeyOpensWithItsShareKeyAndSplitOnly) {
  SealRecord record;
  record.split = {.shares = 5, .threshold = 3};
  record.blob = seal_root_key(Bytes(kRootKey, 1), Bytes(32, 2), record.split).value();
  EXPECT_EQ(hex_encode(open_root_key(record, Bytes(32, 2))->view()), hex_encode(Bytes(kRootKey, 1)));
  EXPECT_EQ(open_root_key(record, Bytes(32, 3)).error().code, ErrorCode::Denied);
  record.split.threshold = 2;
  EXPECT_EQ(open_root_key(record, Bytes(32, 2)).error().code, ErrorCode::Denied);
}

}  // namespace
}  // namespace postern
