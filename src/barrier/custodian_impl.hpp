// The custodian's state and what its operations share. Inside barrier/ only.
#pragma once

#include <mutex>
#include <optional>

#include "barrier/custodian.hpp"
#include "barrier/seal_record.hpp"
#include "barrier/share_round.hpp"

namespace postern {

struct Custodian::Impl {
  Impl(Barrier& below, const CustodianOptions& settings) : barrier(below), options(settings) {}

  struct Rekey {
    ShareRound round;
    ShareSplit split;
    bool verify = false;
    SecretBytes new_key;  ///< Once the old shares were all there; waits for the new ones.
    ShareRound verification;
  };
  struct GenerateRoot {
    ShareRound round;
    SecretBytes otp;
  };

  Barrier& barrier;
  const CustodianOptions options;
  std::mutex operation;  // one operation at a time; held while seals and the disk work; taken before `mutex`

  std::mutex mutex;  // what follows; never held while a seal works
  std::optional<SealRecord> cached;
  ShareRound unsealing;
  Rekey rekey;
  GenerateRoot root;
  std::uint64_t seals = 0;  ///< How often seal() was called: an unsealing that began before ends in nothing.

  /// The record on the disk; nothing before init.
  [[nodiscard]] Result<std::optional<SealRecord>> load();
  [[nodiscard]] Result<SealRecord> load_initialized();
  [[nodiscard]] Status check_unsealed() const;
  [[nodiscard]] bool is_configured(const SealRecord& record) const;
  [[nodiscard]] Result<Seal*> seal_of(const SealRecord& record) const;
  [[nodiscard]] CustodyStatus describe(const std::optional<SealRecord>& record);

  /// Blob of `root_key` for the record's seal or shares, proven to open again.
  [[nodiscard]] Result<Bytes> wrap(const SealRecord& record, ByteView root_key, ByteView share_key) const;
  [[nodiscard]] Result<SecretBytes> unwrap(const SealRecord& record, ByteView share_key) const;
  /// Opens the barrier unless seal() came in between.
  [[nodiscard]] Status open_barrier(ByteView root_key, std::uint64_t seals_before);
  [[nodiscard]] Result<SecretBytes> stored_share_key();
  /// BadInput unless it is the key that the shares give.
  [[nodiscard]] Status check_share_key(const SecretBytes& combined);
  /// A new root key, wrapped for `next`, with the record and the key of its shares: one batch.
  [[nodiscard]] Status replace(SealRecord next, const SecretBytes& share_key);

  [[nodiscard]] Status check_way(const SealRecord& record, bool migrating) const;
  /// The key of the shares once all are there.
  [[nodiscard]] Result<std::optional<SecretBytes>> collect_for_unseal(const SealRecord& record, ByteView share,
                                                                      std::uint64_t& seals_before);
  [[nodiscard]] Status finish_unseal(const SealRecord& record, const SecretBytes& share_key, bool migrating, std::uint64_t seals_before);
  [[nodiscard]] Status migrate(const SealRecord& record, const SecretBytes& share_key);
  [[nodiscard]] RekeyStatus describe_rekey() const;
  [[nodiscard]] GenerateRootStatus describe_root() const;
  /// The key of the old shares once all are there; `status` as it is with this one.
  [[nodiscard]] Result<std::optional<SecretBytes>> collect_for_rekey(ByteView share, std::string_view nonce, RekeyStatus& status);
  [[nodiscard]] Status begin_verification(SecretBytes new_key, RekeyStatus& status);
  [[nodiscard]] Status commit_rekey(const SecretBytes& new_key, const ShareSplit& split);
  void end_operations() noexcept;
};

/// BadInput unless the nonces are the same.
[[nodiscard]] Status check_nonce(const ShareRound& round, std::string_view nonce, std::string_view operation);
[[nodiscard]] tl::unexpected<Error> wrong_shares();

}  // namespace postern
