// What the tests of store/ and spool/ share: a directory that goes away, a store in it, a key ring.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "keys/ring.hpp"
#include "store/key_store.hpp"
#include "store/store.hpp"
#include "store/vfs.hpp"

namespace postern::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string form = (std::filesystem::temp_directory_path() / "postern-test-XXXXXX").string();
    m_path = ::mkdtemp(form.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

 private:
  std::filesystem::path m_path;
};

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

/// A ring over the store, under a fixed root key.
inline std::shared_ptr<Ring> open_ring(KeyStore& keys, const Clock& clock) {
  return Ring::open(keys, RootKey::raw(Bytes(32, 7)).value(), clock).value();
}

}  // namespace postern::test
