// New shares for a vault.
#include <utility>

#include "barrier/custodian_impl.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

tl::unexpected<Error> no_rekey() { return fail(ErrorCode::BadInput, "no barrier rekey in progress"); }

}  // namespace

RekeyStatus Custodian::Impl::describe_rekey() const {
  RekeyStatus status;
  if (!rekey.round.active()) return status;
  status.started = true;
  status.nonce = rekey.round.nonce();
  status.shares = rekey.split.shares;
  status.threshold = rekey.split.threshold;
  status.progress = rekey.round.progress();
  status.required = rekey.round.required();
  status.verify = rekey.verify;
  status.verifying = rekey.verification.active();
  status.verification_nonce = rekey.verification.nonce();
  status.verification_progress = rekey.verification.progress();
  return status;
}

Result<RekeyStatus> Custodian::rekey_init(const ShareSplit& split, bool verify) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  POSTERN_CHECK(check_split(split));
  POSTERN_TRY(const SealRecord record, m_impl->load_initialized());
  const std::lock_guard lock(m_impl->mutex);
  if (m_impl->rekey.round.active()) return fail(ErrorCode::BadInput, "rekey already in progress");
  m_impl->rekey.split = split;
  m_impl->rekey.verify = verify;
  m_impl->rekey.round.begin(record.split, kRootKey);
  return m_impl->describe_rekey();
}

Result<RekeyStatus> Custodian::rekey_status() {
  POSTERN_CHECK(m_impl->check_unsealed());
  const std::lock_guard lock(m_impl->mutex);
  return m_impl->describe_rekey();
}

Result<RekeyResult> Custodian::rekey_update(ByteView share, std::string_view nonce) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  RekeyResult result;
  POSTERN_TRY(const auto combined, m_impl->collect_for_rekey(share, nonce, result.status));
  if (!combined) return result;
  POSTERN_CHECK(m_impl->check_share_key(*combined));
  const ShareSplit split{.shares = result.status.shares, .threshold = result.status.threshold};
  SecretBytes new_key = random_key(kRootKey);
  POSTERN_TRY(result.shares, shamir_split(new_key.view(), split));
  result.complete = true;
  result.status.progress = result.status.required;
  if (result.status.verify) {
    POSTERN_CHECK(m_impl->begin_verification(std::move(new_key), result.status));
  } else {
    POSTERN_CHECK(m_impl->commit_rekey(new_key, split));
    rekey_cancel();
  }
  return result;
}

Result<std::optional<SecretBytes>> Custodian::Impl::collect_for_rekey(ByteView share, std::string_view nonce, RekeyStatus& status) {
  const std::lock_guard lock(mutex);
  if (!rekey.round.active()) return no_rekey();
  POSTERN_CHECK(check_nonce(rekey.round, nonce, "rekey"));
  if (rekey.verification.active()) return fail(ErrorCode::BadInput, "the new shares exist already: give them back to verify them");
  POSTERN_TRY(auto combined, rekey.round.add(share, ShareRound::Repeat::Refuse));
  status = describe_rekey();
  return combined;
}

Status Custodian::Impl::begin_verification(SecretBytes new_key, RekeyStatus& status) {
  const std::lock_guard lock(mutex);
  if (rekey.round.nonce() != status.nonce) return no_rekey();  // cancelled or sealed meanwhile
  rekey.new_key = std::move(new_key);
  rekey.verification.begin(rekey.split, kRootKey);
  status.verifying = true;
  status.verification_nonce = rekey.verification.nonce();
  return {};
}

Result<RekeyResult> Custodian::rekey_verify(ByteView share, std::string_view nonce) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  RekeyResult result;
  SecretBytes new_key;
  {
    const std::lock_guard lock(m_impl->mutex);
    Impl::Rekey& rekey = m_impl->rekey;
    if (!rekey.verification.active()) return fail(ErrorCode::BadInput, "no rekey verification in progress");
    POSTERN_CHECK(check_nonce(rekey.verification, nonce, "rekey verification"));
    POSTERN_TRY(const auto combined, rekey.verification.add(share, ShareRound::Repeat::Refuse));
    result.status = m_impl->describe_rekey();
    if (!combined) return result;
    if (!constant_time_equal(combined->view(), rekey.new_key.view())) return wrong_shares();
    new_key = rekey.new_key.clone();
  }
  POSTERN_CHECK(m_impl->commit_rekey(new_key, {.shares = result.status.shares, .threshold = result.status.threshold}));
  rekey_cancel();
  result.complete = true;
  result.status.verification_progress = result.status.threshold;
  return result;
}

// Beside a seal the shares only permit things; with shares alone the root key lies under them. Both get a new root key.
Status Custodian::Impl::commit_rekey(const SecretBytes& new_key, const ShareSplit& split) {
  POSTERN_TRY(SealRecord record, load_initialized());
  record.split = split;
  POSTERN_CHECK(replace(std::move(record), new_key));
  const std::lock_guard lock(mutex);
  root = {};  // it was begun for the old shares
  return {};
}

Result<RekeyStatus> Custodian::rekey_verify_restart() {
  POSTERN_CHECK(m_impl->check_unsealed());
  const std::lock_guard lock(m_impl->mutex);
  if (!m_impl->rekey.verification.active()) return fail(ErrorCode::BadInput, "no rekey verification in progress");
  m_impl->rekey.verification.begin(m_impl->rekey.split, kRootKey);
  return m_impl->describe_rekey();
}

void Custodian::rekey_cancel() noexcept {
  const std::lock_guard lock(m_impl->mutex);
  m_impl->rekey = {};
}

}  // namespace postern
