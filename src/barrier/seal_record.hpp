// How the root key is kept at rest: by which seal, in which blob, under how many shares. Lies beside the sealed values, not sealed itself.
//
// Encoded: "PSR1", type, name and blob (each a 32-bit length and bytes), shares (1), threshold (1). Decoding is total and bounded. Whoever
// changes it on the disk can keep the vault from being unsealed, and no more: the blob is authenticated, with shares and threshold where
// they are what opens it.
#pragma once

#include "barrier/seal.hpp"
#include "barrier/shamir.hpp"

namespace postern {

inline constexpr std::string_view kShamirType = "shamir";

struct SealRecord {
  std::string type{kShamirType};  ///< "shamir", or Seal::type().
  std::string name;               ///< Seal::name(); empty with shares.
  Bytes blob;                     ///< The root key: wrapped by the seal, or sealed under the key that the shares give.
  ShareSplit split;               ///< Of the shares that unseal, or of the recovery shares beside a seal.

  [[nodiscard]] bool by_shares() const noexcept { return type == kShamirType; }
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<SealRecord> decode(ByteView encoded);
};

/// The blob of a record by shares. `share_key` has kRootKey bytes.
[[nodiscard]] Result<Bytes> seal_root_key(ByteView root_key, ByteView share_key, const ShareSplit& split);
/// Denied when `share_key` is not the one, or the record was changed.
[[nodiscard]] Result<SecretBytes> open_root_key(const SealRecord& record, ByteView share_key);

}  // namespace postern
