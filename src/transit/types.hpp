// The values of the key engine: kinds of keys, their settings, what is told about them. No secrets in here but where SecretBytes says so.
//
// Source: Vault's transit API (names, defaults, limits). Where the API has no word for something (use limits, expiry, operations, kept
// versions) it is Postern's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "crypto/pkey.hpp"

namespace postern::transit {

/// Bytes on the heap that are wiped when they are released: plaintext of any size. (SecretBytes locks its pages, which costs system calls
/// above 128 bytes; keys are worth that, every message is not.)
template <class T>
struct WipingAllocator : UnfilledAllocator<T> {
  template <class U>
  struct rebind {
    using other = WipingAllocator<U>;
  };
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(ByteSpan(reinterpret_cast<Byte*>(memory), count * sizeof(T)));
    std::allocator<T>().deallocate(memory, count);
  }
};
using WipedBytes = std::vector<Byte, WipingAllocator<Byte>>;

enum class KeyType {
  Aes128Gcm96,        ///< "aes128-gcm96"
  Aes256Gcm96,        ///< "aes256-gcm96"
  ChaCha20Poly1305,   ///< "chacha20-poly1305"
  XChaCha20Poly1305,  ///< "xchacha20-poly1305"
  EcdsaP256,          ///< "ecdsa-p256": signs, and agrees for derive_key()
  EcdsaP384,          ///< "ecdsa-p384"
  EcdsaP521,          ///< "ecdsa-p521"
  Ed25519,            ///< "ed25519"
  Rsa2048,            ///< "rsa-2048": signs and decrypts
  Rsa3072,            ///< "rsa-3072"
  Rsa4096,            ///< "rsa-4096"
  Hmac,               ///< "hmac": 32 to 512 bytes
  X25519,             ///< "x25519": agrees only; not in Vault
  OpenPgp,            ///< "openpgp": a secret made elsewhere and kept here, with its certificate; not in Vault
  MlDsa44,            ///< "mldsa-44"; also "ml-dsa" with parameter_set 44. Needs OpenSSL 3.5.
  MlDsa65,            ///< "mldsa-65"
  MlDsa87,            ///< "mldsa-87"
  MlKem512,           ///< "mlkem-512": encapsulates; also "ml-kem" with parameter_set 512. Needs OpenSSL 3.5.
  MlKem768,           ///< "mlkem-768"
  MlKem1024,          ///< "mlkem-1024"
};
/// The name in the API.
[[nodiscard]] std::string_view name_of(KeyType type) noexcept;
/// By either spelling. BadInput: `unknown key type X`.
[[nodiscard]] Result<KeyType> key_type_from_name(std::string_view name, std::string_view parameter_set = {});
/// Whether this process can make and use such keys. Unsupported names what is missing (the post-quantum types need OpenSSL >= 3.5).
[[nodiscard]] Status key_type_available(KeyType type);

struct KeyAbilities {
  bool encrypts = false, decrypts = false, signs = false, derives = false, agrees = false, encapsulates = false;
  bool symmetric = false;  ///< No public half: AEADs and hmac.
};
[[nodiscard]] KeyAbilities abilities_of(KeyType type) noexcept;

/// What a key may be asked for; a key's list of them is a restriction of its own, beside the policies of whoever asks.
enum class KeyUse : std::uint16_t {
  Encrypt = 1,   ///< "encrypt"
  Decrypt = 2,   ///< "decrypt"
  Rewrap = 4,    ///< "rewrap"
  DataKey = 8,   ///< "datakey": making one
  Sign = 16,     ///< "sign"
  Verify = 32,   ///< "verify": signatures and MACs
  Hmac = 64,     ///< "hmac"
  Agree = 128,   ///< "agree": ECDH and derive_key(), decapsulation
  Export = 256,  ///< "export": also byok-export and backup
};
[[nodiscard]] std::string_view name_of(KeyUse use) noexcept;
/// BadInput with the names there are.
[[nodiscard]] Result<KeyUse> key_use_from_name(std::string_view name);

/// How often one version may be used; 0: the default. The default for encryptions by AES-GCM and ChaCha20-Poly1305 with random 96-bit
/// nonces is 2^32 (SP 800-38D 8.3: the chance of a repeated nonce stays under 2^-32), and only derived keys may be given more, since there
/// each context has a key of its own. Everything else has no limit unless it is set.
struct UseLimits {
  std::uint64_t encryptions = 0;
  std::uint64_t signatures = 0;
  std::uint64_t macs = 0;
  friend bool operator==(const UseLimits&, const UseLimits&) = default;
};

/// Uses of one version; never less than what happened, after a crash too, and then up to one reserved block more.
struct UseCounts {
  std::uint64_t encryptions = 0;
  std::uint64_t signatures = 0;
  std::uint64_t macs = 0;
};

struct CreateOptions {
  KeyType type = KeyType::Aes256Gcm96;
  bool derived = false;
  bool convergent = false;
  bool exportable = false;
  bool allow_plaintext_backup = false;
  std::chrono::seconds auto_rotate_period{0};  ///< 0, or at least an hour.
  std::size_t key_size = 0;                    ///< hmac only: 32 to 512 bytes; 0: 64.
};

/// What configure() changes; what is not set stays.
struct KeySettings {
  std::optional<std::int64_t> min_decryption_version = {};  ///< 0 becomes 1, with a warning.
  std::optional<std::int64_t> min_encryption_version = {};  ///< 0: only the latest, or any by number from min_decryption_version on.
  std::optional<bool> deletion_allowed = {};
  std::optional<bool> exportable = {};              ///< One way: only true changes something, false on an exportable key is ignored.
  std::optional<bool> allow_plaintext_backup = {};  ///< One way, likewise.
  std::optional<std::chrono::seconds> auto_rotate_period = {};
  // Postern's own:
  std::optional<std::uint32_t> max_versions = {};        ///< Kept versions; older ones are destroyed by rotation. 0: all.
  std::optional<WallTime> expires = {};                  ///< From then on the key only decrypts and verifies. The epoch: never.
  std::optional<std::vector<KeyUse>> allowed_uses = {};  ///< Empty: all.
  std::optional<UseLimits> limits = {};
};

struct KeyVersionInfo {
  std::uint32_t number = 0;
  WallTime created{};
  std::string name;               ///< "P-256", "ed25519", "rsa-2048", ...; empty for symmetric keys.
  std::string public_key;         ///< PEM (SubjectPublicKeyInfo); ed25519: base64 of the raw 32 bytes; openpgp: as it was imported.
  std::string certificate_chain;  ///< PEM; usually empty.
  bool public_only = false;       ///< Imported without a private key.
  UseCounts uses;
};

struct KeyInfo {
  std::string name;
  KeyType type = KeyType::Aes256Gcm96;
  bool derived = false, convergent = false, exportable = false, allow_plaintext_backup = false, deletion_allowed = false;
  bool imported = false, imported_allow_rotation = false, soft_deleted = false;
  std::uint32_t latest = 0;
  std::uint32_t min_available_version = 0, min_decryption_version = 1, min_encryption_version = 0;
  std::chrono::seconds auto_rotate_period{0};
  std::size_t key_size = 0;  ///< hmac only.
  struct Copied {
    WallTime time{};
    std::uint32_t version = 0;  ///< The latest at that time.
  };
  std::optional<Copied> backup, restored;
  // Postern's own:
  std::uint32_t max_versions = 0;
  std::optional<WallTime> expires;
  std::vector<KeyUse> allowed_uses;  ///< Empty: all.
  UseLimits limits;                  ///< As they apply; 0: none.
  std::optional<WallTime> next_rotation;
  std::vector<KeyVersionInfo> versions;  ///< Ascending, from min_decryption_version on.
};

/// An answer about a key with remarks for the one who asked.
struct KeyReply {
  KeyInfo info;
  bool created = false;  ///< create(): it was not there before.
  std::vector<std::string> warnings;
};

/// A private key, or a secret, from outside. Exactly one of the three.
struct ImportSource {
  std::string_view byok = {};  ///< base64 of RSA-OAEP(wrapping key, AES-256 key) || AES-KWP(AES key, material).
  HashAlgorithm byok_hash = HashAlgorithm::Sha256;
  std::string_view public_key = {};      ///< PEM; such a version only verifies and encrypts.
  const SecretBytes* plain = nullptr;    ///< Raw bytes (symmetric, hmac, openpgp) or PKCS#8 DER; for callers inside the product.
  std::string_view openpgp_public = {};  ///< With `plain`, openpgp only: what is told as the public key.
};

struct ImportOptions {
  KeyType type = KeyType::Aes256Gcm96;
  bool derived = false;
  bool exportable = false;
  bool allow_plaintext_backup = false;
  bool allow_rotation = false;
  std::chrono::seconds auto_rotate_period{0};
};

enum class ExportType { EncryptionKey, SigningKey, HmacKey, PublicKey, CertificateChain };
/// "encryption-key", ...; BadInput for others.
[[nodiscard]] Result<ExportType> export_type_from_name(std::string_view name);
enum class ExportFormat { Default, Raw, Der, Pem };
/// "", "raw", "der", "pem"
[[nodiscard]] Result<ExportFormat> export_format_from_name(std::string_view name);

struct ExportedVersion {
  std::uint32_t number = 0;
  SecretBytes text;  ///< As the API shows it: base64 or PEM.
};
struct Exported {
  KeyType type = KeyType::Aes256Gcm96;
  std::vector<ExportedVersion> versions;
};

}  // namespace postern::transit
