// rooms: base
// What a secret costs: the arena beside the pool of fixed slots that it replaced (one lock, 128 bytes a slot, pages of their own above).
//
//   build/release/bench/secret_bench [--seconds S]
#include <sys/mman.h>

#include <cstring>
#include <mutex>

#include "base/secret.hpp"
#include "bench/measure.hpp"

namespace {

using postern::Byte;

constexpr std::size_t kSlot = 128;

class SlotPool {
 public:
  Byte* take(std::size_t size) {
    if (size > kSlot) return map(size);
    const std::lock_guard lock(m_mutex);
    if (m_free.empty()) grow();
    Byte* slot = m_free.back();
    m_free.pop_back();
    return slot;
  }
  void give(Byte* slot, std::size_t size) {
    ::explicit_bzero(slot, size);
    if (size > kSlot) {
      ::munmap(slot, size);
      return;
    }
    const std::lock_guard lock(m_mutex);
    m_free.push_back(slot);
  }

 private:
  static Byte* map(std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)::mlock(memory, size);
    (void)::madvise(memory, size, MADV_DONTDUMP);
    return static_cast<Byte*>(memory);
  }
  void grow() {
    Byte* arena = map(64 * 1024UL);
    for (std::size_t at = 0; at < 64 * 1024UL; at += kSlot) m_free.push_back(arena + at);
  }
  std::mutex m_mutex;
  std::vector<Byte*> m_free;
};

double before(std::size_t size, double seconds) {
  static SlotPool pool;
  return postern::bench::cost(
      [&] {
        Byte* slot = pool.take(size);
        std::memset(slot, 1, size);
        asm volatile("" : : "r"(slot) : "memory");
        pool.give(slot, size);
      },
      seconds);
}

double now(std::size_t size, double seconds) {
  return postern::bench::cost(
      [&] {
        postern::SecretBytes secret(size);
        std::memset(secret.span().data(), 1, size);
        asm volatile("" : : "r"(secret.span().data()) : "memory");
      },
      seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = postern::bench::read_options(argc, argv, {.alternations = 7, .seconds = 0.1});
  std::printf("%8s %12s %12s %8s\n", "bytes", "slots ns", "arena ns", "ratio");
  for (const std::size_t size : {16, 32, 64, 256, 1200, 4096, 65536}) {
    std::vector<double> old, fresh;
    for (std::size_t i = 0; i < options.alternations; ++i) {
      old.push_back(before(size, options.seconds));
      fresh.push_back(now(size, options.seconds));
    }
    std::ranges::sort(old);
    std::ranges::sort(fresh);
    const double a = old[old.size() / 2] * 1e9, b = fresh[fresh.size() / 2] * 1e9;
    std::printf("%8zu %12.1f %12.1f %8.2f\n", size, a, b, b / a);
  }
}
