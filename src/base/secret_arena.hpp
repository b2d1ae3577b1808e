// Pages that only this process reads, cut into pieces: where SecretBytes live and, in the keeper, everything that OpenSSL allocates.
//
// Pages come from memfd_secret(2) (Linux 5.14: out of the kernel's own map, so that neither another process, nor /proc/PID/mem of root, nor
// a core file shows them); where that is refused they are anonymous and mlock'd, and where RLIMIT_MEMLOCK refuses that too, anonymous.
// All of them stay out of core files and are zero in a forked child. Each chunk lies between pages that fault. A piece is zero when it is
// given out, is wiped when it comes back, and ends with a word that tells an overrun or a second release: both end the process.
//
// Threads: all functions, from any thread; a piece may be released by another thread than the one that took it. Small pieces are kept in a
// few per thread, so that the usual pair of calls takes no lock. Growth ends at kArenaBytes; what does not fit there, and what is larger
// than kLargestPiece, gets a mapping of its own that ends at a faulting page.
#pragma once

#include <cstddef>

namespace postern::secret_arena {

inline constexpr std::size_t kLargestPiece = 15 * 1024;
inline constexpr std::size_t kArenaBytes = 256UL * 1024 * 1024;
/// More than this of memfd_secret would be taken from the kernel's large pages; later chunks are anonymous and locked.
inline constexpr std::size_t kSecretPagesBytes = 64UL * 1024 * 1024;

/// `size` zero bytes, aligned to 16; null for 0. Throws std::bad_alloc when the machine has no memory.
[[nodiscard]] void* allocate(std::size_t size);
/// Wipes and takes back what allocate(size) gave. Null is nothing.
void release(void* piece, std::size_t size) noexcept;

/// For malloc-like interfaces, which forget sizes: what the piece can hold, at least what was asked for.
[[nodiscard]] std::size_t capacity_of(const void* piece) noexcept;
/// release() of a piece whose size is not known: only what lies beyond capacity_of() can be told to be overrun.
void release(void* piece) noexcept;

/// What kind of pages there are, for a warning and for status.
struct Stats {
  std::size_t secret_bytes = 0;    ///< Of memfd_secret.
  std::size_t locked_bytes = 0;    ///< Anonymous, locked.
  std::size_t unlocked_bytes = 0;  ///< Anonymous: may be swapped out. RLIMIT_MEMLOCK is too small for more.
};
[[nodiscard]] Stats stats() noexcept;

}  // namespace postern::secret_arena
