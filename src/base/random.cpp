#include "base/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace postern {

void SystemRandom::fill(ByteSpan out) {
  while (!out.empty()) {
    const ssize_t n = ::getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::abort();  // a machine without randomness must not go on
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

void FixedRandom::fill(ByteSpan out) {
  for (Byte& b : out) {  // splitmix64
    m_state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = m_state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    b = static_cast<Byte>(z ^ (z >> 31));
  }
}

}  // namespace postern
