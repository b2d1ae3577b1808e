// For the tests of this room: an engine over memory, and a storage that loses its power.
#pragma once

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "crypto/random.hpp"
#include "transit/engine.hpp"

namespace postern::transit {

/// Fails the apply() after `good` ones, and everything from then on.
class FailingStorage final : public Storage {
 public:
  explicit FailingStorage(Storage& below) : m_below(below) {}
  void fail_after(std::size_t good) { m_left = good; }
  void heal() { m_left = SIZE_MAX; }
  std::size_t applied = 0;

  Result<std::optional<SecretBytes>> get(std::string_view path) override { return m_below.get(path); }
  Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page) override { return m_below.list(prefix, page); }
  Status apply(std::vector<StorageChange> changes) override {
    if (m_left == 0) return fail(ErrorCode::Unavailable, "power cut");
    if (m_left != SIZE_MAX) --m_left;
    ++applied;
    return m_below.apply(std::move(changes));
  }

 private:
  Storage& m_below;
  std::size_t m_left = SIZE_MAX;
};

inline WallTime start_time() { return wall_from_millis(1795000000000); }

struct Bench {
  MemoryStorage memory;
  FailingStorage storage{memory};
  ManualClock clock{start_time()};
  Engine engine{storage, clock};

  KeyRef key(std::string_view name, const CreateOptions& options = {}) {
    const auto made = engine.create(name, options);
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return engine.get(name).value();
  }
  /// A key with this material.
  KeyRef known(std::string_view name, ByteView material, const ImportOptions& options) {
    const SecretBytes plain(material);
    const auto made = engine.import_key(name, {.plain = &plain}, options);
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return engine.get(name).value();
  }
};

template <class T>
std::string text_of(const Result<T>& result) {
  return result ? "no error" : result.error().what;
}
template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::Internal : result.error().code;
}

inline std::string plain(const Result<WipedBytes>& opened) {
  return opened ? std::string(as_text(*opened)) : "ERROR " + opened.error().what;
}

}  // namespace postern::transit
