#include "store/vfs.hpp"

#include <sqlite3.h>

#include <mutex>
#include <string>
#include <utility>

namespace postern {
namespace {

enum class Kind { Wal, Database };

constexpr std::size_t kGather = 96U * 1024;  // SQLite's own layer takes at most 128 KiB - 1 in one call

/// Writes to the log that wait for their sync: `bytes` belong at `offset`.
struct Gathered {
  std::string bytes;
  sqlite3_int64 offset = 0;
  [[nodiscard]] sqlite3_int64 end() const noexcept { return offset + static_cast<sqlite3_int64>(bytes.size()); }
};

/// Our part of an open file; SQLite's own part follows in the same allocation.
struct CountingFile {
  sqlite3_file base;
  Kind kind;
  Gathered* gathered;  ///< Owned; of a log only. SQLite frees this struct itself, so it can hold no owner.
};

CountingFile* ours(sqlite3_file* file) { return reinterpret_cast<CountingFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(ours(file) + 1); }

bool would_grow(sqlite3_file* file, sqlite3_int64 end) {
  sqlite3_int64 size = 0;
  return real(file)->pMethods->xFileSize(real(file), &size) != SQLITE_OK || end > size;
}

int write_through(sqlite3_file* file, const void* data, std::size_t size, sqlite3_int64 offset) {
  const DiskFaults& faults = disk_faults();
  if (faults.fail_write.load(std::memory_order_relaxed)) return SQLITE_IOERR_WRITE;
  if (faults.full.load(std::memory_order_relaxed) && would_grow(file, offset + static_cast<sqlite3_int64>(size))) return SQLITE_FULL;
  disk_counters().bytes_written.fetch_add(size, std::memory_order_relaxed);
  return real(file)->pMethods->xWrite(real(file), data, static_cast<int>(size), offset);
}

/// After an error the bytes are gone, as they are after a failed write: the commit they belong to is rolled back.
int flush(sqlite3_file* file) {
  Gathered* waiting = ours(file)->gathered;
  if (waiting == nullptr || waiting->bytes.empty()) return SQLITE_OK;
  const int code = write_through(file, waiting->bytes.data(), waiting->bytes.size(), waiting->offset);
  waiting->bytes.clear();
  return code;
}

int gathering_write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  const auto size = static_cast<std::size_t>(amount);
  Gathered* waiting = ours(file)->gathered;
  if (waiting == nullptr) return write_through(file, data, size, offset);
  if (offset != waiting->end() || waiting->bytes.size() + size > kGather) {
    if (const int code = flush(file); code != SQLITE_OK) return code;
    waiting->offset = offset;
  }
  waiting->bytes.append(static_cast<const char*>(data), size);
  return SQLITE_OK;
}

int flushing_read(sqlite3_file* file, void* data, int amount, sqlite3_int64 offset) {
  const Gathered* waiting = ours(file)->gathered;
  if (waiting != nullptr && !waiting->bytes.empty() && offset < waiting->end() && offset + amount > waiting->offset) {
    if (const int code = flush(file); code != SQLITE_OK) return code;
  }
  return real(file)->pMethods->xRead(real(file), data, amount, offset);
}

int flushing_truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = flush(file);
  return code != SQLITE_OK ? code : real(file)->pMethods->xTruncate(real(file), size);
}

int flushing_size(sqlite3_file* file, sqlite3_int64* size) {
  const int code = flush(file);
  return code != SQLITE_OK ? code : real(file)->pMethods->xFileSize(real(file), size);
}

/// What was not synced was not committed: nobody misses it.
int releasing_close(sqlite3_file* file) {
  delete std::exchange(ours(file)->gathered, nullptr);
  return real(file)->pMethods->xClose(real(file));
}

int counted_sync(sqlite3_file* file, int flags) {
  if (const int code = flush(file); code != SQLITE_OK) return code;
  if (disk_faults().fail_sync.load(std::memory_order_relaxed)) return SQLITE_IOERR_FSYNC;
  DiskCounters& counters = disk_counters();
  auto& counter = ours(file)->kind == Kind::Wal ? counters.wal_syncs : counters.database_syncs;
  counter.fetch_add(1, std::memory_order_relaxed);
  return real(file)->pMethods->xSync(real(file), flags);
}

// Everything else goes straight through. Version 2: no memory-mapped pages, which the connections switch off anyway.
const sqlite3_io_methods kMethods = {
    2,
    releasing_close,
    flushing_read,
    gathering_write,
    flushing_truncate,
    counted_sync,
    flushing_size,
    [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
    [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); },
    [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); },
    [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
    [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
    [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
    [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
      return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
    },
    [](sqlite3_file* f, int offset, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); },
    [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
    nullptr,
    nullptr,
};

sqlite3_vfs* g_real = nullptr;

int counting_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  CountingFile* opened = ours(file);
  opened->kind = (flags & SQLITE_OPEN_WAL) != 0 ? Kind::Wal : Kind::Database;
  opened->gathered = nullptr;
  real(file)->pMethods = nullptr;
  const int code = g_real->xOpen(g_real, name, real(file), flags, out_flags);
  opened->base.pMethods = real(file)->pMethods != nullptr ? &kMethods : nullptr;
  if (opened->base.pMethods != nullptr && opened->kind == Kind::Wal) opened->gathered = new Gathered;
  return code;
}

}  // namespace

DiskCounters& disk_counters() noexcept {
  static DiskCounters counters;
  return counters;
}

DiskFaults& disk_faults() noexcept {
  static DiskFaults faults;
  return faults;
}

const char* counting_vfs() {
  static constexpr char kName[] = "postern";
  static std::once_flag once;
  static sqlite3_vfs vfs;
  std::call_once(once, [] {
    // No global statistics: they cost a lock for every allocation of every connection.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
    g_real = sqlite3_vfs_find(nullptr);
    vfs = *g_real;
    vfs.pNext = nullptr;
    vfs.zName = kName;
    vfs.szOsFile = static_cast<int>(sizeof(CountingFile)) + g_real->szOsFile;
    vfs.xOpen = counting_open;
    sqlite3_vfs_register(&vfs, 0);
  });
  return kName;
}

}  // namespace postern
