// OpenSSL 3 calls the plain SHA-256 functions deprecated, in favour of its EVP interface; there is no other way to its compression function
// without an allocation and a copy of a context per message.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hmac_sha256.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <new>
#include <type_traits>

namespace postern {
namespace {

constexpr std::size_t kBlock = 64;  // FIPS 180-4: of SHA-256

// FIPS 198-1 4: the key, hashed when it is longer than a block, filled with zeros, under the pad.
SHA256_CTX begin(ByteView key, Byte pad) {
  std::array<Byte, kBlock> block{};
  if (key.size() > kBlock)
    SHA256(key.data(), key.size(), block.data());
  else
    std::ranges::copy(key, block.begin());
  for (Byte& byte : block) byte ^= pad;
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, block.data(), block.size());
  wipe(block);
  return state;
}

}  // namespace

struct HmacSha256::States {
  SHA256_CTX inner, outer, now;
};

HmacSha256::States& HmacSha256::states() noexcept { return *std::launder(reinterpret_cast<States*>(m_memory.span().data())); }

HmacSha256::HmacSha256(ByteView key) : m_memory(sizeof(States)) {
  static_assert(std::is_trivially_destructible_v<States>);
  auto* const made = new (m_memory.span().data()) States{begin(key, 0x36), begin(key, 0x5c), {}};
  made->now = made->inner;
}

HmacSha256& HmacSha256::update(ByteView data) {
  SHA256_Update(&states().now, data.data(), data.size());
  return *this;
}

Sha256 HmacSha256::finish() {
  States& all = states();
  Sha256 out;
  SHA256_Final(out.data(), &all.now);
  all.now = all.outer;
  SHA256_Update(&all.now, out.data(), out.size());
  SHA256_Final(out.data(), &all.now);
  all.now = all.inner;
  return out;
}

}  // namespace postern
