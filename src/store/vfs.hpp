// The file layer under SQLite: counts what really reaches the disk, gathers the small writes of the write-ahead log, and lets tests make
// the disk fail.
//
// SQLite writes each page of a commit in two calls. The log is only appended to, and nobody may read a frame before the sync that follows
// (synchronous=FULL), so consecutive writes are kept until that sync, or until somebody looks: one call instead of thirty. An error of
// such a write comes out of the sync, where it fails the same commit.
#pragma once

#include <atomic>
#include <cstdint>

namespace postern {

/// Counted since the process started, over all connections and segment files.
struct DiskCounters {
  std::atomic<std::uint64_t> wal_syncs{0};
  std::atomic<std::uint64_t> database_syncs{0};  ///< Checkpoints.
  std::atomic<std::uint64_t> segment_syncs{0};   ///< Large contents (store/content_store.hpp) and the directories of both.
  std::atomic<std::uint64_t> bytes_written{0};
};
[[nodiscard]] DiskCounters& disk_counters() noexcept;

/// Faults for tests; all zero in production. Set before the operation, from any thread.
struct DiskFaults {
  std::atomic<bool> full{false};        ///< Writes that would make a file longer fail as on a full disk.
  std::atomic<bool> fail_sync{false};   ///< fsync and fdatasync fail with an I/O error.
  std::atomic<bool> fail_write{false};  ///< Every write fails with an I/O error.
  std::atomic<bool> fail_read{false};   ///< Opening a segment file fails with an I/O error.
};
[[nodiscard]] DiskFaults& disk_faults() noexcept;

/// The name under which the layer is registered with SQLite; registers it on first use.
[[nodiscard]] const char* counting_vfs();

}  // namespace postern
