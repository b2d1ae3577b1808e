#include "barrier/shamir.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace postern {
namespace {

std::vector<SecretBytes> from_hex(std::initializer_list<std::string_view> texts) {
  std::vector<SecretBytes> shares;
  for (const std::string_view text : texts) shares.emplace_back(hex_decode(text).value());
  return shares;
}
std::string hex(const SecretBytes& bytes) { return hex_encode(bytes.view()); }

TEST(Gf256, IsTheFieldOfAes) {  // FIPS 197 4.2, 4.2.1
  EXPECT_EQ(detail::gf_multiply(0x57, 0x83), 0xc1);
  EXPECT_EQ(detail::gf_multiply(0x57, 0x13), 0xfe);
  EXPECT_EQ(detail::gf_inverse(0x53), 0xca);
  EXPECT_EQ(detail::gf_inverse(0), 0);
  for (unsigned a = 1; a < 256; ++a) {
    const auto byte = static_cast<Byte>(a);
    EXPECT_EQ(detail::gf_multiply(byte, detail::gf_inverse(byte)), 1) << a;
    EXPECT_EQ(detail::gf_multiply(byte, 1), a);
    EXPECT_EQ(detail::gf_multiply(byte, 0), 0);
  }
}

// The vector was made with logarithm tables over the generator 3, which the code under test has not: secret 00ff53ca, coefficients
// 11223344 (of x) and a5005aff (of x^2).
TEST(Shamir, KnownAnswer) {
  const Bytes coefficients{0x53, 0x33, 0x5a};
  EXPECT_EQ(detail::gf_evaluate(coefficients, 0x01), 0x3a);
  EXPECT_EQ(detail::gf_evaluate(coefficients, 0x02), 0x46);
  EXPECT_EQ(detail::gf_evaluate(coefficients, 0x53), 0xc6);
  EXPECT_EQ(detail::gf_evaluate(coefficients, 0xff), 0xcb);
  EXPECT_EQ(hex(shamir_combine(from_hex({"b4dd3a7101", "80bb469302", "4dd7c66a53"})).value()), "00ff53ca");
  EXPECT_EQ(hex(shamir_combine(from_hex({"dcc8cbd7ff", "4dd7c66a53", "b4dd3a7101"})).value()), "00ff53ca");
  EXPECT_EQ(hex(shamir_combine(from_hex({"dcc8cbd7ff", "4dd7c66a53", "b4dd3a7101", "80bb469302"})).value()), "00ff53ca");
}

TEST(Shamir, EverySubsetOfEnoughSharesGivesTheSecret) {
  const Bytes secret = hex_decode("000102fdfeff80aa").value();
  for (unsigned threshold = 2; threshold <= 6; ++threshold) {
    const auto shares = shamir_split(secret, {.shares = 6, .threshold = threshold}).value();
    ASSERT_EQ(shares.size(), 6U);
    for (unsigned subset = 1; subset < 64; ++subset) {
      std::vector<SecretBytes> chosen;
      for (unsigned i = 0; i < 6; ++i) {
        if ((subset >> i & 1U) != 0) chosen.push_back(shares[i].clone());
      }
      const auto combined = shamir_combine(chosen);
      ASSERT_TRUE(combined);
      const bool right = std::ranges::equal(combined->view(), secret);
      EXPECT_EQ(right, chosen.size() >= threshold) << threshold << " " << subset;
    }
  }
}

TEST(Shamir, EverySubsetOfTwoOf255) {
  const Bytes secret{0x5a, 0x00};
  const auto shares = shamir_split(secret, {.shares = 255, .threshold = 2}).value();
  std::set<Byte> points;
  for (const SecretBytes& share : shares) points.insert(share.view().back());
  EXPECT_EQ(points.size(), 255U);
  EXPECT_FALSE(points.contains(0));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      std::vector<SecretBytes> pair;
      pair.push_back(shares[i].clone());
      pair.push_back(shares[j].clone());
      ASSERT_TRUE(std::ranges::equal(shamir_combine(pair)->view(), secret));
    }
  }
}

TEST(Shamir, AllOf255) {
  const auto shares = shamir_split(Bytes(32, 0xa7), {.shares = 255, .threshold = 255}).value();
  EXPECT_EQ(hex(shamir_combine(shares).value()), hex_encode(Bytes(32, 0xa7)));
}

TEST(Shamir, OneOfOneIsACopy) {
  const auto shares = shamir_split(Bytes(32, 9), {.shares = 1, .threshold = 1}).value();
  ASSERT_EQ(shares.size(), 1U);
  EXPECT_EQ(hex(shares.front()), hex_encode(Bytes(32, 9)));
  EXPECT_EQ(hex(shamir_combine(shares).value()), hex_encode(Bytes(32, 9)));
}

TEST(Shamir, RefusesSplitsThatCannotBe) {
  const Bytes secret(32, 1);
  for (const ShareSplit split : {ShareSplit{0, 0}, ShareSplit{0, 1}, ShareSplit{256, 3}, ShareSplit{3, 0}, ShareSplit{3, 1},
                                 ShareSplit{3, 4}, ShareSplit{1, 2}, ShareSplit{~0U, ~0U}}) {
    EXPECT_EQ(shamir_split(secret, split).error().code, ErrorCode::BadInput) << split.shares << "/" << split.threshold;
  }
  EXPECT_EQ(shamir_split({}, {3, 2}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(shamir_split(Bytes(kSharedSecret + 1), {3, 2}).error().code, ErrorCode::BadInput);
}

TEST(Shamir, RefusesShareMistakes) {
  const auto code = [](std::initializer_list<std::string_view> shares) {
    const auto combined = shamir_combine(from_hex(shares));
    return combined ? ErrorCode::Internal : combined.error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::BadInput);
  EXPECT_EQ(code({""}), ErrorCode::BadInput);
  EXPECT_EQ(code({"01", "02"}), ErrorCode::BadInput);
  EXPECT_EQ(code({"b4dd3a7101", "80bb4602"}), ErrorCode::BadInput);
  EXPECT_EQ(code({"b4dd3a7101", "b4dd3a7101"}), ErrorCode::BadInput);
  EXPECT_EQ(code({"b4dd3a7101", "80bb469301"}), ErrorCode::BadInput);
  EXPECT_EQ(code({"b4dd3a7101", "80bb469300"}), ErrorCode::BadInput);
}

}  // namespace
}  // namespace postern
