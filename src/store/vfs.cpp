#include "store/vfs.hpp"

#include <sqlite3.h>

#include <mutex>

namespace postern {
namespace {

enum class Kind { Wal, Database };

/// Our part of an open file; SQLite's own part follows in the same allocation.
struct CountingFile {
  sqlite3_file base;
  Kind kind;
};

sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(reinterpret_cast<CountingFile*>(file) + 1); }

bool would_grow(sqlite3_file* file, sqlite3_int64 end) {
  sqlite3_int64 size = 0;
  return real(file)->pMethods->xFileSize(real(file), &size) != SQLITE_OK || end > size;
}

int counted_write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
  const DiskFaults& faults = disk_faults();
  if (faults.fail_write.load(std::memory_order_relaxed)) return SQLITE_IOERR_WRITE;
  if (faults.full.load(std::memory_order_relaxed) && would_grow(file, offset + amount)) return SQLITE_FULL;
  disk_counters().bytes_written.fetch_add(static_cast<std::uint64_t>(amount), std::memory_order_relaxed);
  return real(file)->pMethods->xWrite(real(file), data, amount, offset);
}

int counted_sync(sqlite3_file* file, int flags) {
  if (disk_faults().fail_sync.load(std::memory_order_relaxed)) return SQLITE_IOERR_FSYNC;
  DiskCounters& counters = disk_counters();
  auto& counter = reinterpret_cast<CountingFile*>(file)->kind == Kind::Wal ? counters.wal_syncs : counters.database_syncs;
  counter.fetch_add(1, std::memory_order_relaxed);
  return real(file)->pMethods->xSync(real(file), flags);
}

// Everything else goes straight through. Version 2: no memory-mapped pages, which the connections switch off anyway.
const sqlite3_io_methods kMethods = {
    2,
    [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
    [](sqlite3_file* f, void* data, int amount, sqlite3_int64 offset) { return real(f)->pMethods->xRead(real(f), data, amount, offset); },
    counted_write,
    [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); },
    counted_sync,
    [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
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
  auto* ours = reinterpret_cast<CountingFile*>(file);
  ours->kind = (flags & SQLITE_OPEN_WAL) != 0 ? Kind::Wal : Kind::Database;
  real(file)->pMethods = nullptr;
  const int code = g_real->xOpen(g_real, name, real(file), flags, out_flags);
  ours->base.pMethods = real(file)->pMethods != nullptr ? &kMethods : nullptr;
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
