#include "crypto/random.hpp"

#include <openssl/rand.h>
#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"

namespace postern {
namespace {

// A child that went on with its parent's block would repeat the parent's nonces.
std::atomic<std::uint32_t> g_forks{0};
[[maybe_unused]] const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] { g_forks.fetch_add(1, std::memory_order_relaxed); });

[[noreturn]] void no_randomness() {
  log::error("crypto.random_failed", {{"action", "the process ends: without randomness nothing is safe"}});
  std::abort();
}

void draw(ByteSpan out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) no_randomness();
}

struct Block {
  std::array<Byte, 4096> bytes;
  std::size_t used = sizeof bytes;
  std::uint32_t forks = 0;
  ~Block() { wipe(bytes); }
};

}  // namespace

void fill_nonce(ByteSpan out) {
  thread_local Block block;
  const std::uint32_t forks = g_forks.load(std::memory_order_relaxed);
  if (block.forks != forks) {
    block.forks = forks;
    block.used = block.bytes.size();
  }
  while (!out.empty()) {
    if (block.used == block.bytes.size()) {
      draw(block.bytes);
      block.used = 0;
    }
    const std::size_t count = std::min(out.size(), block.bytes.size() - block.used);
    Byte* from = block.bytes.data() + block.used;
    std::memcpy(out.data(), from, count);
    std::memset(from, 0, count);
    block.used += count;
    out = out.subspan(count);
  }
}

SecretBytes random_key(std::size_t size) {
  SecretBytes key(size);
  if (size != 0 && RAND_priv_bytes(key.span().data(), static_cast<int>(size)) != 1) no_randomness();
  return key;
}

}  // namespace postern
