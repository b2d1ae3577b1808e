#include "transit/state.hpp"

#include <algorithm>

namespace postern::transit::detail {
namespace {

bool has_uses_left(const Key& key) {
  return std::ranges::any_of(key.versions, [](const VersionPtr& version) {
    return std::ranges::any_of(version->counters, [](const UseCounter& counter) { return counter.left() > 0; });
  });
}

constexpr std::size_t kEvictedMost = 1024;  // of those with uses to give back; beyond, the counts are a block too high

std::optional<WallTime> set_or_nothing(WallTime time) { return time == WallTime{} ? std::nullopt : std::optional(time); }
std::optional<KeyInfo::Copied> set_or_nothing(const KeyInfo::Copied& copied) {
  return copied.version == 0 ? std::nullopt : std::optional(copied);
}

std::vector<KeyUse> uses_of(std::uint16_t mask) {
  std::vector<KeyUse> out;
  for (std::uint16_t bit = 1; bit <= static_cast<std::uint16_t>(KeyUse::Export); bit = static_cast<std::uint16_t>(bit << 1)) {
    if ((mask & bit) != 0) out.push_back(static_cast<KeyUse>(bit));
  }
  return out;
}

KeyVersionInfo info_of(const Policy& policy, const Version& version) {
  KeyVersionInfo out;
  out.number = version.number;
  out.created = version.created;
  out.name = algorithm_name(policy.type);
  // The root of derived keys signs nothing itself.
  if (!policy.derived) out.public_key = public_text_of(policy.type, version.material.public_part);
  out.certificate_chain = version.certificate_chain;
  out.public_only = version.material.secret.empty();
  out.uses = {version.counter(Counted::Encryption).used(), version.counter(Counted::Signature).used(),
              version.counter(Counted::Mac).used()};
  return out;
}

}  // namespace

std::uint64_t UseCounter::give_back() noexcept {
  std::uint64_t used = m_used.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t granted = m_granted.load(std::memory_order_acquire);
    if (used >= granted) return 0;
    if (!m_used.compare_exchange_weak(used, granted, std::memory_order_relaxed)) continue;
    m_returned.fetch_add(granted - used, std::memory_order_relaxed);
    return granted - used;
  }
}

Result<const Usable*> Version::usable(KeyType type, bool derived) const {
  std::call_once(m_once, [&] { m_usable.emplace(open_material(type, derived, material)); });
  if (!*m_usable) return fail(m_usable->error());
  return &**m_usable;
}

std::uint64_t Policy::limit_of(Counted what) const noexcept {
  switch (what) {
    case Counted::Signature: return limits.signatures;
    case Counted::Mac: return limits.macs;
    case Counted::Encryption: break;
  }
  if (limits.encryptions != 0) return limits.encryptions;
  // SP 800-38D 8.3: "the total number of invocations of the authenticated encryption function shall not exceed 2^32"
  return nonce_size_of(type) == kAeadNonce && !convergent ? 1ULL << 32 : 0;
}

const Version* Key::find(std::uint32_t number) const noexcept {
  if (versions.empty() || number < versions.front()->number || number > versions.back()->number) return nullptr;
  return versions[number - versions.front()->number].get();
}

KeyInfo info_of(const Key& key) {
  const Policy& p = key.policy;
  KeyInfo out;
  out.name = key.name;
  out.type = p.type;
  out.derived = p.derived, out.convergent = p.convergent, out.exportable = p.exportable;
  out.allow_plaintext_backup = p.allow_plaintext_backup, out.deletion_allowed = p.deletion_allowed;
  out.imported = p.imported, out.imported_allow_rotation = p.imported_allow_rotation, out.soft_deleted = p.soft_deleted;
  out.latest = p.latest, out.min_available_version = p.min_available;
  out.min_decryption_version = p.min_decryption, out.min_encryption_version = p.min_encryption;
  out.auto_rotate_period = p.auto_rotate;
  out.key_size = p.key_size;
  out.backup = set_or_nothing(p.backup), out.restored = set_or_nothing(p.restored);
  out.max_versions = p.max_versions;
  out.expires = set_or_nothing(p.expires);
  out.allowed_uses = uses_of(p.uses);
  out.limits = {p.limit_of(Counted::Encryption), p.limit_of(Counted::Signature), p.limit_of(Counted::Mac)};
  if (p.auto_rotate.count() > 0 && p.may_rotate()) out.next_rotation = key.newest().created + p.auto_rotate;
  for (const VersionPtr& version : key.versions) out.versions.push_back(info_of(p, *version));
  return out;
}

KeyPtr KeyCache::find(std::string_view name) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_index.find(name);
  if (found == m_index.end()) return nullptr;
  if (found->second != m_order.begin()) m_order.splice(m_order.begin(), m_order, found->second);
  return *found->second;
}

void KeyCache::put(KeyPtr key, const std::atomic<std::uint64_t>& epoch) {
  const std::lock_guard lock(m_mutex);
  if (key->epoch != epoch.load(std::memory_order_acquire)) return;
  if (const auto found = m_index.find(key->name); found != m_index.end()) {
    const auto place = found->second;
    m_index.erase(found);  // before the name that its view shows may go
    m_order.erase(place);
  }
  m_order.push_front(std::move(key));
  m_index.emplace(m_order.front()->name, m_order.begin());
  evict_over(m_capacity);
}

void KeyCache::evict_over(std::size_t capacity) {
  while (m_order.size() > capacity) {
    m_index.erase(m_order.back()->name);
    if (m_evicted.size() < kEvictedMost && has_uses_left(*m_order.back())) m_evicted.push_back(std::move(m_order.back()));
    m_order.pop_back();
  }
}

void KeyCache::drop(std::string_view name) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_index.find(name);
  if (found == m_index.end()) return;
  const auto place = found->second;
  m_index.erase(found);
  m_order.erase(place);
}

std::vector<KeyPtr> KeyCache::all() const {
  const std::lock_guard lock(m_mutex);
  return {m_order.begin(), m_order.end()};
}

void KeyCache::clear() noexcept {
  const std::lock_guard lock(m_mutex);
  m_index.clear();
  m_order.clear();
  m_evicted.clear();
}

void KeyCache::resize(std::size_t capacity) {
  const std::lock_guard lock(m_mutex);
  m_capacity = capacity;
  evict_over(capacity);
}

std::size_t KeyCache::size() const noexcept {
  const std::lock_guard lock(m_mutex);
  return m_order.size();
}

std::vector<KeyPtr> KeyCache::take_evicted() {
  const std::lock_guard lock(m_mutex);
  return std::exchange(m_evicted, {});
}

}  // namespace postern::transit::detail
