// What the tests of store/ and spool/ share: a directory that goes away, a store in it, a keeper.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "barrier/barrier.hpp"
#include "base/testing/temporary_directory.hpp"
#include "keys/transit_keeper.hpp"
#include "store/sealed_store.hpp"
#include "store/store.hpp"
#include "store/vfs.hpp"

namespace postern::test {

/// Faults that a test set do not outlive it.
struct FaultGuard {
  ~FaultGuard() {
    disk_faults().full = false;
    disk_faults().fail_sync = false;
    disk_faults().fail_write = false;
    disk_faults().fail_read = false;
  }
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether any byte of any file below the directory spells the marker.
inline bool directory_contains(const std::filesystem::path& directory, const std::string& marker) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file() && read_file(entry.path()).find(marker) != std::string::npos) return true;
  return false;
}

/// The embedded keeper with its keys in directory/engine.db, under a fixed root key.
class DiskKeeper {
 public:
  DiskKeeper(const std::filesystem::path& directory, const Clock& clock) {
    SealedStoreOptions where;
    where.data_dir = directory;
    m_store = SqliteSealedStore::open(std::move(where)).value();
    m_barrier = std::make_unique<Barrier>(*m_store, clock);
    const Bytes root(32, 7);
    must(m_barrier->initialized().value() ? m_barrier->unseal(root) : m_barrier->initialize(root));
    m_source = std::make_unique<FixedTransit>(std::make_shared<transit::Engine>(*m_barrier, clock));
    m_keeper = std::make_unique<TransitKeeper>(*m_source, clock);
    must(m_keeper->make_named_keys());
  }
  [[nodiscard]] TransitKeeper& operator*() const { return *m_keeper; }
  [[nodiscard]] TransitKeeper* operator->() const { return m_keeper.get(); }

 private:
  static void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().text());
  }
  std::unique_ptr<SqliteSealedStore> m_store;
  std::unique_ptr<Barrier> m_barrier;
  std::unique_ptr<FixedTransit> m_source;
  std::unique_ptr<TransitKeeper> m_keeper;
};

}  // namespace postern::test
