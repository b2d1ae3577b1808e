// What the engine keeps in memory: keys as immutable snapshots, their versions, the cache of them. Inside the room only.
//
// A Key never changes once it can be seen; a change makes another one, which shares the versions that stayed. What does change in a
// version are its use counters (atomics) and the parsed form of its secret (made once, on first use).
#pragma once

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "barrier/storage.hpp"
#include "transit/engine.hpp"
#include "transit/material.hpp"

namespace postern::transit::detail {

using KeyId = std::array<Byte, 16>;

enum class Counted : std::size_t { Encryption, Signature, Mac };
inline constexpr std::array kCounted{Counted::Encryption, Counted::Signature, Counted::Mac};

/// Uses of one kind by one version in this process: up to `granted` have been written to the storage as used already.
class UseCounter {
 public:
  /// Before anybody else sees it.
  void begin_at(std::uint64_t stored) noexcept { m_begun = stored, m_used = stored, m_granted = stored, m_returned = 0; }
  /// One use, if one is granted; exact under any number of threads.
  [[nodiscard]] bool take() noexcept {
    std::uint64_t used = m_used.load(std::memory_order_relaxed);
    while (used < m_granted.load(std::memory_order_acquire)) {
      if (m_used.compare_exchange_weak(used, used + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void grant(std::uint64_t more) noexcept { m_granted.fetch_add(more, std::memory_order_release); }
  /// Uses up what is granted and not used, and says how much that was.
  [[nodiscard]] std::uint64_t give_back() noexcept;
  [[nodiscard]] std::uint64_t used() const noexcept {
    return m_used.load(std::memory_order_relaxed) - m_returned.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t left() const noexcept {
    return m_granted.load(std::memory_order_relaxed) - m_used.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t since_load() const noexcept { return used() - m_begun.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> m_begun{0}, m_used{0}, m_granted{0}, m_returned{0};
};

struct Version {
  std::uint32_t number = 0;
  WallTime created{};
  Material material;
  SecretBytes mac_key;  // empty for hmac keys (the key itself is it) and public halves
  std::string certificate_chain;
  mutable std::array<UseCounter, kCounted.size()> counters;

  [[nodiscard]] UseCounter& counter(Counted what) const noexcept { return counters[static_cast<std::size_t>(what)]; }
  [[nodiscard]] ByteView mac_secret(KeyType type) const { return type == KeyType::Hmac ? material.secret.view() : mac_key.view(); }
  /// Parsed on first use. Threads that come at the same time wait for the one that parses.
  [[nodiscard]] Result<const Usable*> usable(KeyType type, bool derived) const;

 private:
  mutable std::once_flag m_once;
  mutable std::optional<Result<Usable>> m_usable;
};
using VersionPtr = std::shared_ptr<const Version>;

struct Policy {
  KeyId id{};
  KeyType type = KeyType::Aes256Gcm96;
  bool derived = false, convergent = false, exportable = false, allow_plaintext_backup = false, deletion_allowed = false;
  bool imported = false, imported_allow_rotation = false, soft_deleted = false;
  std::uint32_t latest = 1, min_available = 0, min_decryption = 1, min_encryption = 0;
  std::chrono::seconds auto_rotate{0};
  std::uint32_t key_size = 0, max_versions = 0;
  WallTime expires{};
  std::uint16_t uses = 0;  // 0: all
  UseLimits limits;
  KeyInfo::Copied backup, restored;

  [[nodiscard]] bool allows(KeyUse use) const noexcept { return uses == 0 || (uses & static_cast<std::uint16_t>(use)) != 0; }
  [[nodiscard]] bool may_rotate() const noexcept { return type != KeyType::OpenPgp && (!imported || imported_allow_rotation); }
  /// 0: none.
  [[nodiscard]] std::uint64_t limit_of(Counted what) const noexcept;
};

struct Key {
  std::string name;
  Policy policy;
  std::vector<VersionPtr> versions;  // consecutive, from min_decryption to latest
  std::uint64_t epoch = 0;           // of the engine when it was read

  [[nodiscard]] const Version* find(std::uint32_t number) const noexcept;
  [[nodiscard]] const Version& newest() const noexcept { return *versions.back(); }
};
using KeyPtr = std::shared_ptr<const Key>;

[[nodiscard]] KeyInfo info_of(const Key& key);

/// Least recently used keys go first. Thread safe.
class KeyCache {
 public:
  explicit KeyCache(std::size_t capacity) : m_capacity(capacity) {}
  [[nodiscard]] KeyPtr find(std::string_view name);
  /// Nothing happens when the key was read in another epoch.
  void put(KeyPtr key, const std::atomic<std::uint64_t>& epoch);
  void drop(std::string_view name);
  [[nodiscard]] std::vector<KeyPtr> all() const;
  void clear() noexcept;
  void resize(std::size_t capacity);
  [[nodiscard]] std::size_t size() const noexcept;
  /// Keys that were pushed out with granted uses left.
  [[nodiscard]] std::vector<KeyPtr> take_evicted();

 private:
  void evict_over(std::size_t capacity);
  mutable std::mutex m_mutex;
  std::size_t m_capacity;
  std::list<KeyPtr> m_order;                                                  // most recent first
  std::unordered_map<std::string_view, std::list<KeyPtr>::iterator> m_index;  // views of the names in m_order
  std::vector<KeyPtr> m_evicted;
};

}  // namespace postern::transit::detail
