// How often each version was used: granted in blocks that are in the storage before the first use of them.
//
// The sum of all blocks ever granted, less what was given back, is what stands in the storage; so a crash, or two snapshots of one key in
// memory at once, can only make the stored count too high. Blocks grow with use: a key that is used now and then loses little.
#include <algorithm>

#include "transit/core.hpp"

namespace postern::transit::detail {
namespace {

constexpr std::uint64_t kLeastBlock = 1024, kMostBlock = 1U << 20;

std::string uses_path(std::string_view name) { return std::string("uses/").append(name); }

std::uint64_t block_size(const UseCounter& counter, std::uint64_t stored, std::uint64_t limit) {
  const std::uint64_t block = std::clamp(counter.since_load(), kLeastBlock, kMostBlock);
  if (limit == 0) return block;
  if (stored >= limit) return 0;
  return std::min(block, std::max<std::uint64_t>(1, (limit - stored) / 8));  // near the limit a crash must not cost what is left
}

Status exhausted(const Key& key, Counted what, std::uint64_t limit) {
  constexpr std::array<std::string_view, 3> kDone{"encrypted", "signed", "made MACs"};
  return fail(ErrorCode::Exhausted,
              "this version of the key has " + std::string(kDone[static_cast<std::size_t>(what)]) + " " + std::to_string(limit) +
                  " times, its limit: rotate the key",
              key.name);
}

Result<UseRecord> read_stored(Storage& storage, const Key& key) {
  POSTERN_TRY(const auto record, storage.get(uses_path(key.name)));
  if (!record) return fail(ErrorCode::NotFound, "the key was deleted meanwhile", key.name);
  POSTERN_TRY(UseRecord uses, read_uses(record->view()));
  if (uses.id != key.policy.id) return fail(ErrorCode::NotFound, "the key was deleted and made again meanwhile", key.name);
  std::erase_if(uses.rows, [&](const auto& row) { return row.first < key.policy.min_available; });
  return uses;
}

bool near_limit(std::uint64_t stored, std::uint64_t limit) { return limit != 0 && stored >= limit - limit / 10; }

}  // namespace

// Under the writer's lock.
Status Core::grant_block(const Key& key, const Version& version, Counted what) {
  POSTERN_TRY(const KeyPtr now, find_locked(key.name));  // limits as they are today, whatever snapshot the caller has
  POSTERN_TRY(UseRecord uses, read_stored(storage, key));
  std::uint64_t& stored = uses.rows[version.number][static_cast<std::size_t>(what)];
  const std::uint64_t limit = now->policy.limit_of(what);
  const std::uint64_t block = block_size(version.counter(what), stored, limit);
  if (block == 0) return exhausted(key, what, limit);
  stored += block;
  const std::uint64_t after = stored;
  POSTERN_CHECK(storage.put(uses_path(key.name), write_uses(uses)));
  version.counter(what).grant(block);
  if (near_limit(after, limit) && version.number == now->policy.latest && now->policy.auto_rotate.count() > 0 && now->policy.may_rotate()) {
    (void)rotate_locked(*this, *now);  // when it fails, the next block or tick tries again
  }
  return {};
}

Status Core::reserve(const Key& key, const Version& version, Counted what) {
  const std::lock_guard lock(writer(key.name));
  while (!version.counter(what).take()) POSTERN_CHECK(grant_block(key, version, what));
  return {};
}

void Core::reserve_ahead(const Key& key) noexcept {
  for (const VersionPtr& version : key.versions) {
    for (const Counted what : kCounted) {
      const UseCounter& counter = version->counter(what);
      const std::uint64_t block = std::clamp(counter.since_load(), kLeastBlock, kMostBlock);
      if (counter.since_load() == 0 || counter.left() > block / 2) continue;
      const std::lock_guard lock(writer(key.name));
      (void)grant_block(key, *version, what);  // the call that needs it will hear of the failure
    }
  }
}

void Core::give_back(const Key& key) noexcept {
  const std::lock_guard lock(writer(key.name));
  auto uses = read_stored(storage, key);
  if (!uses) return;
  bool changed = false;
  for (const VersionPtr& version : key.versions) {
    for (const Counted what : kCounted) {
      const std::uint64_t left = version->counter(what).give_back();
      std::uint64_t& stored = uses->rows[version->number][static_cast<std::size_t>(what)];
      stored -= std::min(left, stored);
      changed = changed || left > 0;
    }
  }
  if (changed) (void)storage.put(uses_path(key.name), write_uses(*uses));
}

void Core::give_back_evicted() noexcept {
  for (const KeyPtr& key : cache.take_evicted()) give_back(*key);
}

}  // namespace postern::transit::detail
