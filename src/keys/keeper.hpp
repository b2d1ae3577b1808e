// The keeper port: everything the mail system may ask of a key, by name. No call returns private key material; the keys may live in
// this process (keys/transit_keeper.hpp), in a process of their own, in an HSM or in another server.
//
// All calls are thread safe and may block for the time of the operation (RSA-4096: milliseconds). `version` 0 means the latest.
// Errors of every call: NotFound (no such key or version), Unsupported (the key's type cannot do it), Denied (the version is below
// min_decryption_version or min_encryption_version), Exhausted (the key's use limit is reached: rotate it), Unavailable (the keeper does
// not answer).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/later.hpp"
#include "base/secret.hpp"
#include "crypto/pkey.hpp"
#include "keys/key_name.hpp"

namespace postern {

struct KeyVersionInfo {
  std::uint32_t number = 0;
  WallTime created{};
  std::string public_key_pem;  ///< SubjectPublicKeyInfo PEM; the armored certificate for OpenPgp; empty for symmetric keys.
  std::uint64_t uses = 0;      ///< Encryptions, signatures and MACs since this process began.
};

struct KeyInfo {
  KeyName name;
  KeyType type = KeyType::Aes256Gcm96;
  std::uint32_t latest = 0;
  std::uint32_t min_decryption_version = 1;  ///< Older versions neither decrypt nor verify.
  std::uint32_t min_encryption_version = 0;  ///< Older versions neither encrypt nor sign; 0: only the latest matters.
  bool deletion_allowed = false;
  std::string custody;                   ///< Where the private part is when not in the embedded engine: "transit", "wrapped"; else empty.
  std::vector<KeyVersionInfo> versions;  ///< Ascending.
  std::uint64_t max_uses = 0;            ///< Uses of one version before it refuses; 0: no limit.
  std::chrono::seconds auto_rotate{0};   ///< At this age the engine adds a version by itself; 0: it leaves that to others.

  [[nodiscard]] const KeyVersionInfo* find(std::uint32_t version) const noexcept;
};

/// How the keeper is, for status pages. The embedded engine is always well.
struct KeeperState {
  std::string backend = "embedded";  ///< "embedded", "vault"
  bool reachable = true;             ///< The last question was answered, whatever the answer.
  bool sealed = false;               ///< It answers, and says that it is sealed or not initialised.
  std::string where;                 ///< The address in use.
  std::string last_error;            ///< Why it is not well; stays until it is.
  std::optional<WallTime> since;     ///< Since when it is not well.
  std::optional<WallTime> token_expires;
  std::size_t cached_data_keys = 0;  ///< Keys in memory that open or protect mail while it is away.
  std::size_t cached_keys = 0;       ///< Unwrapped private keys in memory.
};

struct KeeperCondition {
  KeeperState state;
  Status ready;
};

/// What configure() can change; what is not set stays.
struct KeySettings {
  std::optional<std::uint32_t> min_decryption_version;
  std::optional<std::uint32_t> min_encryption_version;
  std::optional<bool> deletion_allowed;
};

/// A fresh 256-bit key for one message: use and wipe `plaintext`, store `wrapped` beside what it encrypts.
struct DataKey {
  SecretBytes plaintext;
  Bytes wrapped;
};

enum class OpenPgpSignatureStatus { Good, Bad, UnknownSigner, Expired, UnusableKey };
[[nodiscard]] std::string_view name_of(OpenPgpSignatureStatus status) noexcept;

struct OpenPgpSignature {
  OpenPgpSignatureStatus status = OpenPgpSignatureStatus::UnknownSigner;
  std::string key_id;        ///< 16 hexadecimal digits, upper case, as the signature claims.
  std::string fingerprint;   ///< Of the signer's primary key; empty unless the signer's certificate was given.
  std::string hash;          ///< "SHA512"
  std::int64_t created = 0;  ///< Unix time, as the signature claims.
};

struct OpenPgpOpened {
  Bytes plaintext;
  std::string cipher;                        ///< "AES256"
  std::string mode;                          ///< "cfb-mdc", "aead-ocb"; never without integrity protection.
  std::vector<OpenPgpSignature> signatures;  ///< Empty when the message was only encrypted.
};

class Keeper {
 public:
  virtual ~Keeper() = default;

  /// Never blocks.
  [[nodiscard]] virtual KeeperState state() const { return {}; }
  /// Whether keys can be used now; Unavailable says why not and what to do next. Does not wait.
  [[nodiscard]] virtual Status ready() { return {}; }
  /// Another one after every change of keys that went through this port, before whoever asked for it has the answer: what was prepared
  /// under an earlier one may be out of date. Never blocks.
  [[nodiscard]] virtual std::uint64_t epoch() const noexcept { return 0; }
  /// Both, as one call over a channel: an error is the channel's and not the keeper's.
  [[nodiscard]] Result<KeeperCondition> condition() { return KeeperCondition{state(), ready()}; }

  // Keys. ---------------------------------------------------------------------------------------------------------------------------
  /// Conflict when the name is taken. OpenPgp keys come from openpgp_create().
  [[nodiscard]] virtual Result<KeyInfo> create(const KeyName& name, KeyType type) = 0;
  [[nodiscard]] virtual Result<KeyInfo> describe(const KeyName& name) = 0;
  /// Sorted by name. Also keys of kinds that the mail system has no use for, where it shares its place with others: describe() says
  /// Unsupported of them.
  [[nodiscard]] virtual Result<std::vector<KeyName>> list() = 0;
  /// Adds a version, which becomes the latest; older versions go on decrypting and verifying.
  [[nodiscard]] virtual Result<KeyInfo> rotate(const KeyName& name) = 0;
  /// BadInput unless 1 <= min_decryption_version <= latest, and min_encryption_version is 0 or from min_decryption_version to latest.
  [[nodiscard]] virtual Result<KeyInfo> configure(const KeyName& name, const KeySettings& settings) = 0;
  /// Destroys all versions for ever. Denied unless deletion_allowed was set before.
  [[nodiscard]] virtual Status remove(const KeyName& name) = 0;
  [[nodiscard]] virtual Result<PublicKey> public_key(const KeyName& name, std::uint32_t version = 0) = 0;

  // Signatures and MACs. ------------------------------------------------------------------------------------------------------------
  [[nodiscard]] virtual Result<Bytes> sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data) = 0;
  /// The same, and data keys, without waiting where the keeper is another process: what is under way at once is made side by side there.
  /// What is given is borrowed for the call only. A keeper in this process does it now.
  [[nodiscard]] virtual Later<Bytes> begin_sign(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data);
  /// One for each of `aads`, in their order.
  [[nodiscard]] virtual std::vector<Later<DataKey>> begin_data_keys(const KeyName& name, std::span<const std::string> aads);
  /// Success or IntegrityFailed.
  [[nodiscard]] virtual Status verify(const KeyName& name, std::uint32_t version, const SignAlgorithm& algorithm, ByteView data,
                                      ByteView signature) = 0;
  /// Keys of type Hmac.
  [[nodiscard]] virtual Result<Bytes> mac(const KeyName& name, std::uint32_t version, HashAlgorithm algorithm, ByteView data) = 0;

  // Encryption. ---------------------------------------------------------------------------------------------------------------------
  /// Symmetric keys: "vault:vN:" + base64(nonce || ciphertext || tag). RSA keys: OAEP with SHA-256, `aad` must be empty.
  [[nodiscard]] virtual Result<std::string> encrypt(const KeyName& name, ByteView plaintext, ByteView aad, std::uint32_t version = 0) = 0;
  /// BadInput for what is not of that form, IntegrityFailed for what was changed or belongs to another key or aad.
  [[nodiscard]] virtual Result<SecretBytes> decrypt(const KeyName& name, std::string_view ciphertext, ByteView aad) = 0;
  /// Symmetric keys. Cheap: no key is made or parsed, one small AEAD.
  [[nodiscard]] virtual Result<DataKey> new_data_key(const KeyName& name, ByteView aad) = 0;
  [[nodiscard]] virtual Result<SecretBytes> unwrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) = 0;
  /// The same data key under the latest version (rotation without touching the content). The key is never shown.
  [[nodiscard]] virtual Result<Bytes> rewrap_data_key(const KeyName& name, ByteView wrapped, ByteView aad) = 0;
  /// The version that wrapped a data key, read off its form: no key is touched. BadInput when it is no wrapped data key.
  [[nodiscard]] virtual Result<std::uint32_t> wrapped_version(ByteView wrapped) const;
  [[nodiscard]] virtual Result<SecretBytes> decrypt_oaep(const KeyName& name, std::uint32_t version, const OaepOptions& options,
                                                         ByteView ciphertext) = 0;
  /// PKCS#1 v1.5 key transport of older senders; see PrivateKey::decrypt_pkcs1 for what a wrong padding and a size of 0 do.
  [[nodiscard]] virtual Result<SecretBytes> decrypt_pkcs1(const KeyName& name, std::uint32_t version, ByteView ciphertext,
                                                          std::size_t expected_size) = 0;
  /// The raw ECDH/X25519 shared secret.
  [[nodiscard]] virtual Result<SecretBytes> agree(const KeyName& name, std::uint32_t version, const PublicKey& peer) = 0;

  // OpenPGP (RFC 4880; Ed25519 primary key that signs and certifies, X25519 subkey that decrypts). -------------------------------------
  /// `user_id` is "Name <address>" or "<address>", at most 127 bytes of UTF-8.
  [[nodiscard]] virtual Result<KeyInfo> openpgp_create(const KeyName& name, std::string_view user_id) = 0;
  /// The ASCII-armored transferable public key of a version.
  [[nodiscard]] virtual Result<std::string> openpgp_certificate(const KeyName& name, std::uint32_t version = 0) = 0;
  /// An armored detached signature (binary document, SHA-512: micalg=pgp-sha512) by the latest version.
  [[nodiscard]] virtual Result<std::string> openpgp_sign_detached(const KeyName& name, ByteView data) = 0;
  /// One armored message, signed by the latest version inside and encrypted to `recipients` (certificates, armored or binary) with AES-256
  /// and integrity protection (RFC 3156 6.2). BadInput when a recipient cannot receive encrypted mail (expired, revoked, no such subkey).
  [[nodiscard]] virtual Result<std::string> openpgp_sign_encrypt(const KeyName& name, std::span<const Bytes> recipients,
                                                                 ByteView plaintext) = 0;
  /// Armored or binary. All versions of the key are tried. NotFound when the message is not encrypted to this key; IntegrityFailed when it
  /// is damaged or has no integrity protection. `signers`: certificates to check signatures against. A bad signature is a status, not an
  /// error.
  [[nodiscard]] virtual Result<OpenPgpOpened> openpgp_decrypt(const KeyName& name, ByteView message, std::span<const Bytes> signers) = 0;

  /// The key as described, made if it does not exist; Conflict when it exists with another type.
  [[nodiscard]] virtual Result<KeyInfo> ensure(const KeyName& name, KeyType type);
  /// Makes those of the mail system's own keys (key_names) that are missing.
  [[nodiscard]] Status make_named_keys();
};

}  // namespace postern
