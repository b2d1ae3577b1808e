// The life of the mail system's keys: rotated by plan or by hand, stored mail re-wrapped after it, old versions retired, keys removed.
//
//   KeyLife life({...roles and rules...}, store, keeper, audit, clock);
//   life.start();                       // one thread: plans (keys/rotation.hpp), rotates what is due, re-wraps, retires what it was told
//   to life.rotate(name, "admin");         // an operator's verbs, from any thread
//
// One owner: every version that the mail system adds by plan is added here, after a look that nobody else (the key engine by
// auto_rotate_period, an operator over the Vault API) has done it. That a storage key was rotated is read off the key, not remembered:
// whoever rotated it, what is stored comes under the latest version.
//
// Bounded: one batch of rows at a time, `rewrap_rate` rows per second. A keeper that does not answer (sealed) pauses everything; nothing is
// lost by it. Every act is in the audit log with its actor ("system" for the plan).
//
// Threads: all calls from any thread, and they wait (keeper, commits): not on an event loop. Does not: know DKIM or DNS (Options::active
// says what an announced key uses), destroy tenants (shredder.hpp).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "keys/rotation.hpp"
#include "store/audit_log.hpp"
#include "store/rewrap.hpp"

namespace postern {

struct KeyLifeOptions {
  std::function<KeyRole(const KeyName&)> role;
  std::function<RotationRule(const KeyName&, KeyRole)> rule;
  /// The version of an announced key that is used now; null: always the latest.
  std::function<std::uint32_t(const KeyInfo&)> active;
  /// The keys that the plan looks at, and those that wrap stored mail; asked at every look.
  std::function<std::vector<KeyName>()> governed;
  std::function<std::vector<KeyName>()> storage_keys;
  /// After a rotation: who keeps something of the key forgets it. Null: nobody.
  std::function<void(const KeyName&, KeyRole)> rotated;
  /// What an operator must do himself after a rotation: one sentence each. Null: nothing.
  std::function<std::vector<std::string>(const KeyInfo&, KeyRole)> by_hand;
  /// What else has to be done in small pieces beside traffic; true: there is more of it at once. On the thread. Null: nothing.
  std::function<bool()> chore;
  std::size_t rewrap_rate = 2000;     ///< Rows per second.
  bool archive_after_rewrap = false;  ///< Also for rotations that nobody asked for.
  std::chrono::milliseconds look_every{5000};
};

/// One key with everything about its life.
struct KeyState {
  KeyInfo info;
  KeyRole role = KeyRole::Other;
  RotationOutlook outlook;
  std::uint32_t active = 0;  ///< The version in use; less than latest: announced.
  std::optional<RewrapRun> rewrap;
};

struct RotatedKey {
  KeyName name;
  KeyRole role = KeyRole::Other;
  std::uint32_t version = 0;     ///< The new one; 0: it was not rotated.
  std::uint32_t minimum = 0;     ///< Older versions are retired; 0: unchanged.
  bool archive_pending = false;  ///< They are when the re-wrapping is done.
  std::string failure;           ///< Why not.
};
struct RotateAll {
  std::vector<RotatedKey> keys;
  std::vector<std::string> by_hand;
};

class KeyLife {
 public:
  /// All must outlive it.
  KeyLife(KeyLifeOptions options, Store& store, Keeper& keeper, const Clock& clock);
  ~KeyLife();
  KeyLife(const KeyLife&) = delete;
  KeyLife& operator=(const KeyLife&) = delete;

  void start();
  /// Ends after the batch that is under way.
  void stop() noexcept;
  /// Look now: a key was rotated elsewhere, or something was activated.
  void wake();

  [[nodiscard]] Result<std::vector<KeyState>> keys();
  [[nodiscard]] Result<KeyState> key(const KeyName& name);
  /// Of the last look: clocks, keys that could not be rotated.
  [[nodiscard]] std::vector<std::string> warnings() const;
  [[nodiscard]] std::optional<WallTime> next_rotation() const;

  [[nodiscard]] Result<KeyInfo> create(const KeyName& name, KeyType type, std::string_view user_id, const std::string& actor);
  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name, const std::string& actor);
  /// Begins a run over everything that is stored, or goes on with the one that runs; Unsupported for keys that wrap no stored mail.
  [[nodiscard]] Result<RewrapRun> rewrap(const KeyName& name, const std::string& actor);
  [[nodiscard]] Result<std::vector<RewrapFailure>> failures(const KeyName& name, std::size_t limit) const;
  /// Versions below `minimum` neither open nor verify any more; 0: below the latest (announced keys: below the one in use). Conflict while
  /// something is stored under them, or is just being stored.
  [[nodiscard]] Result<KeyInfo> archive(const KeyName& name, std::uint32_t minimum, const std::string& actor);
  /// For ever. Denied for keys that the mail system itself needs.
  [[nodiscard]] Status remove(const KeyName& name, const std::string& actor);
  /// Every key that the mail system governs; `emergency`: every key there is, older versions retired wherever nothing needs them.
  [[nodiscard]] Result<RotateAll> rotate_all(bool emergency, const std::string& actor);

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
