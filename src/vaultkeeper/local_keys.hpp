// Keys that transit cannot hold or use as mail needs it: made here, sealed under transit's `pgp_key_encryption`, kept as records in our own
// store, and opened on demand for a bounded time.
//
// Each private version has a wrapping key of its own at the Vault, so that opening it is a decryption that the Vault grants, logs and can
// refuse. Its associated data are the key's name, type and version. Records are authenticated as the embedded engine's are (name,
// revision), by a record key that the Vault opens once at the start: a Vault that cannot is not the one these keys belong to. Thread safe.
// Errors: those of the Keeper port.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <variant>

#include "keys/key_store.hpp"
#include "keys/openpgp_key.hpp"
#include "vaultkeeper/data_keys.hpp"
#include "vaultkeeper/record_lock.hpp"

namespace postern::vaultkeeper {

struct LocalKeyOptions {
  std::chrono::milliseconds life{3'600'000};
  /// Keys that stay open while the Vault does not answer (not when it refuses): the listener's, so that the door can still say "try later".
  std::set<KeyName> resident;
};

class LocalKeys {
 public:
  /// Store, data keys and clock must outlive it.
  LocalKeys(KeyStore& store, DataKeys& wrapping, const Clock& clock, LocalKeyOptions options);
  ~LocalKeys();

  /// Conflict when a store's root blob (empty: a new store) is that of the embedded engine.
  [[nodiscard]] static Status check_root(ByteView blob);
  /// Opens the records, or begins them in an empty store. Unavailable while the Vault is; Conflict when the store belongs to the embedded
  /// engine; IntegrityFailed when records were changed, or the Vault is another one. Nothing else may be called before it has succeeded.
  [[nodiscard]] Status open();
  [[nodiscard]] bool holds(const KeyName& name) const;

  [[nodiscard]] Result<KeyInfo> create(const KeyName& name, KeyType type, std::string_view user_id);
  [[nodiscard]] Result<KeyInfo> describe(const KeyName& name) const;
  [[nodiscard]] std::vector<KeyName> list() const;
  [[nodiscard]] Result<KeyInfo> rotate(const KeyName& name);
  [[nodiscard]] Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings);
  [[nodiscard]] Status remove(const KeyName& name);
  [[nodiscard]] Result<PublicKey> public_key(const KeyName& name, std::uint32_t version) const;
  [[nodiscard]] Result<std::string> certificate(const KeyName& name, std::uint32_t version) const;

  enum class Use { Protect, Open };
  /// The private key of a version, opened when it is not. Counts a use.
  [[nodiscard]] Result<std::shared_ptr<const PrivateKey>> key(const KeyName& name, std::uint32_t version, Use use);
  /// RSA: OAEP with SHA-256, without associated data; the form of the port. Unsupported for other keys.
  [[nodiscard]] Result<std::string> encrypt(const KeyName& name, std::uint32_t version, ByteView plaintext, ByteView aad);
  [[nodiscard]] Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad);
  [[nodiscard]] Result<std::shared_ptr<detail::OpenPgpKey>> openpgp(const KeyName& name);

  /// Whatever is sealed under an older version of `pgp_key_encryption` than `latest` is sealed anew. Interrupted, the rest stays readable.
  [[nodiscard]] Status rewrap(std::uint32_t latest);
  /// Conflict when something is sealed under a version below that.
  [[nodiscard]] Status check_wrapping(std::uint32_t min_decryption_version) const;
  /// Opens again, ahead of time, what is in use, and drops what is not.
  void tend();
  [[nodiscard]] std::size_t cached() const;

 private:
  using StoredPtr = std::shared_ptr<const StoredKey>;
  using PgpPtr = std::shared_ptr<detail::OpenPgpKey>;
  using Material = std::variant<std::monostate, std::shared_ptr<const PrivateKey>, PgpPtr>;
  using Place = std::pair<KeyName, std::uint32_t>;  ///< Version 0: all of an OpenPGP key.
  struct Entry {
    std::mutex mutex;
    Material material;
    SteadyTime born{}, until{};
    bool used = false;
  };
  [[nodiscard]] Result<StoredPtr> find(const KeyName& name) const;
  [[nodiscard]] Result<Material> open_material(const StoredKey& key, std::uint32_t version) const;
  [[nodiscard]] Result<SecretBytes> open_version(const StoredKey& key, const StoredVersion& version) const;
  [[nodiscard]] Result<StoredVersion> new_version(const StoredKey& key, std::uint32_t number, std::string_view user_id) const;
  [[nodiscard]] Result<Material> material(const StoredPtr& key, std::uint32_t version);
  [[nodiscard]] Result<KeyInfo> replace(StoredKey changed);
  [[nodiscard]] Status begin();
  [[nodiscard]] Result<SecretBytes> open_root(ByteView blob) const;
  [[nodiscard]] Status save_root(ByteView kek) const;
  [[nodiscard]] Status rewrap_key(const StoredPtr& key, std::uint32_t latest);
  [[nodiscard]] KeyInfo info_of(const StoredKey& key) const;
  void count(const KeyName& name, std::uint32_t version);
  void forget(const KeyName& name);
  void refresh(const Place& place, const std::shared_ptr<Entry>& entry);

  KeyStore& m_store;
  DataKeys& m_wrapping;
  const Clock& m_clock;
  const LocalKeyOptions m_options;
  std::mutex m_change;  // one change at a time: store first, then memory
  mutable std::shared_mutex m_read;
  std::optional<RecordLock> m_vault;
  std::uint32_t m_root_version = 0;
  std::map<KeyName, StoredPtr> m_keys;
  mutable std::mutex m_cache;  // guards the two maps below, never held while the Vault is asked
  std::map<Place, std::shared_ptr<Entry>> m_open;
  std::map<Place, std::uint64_t> m_uses;
};

}  // namespace postern::vaultkeeper
