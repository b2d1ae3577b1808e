// A vendor's library, loaded into this process and looked at before anything of it is used. ONLY in the child (child.hpp): what it does to
// memory, it does to whoever holds it.
//
// It is never unloaded: the process ends instead.
#pragma once

#include <postern/x400_sdk.h>

#include <string>

#include "base/result.hpp"

namespace postern::sdk {

class Library {
 public:
  /// NotFound, Denied, BadInput, Unsupported: the file, its symbols, its version or its table are not as postern/x400_sdk.h says; the
  /// sentence says which and what to do. `path` is absolute, so that no search path decides what is loaded.
  [[nodiscard]] static Result<Library> load(const std::string& path);

  [[nodiscard]] const postern_x400_sdk& table() const noexcept { return m_table; }
  using Entry = postern_x400_status (*)(std::uint32_t version, postern_x400_sdk* table);
  /// For the conformance kit, which asks with other versions and sizes too.
  [[nodiscard]] Entry entry() const noexcept { return m_entry; }
  [[nodiscard]] bool can(std::uint64_t capability) const noexcept { return (m_table.capabilities & capability) != 0; }

 private:
  Library() = default;
  postern_x400_sdk m_table{};
  Entry m_entry = nullptr;
};

[[nodiscard]] constexpr std::uint32_t major_of(std::uint32_t version) noexcept { return version >> 16; }

inline constexpr std::uint32_t kMostCalls = 1024;

/// Whether a filled table keeps the rules: its size, version, concurrency and every pointer.
[[nodiscard]] Status check_table(const postern_x400_sdk& table);

}  // namespace postern::sdk
