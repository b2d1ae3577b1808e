// The key engine: keys by name over a Storage, and their life. What can be done with a key is in transit/key_ref.hpp.
//
// Names are those that vault::is_engine_name() takes; anything else is BadInput. The storage must outlive the engine, the engine every
// KeyRef. All calls are thread safe; one writer per key at a time, readers never wait for it. Making RSA keys takes seconds.
// Durability: a change that succeeded survives a crash; one that failed changed nothing (all records of a change are one apply()).
//
// Errors: BadInput with the API's text; NotFound ("encryption key not found", "no key found to restore", ...); Conflict (exists already);
// Denied (deletion not allowed, not exportable); Unsupported (a type this build does not have, a type that cannot do it); Unavailable
// (storage).
//
// In the storage: keys/NAME (settings and the versions from min_decryption_version on), archive/NAME/SEGMENT (older versions, 128 to a
// segment), uses/NAME (reserved uses per version), rotation/NAME (an empty mark on keys with automatic rotation), wrapping-key, settings.
#pragma once

#include "barrier/storage.hpp"
#include "transit/key_ref.hpp"

namespace postern::transit {

inline constexpr std::size_t kRandomMost = 128 * 1024;    ///< random_bytes() gives at most so many.
inline constexpr std::size_t kVersionsMost = 4096;        ///< Live versions of one key; rotation beyond says: raise min_decryption_version.
inline constexpr std::size_t kPlaintextMost = 32U << 20;  ///< One message.

struct EngineOptions {
  std::size_t cached_keys = 10'000;  ///< Keys in memory; the least recently used go. Settings::cache_size overrides it.
};

/// Of the whole mount, kept in the storage.
struct Settings {
  bool disable_upsert = false;
  std::size_t cache_size = 0;  ///< 0: EngineOptions::cached_keys; else at least 10.
};

/// What one tick() did.
struct TickReport {
  std::size_t looked_at = 0;
  std::vector<std::string> rotated;
  std::vector<std::string> failed;  ///< "NAME: why"; tried again next time.
};

class Engine {
 public:
  Engine(Storage& storage, const Clock& clock, EngineOptions options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// The key to work with. NotFound: "encryption key not found".
  [[nodiscard]] Result<KeyRef> get(std::string_view name);

  /// Whether `items` uses of a key, of `bytes` base64 text together, take well under a millisecond and wait for no storage: the key is in
  /// memory, enough uses of its latest version are granted, and its type is cheap. Waits for nothing itself. A guess, not a promise: others
  /// may use up what is granted in between.
  [[nodiscard]] bool is_quick(std::string_view name, KeyUse use, std::size_t items, std::size_t bytes) const;

  // Life of a key. ---------------------------------------------------------------------------------------------------------------------
  /// When it is there already: what it is (the options are not looked at), with `created` false.
  [[nodiscard]] Result<KeyReply> create(std::string_view name, const CreateOptions& options);
  [[nodiscard]] Result<KeyInfo> info(std::string_view name);
  [[nodiscard]] Result<bool> exists(std::string_view name);
  [[nodiscard]] Result<std::vector<std::string>> list(const StoragePage& page = {});
  [[nodiscard]] Result<KeyReply> rotate(std::string_view name);
  [[nodiscard]] Result<KeyReply> configure(std::string_view name, const KeySettings& settings);
  [[nodiscard]] Result<KeyReply> trim(std::string_view name, std::int64_t min_available_version);
  [[nodiscard]] Result<KeyReply> soft_delete(std::string_view name);
  [[nodiscard]] Result<KeyReply> soft_delete_restore(std::string_view name);
  /// All versions, for ever. BadInput unless deletion_allowed.
  [[nodiscard]] Status remove(std::string_view name);

  // In and out. ------------------------------------------------------------------------------------------------------------------------
  /// PEM of the RSA-4096 key that BYOK blobs are made for; made at the first call and never changed.
  [[nodiscard]] Result<std::string> wrapping_key();
  /// Conflict when the key exists.
  [[nodiscard]] Result<KeyReply> import_key(std::string_view name, const ImportSource& source, const ImportOptions& options);
  /// A further version, or (`version`) the private key of a version of which only the public key is here.
  [[nodiscard]] Result<KeyReply> import_version(std::string_view name, const ImportSource& source, std::uint32_t version = 0);
  /// openpgp keys: another form of the secret of a version (wrapped anew by whoever wraps it); its certificate and number stay.
  [[nodiscard]] Result<KeyReply> replace_openpgp(std::string_view name, std::uint32_t version, const SecretBytes& secret);
  /// `version` is "", "latest", "3" or "v3"; "" gives all. Private halves need `exportable`.
  [[nodiscard]] Result<Exported> export_key(std::string_view name, ExportType type, std::string_view version = {},
                                            ExportFormat format = ExportFormat::Default);
  /// The source's versions for the holder of the RSA key of which the public half was imported as `destination`.
  [[nodiscard]] Result<Exported> byok_export(std::string_view destination, std::string_view source, std::string_view version = {},
                                             HashAlgorithm hash = HashAlgorithm::Sha256);
  /// base64 of everything, archive included. Needs exportable and allow_plaintext_backup. Only this engine reads it.
  [[nodiscard]] Result<SecretBytes> backup(std::string_view name);
  /// `name` empty: the name in the backup. Conflict when the key exists, unless `force`.
  [[nodiscard]] Result<KeyReply> restore(std::string_view name, std::string_view backup, bool force = false);
  /// A new key from ECDH: HKDF-SHA256 (no salt, no info) of the secret between a version of `base` and `peer_pem`.
  [[nodiscard]] Result<KeyReply> derive_key(std::string_view name, std::string_view base, std::uint32_t base_version,
                                            std::string_view peer_pem, const CreateOptions& options);
  /// A chain of PEM certificates, the first for this version's public key.
  [[nodiscard]] Result<KeyReply> set_certificate(std::string_view name, std::uint32_t version, std::string_view chain_pem);

  // The mount. -------------------------------------------------------------------------------------------------------------------------
  [[nodiscard]] Result<Settings> settings();
  [[nodiscard]] Status change_settings(const Settings& settings);
  /// Every minute or so: rotates what is due (at most 16 keys a call, looks at 2,000 and goes on there next time), reserves uses ahead.
  TickReport tick();
  /// Before sealing: gives back reserved uses that were not needed. Best effort; without it the counts are up to a block too high.
  void settle() noexcept;
  /// Sealed: forgets every key. KeyRefs that are still held refuse from now on; what they hold is wiped when they go.
  void forget_all() noexcept;
  [[nodiscard]] std::size_t cached() const noexcept;

 private:
  std::shared_ptr<detail::Core> m_core;
};

/// `version` as a text of the API: "" or "0" is 0 (what that means is the call's business), "latest" the given one, "3" or "v3" is 3.
[[nodiscard]] Result<std::uint32_t> version_from_text(std::string_view text, std::uint32_t latest);
/// For transit/random: BadInput outside 1 to kRandomMost.
[[nodiscard]] Result<WipedBytes> random_bytes(std::int64_t count);
/// "sha2-256" and so on, as transit/hash and hmac take them. BadInput: `unsupported hash algorithm X`.
[[nodiscard]] Result<HashAlgorithm> hash_algorithm_from_name(std::string_view name);

}  // namespace postern::transit
