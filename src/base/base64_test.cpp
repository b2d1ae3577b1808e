#include "base/base64.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace postern {
namespace {

using namespace std::string_literals;

/// What base64_read says, as a value like that of the simple form.
Result<Bytes> read(std::string_view text) {
  Bytes out(base64_room(text.size()), 0xee);
  POSTERN_TRY(const std::size_t size, base64_read(text, out));
  out.resize(size);
  return out;
}

void expect_same(std::string_view text) {
  const auto simple = base64_parts::decode_simple(text);
  const auto fast = read(text);
  ASSERT_EQ(fast.has_value(), simple.has_value()) << text;
  if (simple)
    ASSERT_EQ(*fast, *simple) << text;
  else
    ASSERT_EQ(fast.error(), simple.error()) << text;
}

TEST(Base64Fast, EveryLengthBothWays) {
  FixedRandom random;
  for (std::size_t size = 0; size < 700; ++size) {
    const Bytes bytes = random.bytes(size);
    std::string text(base64_size(size) + 1, '!');
    base64_write(bytes, text.data());
    ASSERT_EQ(text.back(), '!') << "wrote past its end, size " << size;
    text.pop_back();
    ASSERT_EQ(text, base64_parts::encode_simple(bytes));
    ASSERT_EQ(base64_encode(bytes), text);
    ASSERT_EQ(read(text).value(), bytes);
    ASSERT_EQ(base64_decode(text).value(), bytes);
  }
}

TEST(Base64Fast, EveryByteAtEveryPlace) {
  FixedRandom random;
  for (const std::size_t size : {46U, 47U, 48U, 100U}) {  // with two, one and no padding, with and without a vector block in front
    const std::string good = base64_encode(random.bytes(size));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text = good;
        text[at] = static_cast<char>(c);
        expect_same(text);
      }
    }
  }
}

TEST(Base64Fast, EveryLengthOfText) {
  const std::string good = base64_encode(FixedRandom(3).bytes(120));
  for (std::size_t size = 0; size <= good.size(); ++size) {
    expect_same(good.substr(0, size));
    expect_same(good.substr(0, size) + "=");
    expect_same(good.substr(0, size) + "==");
    expect_same(good.substr(0, size) + "\0"s);
  }
}

TEST(Base64Fast, EveryGroupByTable) {
  std::array<char, 4> text{};
  std::array<Byte, 3> back{};
  for (std::uint32_t group = 0; group < 1U << 24; ++group) {
    const std::array<Byte, 3> bytes{static_cast<Byte>(group >> 16), static_cast<Byte>(group >> 8), static_cast<Byte>(group)};
    ASSERT_EQ(base64_parts::encode_table(bytes, text.data()).written, 4U);
    ASSERT_EQ(base64_parts::decode_table({text.data(), 4}, back.data(), 3).written, 3U);
    ASSERT_EQ(back, bytes);
  }
}

/// All 4,096 pairs of six bits at every place of a vector block, against the simple form.
TEST(Base64Fast, EveryPairInVectorBlocks) {
  const auto encode = base64_parts::encode_vector();
  const auto decode = base64_parts::decode_vector();
  if (encode == nullptr) GTEST_SKIP() << "no AVX2 here";
  Bytes bytes;
  for (std::uint32_t pair = 0; pair < 4096; ++pair) {
    bytes.push_back(static_cast<Byte>(pair >> 4));
    bytes.push_back(static_cast<Byte>(pair << 4 | pair >> 8));
    bytes.push_back(static_cast<Byte>(pair));
  }
  for (std::size_t skip = 0; skip < 24; ++skip) {
    const ByteView part = ByteView(bytes).subspan(skip);
    const std::string expected = base64_parts::encode_simple(part);
    std::string text(base64_size(part.size()), '!');
    const auto encoded = encode(part, text.data());
    ASSERT_GT(encoded.written, expected.size() - 64);
    ASSERT_EQ(text.substr(0, encoded.written), expected.substr(0, encoded.written));
    Bytes back(part.size());
    const auto decoded = decode(std::string_view(expected).substr(0, encoded.written), back.data(), back.size());
    ASSERT_EQ(decoded.read / 4 * 3, decoded.written);
    ASSERT_TRUE(std::equal(back.begin(), back.begin() + static_cast<std::ptrdiff_t>(decoded.written), part.begin()));
  }
}

TEST(Base64Fast, AVectorBlockStopsAtEveryForeignCharacter) {
  const auto decode = base64_parts::decode_vector();
  if (decode == nullptr) GTEST_SKIP() << "no AVX2 here";
  Bytes out(96);
  for (std::size_t at = 0; at < 32; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string text(64, 'A');
      text[at] = static_cast<char>(c);
      const bool known = base64_parts::decode_simple(std::string(3, 'A') + static_cast<char>(c)).has_value() && c != '=';
      ASSERT_EQ(decode(text, out.data(), out.size()).read, known ? 64U : 0U) << c;
    }
  }
}

}  // namespace
}  // namespace postern
