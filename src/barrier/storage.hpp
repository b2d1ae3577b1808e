// Stored values by path: the port between the key engine's parts and what lies below them.
//
// A path is segments joined by '/', without a leading one: "logical/7f3a/keys/dkim_key". What a call sees as the tree below a prefix is
// made of the paths alone; folders do not exist by themselves. Paths have 1 to kStoragePath bytes, values up to kStorageValue; a segment
// is never empty, "." or ".."; NUL bytes are refused.
// Threads: every implementation is thread safe. Durability: a change that succeeded survives a crash.
// Errors: BadInput (path), TooLarge (value), Unavailable (sealed, or the medium does not answer), IntegrityFailed (a stored value was
// changed by somebody else).
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"

namespace postern {

inline constexpr std::size_t kStoragePath = 4096 + 512;  ///< The longest path of a request, and where its mount lies.
inline constexpr std::size_t kStorageValue = 16U * 1024 * 1024;

/// A value to set, or (without one) a path to forget.
struct StorageChange {
  std::string path;
  std::optional<SecretBytes> value;
};

/// Which names a list() gives.
struct StoragePage {
  std::string after;      ///< Only names that sort behind this one; empty: from the first.
  std::size_t limit = 0;  ///< At most so many; 0: all.
};

class Storage {
 public:
  virtual ~Storage() = default;
  /// Nothing when nothing is stored there.
  [[nodiscard]] virtual Result<std::optional<SecretBytes>> get(std::string_view path) = 0;
  /// The names directly below `prefix` (empty, or ending in '/'), sorted by bytes; those that have more below them end in '/'. A name
  /// that is both comes twice: "a" and "a/".
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) = 0;
  /// All of it or nothing, durable when it returns.
  [[nodiscard]] virtual Status apply(std::vector<StorageChange> changes) = 0;

  [[nodiscard]] Status put(std::string path, SecretBytes value);
  [[nodiscard]] Status remove(std::string path);
  /// Every path below `prefix`, in steps of list().
  [[nodiscard]] Result<std::vector<std::string>> walk(std::string_view prefix);
};

/// A part of another storage, seen as a whole one: paths get a prefix. The storage below must outlive it.
class StorageView final : public Storage {
 public:
  /// `prefix` ends in '/'.
  StorageView(Storage& below, std::string prefix) : m_below(below), m_prefix(std::move(prefix)) {}
  [[nodiscard]] Result<std::optional<SecretBytes>> get(std::string_view path) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override;
  [[nodiscard]] Status apply(std::vector<StorageChange> changes) override;

 private:
  Storage& m_below;
  std::string m_prefix;
};

/// In memory, for tests and for verbs without state.
class MemoryStorage final : public Storage {
 public:
  [[nodiscard]] Result<std::optional<SecretBytes>> get(std::string_view path) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override;
  [[nodiscard]] Status apply(std::vector<StorageChange> changes) override;

 private:
  std::mutex m_mutex;
  std::map<std::string, SecretBytes, std::less<>> m_values;
};

/// BadInput with the reason; for callers who make paths of what a user typed.
[[nodiscard]] Status check_storage_path(std::string_view path);

}  // namespace postern
