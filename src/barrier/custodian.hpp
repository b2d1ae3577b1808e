// Who holds the key of the barrier: shares of people, or a seal; and the changes between them. The life of a vault from init to rekey.
//
//   root key  <- opens the keyring of the barrier; kept as a blob
//     by shares:  sealed under a random key that is split by Shamir among people
//     by a seal:  wrapped by it (barrier/seal.hpp); people get recovery shares of a random key, which unseal nothing but permit rekey,
//                 generate-root and migration
//
// The key that the shares give also lies inside the barrier, so that shares can be verified and the root key be changed without asking
// people again. It stays the same in a migration: unseal shares become recovery shares, and the reverse.
//
// Crash safety: init, rekey, rotation of the root key and migration each end in one atomic batch (keyring, record of the seal, key of the
// shares). Before a seal's new blob replaces an old one it is unwrapped once and compared. What cannot be saved: when the machine stops
// between the batch of a rekey and the answer, or the disk fails so that neither write nor read answers, the new shares may be in force and
// nobody has them; ask for verification (`verify`), which hands them out first. (The same at init costs an empty vault.)
//
// Threads: any; not on an event loop. Operations wait for each other, as a seal may take its time; status() and seal() wait for none.
// Errors: BadInput (share, nonce, parameters, wrong order of steps; wrong shares: progress is 0 again), Unavailable "Vault is sealed" or of
// the medium or seal, Conflict, IntegrityFailed. Texts are the API's where clients read them.
// Does not: PGP-encrypt shares, keep backups of shares, make tokens (the caller does), decide who may call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "barrier/barrier.hpp"
#include "barrier/shamir.hpp"

namespace postern {

struct CustodianOptions {
  Seal* seal = nullptr;                ///< As configured; null: shares. Must outlive the custodian.
  Seal* old_seal = nullptr;            ///< To migrate away from; null: none, or shares.
  std::size_t root_token_length = 26;  ///< Of the token that generate-root gives, and so of its one-time pad.
};

/// As sys/seal-status has it.
struct CustodyStatus {
  bool initialized = false;
  bool sealed = true;
  std::string type;            ///< "shamir", or the seal's.
  unsigned shares = 0;         ///< n; of the recovery shares with a seal. 0 before init.
  unsigned threshold = 0;      ///< t
  unsigned progress = 0;       ///< Of the unsealing.
  std::string nonce;           ///< Of the unsealing; empty when none is under way.
  bool migration = false;      ///< The record is of another seal than the configuration: unseal with `migrate`.
  bool recovery_seal = false;  ///< The shares are recovery shares.
};

struct InitResult {
  std::vector<SecretBytes> shares;  ///< Kept by nobody else.
  bool recovery = false;            ///< What kind they are.
};

/// As sys/rekey/init and sys/rekey/verify have it.
struct RekeyStatus {
  bool started = false;
  std::string nonce;
  unsigned shares = 0, threshold = 0;  ///< n and t of the new shares.
  unsigned progress = 0, required = 0;
  bool verify = false;  ///< The new shares have to be given back before they count.
  bool verifying = false;
  std::string verification_nonce;  ///< While verifying: nonce and progress of giving the new shares back.
  unsigned verification_progress = 0;
};

struct RekeyResult {
  RekeyStatus status;               ///< As it was with this share: with `complete`, of the operation that is over.
  bool complete = false;            ///< All shares were there. With `verify`, the new ones count only after rekey_verify().
  std::vector<SecretBytes> shares;  ///< The new ones, once.
};

/// As sys/generate-root has it.
struct GenerateRootStatus {
  bool started = false;
  bool complete = false;
  std::string nonce;
  unsigned progress = 0, required = 0;
  std::string encoded_token;  ///< base64 without padding of token XOR one-time pad; only when complete.
  std::string otp;            ///< Only in the answer of the init that made it.
  std::size_t otp_length = 0;
};

class Custodian {
 public:
  /// `barrier` must outlive it, and nobody else may unseal it or change its root key.
  Custodian(Barrier& barrier, CustodianOptions options);
  ~Custodian();
  Custodian(const Custodian&) = delete;
  Custodian& operator=(const Custodian&) = delete;

  [[nodiscard]] Result<CustodyStatus> status();

  /// `prepare` writes what the vault has from its first moment on (policies, the root token); all of that and the keys come into being at
  /// once, or nothing does. Sealed afterwards with shares, unsealed with a seal. BadInput "Vault is already initialized".
  using Prepare = std::function<Status(Storage&)>;
  /// `keep` is told the shares just before that moment, so that who stores them has them when the vault exists; its failure is that of
  /// init().
  using Keep = std::function<Status(const InitResult&)>;
  [[nodiscard]] Result<InitResult> init(const ShareSplit& split, const Prepare& prepare, const Keep& keep = {});

  /// One share. The same one twice counts once. `migrate` must be set exactly when status().migration is: the last share then moves the
  /// vault to the configured seal, with a new root key. Unsealed already: nothing happens.
  [[nodiscard]] Result<CustodyStatus> unseal(ByteView share, bool migrate = false);
  /// Forgets the shares given so far.
  void reset_unseal() noexcept;
  /// By the seal, at a start or when the operator says so. Conflict when the record is by shares or of another seal.
  [[nodiscard]] Status unseal_by_seal();
  /// Wipes the barrier's keys and ends every operation that is under way.
  void seal() noexcept;

  /// A new root key under the same seal and shares.
  [[nodiscard]] Status rotate_root_key();

  // New shares (and a new root key with them). The old ones permit it; afterwards they are worth nothing.
  [[nodiscard]] Result<RekeyStatus> rekey_init(const ShareSplit& split, bool verify);
  [[nodiscard]] Result<RekeyStatus> rekey_status();
  [[nodiscard]] Result<RekeyResult> rekey_update(ByteView share, std::string_view nonce);
  /// Takes the new shares back. Wrong ones: progress is 0 again, and the old shares stay in force.
  [[nodiscard]] Result<RekeyResult> rekey_verify(ByteView share, std::string_view nonce);
  /// Starts giving back anew, under another nonce.
  [[nodiscard]] Result<RekeyStatus> rekey_verify_restart();
  void rekey_cancel() noexcept;

  // A root token for who has the shares. `otp` empty: one is made.
  [[nodiscard]] Result<GenerateRootStatus> generate_root_init(std::string_view otp = {});
  [[nodiscard]] Result<GenerateRootStatus> generate_root_status();
  /// `make_token` is called with the last share, when all of them were right.
  using MakeToken = std::function<Result<std::string>()>;
  [[nodiscard]] Result<GenerateRootStatus> generate_root_update(ByteView share, std::string_view nonce, const MakeToken& make_token);
  void generate_root_cancel() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
