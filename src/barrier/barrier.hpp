// The barrier: a Storage whose values lie sealed on the disk, readable only while somebody has brought the root key.
//
//   value on disk   = term (4) || version (1) || nonce (12) || ciphertext || tag (16)          at "d/PATH"
//   keyring on disk = version (1) || nonce (12) || ciphertext || tag (16), under the root key  at "barrier/keyring"
//
// AES-256-GCM throughout. A value's associated data are a fixed label, its term and version, and the path it lies at, so that a value that
// was moved, or whose header was changed, does not open. Each term has a random key; all terms stay in the keyring (barrier/keyring.hpp).
// Encryptions are counted: numbers are reserved on disk in blocks before they are used, so that after a crash the count is too high and
// never too low; before SP 800-38D's bound a new term begins by itself.
//
// Every change of the keyring is one atomic batch of the store, with whatever must change with it; a new term is on disk before the first
// value is sealed under it. A cut at any point leaves the old or the new state.
//
// Threads: all calls from any thread. Values are sealed and opened under a shared lock; changes of the keyring wait for each other, and the
// store is never waited for with the lock held: seal() is at once, whatever the disk does. A call that is under way then answers
// Unavailable "Vault is sealed". Not handled: whoever can write the disk can put back an old value at the same path, or a whole old disk;
// that it happened does not show. Names are visible. OpenSSL's key schedules that other threads keep (crypto/aead.hpp) outlive seal() until
// new keys push them out. Sources: NIST SP 800-38D 8.3; the barrier of Vault and OpenBao for the form of the values.
#pragma once

#include <memory>
#include <mutex>
#include <shared_mutex>

#include "barrier/keyring.hpp"
#include "barrier/seal.hpp"
#include "barrier/sealed_store.hpp"
#include "barrier/storage.hpp"

namespace postern {

struct BarrierOptions {
  std::uint64_t block = 1U << 20;  ///< Encryptions reserved on disk at a time, and lost by a crash at most.
};

/// What is stored in one batch with a keyring. Paths of custody and plain are of the custodian's choice, as of Storage.
struct BarrierChanges {
  std::vector<StorageChange> values;   ///< As in apply().
  std::vector<StorageChange> custody;  ///< Sealed too, but apart from what Storage shows; read with custody_value().
  std::vector<SealedChange> plain;     ///< Not sealed: what is needed to unseal; read with plain_value().
};

struct KeyStatus {
  std::uint32_t term = 0;
  WallTime installed{};
  std::uint64_t encryptions = 0;  ///< Of this term; never fewer than were made.
};

class Barrier final : public Storage {
 public:
  /// Sealed at first. Both must outlive it.
  Barrier(SealedStore& store, const Clock& clock, BarrierOptions options = {});
  /// seal().
  ~Barrier() override;
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Whether a keyring lies on the disk.
  [[nodiscard]] Result<bool> initialized();
  enum class Afterwards { Unsealed, Sealed };
  /// Makes the keyring. Conflict when there is one, or when values lie there whose keyring is gone.
  [[nodiscard]] Status initialize(ByteView root_key, BarrierChanges with = {}, Afterwards afterwards = Afterwards::Unsealed);
  /// Denied when `root_key` is not the one. Unsealed already: only compares.
  [[nodiscard]] Status unseal(ByteView root_key);
  /// Wipes every key. Then stores how many encryptions there really were, if the disk takes it.
  void seal() noexcept;
  [[nodiscard]] bool sealed() const;

  // Below: Unavailable "Vault is sealed" while sealed.

  /// A new term, in force when it returns; its number.
  [[nodiscard]] Result<std::uint32_t> rotate();
  /// A new root key and a new term, so that whoever kept the old root key and an old disk can read nothing that is written from now on.
  [[nodiscard]] Status change_root_key(ByteView new_root_key, BarrierChanges with = {});
  /// Denied unless it is the root key.
  [[nodiscard]] Status verify_root_key(ByteView root_key) const;
  [[nodiscard]] Result<KeyStatus> key_status() const;
  [[nodiscard]] Result<RotationPolicy> rotation() const;
  [[nodiscard]] Status set_rotation(const RotationPolicy& policy);
  /// Every minute or so: a new term when the policy wants one. Whether it did.
  [[nodiscard]] Result<bool> tick();

  [[nodiscard]] Result<std::optional<SecretBytes>> get(std::string_view path) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view prefix, const StoragePage& page = {}) override;
  [[nodiscard]] Status apply(std::vector<StorageChange> changes) override;

  /// For the custodian (barrier/custodian.hpp).
  [[nodiscard]] Status apply_all(BarrierChanges changes);
  [[nodiscard]] Result<std::optional<SecretBytes>> custody_value(std::string_view path);
  /// Also while sealed.
  [[nodiscard]] Result<std::optional<Bytes>> plain_value(std::string_view path);

 private:
  struct Open;
  struct Draft;
  using StateLock = std::shared_lock<std::shared_mutex>;

  [[nodiscard]] StateLock share_state() const;
  [[nodiscard]] std::unique_lock<std::shared_mutex> own_state() const;
  [[nodiscard]] Status check_open() const;
  [[nodiscard]] Result<std::optional<SecretBytes>> read(std::string path);
  [[nodiscard]] Result<StateLock> reserve(std::uint64_t count);
  [[nodiscard]] Status extend(std::uint64_t count);
  [[nodiscard]] Result<bool> has_room(std::uint64_t count) const;
  [[nodiscard]] Result<Draft> draft();
  [[nodiscard]] Status settle_doubt();
  [[nodiscard]] Status add_term(Draft& draft, std::uint64_t count) const;
  [[nodiscard]] Status write(Draft& draft, BarrierChanges with);
  [[nodiscard]] Status write_and_install(Draft draft, BarrierChanges with = {});
  [[nodiscard]] Result<bool> is_stored(const Bytes& keyring);
  [[nodiscard]] Status install(Draft draft);
  [[nodiscard]] Status open_with(Draft draft, std::uint64_t used);
  [[nodiscard]] std::optional<Bytes> close() noexcept;

  SealedStore& m_store;
  const Clock& m_clock;
  const BarrierOptions m_options;
  std::mutex m_change;                // one change of the keyring at a time; taken before m_state
  mutable std::mutex m_turn;          // to get m_state; held only while waiting for it
  mutable std::shared_mutex m_state;  // m_open and what it holds
  std::unique_ptr<Open> m_open;       // null: sealed
};

}  // namespace postern
