// A seal: what keeps the root key of the barrier while nobody has unsealed it. The port for the room seals/.
//
//   POSTERN_TRY(const Bytes blob, seal.wrap(root_key.view()));     // when the barrier is initialized, re-keyed or moved to this seal
//   POSTERN_TRY(SecretBytes root_key, seal.unwrap(blob));          // at each start
//
// Shares (Shamir) are not a Seal: the custodian (barrier/custodian.hpp) does them itself. It stores the blob together with type() and
// name() and asks a seal only for blobs of its own; it also notices when what unwrap() gives is not the barrier's key. A blob must say by
// itself all that its seal needs besides the configuration (salt and cost, key label, key version), since the newest blob may have been
// written by an older configuration.
//
// Threads: the custodian makes one call at a time for each seal, never on an event loop; a call may block (device, network), but has to end
// by itself, in a minute at most. Ownership: the arguments are borrowed for the call. Secrets that a seal needs (passphrase, PIN) are its
// own affair.
// Errors: Unavailable (device or peer does not answer, try again later), Denied (passphrase, PIN, policy or platform state refuses),
// IntegrityFailed (the blob was changed, or is of another seal), BadInput (a blob that cannot be read), TooLarge, Unsupported. No secret
// and no part of a blob in an error.
#pragma once

#include <string_view>

#include "base/secret.hpp"

namespace postern {

/// The size of what is wrapped: the root key, always.
inline constexpr std::size_t kRootKey = 32;
/// A larger blob is refused.
inline constexpr std::size_t kSealBlob = 64U * 1024;

class Seal {
 public:
  virtual ~Seal() = default;
  /// As it stands in sys/seal-status: "passphrase", "secret-service", "pkcs11", "tpm", "transit". Never "shamir".
  [[nodiscard]] virtual std::string_view type() const noexcept = 0;
  /// The operator's name for this one among seals of its type; may be empty. 1 to 64 characters otherwise, never changed.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Whether somebody has to give something (a passphrase typed in) before unwrap() can succeed: then nothing is unsealed by itself at a
  /// start, and the operator calls for it.
  [[nodiscard]] virtual bool needs_operator() const noexcept { return false; }

  /// `root_key` has kRootKey bytes. Two calls give different blobs; each of them unwraps for as long as the seal's own secret lives.
  [[nodiscard]] virtual Result<Bytes> wrap(ByteView root_key) = 0;
  /// Exactly what was wrapped, or an error: a seal authenticates its blobs.
  [[nodiscard]] virtual Result<SecretBytes> unwrap(ByteView blob) = 0;
};

}  // namespace postern
