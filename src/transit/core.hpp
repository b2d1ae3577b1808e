// Where keys are read and written: storage, cache, one writer per key, use counters. Inside the room only.
#pragma once

#include "transit/record.hpp"
#include "transit/state.hpp"

namespace postern::transit::detail {

/// A changed set of older versions, by segments; nothing is written before changes().
class Archive {
 public:
  Archive(Storage& storage, std::string_view name, const KeyId& id) : m_storage(storage), m_name(name), m_id(id) {}
  /// IntegrityFailed when it is not there.
  [[nodiscard]] Result<VersionPtr> get(std::uint32_t number);
  [[nodiscard]] Status put(VersionPtr version);
  [[nodiscard]] Status erase(std::uint32_t number);
  [[nodiscard]] Result<std::vector<Segment>> all();
  void changes(std::vector<StorageChange>& out) const;
  [[nodiscard]] static std::string path(std::string_view name, std::uint32_t segment);

 private:
  struct Touched {
    Segment segment;
    bool changed = false;
  };
  [[nodiscard]] Result<Touched*> touch(std::uint32_t number);
  Storage& m_storage;
  std::string_view m_name;
  KeyId m_id;
  std::map<std::uint32_t, Touched> m_touched;
};

struct Core {
  Core(Storage& below, const Clock& time, EngineOptions given) : storage(below), clock(time), options(given), cache(given.cached_keys) {}

  Storage& storage;
  const Clock& clock;
  EngineOptions options;
  std::atomic<std::uint64_t> epoch{1};  // goes on when everything is forgotten
  KeyCache cache;

  std::array<std::mutex, 64> writers;
  std::mutex wrapping_mutex;
  std::mutex tick_mutex;
  std::string tick_after;

  [[nodiscard]] std::mutex& writer(std::string_view name) { return writers[std::hash<std::string_view>()(name) % writers.size()]; }

  /// From the cache or the storage. NotFound.
  [[nodiscard]] Result<KeyPtr> find(std::string_view name);
  /// The same for who holds the writer's lock of the name.
  [[nodiscard]] Result<KeyPtr> find_locked(std::string_view name);

  // For who holds the writer's lock:
  /// A key that was not there (its old traces, if any, go).
  [[nodiscard]] Result<KeyPtr> add(Key key, std::vector<Segment> segments = {}, UseRecord uses = {});
  /// `after` instead of `before`: settings, versions, and what has to move to the archive or back for them.
  [[nodiscard]] Result<KeyPtr> replace(const Key& before, Key after);
  [[nodiscard]] Status remove(const Key& key);

  /// One use, granted or reserved now.
  [[nodiscard]] Status count(const Key& key, const Version& version, Counted what) {
    return version.counter(what).take() ? Status() : reserve(key, version, what);
  }
  [[nodiscard]] Status reserve(const Key& key, const Version& version, Counted what);
  /// Reserves more where little is left of a block in use, so that no call has to wait for it.
  void reserve_ahead(const Key& key) noexcept;
  void give_back(const Key& key) noexcept;
  void give_back_evicted() noexcept;

 private:
  [[nodiscard]] Result<KeyPtr> load(std::string_view name);
  [[nodiscard]] Status grant_block(const Key& key, const Version& version, Counted what);
  [[nodiscard]] KeyPtr keep(Key key);
};

/// Adds a version of `material` (the latest from then on), without writing it.
[[nodiscard]] Status append_version(Key& key, Material material, WallTime now);
/// Rotates for who holds the writer's lock: makes the material too.
[[nodiscard]] Result<KeyPtr> rotate_locked(Core& core, const Key& key);
[[nodiscard]] Result<KeyPtr> add_rotated(Core& core, const Key& key, Material material);

[[nodiscard]] bool is_key_name(std::string_view name) noexcept;
[[nodiscard]] Status check_name(std::string_view name);

}  // namespace postern::transit::detail
