#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "crypto/aead.hpp"
#include "crypto/random.hpp"
#include "crypto/stream_aead.hpp"

namespace postern {
namespace {

Bytes unhex(std::string_view text) { return hex_decode(text).value(); }
bool contains(ByteView haystack, ByteView needle) {
  return std::search(haystack.begin(), haystack.end(), needle.begin(), needle.end()) != haystack.end();
}
Aead cipher(AeadAlgorithm algorithm, ByteView key) { return Aead::create(algorithm, key).value(); }
Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i * 31 + i / 251);
  return out;
}

TEST(Aead, ChaChaRfc8439) {  // RFC 8439 2.8.2
  const auto aead = cipher(AeadAlgorithm::ChaCha20Poly1305, unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
  const Bytes text =
      to_bytes("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.");
  Bytes out(text.size() + kAeadTag);
  ASSERT_TRUE(aead.seal(unhex("070000004041424344454647"), unhex("50515253c0c1c2c3c4c5c6c7"), text, out));
  EXPECT_EQ(hex_encode(ByteView(out).last(16)), "1ae10b594f09e26a7e902ecbd0600691");
  EXPECT_EQ(hex_encode(ByteView(out).first(8)), "d31a8d34648e60db");
}

TEST(Aead, AesGcmTestCase16) {  // The GCM specification (McGrew, Viega), appendix B, test case 16
  const auto aead = cipher(AeadAlgorithm::Aes256Gcm, unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const Bytes text =
      unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  Bytes out(text.size() + kAeadTag);
  ASSERT_TRUE(aead.seal(unhex("cafebabefacedbaddecaf888"), unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), text, out));
  EXPECT_EQ(hex_encode(ByteView(out).last(16)), "76fc6ece0f4e1768cddf8853bb2d551b");
}

TEST(Aead, EveryChangedBitIsNoticedAndNothingIsHandedOn) {
  for (const auto algorithm : {AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305}) {
    const auto aead = cipher(algorithm, random_key(aead_key_size(algorithm)).view());
    const Bytes aad = to_bytes("context");
    const Bytes sealed = aead.seal_random(aad, as_bytes("attack at dawn")).value();
    EXPECT_EQ(as_text(aead.open_random(aad, sealed).value().view()), "attack at dawn");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes changed = sealed;
      changed[bit / 8] ^= static_cast<Byte>(1U << bit % 8);
      EXPECT_EQ(aead.open_random(aad, changed).error().code, ErrorCode::IntegrityFailed);
    }
    EXPECT_EQ(aead.open_random(as_bytes("Context"), sealed).error().code, ErrorCode::IntegrityFailed);
    Bytes out(14, 0xee);
    Bytes changed(sealed.begin() + 12, sealed.end());
    changed[0] ^= 1;
    EXPECT_FALSE(aead.open(ByteView(sealed).first(12), aad, changed, out));
    EXPECT_EQ(out, Bytes(14, 0));
  }
}

TEST(Aead, RefusesWrongSizes) {
  EXPECT_EQ(Aead::create(AeadAlgorithm::Aes256Gcm, Bytes(16)).error().code, ErrorCode::BadInput);
  const auto aead = cipher(AeadAlgorithm::Aes256Gcm, Bytes(32));
  Bytes out(16);
  EXPECT_EQ(aead.seal(Bytes(11), {}, {}, out).error().code, ErrorCode::BadInput);
  EXPECT_EQ(aead.seal(Bytes(12), {}, Bytes(1), out).error().code, ErrorCode::Internal);
  EXPECT_EQ(aead.open(Bytes(12), {}, Bytes(15), out).error().code, ErrorCode::BadInput);
  EXPECT_EQ(aead.open_random({}, Bytes(27)).error().code, ErrorCode::BadInput);
}

TEST(Aead, SealsInPlace) {
  const auto aead = cipher(AeadAlgorithm::Aes256Gcm, Bytes(32, 7));
  Bytes buffer = pattern(1000);
  const Bytes plain = buffer;
  buffer.resize(1000 + kAeadTag);
  ASSERT_TRUE(aead.seal(Bytes(12), {}, ByteView(buffer).first(1000), buffer));
  Bytes apart(1000 + kAeadTag);
  ASSERT_TRUE(aead.seal(Bytes(12), {}, plain, apart));
  EXPECT_EQ(buffer, apart);
  ASSERT_TRUE(aead.open(Bytes(12), {}, Bytes(buffer), ByteSpan(buffer).first(1000)));
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), buffer.begin()));
}

TEST(Aead, ManyKeysInOneThreadDoNotMix) {
  std::vector<Aead> all;
  for (int i = 0; i < 40; ++i)
    all.push_back(cipher(i % 2 == 0 ? AeadAlgorithm::Aes256Gcm : AeadAlgorithm::ChaCha20Poly1305, Bytes(32, static_cast<Byte>(i))));
  std::vector<Bytes> sealed;
  for (const Aead& aead : all) sealed.push_back(aead.seal_random({}, as_bytes("x")).value());
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = 0; k < all.size(); ++k) EXPECT_EQ(all[k].open_random({}, sealed[i]).has_value(), i == k);
  }
  Aead moved = std::move(all[3]);
  EXPECT_TRUE(moved.open_random({}, sealed[3]));
}

TEST(Aead, OneKeyInManyThreads) {
  const auto aead = cipher(AeadAlgorithm::Aes256Gcm, random_key(32).view());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        const Bytes text = pattern(static_cast<std::size_t>(i));
        const auto opened = aead.open_random({}, aead.seal_random({}, text).value());
        if (opened && std::ranges::equal(opened->view(), text)) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 2000);
}

// Streams ----------------------------------------------------------------------------------------------------------------------------

const Bytes kKey(32, 0x42);
const std::size_t kSizes[] = {
    0, 1, 15, 16, 1000, kStreamChunk - 1, kStreamChunk, kStreamChunk + 1, 2 * kStreamChunk, 3 * kStreamChunk + 77};

TEST(Stream, EverySizeComesBackByEveryRoad) {
  for (const std::size_t size : kSizes) {
    const Bytes text = pattern(size);
    const RawBytes whole = stream_seal(kKey, as_bytes("id"), text).value();
    EXPECT_EQ(whole.size(), stream_sealed_size(size));
    EXPECT_EQ(stream_open(kKey, as_bytes("id"), whole).value(), text);
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{65536}, std::size_t{65552}, std::size_t{100000}}) {
      auto sealer = StreamSealer::create(kKey, as_bytes("id")).value();
      Bytes sealed;
      for (std::size_t at = 0; at < size; at += piece)
        ASSERT_TRUE(sealer.update(ByteView(text).subspan(at, std::min(piece, size - at)), sealed));
      ASSERT_TRUE(sealer.finish(sealed));
      EXPECT_EQ(stream_open(kKey, as_bytes("id"), sealed).value(), text);
      auto opener = StreamOpener::create(kKey, as_bytes("id")).value();
      Bytes opened;
      for (std::size_t at = 0; at < whole.size(); at += piece)
        ASSERT_TRUE(opener.update(ByteView(whole).subspan(at, std::min(piece, whole.size() - at)), opened));
      ASSERT_TRUE(opener.finish(opened));
      EXPECT_EQ(opened, text);
    }
  }
}

// The nonce that comes with the key serves once: the second message under it has its own.
TEST(Stream, TwoStreamsUnderOneKeyShareNoKeystream) {
  const Bytes zeros(64, 0);
  const RawBytes one = stream_seal(kKey, {}, zeros).value(), other = stream_seal(kKey, {}, zeros).value();
  EXPECT_FALSE(std::equal(one.begin() + 8, one.end(), other.begin() + 8));
  auto sealer = StreamSealer::create(kKey, {}).value();
  Bytes out;
  ASSERT_TRUE(sealer.update(Bytes(2 * kStreamChunk, 0), out));
  ASSERT_TRUE(sealer.finish(out));
  EXPECT_FALSE(std::equal(out.begin() + 8, out.begin() + 72, out.begin() + 8 + kStreamChunk + kAeadTag));
  EXPECT_EQ(stream_open(kKey, {}, out).value(), Bytes(2 * kStreamChunk, 0));
}

TEST(Stream, SmallMessagesCostTwentyFourBytes) { EXPECT_EQ(stream_seal(kKey, {}, pattern(2000)).value().size(), 2024U); }

TEST(Stream, NothingOfThePlaintextShows) {
  const Bytes marker = to_bytes("A-MARKER-THAT-MUST-NOT-SHOW");
  Bytes text = pattern(100000);
  std::copy(marker.begin(), marker.end(), text.begin() + 70000);
  const RawBytes sealed = stream_seal(kKey, marker, text).value();
  EXPECT_FALSE(contains(sealed, marker));
  EXPECT_NE(sealed, stream_seal(kKey, marker, text).value());
}

// Both roads must refuse; the incremental one may hand out only a prefix of the true text before it does.
void expect_refused(ByteView sealed, const Bytes& text, ByteView aad = {}) {
  EXPECT_FALSE(stream_open(kKey, aad, sealed));
  auto opener = StreamOpener::create(kKey, aad).value();
  Bytes opened;
  const bool updated = opener.update(sealed, opened).has_value();
  EXPECT_FALSE(updated && opener.finish(opened).has_value());
  EXPECT_LE(opened.size(), text.size());
  EXPECT_TRUE(std::equal(opened.begin(), opened.end(), text.begin()));
  EXPECT_FALSE(opener.finish(opened));
}

TEST(Stream, ChangedBytesAreNoticedEverywhere) {
  const Bytes text = pattern(2 * kStreamChunk + 100);
  const RawBytes sealed = stream_seal(kKey, {}, text).value();
  for (std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, kStreamChunk, kStreamChunk + 9, kStreamChunk + 24,
                         sealed.size() - 1}) {
    RawBytes changed = sealed;
    changed[at] ^= 0x80;
    expect_refused(changed, text);
  }
  expect_refused(sealed, text, as_bytes("another context"));
}

TEST(Stream, TruncationIsNoticedAtEveryLength) {
  const Bytes text = pattern(kStreamChunk + 40);
  const RawBytes sealed = stream_seal(kKey, {}, text).value();
  for (std::size_t size = 0; size < sealed.size(); size += size < 64 || size > kStreamChunk ? 1 : 997) {
    expect_refused(Bytes(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(size)), text);
  }
}

TEST(Stream, ReorderedRepeatedDroppedAndAppendedChunksAreNoticed) {
  const Bytes text = pattern(3 * kStreamChunk);
  const RawBytes sealed = stream_seal(kKey, {}, text).value();
  const std::size_t unit = kStreamChunk + kAeadTag;
  const auto chunk = [&](std::size_t i) { return ByteView(sealed).subspan(kStreamHeader + i * unit, unit); };
  const auto assemble = [&](std::initializer_list<std::size_t> order) {
    Bytes out(sealed.begin(), sealed.begin() + kStreamHeader);
    for (const std::size_t i : order) append(out, chunk(i));
    return out;
  };
  EXPECT_TRUE(stream_open(kKey, {}, assemble({0, 1, 2})));
  for (const auto order : {std::initializer_list<std::size_t>{1, 0, 2}, {0, 2}, {0, 0, 1, 2}, {0, 1}, {0, 1, 1, 2}, {0, 1, 2, 2}, {2}}) {
    expect_refused(assemble(order), text);
  }
  RawBytes longer = sealed;
  longer.push_back(0);
  expect_refused(longer, text);
}

TEST(Stream, ChunksOfTwoStreamsDoNotMix) {
  const Bytes text = pattern(2 * kStreamChunk);
  RawBytes one = stream_seal(kKey, {}, text).value();
  const RawBytes two = stream_seal(kKey, {}, text).value();
  std::copy(two.begin() + kStreamHeader, two.begin() + 100000, one.begin() + kStreamHeader);
  EXPECT_FALSE(stream_open(kKey, {}, one));
}

TEST(Stream, RefusesOtherKeysAndFormats) {
  const RawBytes sealed = stream_seal(kKey, {}, pattern(10)).value();
  EXPECT_EQ(stream_open(Bytes(32, 1), {}, sealed).error().code, ErrorCode::IntegrityFailed);
  EXPECT_EQ(stream_seal(Bytes(31), {}, {}).error().code, ErrorCode::BadInput);
  RawBytes later = sealed;
  later[0] = 2;
  EXPECT_EQ(stream_open(kKey, {}, later).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace postern
