#include "vault/memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.hpp"

namespace postern::vault {
namespace {

namespace json = boost::json;

TEST(WipedArena, ServesEveryAlignmentAndSize) {
  const json::storage_ptr memory = wiped_memory();
  json::memory_resource& arena = *memory;
  for (const std::size_t align : {1U, 2U, 8U, 16U, 64U}) {
    for (const std::size_t size : {0U, 1U, 7U, 100U, 5000U, 2'000'000U}) {
      void* at = arena.allocate(size, align);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % align, 0U);
      std::fill_n(static_cast<char*>(at), size, 'x');
    }
  }
}

TEST(WipedArena, MemoryThatIsUsedAgainIsWiped) {
  // A run that chance does not make: fresh memory holds what others left there, and single octets of that may be anything.
  const std::vector<unsigned char> marker(16, 0xAB);
  for (int round = 0; round < 20; ++round) {
    WipedArena one(100), two;
    for (WipedArena* arena : {&one, &two}) {
      auto* at = static_cast<unsigned char*>(arena->allocate(3000, 1));
      EXPECT_EQ(std::search(at, at + 3000, marker.begin(), marker.end()), at + 3000);
      std::fill_n(at, 3000, static_cast<unsigned char>(0xAB));
    }
  }
}

TEST(WipedArena, LivesAsLongAsItsValues) {
  json::value kept;
  {
    json::object object(wiped_memory());
    for (int i = 0; i < 1000; ++i) object.emplace("name" + std::to_string(i), std::string(100, 'v'));
    json::value moved(std::move(object));
    std::swap(kept, moved);  // different storage: a copy
  }
  EXPECT_EQ(kept.as_object().size(), 1000U);
}

TEST(SecretJson, RoundTrip) {
  const json::value value = json::parse(R"({"a":"\u0000\u00fc","b":[1,-2,18446744073709551615,true,null,{"c":{}}],"":""})");
  const SecretBytes stored = to_secret(value);
  EXPECT_EQ(json::value(object_from_secret(stored.view(), wiped_memory()).value()), value);
  const json::value large{{"x", std::string(100'000, 'x')}};
  EXPECT_EQ(json::value(object_from_secret(to_secret(large).view(), wiped_memory()).value()), large);
}

TEST(SecretJson, ForeignBytesAreAnError) {
  for (const char* text : {"", "[", "[]", "5", "null", "{}x", "{\"a\":}"})
    EXPECT_EQ(object_from_secret(as_bytes(text), {}).error().code, ErrorCode::Internal) << text;
  EXPECT_FALSE(object_from_secret(as_bytes(std::string(5000, '[')), {}));
}

TEST(WipedBuffer, GrowsAndKeepsWhatWasAppended) {
  WipedBuffer buffer;
  Bytes expected;
  FixedRandom random;
  for (std::size_t size = 0; size < 300; ++size) {
    const Bytes more = random.bytes(size);
    buffer.append(more);
    append(expected, more);
  }
  EXPECT_TRUE(std::ranges::equal(buffer.view(), expected));
  EXPECT_EQ(buffer.resize(10).size(), 10U);
  EXPECT_EQ(buffer.view().size(), 10U);
  EXPECT_EQ(buffer.resize(0).size(), 0U);
}

}  // namespace
}  // namespace postern::vault
