#include "barrier/barrier.hpp"

#include <algorithm>
#include <utility>

#include "barrier/barrier_form.hpp"
#include "barrier/barrier_state.hpp"
#include "barrier/listing.hpp"

namespace postern {
namespace {

using detail::kCustody;
using detail::kPlain;
using detail::kValues;

std::string below(std::string_view folder, std::string_view path) { return std::string(folder).append(path); }

std::uint64_t count_values(const std::vector<StorageChange>& changes) {
  return static_cast<std::uint64_t>(std::ranges::count_if(changes, [](const StorageChange& change) { return change.value.has_value(); }));
}

Status check_changes(const std::vector<StorageChange>& changes) {
  for (const StorageChange& change : changes) {
    POSTERN_CHECK(check_storage_path(change.path));
    if (change.value && change.value->size() > kStorageValue) {
      return fail(ErrorCode::TooLarge, "a stored value may have at most 16 MiB", "value");
    }
  }
  return {};
}

Status seal_changes(const Aead& cipher, std::uint32_t term, std::string_view folder, std::vector<StorageChange>& changes,
                    std::vector<SealedChange>& out) {
  for (StorageChange& change : changes) {
    SealedChange& sealed = out.emplace_back(below(folder, change.path), std::nullopt);
    if (!change.value) continue;
    POSTERN_TRY(sealed.value, detail::seal_value(cipher, term, sealed.path, change.value->view()));
  }
  return {};
}

}  // namespace

namespace detail {

// Everything as it goes to the disk, the sealed part under one term.
Result<std::vector<SealedChange>> seal_all(const Aead& cipher, std::uint32_t term, BarrierChanges& changes) {
  std::vector<SealedChange> out;
  out.reserve(changes.values.size() + changes.custody.size() + changes.plain.size() + 1);
  POSTERN_CHECK(seal_changes(cipher, term, kValues, changes.values, out));
  POSTERN_CHECK(seal_changes(cipher, term, kCustody, changes.custody, out));
  for (SealedChange& change : changes.plain) out.push_back({below(kPlain, change.path), std::move(change.value)});
  return out;
}

Status check_all(const BarrierChanges& changes) {
  POSTERN_CHECK(check_changes(changes.values));
  POSTERN_CHECK(check_changes(changes.custody));
  for (const SealedChange& change : changes.plain) POSTERN_CHECK(check_storage_path(change.path));
  return {};
}

std::uint64_t count_sealed(const BarrierChanges& changes) { return count_values(changes.values) + count_values(changes.custody); }

}  // namespace detail

Barrier::Barrier(SealedStore& store, const Clock& clock, BarrierOptions options) : m_store(store), m_clock(clock), m_options(options) {}
Barrier::~Barrier() { seal(); }

// Who waits for the whole state keeps others from getting a share: without that, many readers would keep seal() waiting for ever.
Barrier::StateLock Barrier::share_state() const {
  const std::lock_guard turn(m_turn);
  return StateLock(m_state);
}
std::unique_lock<std::shared_mutex> Barrier::own_state() const {
  const std::lock_guard turn(m_turn);
  return std::unique_lock(m_state);
}

bool Barrier::sealed() const {
  const auto lock = share_state();
  return m_open == nullptr;
}

Status Barrier::check_open() const {
  if (sealed()) return vault_is_sealed();
  return {};
}

Result<std::optional<SecretBytes>> Barrier::get(std::string_view path) {
  POSTERN_CHECK(check_storage_path(path));
  return read(below(kValues, path));
}

Result<std::optional<SecretBytes>> Barrier::custody_value(std::string_view path) {
  POSTERN_CHECK(check_storage_path(path));
  return read(below(kCustody, path));
}

Result<std::optional<Bytes>> Barrier::plain_value(std::string_view path) {
  POSTERN_CHECK(check_storage_path(path));
  return m_store.get(below(kPlain, path));
}

Result<std::optional<SecretBytes>> Barrier::read(std::string path) {
  POSTERN_CHECK(check_open());
  POSTERN_TRY(const auto stored, m_store.get(path));
  if (!stored) return std::optional<SecretBytes>();
  POSTERN_TRY(const std::uint32_t term, detail::term_of(*stored, path));
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  const Aead* const cipher = m_open->cipher_of(term);
  if (cipher == nullptr) return detail::damaged_value(path);
  POSTERN_TRY(SecretBytes value, detail::open_value(*cipher, path, *stored));
  return std::optional(std::move(value));
}

Result<std::vector<std::string>> Barrier::list(std::string_view prefix, const StoragePage& page) {
  POSTERN_CHECK(check_storage_prefix(prefix));
  POSTERN_CHECK(check_open());
  return m_store.list(below(kValues, prefix), page);
}

Status Barrier::apply(std::vector<StorageChange> changes) { return apply_all({.values = std::move(changes), .custody = {}, .plain = {}}); }

Status Barrier::apply_all(BarrierChanges changes) {
  POSTERN_CHECK(detail::check_all(changes));
  std::vector<SealedChange> sealed;
  {
    POSTERN_TRY(const StateLock lock, reserve(detail::count_sealed(changes)));
    POSTERN_TRY(sealed, detail::seal_all(m_open->ciphers.back(), m_open->ring.active().number, changes));
  }
  return m_store.apply(std::move(sealed));
}

Result<KeyStatus> Barrier::key_status() const {
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  const Term& active = m_open->ring.active();
  return KeyStatus{.term = active.number, .installed = active.installed, .encryptions = m_open->used.load()};
}

Result<RotationPolicy> Barrier::rotation() const {
  const auto lock = share_state();
  if (!m_open) return vault_is_sealed();
  return m_open->ring.policy;
}

// The lock under which `count` values may be sealed now.
Result<Barrier::StateLock> Barrier::reserve(std::uint64_t count) {
  for (;;) {
    StateLock lock = share_state();
    if (!m_open) return vault_is_sealed();
    if (m_open->take(count)) return lock;
    lock.unlock();
    POSTERN_CHECK(extend(count));
  }
}

}  // namespace postern
