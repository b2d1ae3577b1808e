#include "base/secret_arena.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace postern::secret_arena {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kStride = 64 * 1024;       // of chunks; a power of two, so that a piece tells its chunk
constexpr std::size_t kChunk = kStride - kPage;  // its last page faults
constexpr std::size_t kChunks = kArenaBytes / kStride;
constexpr std::size_t kTail = sizeof(std::uint64_t);  // the last word of a piece
// Multiples of 16. 48 holds a 256-bit key, 80 a 512-bit one, 272 an AES key schedule.
constexpr std::array<std::uint32_t, 22> kSizes = {16,  32,  48,   64,   80,   96,   128,  160,  192,  272,   384,
                                                  512, 640, 1024, 1280, 2048, 3072, 4096, 5120, 7680, 10240, 15376};
static_assert(kSizes.back() - kTail >= kLargestPiece);

constexpr auto kClassOf = [] {  // by size in steps of 16, for the small ones that matter
  std::array<std::uint8_t, 1024 / 16 + 1> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint8_t c = 0;
    while (kSizes[c] < i * 16) ++c;
    out[i] = c;
  }
  return out;
}();

std::uint8_t class_of(std::size_t size) noexcept {
  const std::size_t need = size + kTail;
  if (need <= 1024) return kClassOf[(need + 15) / 16];
  std::uint8_t c = kClassOf.back();
  while (kSizes[c] < need) ++c;
  return c;
}

enum class Pages : std::uint8_t { None, Secret, Locked, Unlocked };

struct Chunk {
  std::uint8_t size_class = 0;
  Pages pages = Pages::None;
  bool forked = false;  ///< Zero since a fork: its pieces have lost their last word.
};

struct Large {
  void* place = nullptr;  ///< Of the mapping, which begins and ends with a guard page.
  std::size_t mapped = 0;
  std::size_t size = 0;
  bool locked = false;
};

[[noreturn]] void corrupted(const char* what) noexcept {
  (void)!::write(STDERR_FILENO, what, std::strlen(what));
  std::abort();
}

class Arena {
 public:
  Arena() {
    void* place = ::mmap(nullptr, kArenaBytes + kStride, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    // No address space: every piece gets a mapping of its own.
    m_base = place == MAP_FAILED ? 0 : (reinterpret_cast<std::uintptr_t>(place) + kStride - 1) & ~(kStride - 1);
    while (m_word == 0) {
      if (::getrandom(&m_word, sizeof m_word, 0) != sizeof m_word)
        m_word = reinterpret_cast<std::uintptr_t>(&m_word) * 0x9e3779b97f4a7c15ULL;
    }
  }

  [[nodiscard]] bool holds(const void* piece) const noexcept { return address(piece) - m_base < kArenaBytes && m_base != 0; }
  [[nodiscard]] std::uint8_t class_at(const void* piece) const noexcept { return chunk_of(piece).size_class; }

  /// Up to `wanted` pieces; none when the arena is full.
  std::size_t take(std::uint8_t c, void** out, std::size_t wanted) {
    const std::lock_guard lock(m_mutex);
    if (m_free[c].empty()) grow(c);
    const std::size_t count = std::min(wanted, m_free[c].size());
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = m_free[c].back();
      m_free[c].pop_back();
    }
    return count;
  }
  void give(std::uint8_t c, void* const* pieces, std::size_t count) noexcept {
    const std::lock_guard lock(m_mutex);
    m_free[c].insert(m_free[c].end(), pieces, pieces + count);  // capacity was reserved when the pieces were made
  }

  void mark_used(void* piece, std::uint8_t c) const noexcept { tail(piece, c) = word_of(piece); }
  void mark_free(void* piece, std::uint8_t c) const noexcept {
    const std::uint64_t found = tail(piece, c);
    if (found != word_of(piece) && !(found == 0 && chunk_of(piece).forked))
      corrupted("secret memory: a piece was overrun or released twice; the process ends\n");
    tail(piece, c) = ~word_of(piece);
  }

  void* map_large(std::size_t size) {
    const std::size_t content = (size + kPage - 1) / kPage * kPage;
    const std::size_t mapped = content + 2 * kPage;
    if (mapped < size) throw std::bad_alloc();
    void* place = ::mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) throw std::bad_alloc();
    auto* begin = static_cast<unsigned char*>(place) + kPage;
    if (::mprotect(begin, content, PROT_READ | PROT_WRITE) != 0) {
      ::munmap(place, mapped);
      throw std::bad_alloc();
    }
    protect(begin, content);
    const bool locked = ::mlock(begin, content) == 0;
    unsigned char* piece = begin + content - (size + 15) / 16 * 16;  // its end meets the page that faults
    const std::lock_guard lock(m_mutex);
    m_large.emplace(address(piece), Large{place, mapped, size, locked});
    (locked ? m_stats.locked_bytes : m_stats.unlocked_bytes) += content;
    return piece;
  }
  void unmap_large(void* piece) noexcept {
    Large large;
    {
      const std::lock_guard lock(m_mutex);
      const auto found = m_large.find(address(piece));
      if (found == m_large.end()) corrupted("secret memory: what was released is not a piece of it; the process ends\n");
      large = found->second;
      m_large.erase(found);
      (large.locked ? m_stats.locked_bytes : m_stats.unlocked_bytes) -= large.mapped - 2 * kPage;
    }
    ::explicit_bzero(piece, large.size);
    ::munmap(large.place, large.mapped);
  }
  [[nodiscard]] std::size_t size_of_large(const void* piece) noexcept {
    const std::lock_guard lock(m_mutex);
    const auto found = m_large.find(address(piece));
    return found == m_large.end() ? 0 : found->second.size;
  }

  [[nodiscard]] Stats stats() noexcept {
    const std::lock_guard lock(m_mutex);
    return m_stats;
  }

  void lock() noexcept { m_mutex.lock(); }
  void unlock() noexcept { m_mutex.unlock(); }
  /// Shared pages would show the child its parent's secrets, and the parent the child's: the child gets zero pages in their place.
  void forget_in_child() noexcept {
    for (std::size_t i = 0; i < m_used; ++i) {
      void* place = reinterpret_cast<void*>(m_base + i * kStride);
      (void)::mmap(place, kChunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      protect(place, kChunk);
      m_chunks[i].forked = true;
    }
  }

 private:
  static std::uintptr_t address(const void* p) noexcept { return reinterpret_cast<std::uintptr_t>(p); }
  [[nodiscard]] const Chunk& chunk_of(const void* piece) const noexcept { return m_chunks[(address(piece) - m_base) / kStride]; }
  static std::uint64_t& tail(void* piece, std::uint8_t c) noexcept {
    return *reinterpret_cast<std::uint64_t*>(static_cast<unsigned char*>(piece) + kSizes[c] - kTail);
  }
  [[nodiscard]] std::uint64_t word_of(const void* piece) const noexcept { return m_word ^ address(piece); }

  static void protect(void* place, std::size_t size) noexcept {
    (void)::madvise(place, size, MADV_DONTDUMP);
    (void)::madvise(place, size, MADV_WIPEONFORK);
  }

  [[nodiscard]] bool map_secret(void* place) const noexcept {
    if (m_stats.secret_bytes + kChunk > kSecretPagesBytes) return false;
    const int fd = static_cast<int>(::syscall(SYS_memfd_secret, O_CLOEXEC));
    if (fd < 0) return false;
    void* mapped = MAP_FAILED;
    if (::ftruncate(fd, static_cast<off_t>(kChunk)) == 0)
      mapped = ::mmap(place, kChunk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    ::close(fd);
    return mapped != MAP_FAILED;
  }

  Pages map_chunk(void* place) noexcept {
    if (map_secret(place)) return Pages::Secret;
    // A refused mapping may have removed what was there, so this one is made anew.
    if (::mmap(place, kChunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) return Pages::None;
    protect(place, kChunk);
    return ::mlock2(place, kChunk, MLOCK_ONFAULT) == 0 || ::mlock(place, kChunk) == 0 ? Pages::Locked : Pages::Unlocked;
  }

  void grow(std::uint8_t c) {
    if (m_base == 0 || m_used == kChunks) return;
    const std::size_t count = kChunk / kSizes[c];
    m_made[c] += count;
    m_free[c].reserve(m_made[c]);
    auto* place = reinterpret_cast<unsigned char*>(m_base + m_used * kStride);
    const Pages pages = map_chunk(place);
    if (pages == Pages::None) return;
    m_chunks[m_used++] = {c, pages, false};
    (pages == Pages::Secret ? m_stats.secret_bytes : pages == Pages::Locked ? m_stats.locked_bytes : m_stats.unlocked_bytes) += kChunk;
    // The end of the chunk, where the faulting page is, is given out first.
    const std::size_t first = kChunk - count * kSizes[c];
    for (std::size_t i = 0; i < count; ++i) m_free[c].push_back(place + first + i * kSizes[c]);
  }

  std::uintptr_t m_base = 0;
  std::uint64_t m_word = 0;
  std::mutex m_mutex;
  std::array<std::vector<void*>, kSizes.size()> m_free;
  std::array<std::size_t, kSizes.size()> m_made{};
  std::array<Chunk, kChunks> m_chunks{};
  std::size_t m_used = 0;
  std::unordered_map<std::uintptr_t, Large> m_large;
  Stats m_stats;
};

Arena& arena() {
  static auto* instance = [] {
    auto* made = new Arena;  // outlives every static secret
    ::pthread_atfork([] { arena().lock(); }, [] { arena().unlock(); },
                     [] {
                       arena().forget_in_child();
                       arena().unlock();
                     });
    return made;
  }();
  return *instance;
}

// Pieces that a thread keeps for itself, by class.
class Cache {
 public:
  void* take(std::uint8_t c) {
    Shelf& shelf = m_shelves[c];
    if (shelf.count == 0) shelf.count = static_cast<std::uint32_t>(arena().take(c, shelf.pieces.data(), room(c) / 2 + 1));
    return shelf.count == 0 ? nullptr : shelf.pieces[--shelf.count];
  }
  void give(std::uint8_t c, void* piece) noexcept {
    Shelf& shelf = m_shelves[c];
    if (shelf.count == room(c)) {
      const std::uint32_t kept = shelf.count / 2;
      arena().give(c, shelf.pieces.data() + kept, shelf.count - kept);
      shelf.count = kept;
    }
    shelf.pieces[shelf.count++] = piece;
  }
  ~Cache() {
    for (std::uint8_t c = 0; c < kSizes.size(); ++c) arena().give(c, m_shelves[c].pieces.data(), m_shelves[c].count);
  }

 private:
  static constexpr std::uint32_t room(std::uint8_t c) noexcept { return kSizes[c] <= 640 ? 16 : 2; }
  struct Shelf {
    std::uint32_t count = 0;
    std::array<void*, 16> pieces;
  };
  std::array<Shelf, kSizes.size()> m_shelves{};
};

thread_local constinit Cache* t_cache = nullptr;
thread_local constinit bool t_ended = false;

struct CacheOwner {
  Cache* cache = new Cache;
  CacheOwner() { t_cache = cache; }
  ~CacheOwner() {
    t_cache = nullptr;
    t_ended = true;
    delete cache;
  }
};

/// Null while the thread's other thread_locals end.
Cache* cache() {
  if (t_cache != nullptr || t_ended) return t_cache;
  thread_local CacheOwner owner;
  return owner.cache;
}

void* take(std::uint8_t c) {
  if (Cache* own = cache()) return own->take(c);
  void* piece = nullptr;
  return arena().take(c, &piece, 1) == 1 ? piece : nullptr;
}
void give(std::uint8_t c, void* piece) noexcept {
  if (Cache* own = cache()) return own->give(c, piece);
  arena().give(c, &piece, 1);
}

bool all_zero(const unsigned char* from, std::size_t count) noexcept {
  unsigned char any = 0;
  for (std::size_t i = 0; i < count; ++i) any = static_cast<unsigned char>(any | from[i]);
  return any == 0;
}

void put_back(void* piece, std::uint8_t c, std::size_t used) noexcept {
  arena().mark_free(piece, c);
  ::explicit_bzero(piece, used);
  give(c, piece);
}

}  // namespace

void* allocate(std::size_t size) {
  if (size == 0) return nullptr;
  if (size > kLargestPiece) return arena().map_large(size);
  const std::uint8_t c = class_of(size);
  void* piece = take(c);
  if (piece == nullptr) return arena().map_large(size);
  arena().mark_used(piece, c);
  return piece;
}

void release(void* piece, std::size_t size) noexcept {
  if (piece == nullptr) return;
  if (!arena().holds(piece)) return arena().unmap_large(piece);
  const std::uint8_t c = arena().class_at(piece);
  const std::size_t room = kSizes[c] - kTail;
  if (size > room || !all_zero(static_cast<unsigned char*>(piece) + size, room - size))
    corrupted("secret memory: a piece was overrun; the process ends\n");
  put_back(piece, c, size);
}

std::size_t capacity_of(const void* piece) noexcept {
  if (piece == nullptr) return 0;
  return arena().holds(piece) ? kSizes[arena().class_at(piece)] - kTail : arena().size_of_large(piece);
}

void release(void* piece) noexcept {
  if (piece == nullptr) return;
  if (!arena().holds(piece)) return arena().unmap_large(piece);
  const std::uint8_t c = arena().class_at(piece);
  put_back(piece, c, kSizes[c] - kTail);
}

Stats stats() noexcept { return arena().stats(); }

}  // namespace postern::secret_arena
