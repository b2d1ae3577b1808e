// What lies on the disk below the barrier: opaque bytes by path. The port for the room store/.
//
// The barrier trusts it with nothing but durability: values are sealed before they come here and checked when they come back. Paths are as
// in barrier/storage.hpp, and names and their number are visible to whoever reads the disk.
// Threads: every implementation is thread safe. Durability and atomicity: an apply() that succeeded survives a crash as a whole; one that
// was cut by a crash is there as a whole or not at all. An error means that nothing was changed as far as the store can tell.
// Errors: Unavailable (the medium), Exhausted (too much is waiting to be written), BadInput, TooLarge.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/storage.hpp"

namespace postern {

/// The barrier puts a few bytes in front of paths and around values.
inline constexpr std::size_t kSealedPath = kStoragePath + 16;
inline constexpr std::size_t kSealedValue = kStorageValue + 64;

/// A value to set, or (without one) a path to forget.
struct SealedChange {
  std::string path;
  std::optional<Bytes> value;
};

class SealedStore {
 public:
  virtual ~SealedStore() = default;
  /// Nothing when nothing is stored there.
  [[nodiscard]] virtual Result<std::optional<Bytes>> get(std::string_view path) = 0;
  /// As Storage::list().
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) = 0;
  /// All of it or nothing, in this order, durable when it returns.
  [[nodiscard]] virtual Status apply(std::vector<SealedChange> changes) = 0;
};

}  // namespace postern
