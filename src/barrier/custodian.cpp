#include "barrier/custodian.hpp"

#include <utility>

#include "barrier/custodian_impl.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

constexpr std::string_view kRecord = "seal";
constexpr std::string_view kShareKey = "share-key";

BarrierChanges changes_of(const SealRecord& record, const SecretBytes& share_key) {
  BarrierChanges changes;
  changes.custody.push_back({std::string(kShareKey), share_key.clone()});
  changes.plain.push_back({std::string(kRecord), record.encode()});
  return changes;
}

Status stage(const Custodian::Prepare& prepare, BarrierChanges& changes) {
  MemoryStorage staging;
  POSTERN_CHECK(prepare(staging));
  POSTERN_TRY(const auto paths, staging.walk(""));
  for (const std::string& path : paths) {
    POSTERN_TRY(auto value, staging.get(path));
    changes.values.push_back({path, std::move(value)});
  }
  return {};
}

}  // namespace

tl::unexpected<Error> wrong_shares() {
  return fail(ErrorCode::BadInput, "invalid key: a share is wrong or of another vault; none is kept, give all of them again", "key");
}

Status check_nonce(const ShareRound& round, std::string_view nonce, std::string_view operation) {
  if (nonce == round.nonce()) return {};
  return fail(ErrorCode::BadInput,
              "incorrect nonce supplied; nonce for this " + std::string(operation) + " operation is \"" + round.nonce() + "\"", "nonce");
}

// ---- the record, and the seals ----

Result<std::optional<SealRecord>> Custodian::Impl::load() {
  {
    const std::lock_guard lock(mutex);
    if (cached) return cached;
  }
  POSTERN_TRY(const auto stored, barrier.plain_value(kRecord));
  if (!stored) return std::optional<SealRecord>();
  POSTERN_TRY(SealRecord record, SealRecord::decode(*stored));
  const std::lock_guard lock(mutex);
  cached = record;
  return std::optional(std::move(record));
}

Result<SealRecord> Custodian::Impl::load_initialized() {
  POSTERN_TRY(auto record, load());
  if (!record) return fail(ErrorCode::BadInput, "Vault is not initialized");
  return *std::move(record);
}

bool Custodian::Impl::is_configured(const SealRecord& record) const {
  if (options.seal == nullptr) return record.by_shares();
  return record.type == options.seal->type() && record.name == options.seal->name();
}

Result<Seal*> Custodian::Impl::seal_of(const SealRecord& record) const {
  for (Seal* const seal : {options.seal, options.old_seal}) {
    if (seal != nullptr && seal->type() == record.type && seal->name() == record.name) return seal;
  }
  return fail(ErrorCode::Conflict, "the vault is sealed by \"" + record.type + (record.name.empty() ? "" : "/" + record.name) +
                                       "\", which is not configured: configure it, also as the old seal of a migration");
}

Result<Bytes> Custodian::Impl::wrap(const SealRecord& record, ByteView root_key, ByteView share_key) const {
  if (record.by_shares()) return seal_root_key(root_key, share_key, record.split);
  POSTERN_TRY(Seal* const seal, seal_of(record));
  POSTERN_TRY(Bytes blob, seal->wrap(root_key));
  if (blob.size() > kSealBlob) return fail(ErrorCode::TooLarge, "the seal's blob passes 64 KiB");
  // A blob that does not open must be found now, while the old one is still there.
  POSTERN_TRY(const SecretBytes again, seal->unwrap(blob));
  if (!constant_time_equal(again.view(), root_key))
    return fail(ErrorCode::IntegrityFailed, "the seal does not give back what it was given");
  return blob;
}

Result<SecretBytes> Custodian::Impl::unwrap(const SealRecord& record, ByteView share_key) const {
  if (record.by_shares()) return open_root_key(record, share_key);
  POSTERN_TRY(Seal* const seal, seal_of(record));
  POSTERN_TRY(SecretBytes root_key, seal->unwrap(record.blob));
  if (root_key.size() != kRootKey) return fail(ErrorCode::IntegrityFailed, "the seal does not give back what it was given");
  return root_key;
}

Status Custodian::Impl::open_barrier(ByteView root_key, std::uint64_t seals_before) {
  const std::lock_guard lock(mutex);
  if (seals != seals_before) return fail(ErrorCode::Unavailable, "Vault is sealed");
  return barrier.unseal(root_key);
}

Result<SecretBytes> Custodian::Impl::stored_share_key() {
  POSTERN_TRY(auto key, barrier.custody_value(kShareKey));
  if (!key || key->size() != kRootKey) {
    return fail(ErrorCode::IntegrityFailed, "the key of the shares is missing in the vault: restore it from a backup");
  }
  return *std::move(key);
}

Status Custodian::Impl::check_share_key(const SecretBytes& combined) {
  POSTERN_TRY(const SecretBytes stored, stored_share_key());
  if (!constant_time_equal(stored.view(), combined.view())) return wrong_shares();
  return {};
}

Status Custodian::Impl::replace(SealRecord next, const SecretBytes& share_key) {
  const SecretBytes new_root = random_key(kRootKey);
  POSTERN_TRY(next.blob, wrap(next, new_root.view(), share_key.view()));
  const Status changed = barrier.change_root_key(new_root.view(), changes_of(next, share_key));
  const std::lock_guard lock(mutex);
  cached.reset();  // what lies on the disk counts, also when it is not known whether the batch got there
  return changed;
}

Status Custodian::Impl::check_unsealed() const {
  if (barrier.sealed()) return fail(ErrorCode::Unavailable, "Vault is sealed");
  return {};
}

CustodyStatus Custodian::Impl::describe(const std::optional<SealRecord>& record) {
  CustodyStatus status;
  status.sealed = barrier.sealed();
  status.type = options.seal == nullptr ? kShamirType : options.seal->type();
  status.recovery_seal = options.seal != nullptr;
  if (!record) return status;
  status.initialized = true;
  status.type = record->type;
  status.recovery_seal = !record->by_shares();
  status.shares = record->split.shares;
  status.threshold = record->split.threshold;
  status.migration = !is_configured(*record);
  const std::lock_guard lock(mutex);
  status.progress = unsealing.progress();
  status.nonce = unsealing.nonce();
  return status;
}

// ---- life ----

Custodian::Custodian(Barrier& barrier, CustodianOptions options) : m_impl(std::make_unique<Impl>(barrier, options)) {}
Custodian::~Custodian() = default;

Result<CustodyStatus> Custodian::status() {
  POSTERN_TRY(const auto record, m_impl->load());
  return m_impl->describe(record);
}

Result<InitResult> Custodian::init(const ShareSplit& split, const Prepare& prepare, const Keep& keep) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_TRY(const bool there, m_impl->barrier.initialized());
  if (there) return fail(ErrorCode::BadInput, "Vault is already initialized");
  POSTERN_CHECK(check_split(split));
  const SecretBytes root_key = random_key(kRootKey);
  const SecretBytes share_key = random_key(kRootKey);
  InitResult result;
  result.recovery = m_impl->options.seal != nullptr;
  POSTERN_TRY(result.shares, shamir_split(share_key.view(), split));
  SealRecord record;
  record.split = split;
  if (result.recovery) {
    record.type = m_impl->options.seal->type();
    record.name = m_impl->options.seal->name();
  }
  POSTERN_TRY(record.blob, m_impl->wrap(record, root_key.view(), share_key.view()));
  BarrierChanges changes = changes_of(record, share_key);
  POSTERN_CHECK(stage(prepare, changes));
  if (keep) POSTERN_CHECK(keep(result));
  const auto afterwards = result.recovery ? Barrier::Afterwards::Unsealed : Barrier::Afterwards::Sealed;
  POSTERN_CHECK(m_impl->barrier.initialize(root_key.view(), std::move(changes), afterwards));
  return result;
}

Result<CustodyStatus> Custodian::unseal(ByteView share, bool migrate) {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_TRY(const SealRecord record, m_impl->load_initialized());
  if (!m_impl->barrier.sealed()) return m_impl->describe(record);
  POSTERN_CHECK(m_impl->check_way(record, migrate));
  std::uint64_t seals_before = 0;
  POSTERN_TRY(const auto share_key, m_impl->collect_for_unseal(record, share, seals_before));
  if (share_key) POSTERN_CHECK(m_impl->finish_unseal(record, *share_key, migrate, seals_before));
  POSTERN_TRY(const auto now, m_impl->load());
  return m_impl->describe(now);
}

// Whether shares are what unseals this vault now.
Status Custodian::Impl::check_way(const SealRecord& record, bool migrating) const {
  const bool pending = !is_configured(record);
  if (pending && !migrating) {
    return fail(ErrorCode::BadInput, "'migrate' parameter must be set true in JSON body when in seal migration mode", "migrate");
  }
  if (!pending && migrating) return fail(ErrorCode::BadInput, "can't perform a seal migration, no migration seal found", "migrate");
  if (!pending && !record.by_shares()) {
    return fail(ErrorCode::BadInput, "this vault is unsealed by its seal (" + record.type + "); recovery shares do not unseal it", "key");
  }
  return {};
}

Result<std::optional<SecretBytes>> Custodian::Impl::collect_for_unseal(const SealRecord& record, ByteView share,
                                                                       std::uint64_t& seals_before) {
  const std::lock_guard lock(mutex);
  seals_before = seals;
  if (!unsealing.active()) unsealing.begin(record.split, kRootKey);
  auto combined = unsealing.add(share, ShareRound::Repeat::Ignore);
  if (unsealing.progress() == 0) unsealing.end();  // the first one was refused, or all of them were there
  return combined;
}

Status Custodian::Impl::finish_unseal(const SealRecord& record, const SecretBytes& share_key, bool migrating, std::uint64_t seals_before) {
  const auto root_key = unwrap(record, share_key.view());
  if (!root_key && record.by_shares()) return wrong_shares();
  if (!root_key) return fail(root_key.error());
  POSTERN_CHECK(open_barrier(root_key->view(), seals_before));
  if (!migrating) return {};
  const Status moved = migrate(record, share_key);
  if (!moved) barrier.seal();
  return moved;
}

Status Custodian::Impl::migrate(const SealRecord& record, const SecretBytes& share_key) {
  POSTERN_CHECK(check_share_key(share_key));
  SealRecord next;
  next.split = record.split;
  if (options.seal != nullptr) {
    next.type = options.seal->type();
    next.name = options.seal->name();
  }
  return replace(std::move(next), share_key);
}

void Custodian::reset_unseal() noexcept {
  const std::lock_guard lock(m_impl->mutex);
  m_impl->unsealing.end();
}

Status Custodian::unseal_by_seal() {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_TRY(const SealRecord record, m_impl->load_initialized());
  if (!m_impl->barrier.sealed()) return {};
  if (record.by_shares()) return fail(ErrorCode::Conflict, "this vault is unsealed with shares: give them one by one");
  if (!m_impl->is_configured(record)) {
    return fail(ErrorCode::Conflict, "the vault is sealed by \"" + record.type +
                                         "\" and another seal is configured: unseal with recovery shares and migrate=true");
  }
  std::uint64_t seals_before = 0;
  {
    const std::lock_guard lock(m_impl->mutex);
    seals_before = m_impl->seals;
  }
  POSTERN_TRY(const SecretBytes root_key, m_impl->unwrap(record, {}));
  return m_impl->open_barrier(root_key.view(), seals_before);
}

void Custodian::Impl::end_operations() noexcept {
  unsealing.end();
  rekey = {};
  root = {};
}

void Custodian::seal() noexcept {
  {
    const std::lock_guard lock(m_impl->mutex);
    ++m_impl->seals;
    m_impl->end_operations();
  }
  m_impl->barrier.seal();
}

Status Custodian::rotate_root_key() {
  const std::lock_guard operation(m_impl->operation);
  POSTERN_CHECK(m_impl->check_unsealed());
  POSTERN_TRY(SealRecord record, m_impl->load_initialized());
  POSTERN_TRY(const SecretBytes share_key, m_impl->stored_share_key());
  return m_impl->replace(std::move(record), share_key);
}

}  // namespace postern
