// What holds for every value and for every octet string, tried on many of each.
#include <gtest/gtest.h>

#include <unistd.h>
#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "asn1/dump.hpp"
#include "asn1/json.hpp"
#include "asn1/testing/entropy.hpp"
#include "asn1/testing/zoo.hpp"

namespace postern::asn1 {
namespace {

using zoo::Zoo;

Bytes encoded(const Zoo& value) {
  auto octets = encode(value);
  EXPECT_TRUE(octets) << octets.error().text() << '\n' << boost::json::serialize(to_json(value));
  return octets ? *octets : Bytes{};
}
Bytes reformed(ByteView octets, std::uint32_t seed) {
  const Bytes entropy = entropy_of(seed, 4096);
  ByteView left = entropy;
  const Reform rules = zoo::reforming();
  return Reformer(rules, left)(octets);
}

TEST(Properties, AValueIsReadAsItWasWritten) {
  for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
    const auto value = generated<Zoo>(seed, seed % 900);
    const Bytes octets = encoded(value);
    const auto again = decode<Zoo>(octets, {.strict = true});
    ASSERT_TRUE(again) << seed << ": " << again.error().text();
    ASSERT_EQ(*again, value) << seed;
    ASSERT_EQ(encoded(*again), octets) << seed;
    ASSERT_EQ(element_size(octets).value(), octets.size());
  }
}

TEST(Properties, EveryEncodingOfAValueIsReadAlike) {
  std::size_t longer = 0;
  for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
    const auto value = generated<Zoo>(seed, seed % 900);
    const Bytes octets = encoded(value);
    const Bytes other = reformed(octets, seed);
    longer += other.size() > octets.size() ? 1 : 0;
    const auto again = decode<Zoo>(other, {.strict = true});
    ASSERT_TRUE(again) << seed << ": " << again.error().text() << '\n' << dump(other);
    ASSERT_EQ(*again, value) << seed;
    ASSERT_EQ(element_size(other).value(), other.size());
  }
  EXPECT_GT(longer, 4'900U);
}

TEST(Properties, ALengthOfZeroMayBeLongToo) {
  EXPECT_EQ(decode<OctetString>(hex_decode("048400000000").value()).value(), OctetString());
  EXPECT_EQ(decode<OctetString>(hex_decode("248400000000").value()).value(), OctetString());
}

TEST(Properties, WhatIsCutOffIsRefused) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Bytes octets = reformed(encoded(generated<Zoo>(seed, 200)), seed);
    for (std::size_t size = 0; size < octets.size(); ++size) {
      EXPECT_FALSE(decode<Zoo>(ByteView(octets).first(size))) << seed << ' ' << size;
      EXPECT_FALSE(element_size(ByteView(octets).first(size))) << seed << ' ' << size;
    }
  }
}

/// Changes, removes and adds a few octets.
Bytes damaged(Bytes octets, std::uint32_t seed) {
  std::mt19937 random(seed);
  for (auto times = 1 + random() % 4; times > 0 && !octets.empty(); --times) {
    const auto at = octets.begin() + static_cast<std::ptrdiff_t>(random() % octets.size());
    switch (random() % 4) {
      case 0: octets.erase(at); break;
      case 1: octets.insert(at, static_cast<Byte>(random())); break;
      case 2: *at ^= static_cast<Byte>(1U << random() % 8); break;
      default: *at = std::array<Byte, 4>{0x00, 0x80, 0xFF, 0x30}[random() % 4];
    }
  }
  return octets;
}

TEST(Properties, DamagedOctetsAreRefusedOrReadAsAValue) {
  std::size_t read = 0;
  for (std::uint32_t seed = 0; seed < 20'000; ++seed) {
    const Bytes octets = damaged(reformed(encoded(generated<Zoo>(seed % 500, 300)), seed), seed);
    (void)dump(octets);
    (void)element_size(octets);
    std::vector<Quirk> quirks;
    const auto value = decode<Zoo>(octets, {.quirks = &quirks});
    if (!value) {
      ASSERT_FALSE(value.error().what.empty());
      continue;
    }
    ++read;
    const auto back = from_json<Zoo>(to_json(*value));
    ASSERT_TRUE(back) << seed << ": " << back.error().text();
    ASSERT_EQ(*back, *value) << seed;
    if (quirks.empty()) ASSERT_TRUE(encode(*value)) << seed << ": " << encode(*value).error().text();
    const auto again = encode_as_taken(*value);
    ASSERT_TRUE(again) << seed << ": " << again.error().text();
    ASSERT_EQ(decode<Zoo>(*again).value(), *value) << seed;
  }
  EXPECT_GT(read, 1'000U);
}

TEST(Properties, DeepNestingIsRefused) {
  Bytes open, closed;
  for (int i = 0; i < 100'000; ++i) append(open, Bytes{0xAA, 0x80});
  const auto refused = decode<zoo::Place>(open);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::TooLarge);
  EXPECT_EQ(element_size(open).error().code, ErrorCode::TooLarge);
}

// X.690 8.11: the components of a SET in any order.
TEST(Properties, ASetIsReadInAnyOrder) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    auto value = generated<zoo::Animal>(seed, 300);
    value.unknown.clear();  // they keep their order
    const Bytes octets = encode(value).value();
    ByteView content(octets);
    content = content.subspan(peek_header(content).value()->octets);
    std::vector<ByteView> parts;
    while (!content.empty()) {
      const std::size_t size = element_size(content).value();
      parts.push_back(content.first(size));
      content = content.subspan(size);
    }
    std::shuffle(parts.begin(), parts.end(), std::mt19937(seed));
    Bytes other = {0x31, 0x80};
    for (const ByteView part : parts) append(other, part);
    other.insert(other.end(), 2, Byte{0});
    const auto again = decode<zoo::Animal>(other);
    ASSERT_TRUE(again) << seed << ": " << again.error().text();
    ASSERT_EQ(*again, value) << seed;
  }
}

// ---- another decoder's opinion
struct Seen {
  std::size_t offset = 0, header = 0, depth = 0;
  std::optional<std::size_t> length;
  bool is_constructed = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& s) {
  return out << s.offset << ":d=" << s.depth << " hl=" << s.header << " l=" << (s.length ? std::to_string(*s.length) : "inf") << ' '
             << s.is_constructed;
}

/// Every element, by our own headers.
void walk(ByteView whole, std::size_t at, std::size_t end, std::size_t depth, std::vector<Seen>& out) {
  while (at < end) {
    const Header header = peek_header(whole.subspan(at)).value().value();
    const std::size_t size = element_size(whole.subspan(at, end - at)).value_or(header.octets);  // end-of-contents has none
    out.push_back({at, header.octets, depth, header.length, header.constructed});
    if (header.constructed) walk(whole, at + header.octets, at + size, depth + 1, out);
    at += size;
  }
}

/// The lines of `openssl asn1parse`; nullopt where there is no such program.
std::optional<std::vector<Seen>> seen_by_openssl(ByteView octets) {
  const auto file = std::filesystem::temp_directory_path() / ("postern-asn1-" + std::to_string(::getpid()) + ".ber");
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  std::FILE* pipe = ::popen(("openssl asn1parse -inform DER -in " + file.string() + " 2>&1").c_str(), "r");
  std::vector<Seen> out;
  std::array<char, 4096> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    Seen seen;
    std::array<char, 16> length{}, form{};
    if (std::sscanf(line.data(), "%zu:d=%zu hl=%zu l=%15s %15s", &seen.offset, &seen.depth, &seen.header, length.data(), form.data()) != 5)
      continue;  // octets of the line before
    if (std::string_view(length.data()) != "inf") seen.length = std::strtoul(length.data(), nullptr, 10);
    seen.is_constructed = std::string_view(form.data()) == "cons:";
    out.push_back(seen);
  }
  const int status = ::pclose(pipe);
  std::filesystem::remove(file);
  if (WEXITSTATUS(status) == 127) return std::nullopt;
  EXPECT_EQ(status, 0);
  return out;
}

TEST(Properties, OpenSslSeesTheSameElements) {
  Bytes all;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const Bytes octets = encoded(generated<Zoo>(seed, 500));
    append(all, octets);
    append(all, reformed(octets, seed));
  }
  const auto theirs = seen_by_openssl(all);
  if (!theirs) FAIL() << "there is no openssl here";
  std::vector<Seen> ours;
  walk(all, 0, all.size(), 0, ours);
  ASSERT_EQ(ours.size(), theirs->size());
  for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_EQ(ours[i], (*theirs)[i]);
}

}  // namespace
}  // namespace postern::asn1
