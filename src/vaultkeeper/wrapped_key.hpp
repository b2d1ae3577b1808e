// The form of a data key that was wrapped here: self-contained, versioned, authenticated. Foreign bytes: it lies in databases.
//
//   format (1) = 2 | Vault's key version (4, big-endian) | size of next (2) | Vault's ciphertext of the wrapping key, decoded | sealed
//
// "sealed" is nonce (12), ciphertext, tag (16) of AES-256-GCM under the wrapping key; what stands before it, the transit key's name, the
// purpose and the caller's associated data are authenticated with it. Format 1 is the embedded engine's: neither reads the other's.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace postern::vaultkeeper {

inline constexpr std::size_t kWrapMost = 1024;         ///< Of Vault's ciphertext, decoded; a 256-bit key needs 60 bytes.
inline constexpr std::size_t kSealedMost = 64U << 10;  ///< Of what is sealed.

/// A key that the Vault wrapped, as its "vault:vN:BASE64" says.
struct WrappedBy {
  std::uint32_t version = 0;
  Bytes bytes;

  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const WrappedBy&, const WrappedBy&) = default;
};
/// BadInput for what is not "vault:vN:" and canonical base64 of 28 to kWrapMost bytes.
[[nodiscard]] Result<WrappedBy> read_vault_text(std::string_view text);

struct WrappedKey {
  WrappedBy by;
  Bytes sealed;
};
/// BadInput; what is read is written back the same.
[[nodiscard]] Result<WrappedKey> read_wrapped_key(ByteView bytes);
[[nodiscard]] Bytes write_wrapped_key(const WrappedKey& key);

/// What is authenticated with "sealed". `purpose` keeps data keys and private keys apart.
[[nodiscard]] Bytes wrap_aad(const WrappedBy& by, std::string_view transit_key, std::string_view purpose, ByteView aad);

}  // namespace postern::vaultkeeper
