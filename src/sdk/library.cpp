#include "sdk/library.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace postern::sdk {
namespace {

constexpr std::size_t kGuard = 64;
constexpr unsigned char kGuardByte = 0xA5;

std::string version_text(std::uint32_t version) { return std::to_string(version >> 16) + "." + std::to_string(version & 0xFFFF); }

/// What can be said better than the loader says it.
Status check_file(const std::string& path) {
  if (path.empty() || path.front() != '/')
    return fail(ErrorCode::BadInput, "is \"" + printable(path) + "\"; give the absolute path of a shared object", "library_path");
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0)
    return fail(errno == EACCES ? ErrorCode::Denied : ErrorCode::NotFound,
                printable(path) + ": " + std::strerror(errno) + "; check transport.sdk.library_path or X400_SDK_LIBRARY", "library_path");
  if (!S_ISREG(found.st_mode)) return fail(ErrorCode::BadInput, printable(path) + " is no file; name a shared object", "library_path");
  if ((found.st_mode & S_IWOTH) != 0)
    return fail(ErrorCode::Denied, printable(path) + " can be written by everybody; chmod o-w it, and look whether it is still yours",
                "library_path");
  return {};
}

template <class Function>
Result<Function> symbol(void* library, const char* name) {
  void* found = ::dlsym(library, name);
  if (found == nullptr)
    return fail(
        ErrorCode::Unsupported,
        std::string("does not export ") + name + "; it is no library for Postern (postern/x400_sdk.h), or was built without visibility",
        "library_path");
  return reinterpret_cast<Function>(found);
}

Status check_version(std::uint32_t version, const char* said_by) {
  if (major_of(version) == major_of(POSTERN_X400_SDK_VERSION)) return {};
  return fail(ErrorCode::Unsupported,
              std::string(said_by) + " says version " + version_text(version) + ", and this Postern needs " +
                  std::to_string(major_of(POSTERN_X400_SDK_VERSION)) + ".x; ask the vendor for a build that goes with it",
              "library_path");
}

/// The table with octets behind it that must stay as they are.
struct GuardedTable {
  postern_x400_sdk table{};
  std::array<unsigned char, kGuard> guard;

  GuardedTable() {
    table.struct_size = sizeof table;
    guard.fill(kGuardByte);
  }
  [[nodiscard]] bool intact() const {
    for (const unsigned char one : guard) {
      if (one != kGuardByte) return false;
    }
    return true;
  }
};

}  // namespace

Status check_table(const postern_x400_sdk& table) {
  const auto bad = [](const char* what) { return fail(ErrorCode::Unsupported, std::string("its table ") + what, "postern_x400_sdk"); };
  if (table.struct_size < sizeof table) return bad("has a struct_size that leaves out functions of version 1.0");
  if (table.struct_size > sizeof table) return bad("has a struct_size beyond what the host offered");
  POSTERN_CHECK(check_version(table.version, "postern_x400_sdk.version"));
  if (table.max_calls < 1 || table.max_calls > kMostCalls) return bad("has max_calls out of 1 to 1024");
  const bool whole = table.status_text != nullptr && table.release != nullptr && table.open != nullptr && table.close != nullptr &&
                     table.identify != nullptr && table.health != nullptr && table.cancel != nullptr && table.bind != nullptr &&
                     table.unbind != nullptr && table.submit != nullptr && table.probe != nullptr && table.list != nullptr &&
                     table.summarize != nullptr && table.fetch != nullptr && table.delete_entries != nullptr &&
                     table.register_ms != nullptr && table.poll != nullptr;
  if (!whole) return bad("has a function that is NULL; one that is not supported answers POSTERN_X400_UNSUPPORTED");
  return {};
}

Result<Library> Library::load(const std::string& path) {
  POSTERN_CHECK(check_file(path));
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorCode::BadInput, "cannot be loaded: " + printable(why == nullptr ? "unknown" : why, 512), "library_path");
  }
  Library out;
  POSTERN_TRY(auto* version, symbol<std::uint32_t (*)()>(handle, "postern_x400_sdk_version"));
  POSTERN_CHECK(check_version(version(), "postern_x400_sdk_version()"));
  POSTERN_TRY(out.m_entry, symbol<Entry>(handle, "postern_x400_sdk_entry"));
  GuardedTable guarded;
  const postern_x400_status status = out.m_entry(POSTERN_X400_SDK_VERSION, &guarded.table);
  if (status != POSTERN_X400_OK)
    return fail(ErrorCode::Unsupported, "postern_x400_sdk_entry() refuses this Postern (status " + std::to_string(status) + ")",
                "library_path");
  if (!guarded.intact())
    return fail(ErrorCode::Unsupported, "postern_x400_sdk_entry() writes beyond the struct_size it was given", "postern_x400_sdk");
  POSTERN_CHECK(check_table(guarded.table));
  out.m_table = guarded.table;
  return out;
}

}  // namespace postern::sdk
