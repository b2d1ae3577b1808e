#include "crypto/random.hpp"

#include <openssl/rand.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

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

// Random bytes drawn ahead, one block per thread; what was handed out is overwritten, and a forked child begins anew.
class Block {
 public:
  Block(std::size_t size, int (*generator)(unsigned char*, int)) : m_bytes(size), m_used(size), m_generator(generator) {}

  void take(ByteSpan out) {
    const std::uint32_t forks = g_forks.load(std::memory_order_relaxed);
    if (std::exchange(m_forks, forks) != forks) m_used = m_bytes.size();
    while (!out.empty()) {
      if (m_used == m_bytes.size()) refill();
      const std::size_t count = std::min(out.size(), m_bytes.size() - m_used);
      const ByteSpan from = m_bytes.span().subspan(m_used, count);
      std::ranges::copy(from, out.begin());
      wipe(from);
      m_used += count;
      out = out.subspan(count);
    }
  }

 private:
  void refill() {
    if (m_generator(m_bytes.span().data(), static_cast<int>(m_bytes.size())) != 1) no_randomness();
    m_used = 0;
  }
  SecretBytes m_bytes;
  std::size_t m_used;
  int (*m_generator)(unsigned char*, int);
  std::uint32_t m_forks = 0;
};

}  // namespace

void fill_nonce(ByteSpan out) {
  thread_local Block block(4096, RAND_bytes);
  block.take(out);
}

SecretBytes random_key(std::size_t size) {
  thread_local Block block(1024, RAND_priv_bytes);
  SecretBytes key(size);
  block.take(key.span());
  return key;
}

}  // namespace postern
