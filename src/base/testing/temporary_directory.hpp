// For tests: a directory of their own that goes away with what is in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

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

}  // namespace postern::test
