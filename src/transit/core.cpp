#include "transit/core.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern::transit::detail {
namespace {

std::string key_path(std::string_view name) { return std::string("keys/").append(name); }
std::string uses_path(std::string_view name) { return std::string("uses/").append(name); }
std::string rotation_path(std::string_view name) { return std::string("rotation/").append(name); }

StorageChange set(std::string path, SecretBytes value) { return {std::move(path), std::move(value)}; }
StorageChange forget(std::string path) { return {std::move(path), std::nullopt}; }

constexpr std::string_view kMark = "1";
StorageChange rotation_mark(const Key& key) {
  const bool marked = key.policy.auto_rotate.count() > 0 && key.policy.may_rotate();
  return marked ? set(rotation_path(key.name), SecretBytes::from_text(kMark)) : forget(rotation_path(key.name));
}

void begin_counters(const Key& key, const UseRecord& uses) {
  for (const VersionPtr& version : key.versions) {
    const auto row = uses.rows.find(version->number);
    if (row == uses.rows.end()) continue;
    for (const Counted what : kCounted) version->counter(what).begin_at(row->second[static_cast<std::size_t>(what)]);
  }
}

Error not_found() { return {ErrorCode::NotFound, "encryption key not found", {}}; }

// Which versions change places between two states of a key.
Status move_versions(Archive& archive, const Key& before, Key& after) {
  const std::uint32_t was = before.policy.min_decryption;
  const std::uint32_t is = after.policy.min_decryption;
  for (std::uint32_t n = was; n < is; ++n) {  // too old from now on
    POSTERN_CHECK(archive.put(after.versions.front()));
    after.versions.erase(after.versions.begin());
  }
  for (std::uint32_t n = was; n-- > is;) {  // back again
    POSTERN_TRY(VersionPtr version, archive.get(n));
    POSTERN_CHECK(archive.erase(n));
    after.versions.insert(after.versions.begin(), std::move(version));
  }
  for (std::uint32_t n = std::max(before.policy.min_available, 1U); n < after.policy.min_available; ++n) POSTERN_CHECK(archive.erase(n));
  return {};
}

}  // namespace

// Archive ----------------------------------------------------------------------------------------------------------------------------

std::string Archive::path(std::string_view name, std::uint32_t segment) {
  return std::string("archive/").append(name) + "/" + std::to_string(segment);
}

Result<Archive::Touched*> Archive::touch(std::uint32_t number) {
  const std::uint32_t which = number / kSegment;
  if (const auto found = m_touched.find(which); found != m_touched.end()) return &found->second;
  Touched touched{Segment{m_id, {}}};
  POSTERN_TRY(const auto stored, m_storage.get(path(m_name, which)));
  if (stored) {
    POSTERN_TRY(touched.segment, read_segment(stored->view()));
    if (touched.segment.id != m_id) return fail(ErrorCode::IntegrityFailed, "the archive belongs to another key", std::string(m_name));
  }
  return &m_touched.emplace(which, std::move(touched)).first->second;
}

Result<VersionPtr> Archive::get(std::uint32_t number) {
  POSTERN_TRY(const Touched* touched, touch(number));
  const auto found = touched->segment.versions.find(number);
  if (found != touched->segment.versions.end()) return found->second;
  return fail(ErrorCode::IntegrityFailed, "version " + std::to_string(number) + " is missing in the archive", std::string(m_name));
}

Status Archive::put(VersionPtr version) {
  POSTERN_TRY(Touched * touched, touch(version->number));
  touched->segment.versions[version->number] = std::move(version);
  touched->changed = true;
  return {};
}

Status Archive::erase(std::uint32_t number) {
  POSTERN_TRY(Touched * touched, touch(number));
  touched->changed = touched->segment.versions.erase(number) > 0 || touched->changed;
  return {};
}

Result<std::vector<Segment>> Archive::all() {
  std::vector<Segment> out;
  POSTERN_TRY(const std::vector<std::string> paths, m_storage.walk(std::string("archive/").append(m_name) + "/"));
  for (const std::string& path : paths) {
    POSTERN_TRY(const auto stored, m_storage.get(path));
    if (!stored) continue;
    POSTERN_TRY(Segment segment, read_segment(stored->view()));
    out.push_back(std::move(segment));
  }
  return out;
}

void Archive::changes(std::vector<StorageChange>& out) const {
  for (const auto& [which, touched] : m_touched) {
    if (!touched.changed) continue;
    const bool empty = touched.segment.versions.empty();
    out.push_back(empty ? forget(path(m_name, which)) : set(path(m_name, which), write_segment(touched.segment)));
  }
}

// Finding ----------------------------------------------------------------------------------------------------------------------------

Result<KeyPtr> Core::load(std::string_view name) {
  const std::uint64_t now = epoch.load(std::memory_order_acquire);
  POSTERN_TRY(const auto record, storage.get(key_path(name)));
  if (!record) return fail(not_found());
  POSTERN_TRY(Key key, read_key(name, record->view()));
  POSTERN_TRY(const auto counted, storage.get(uses_path(name)));
  if (counted) {
    POSTERN_TRY(const UseRecord uses, read_uses(counted->view()));
    begin_counters(key, uses);
  }
  key.epoch = now;
  KeyPtr shared = std::make_shared<const Key>(std::move(key));
  cache.put(shared, epoch);
  return shared;
}

Result<KeyPtr> Core::find_locked(std::string_view name) {
  if (KeyPtr known = cache.find(name)) return known;
  return load(name);
}

// What is not in the cache is read under the writer's lock: otherwise an old record that was read just before a change could take the
// place of the new one in the cache.
Result<KeyPtr> Core::find(std::string_view name) {
  if (KeyPtr known = cache.find(name)) return known;
  POSTERN_CHECK(check_name(name));
  auto found = [&] {
    const std::lock_guard lock(writer(name));
    return find_locked(name);
  }();
  give_back_evicted();
  return found;
}

// Writing ----------------------------------------------------------------------------------------------------------------------------

KeyPtr Core::keep(Key key) {
  KeyPtr shared = std::make_shared<const Key>(std::move(key));
  cache.put(shared, epoch);
  return shared;
}

Result<KeyPtr> Core::add(Key key, std::vector<Segment> segments, UseRecord uses) {
  fill_nonce(key.policy.id);
  uses.id = key.policy.id;
  key.epoch = epoch.load(std::memory_order_acquire);
  std::vector<StorageChange> changes;
  POSTERN_TRY(const std::vector<std::string> old, storage.walk("archive/" + key.name + "/"));
  for (const std::string& path : old) changes.push_back(forget(path));
  for (Segment& segment : segments) {
    if (segment.versions.empty()) continue;
    segment.id = key.policy.id;
    const std::string path = Archive::path(key.name, segment.versions.begin()->first / kSegment);
    std::erase_if(changes, [&](const StorageChange& change) { return change.path == path; });
    changes.push_back(set(path, write_segment(segment)));
  }
  changes.push_back(set(key_path(key.name), write_key(key)));
  changes.push_back(set(uses_path(key.name), write_uses(uses)));
  changes.push_back(rotation_mark(key));
  POSTERN_CHECK(storage.apply(std::move(changes)));
  begin_counters(key, uses);
  return keep(std::move(key));
}

Result<KeyPtr> Core::replace(const Key& before, Key after) {
  Archive archive(storage, before.name, before.policy.id);
  POSTERN_CHECK(move_versions(archive, before, after));
  if (after.versions.size() > kVersionsMost)
    return fail(ErrorCode::TooLarge, "too many versions: raise min_decryption_version or set max_versions");
  std::vector<StorageChange> changes;
  archive.changes(changes);
  changes.push_back(set(key_path(after.name), write_key(after)));
  changes.push_back(rotation_mark(after));
  POSTERN_CHECK(storage.apply(std::move(changes)));
  return keep(std::move(after));
}

Status Core::remove(const Key& key) {
  std::vector<StorageChange> changes;
  POSTERN_TRY(const std::vector<std::string> segments, storage.walk("archive/" + key.name + "/"));
  for (const std::string& path : segments) changes.push_back(forget(path));
  changes.push_back(forget(uses_path(key.name)));
  changes.push_back(forget(rotation_path(key.name)));
  changes.push_back(forget(key_path(key.name)));
  POSTERN_CHECK(storage.apply(std::move(changes)));
  cache.drop(key.name);
  return {};
}

Status append_version(Key& key, Material material, WallTime now) {
  if (key.policy.latest == UINT32_MAX) return fail(ErrorCode::TooLarge, "there are no more version numbers");
  auto version = std::make_shared<Version>();
  version->number = ++key.policy.latest;
  version->created = now;
  version->material = std::move(material);
  if (key.policy.type != KeyType::Hmac && !version->material.secret.empty()) version->mac_key = random_key(kMacKey);
  key.versions.push_back(std::move(version));
  return {};
}

// Versions over the maximum go: the minima move, and replace() does the rest.
static void drop_oldest(Key& key) {
  Policy& p = key.policy;
  if (p.max_versions == 0 || p.latest <= p.max_versions) return;
  const std::uint32_t oldest = p.latest - p.max_versions + 1;
  p.min_available = std::max(p.min_available, oldest);
  p.min_decryption = std::max(p.min_decryption, oldest);
  if (p.min_encryption != 0) p.min_encryption = std::max(p.min_encryption, oldest);
}

Result<KeyPtr> add_rotated(Core& core, const Key& key, Material material) {
  Key after = key;
  POSTERN_CHECK(append_version(after, std::move(material), core.clock.now()));
  drop_oldest(after);
  return core.replace(key, std::move(after));
}

Result<KeyPtr> rotate_locked(Core& core, const Key& key) {
  POSTERN_TRY(Material material, make_material(key.policy.type, key.policy.key_size));
  return add_rotated(core, key, std::move(material));
}

// Vault's grammar of names: `\w(([\w-.]+)?\w)?`.
bool is_key_name(std::string_view name) noexcept {
  const auto word = [](char c) { return is_alnum(c) || c == '_'; };
  return !name.empty() && name.size() <= 128 && word(name.front()) && word(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return word(c) || c == '-' || c == '.'; });
}

Status check_name(std::string_view name) {
  if (is_key_name(name)) return {};
  return fail(ErrorCode::BadInput,
              "a key's name has 1 to 128 letters, digits, '_', '-' and '.', and neither begins nor ends with '-' or '.'", "name");
}

}  // namespace postern::transit::detail
