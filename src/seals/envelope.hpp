// The blob that every seal of this room writes: a key of its own locks the root key, and a recipe says how to get that key again.
//
//   0x50 0x53 | version 1 | kind | recipe (u32 length, bytes) | nonce 12 | ciphertext 32 | tag 16
//
// The last part is AES-256-GCM with all that stands before it as associated data, so that no byte of a blob can be changed unnoticed,
// whatever the device behind the recipe authenticates, and the root key itself never goes to a device or to another server.
//
// Limits: a blob has at most kSealBlob bytes, so has its recipe. Threads: as Seal.
#pragma once

#include <cstdint>
#include <string>

#include "barrier/seal.hpp"

namespace postern::seals {

enum class BlobKind : std::uint8_t { RawKey = 1, Passphrase = 2, Pkcs11 = 3, Tpm = 4, Transit = 5 };

struct OpenedBlob {
  BlobKind kind = BlobKind::RawKey;
  ByteView recipe;  ///< Borrows from the blob, as the two below.
  ByteView header;  ///< What is authenticated: everything before `locked`.
  ByteView locked;
};
/// BadInput (not a blob, ends too early, too long), TooLarge, Unsupported (a later version or kind).
[[nodiscard]] Result<OpenedBlob> read_blob(ByteView blob);

/// `key` and `root_key` have 32 bytes. TooLarge when the recipe does not fit.
[[nodiscard]] Result<Bytes> lock_blob(BlobKind kind, ByteView recipe, ByteView key, ByteView root_key);
/// IntegrityFailed when any byte was changed or the key is another.
[[nodiscard]] Result<SecretBytes> unlock_blob(const OpenedBlob& blob, ByteView key);

/// A key for one blob, and how to get it again.
struct FreshKey {
  BlobKind kind = BlobKind::RawKey;
  SecretBytes key;
  Bytes recipe;
};

/// What the seals have in common. wrap() hands a blob out only after it has opened it again in the way unwrap() will.
class EnvelopeSeal : public Seal {
 public:
  [[nodiscard]] std::string_view type() const noexcept final { return m_type; }
  [[nodiscard]] std::string_view name() const noexcept final { return m_name; }
  [[nodiscard]] Result<Bytes> wrap(ByteView root_key) final;
  [[nodiscard]] Result<SecretBytes> unwrap(ByteView blob) final;

 protected:
  EnvelopeSeal(std::string_view type, std::string name) : m_type(type), m_name(std::move(name)) {}

 private:
  [[nodiscard]] virtual Result<FreshKey> fresh_key() = 0;
  /// BadInput for a recipe that cannot be read; IntegrityFailed for the kind of another seal.
  [[nodiscard]] virtual Result<SecretBytes> key_of(BlobKind kind, ByteView recipe) = 0;

  std::string_view m_type;  ///< Of static storage.
  std::string m_name;
};

/// IntegrityFailed: the blob was made by a seal of another type.
[[nodiscard]] Status expect_kind(BlobKind found, BlobKind wanted);
/// Text of a recipe: printable ASCII of at most `limit` bytes, or BadInput.
[[nodiscard]] Result<std::string> recipe_text(ByteView bytes, std::size_t limit, std::string_view field);

}  // namespace postern::seals
