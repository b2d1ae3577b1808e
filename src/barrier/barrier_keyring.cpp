// The barrier's keys: how they come, change and go. The way of values is in barrier.cpp.
#include <algorithm>
#include <utility>

#include "barrier/barrier_form.hpp"
#include "barrier/barrier_state.hpp"

namespace postern {
namespace {

using detail::kKeyringPath;

Status check_root_size(ByteView root_key) {
  if (root_key.size() != kRootKey) return fail(ErrorCode::BadInput, "the root key has 32 bytes", "root_key");
  return {};
}

}  // namespace

// ---- life ----

Result<bool> Barrier::initialized() {
  POSTERN_TRY(const auto keyring, m_store.get(kKeyringPath));
  return keyring.has_value();
}

Status Barrier::initialize(ByteView root_key, BarrierChanges with, Afterwards afterwards) {
  POSTERN_CHECK(check_root_size(root_key));
  const std::lock_guard change(m_change);
  POSTERN_TRY(const bool there, initialized());
  if (there) return fail(ErrorCode::Conflict, "Vault is already initialized");
  POSTERN_TRY(const auto values, m_store.list(detail::kValues, {.after = {}, .limit = 1}));
  if (!values.empty()) {
    return fail(ErrorCode::Conflict,
                "values are stored here whose keyring is gone: restore it from a backup, or start with an empty store");
  }
  Draft first{.root = SecretBytes(root_key), .ring = Keyring::create(m_clock.now())};
  if (afterwards == Afterwards::Unsealed) first.ring.active().encryptions = std::min(m_options.block, first.ring.policy.limit());
  POSTERN_CHECK(write(first, std::move(with)));
  if (afterwards == Afterwards::Sealed) return {};
  const std::uint64_t used = first.sealed_with_it;
  return open_with(std::move(first), used);
}

Status Barrier::unseal(ByteView root_key) {
  POSTERN_CHECK(check_root_size(root_key));
  const std::lock_guard change(m_change);
  if (!sealed()) return verify_root_key(root_key);
  POSTERN_TRY(const auto stored, m_store.get(kKeyringPath));
  if (!stored) return fail(ErrorCode::Conflict, "Vault is not initialized");
  POSTERN_TRY(Keyring ring, detail::open_keyring(*stored, root_key));
  const std::uint64_t used = ring.active().encryptions;  // what was reserved and not given back counts as used
  return open_with({.root = SecretBytes(root_key), .ring = std::move(ring)}, used);
}

Status Barrier::open_with(Draft draft, std::uint64_t used) {
  auto open = std::make_unique<Open>();
  open->root = std::move(draft.root);
  open->ring = std::move(draft.ring);
  open->used = used;
  POSTERN_CHECK(open->add_ciphers());
  const auto lock = own_state();
  m_open = std::move(open);
  return {};
}

// Wipes; what is left is the keyring to store, with the true number of encryptions.
std::optional<Bytes> Barrier::close() noexcept {
  std::unique_ptr<Open> closing;
  {
    const auto lock = own_state();
    closing = std::move(m_open);
  }
  if (!closing || closing->doubt || closing->used.load() >= closing->ring.active().encryptions) return std::nullopt;
  closing->ring.active().encryptions = closing->used.load();
  ++closing->ring.revision;
  auto keyring = detail::seal_keyring(closing->ring, closing->root.view());
  return keyring ? std::optional(*std::move(keyring)) : std::nullopt;
}

void Barrier::seal() noexcept {
  const std::unique_lock change(m_change, std::try_to_lock);
  auto keyring = close();
  if (!change || !keyring) return;  // a change that is under way stores a newer keyring
  std::vector<SealedChange> batch;
  batch.push_back({std::string(kKeyringPath), std::move(keyring)});
  (void)m_store.apply(std::move(batch));  // at worst the next start counts what was reserved
}

Status Barrier::verify_root_key(ByteView root_key) const {
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  if (!constant_time_equal(m_open->root.view(), root_key)) return fail(ErrorCode::Denied, "this is not the root key");
  return {};
}

// ---- changes ----

Result<std::uint32_t> Barrier::rotate() {
  const std::lock_guard change(m_change);
  POSTERN_TRY(Draft next, draft());
  POSTERN_CHECK(add_term(next, 0));
  const std::uint32_t number = next.ring.active().number;
  POSTERN_CHECK(write_and_install(std::move(next)));
  return number;
}

Status Barrier::change_root_key(ByteView new_root_key, BarrierChanges with) {
  POSTERN_CHECK(check_root_size(new_root_key));
  const std::lock_guard change(m_change);
  POSTERN_TRY(Draft next, draft());
  POSTERN_CHECK(add_term(next, 0));
  next.root = SecretBytes(new_root_key);
  return write_and_install(std::move(next), std::move(with));
}

Status Barrier::set_rotation(const RotationPolicy& policy) {
  POSTERN_CHECK(check_rotation(policy));
  const std::lock_guard change(m_change);
  POSTERN_TRY(Draft next, draft());
  next.ring.policy = policy;
  return write_and_install(std::move(next));
}

Result<bool> Barrier::tick() {
  POSTERN_TRY(const KeyStatus now, key_status());
  POSTERN_TRY(const RotationPolicy policy, rotation());
  const bool old = policy.enabled && policy.interval.count() > 0 && m_clock.now() - now.installed >= policy.interval;
  if (!old && now.encryptions < policy.limit()) return false;
  POSTERN_CHECK(rotate());
  return true;
}

Status Barrier::add_term(Draft& draft, std::uint64_t count) const {
  POSTERN_CHECK(draft.ring.add_term(m_clock.now()));
  draft.ring.active().encryptions = std::min(draft.ring.policy.limit(), std::max(m_options.block, count));
  return {};
}

// Under m_change: a copy of what is in force, to be changed and stored.
Result<Barrier::Draft> Barrier::draft() {
  POSTERN_CHECK(settle_doubt());
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  return Draft{.root = m_open->root.clone(), .ring = m_open->ring.clone()};
}

// ---- counting ----

Result<bool> Barrier::has_room(std::uint64_t count) const {
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  return count <= m_open->ring.active().encryptions - m_open->used.load();
}

// Makes room for `count` more encryptions: another block of the active term, or a new term where that would pass the bound.
Status Barrier::extend(std::uint64_t count) {
  const std::lock_guard change(m_change);
  POSTERN_TRY(Draft next, draft());
  POSTERN_TRY(const bool room, has_room(count));
  if (room) return {};  // somebody else made it meanwhile
  const std::uint64_t limit = next.ring.policy.limit();
  if (count > limit) return fail(ErrorCode::TooLarge, "too many changes at once for one key: divide them");
  std::uint64_t& reserved = next.ring.active().encryptions;
  // SP 800-38D 8.3: "The total number of invocations of the authenticated encryption function shall not exceed 2^32"
  if (reserved + count > limit) {
    POSTERN_CHECK(add_term(next, count));
  } else {
    reserved = std::min(limit, reserved + std::max(m_options.block, count));
  }
  return write_and_install(std::move(next));
}

// ---- storing ----

// Whether this very keyring (its nonce makes it unique) is what lies on the disk.
Result<bool> Barrier::is_stored(const Bytes& keyring) {
  POSTERN_TRY(const auto stored, m_store.get(kKeyringPath));
  return stored == keyring;
}

// Under m_change. An apply() that fails may have been done all the same; then it counts as done, lest the next change go back behind it.
Status Barrier::write(Draft& draft, BarrierChanges with) {
  POSTERN_CHECK(detail::check_all(with));
  draft.sealed_with_it = detail::count_sealed(with);
  Term& active = draft.ring.active();
  active.encryptions += draft.sealed_with_it;
  ++draft.ring.revision;
  POSTERN_TRY(const Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, active.key.view()));
  POSTERN_TRY(auto batch, detail::seal_all(cipher, active.number, with));
  POSTERN_TRY(Bytes keyring, detail::seal_keyring(draft.ring, draft.root.view()));
  batch.push_back({std::string(kKeyringPath), keyring});
  const Status applied = m_store.apply(std::move(batch));
  if (applied) return {};
  const auto there = is_stored(keyring);
  if (there && *there) return {};
  if (there) return applied;
  const auto lock = own_state();
  if (!m_open) return applied;
  Draft copy{.root = draft.root.clone(), .ring = draft.ring.clone(), .sealed_with_it = draft.sealed_with_it};
  m_open->doubt.emplace(std::move(copy), std::move(keyring));
  return applied;
}

Status Barrier::write_and_install(Draft draft, BarrierChanges with) {
  POSTERN_CHECK(write(draft, std::move(with)));
  return install(std::move(draft));
}

// In force only now that it is on the disk.
Status Barrier::install(Draft draft) {
  const auto lock = own_state();
  if (!m_open) return vault_is_sealed();
  if (m_open->ring.active().number != draft.ring.active().number) m_open->used = 0;
  m_open->used += draft.sealed_with_it;
  m_open->root = std::move(draft.root);
  m_open->ring = std::move(draft.ring);
  return m_open->add_ciphers();
}

// A change of which it was not known whether it was stored: now it is looked up, before anything is built on the one or the other.
Status Barrier::settle_doubt() {
  std::optional<Open::Doubt> doubt;
  {
    const auto lock = own_state();
    if (!m_open) return vault_is_sealed();
    doubt = std::exchange(m_open->doubt, std::nullopt);
  }
  if (!doubt) return {};
  auto there = is_stored(doubt->keyring);
  if (there) return *there ? install(std::move(doubt->draft)) : Status{};
  const auto lock = own_state();
  if (m_open) m_open->doubt = std::move(doubt);
  return fail(std::move(there).error());
}

}  // namespace postern
