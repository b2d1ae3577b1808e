#include "vault/mounts.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"
#include "vault/ids.hpp"
#include "vault/mount_entry.hpp"
#include "vault/purge.hpp"

namespace postern::vault {
namespace {

constexpr std::string_view kTablePath = "core/mounts";
constexpr std::size_t kPurgeStep = 256;
constexpr int kPurgeSteps = 16;  // at once, when somebody waits for it or per tick; the rest next time

std::string make_accessor(std::string_view type) {
  std::array<Byte, 4> bytes{};
  fill_nonce(bytes);
  return std::string(type) + "_" + hex_encode(bytes);
}

std::string folder_of(const MountEntry& entry) { return (entry.auth ? "auth/" : "logical/") + entry.uuid + "/"; }

bool is_reserved(std::string_view route) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"sys/", "auth/", "cubbyhole/", "identity/", "system/"},
                             [&](std::string_view own) { return route.starts_with(own); });
}

tl::unexpected<Error> no_mount(std::string_view route) {
  return fail(ErrorCode::BadInput, "no matching mount at \"" + std::string(route) + "\"", "path");
}

}  // namespace

MountTable::MountTable(Factories secrets, Factories logins, const Clock& clock, std::vector<NewMount> defaults,
                       std::vector<std::string> kept)
    : m_secrets(std::move(secrets)),
      m_logins(std::move(logins)),
      m_clock(clock),
      m_defaults(std::move(defaults)),
      m_kept(std::move(kept)) {}

// Starting ---------------------------------------------------------------------------------------------------------------------------

Status MountTable::start(Storage& barrier, const std::vector<BuiltIn>& built_in) {
  const std::lock_guard lock(m_change);
  m_barrier = &barrier;
  return load(built_in);
}

Status MountTable::load(const std::vector<BuiltIn>& built_in) {
  POSTERN_TRY(const std::optional<SecretBytes> stored, m_barrier->get(kTablePath));
  m_entries.clear();
  m_making_first = !stored;
  if (stored) {
    POSTERN_TRY(m_entries, decode_mounts(stored->view()));
  }
  for (const BuiltIn& own : built_in) POSTERN_CHECK(add_built_in(own));
  for (const MountEntry& entry : m_entries) {
    if (entry.purging || find(entry.route()) != nullptr) continue;
    Result<std::shared_ptr<Mount>> mount = open(entry);
    if (mount) {
      serve(*std::move(mount));
    } else {
      log::error("vault.mount.failed", {{"path", entry.route()}, {"type", entry.type}, {"error", mount.error()}});
    }
  }
  POSTERN_CHECK(add_defaults(!stored));
  m_making_first = false;
  return stored ? Status() : save();
}

/// All of them at the first start. Later one of `kept` that is missing: nobody can have unmounted it, so something else lost it.
Status MountTable::add_defaults(bool first) {
  for (const NewMount& wish : m_defaults) {
    const std::string route = (wish.auth ? "auth/" : "") + wish.path + "/";
    const bool lost = !first && std::ranges::find(m_kept, route) != m_kept.end() && index_of(route) == m_entries.size();
    if (!(first || lost) || !(wish.auth ? m_logins : m_secrets).contains(wish.type)) continue;
    if (lost)
      log::error("vault.mount.recreated", {{"path", route},
                                           {"reason",
                                            "the stored table of mounts has lost it, so a new one begins empty; what was in it is not "
                                            "reached any more: restore the data directory from a backup made before if it is needed"}});
    POSTERN_CHECK(mount_locked(wish));
  }
  return {};
}

Status MountTable::add_built_in(const BuiltIn& own) {
  const std::string route = (own.auth ? "auth/" : "") + own.path;
  if (const std::size_t index = index_of(route); index < m_entries.size()) {
    serve(open_built_in(m_entries[index], *own.backend));
    return {};
  }
  MountEntry entry;
  entry.auth = own.auth;
  entry.path = own.path;
  entry.type = own.type;
  entry.description = own.description;
  entry.accessor = make_accessor(own.type);
  entry.uuid = make_uuid();
  m_entries.push_back(entry);
  POSTERN_CHECK(save());
  serve(open_built_in(std::move(entry), *own.backend));
  return {};
}

std::shared_ptr<Mount> MountTable::open_built_in(MountEntry entry, Backend& backend) {
  auto inside = std::make_shared<Mount::Inside>(backend);
  inside->storage = std::make_unique<StorageView>(*m_barrier, folder_of(entry));
  return std::make_shared<Mount>(std::move(entry), std::move(inside));
}

Result<std::shared_ptr<Mount>> MountTable::open(MountEntry entry) {
  const Factories& factories = entry.auth ? m_logins : m_secrets;
  const auto factory = factories.find(entry.type);
  if (factory == factories.end()) return fail(ErrorCode::BadInput, "plugin not found in the catalog: " + entry.type, "type");
  POSTERN_TRY(std::unique_ptr<Backend> backend, factory->second(entry.options, m_clock));
  auto inside = std::make_shared<Mount::Inside>(*backend);
  inside->owned = std::move(backend);
  inside->storage = std::make_unique<StorageView>(*m_barrier, folder_of(entry));
  POSTERN_CHECK(inside->backend.start(*inside->storage));
  return std::make_shared<Mount>(std::move(entry), std::move(inside));
}

void MountTable::serve(std::shared_ptr<Mount> mount) {
  const std::unique_lock lock(m_lookup);
  m_routes.insert_or_assign(mount->route, std::move(mount));
}

void MountTable::end(Mount& mount) noexcept {
  const std::unique_lock lock(mount.m_inside->gate);
  if (mount.m_inside->ended) return;
  mount.m_inside->ended = true;
  if (mount.m_inside->owned != nullptr) mount.m_inside->backend.stop();
}

void MountTable::stop() noexcept {
  Routes routes;
  {
    const std::lock_guard lock(m_change);
    const std::unique_lock lookup(m_lookup);
    routes.swap(m_routes);
    m_entries.clear();
    m_barrier = nullptr;
  }
  for (const auto& [route, mount] : routes) end(*mount);  // without m_change, which a request in sys/ may be waiting for
}

/// The first table is stored once, whole: a crash on the way to it leaves none, and the next start makes it anew.
Status MountTable::save() const { return m_making_first ? Status() : m_barrier->put(std::string(kTablePath), encode_mounts(m_entries)); }

// Looking ----------------------------------------------------------------------------------------------------------------------------

MountPtr MountTable::find(std::string_view path) const {
  const std::shared_lock lock(m_lookup);
  // No mount lies in another, so the only one that can hold `path` is the last that does not sort behind it.
  const auto above = m_routes.upper_bound(path);
  if (above != m_routes.begin()) {
    const auto& [route, mount] = *std::prev(above);
    if (path.starts_with(route)) return mount;
  }
  const auto itself = m_routes.find(std::string(path) + "/");
  return itself == m_routes.end() ? nullptr : itself->second;
}

MountPtr MountTable::get(bool auth, std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string route = (auth ? "auth/" : "") + std::string(path) + "/";
  const std::shared_lock lock(m_lookup);
  const auto found = m_routes.find(route);
  return found == m_routes.end() || found->second->entry.auth != auth ? nullptr : found->second;
}

MountPtr MountTable::find_accessor(std::string_view accessor) const {
  const std::shared_lock lock(m_lookup);
  const auto found = std::ranges::find_if(m_routes, [&](const auto& item) { return item.second->entry.accessor == accessor; });
  return found == m_routes.end() ? nullptr : found->second;
}

std::vector<MountPtr> MountTable::all() const {
  const std::shared_lock lock(m_lookup);
  std::vector<MountPtr> out;
  for (const auto& [route, mount] : m_routes) out.push_back(mount);
  return out;
}

std::size_t MountTable::index_of(std::string_view route) const {
  const auto found = std::ranges::find_if(m_entries, [&](const MountEntry& entry) { return !entry.purging && entry.route() == route; });
  return static_cast<std::size_t>(found - m_entries.begin());
}

// Changing ---------------------------------------------------------------------------------------------------------------------------

Status MountTable::check_free(const std::string& route, bool auth) const {
  if (!auth && is_reserved(route)) {
    return fail(ErrorCode::BadInput, "cannot mount at protected path \"" + route + "\"", "path");
  }
  for (const MountEntry& entry : m_entries) {
    if (entry.purging) continue;
    const std::string other = entry.route();
    if (route.starts_with(other)) return fail(ErrorCode::Conflict, "path is already in use at " + other, "path");
    if (other.starts_with(route)) return fail(ErrorCode::Conflict, "existing mount at " + other, "path");
  }
  return {};
}

Result<MountEntry> MountTable::entry_for(NewMount wish) const {
  POSTERN_CHECK(check_config(wish.config));
  MountEntry entry;
  POSTERN_TRY(entry.path, tidy_mount_path(wish.path));
  if (wish.type.empty()) return fail(ErrorCode::BadInput, "backend type must be specified as a string", "type");
  resolve_type(wish.type, wish.options);
  entry.auth = wish.auth;
  entry.type = std::move(wish.type);
  entry.description = std::move(wish.description);
  entry.uuid = make_uuid();
  entry.local = wish.local;
  entry.seal_wrap = wish.seal_wrap;
  entry.external_entropy_access = wish.external_entropy_access;
  entry.options = std::move(wish.options);
  entry.config = std::move(wish.config);
  do {
    entry.accessor = make_accessor(entry.type);
  } while (find_accessor(entry.accessor) != nullptr);
  return entry;
}

Status MountTable::mount(NewMount wish) {
  const std::lock_guard lock(m_change);
  return mount_locked(std::move(wish));
}

Status MountTable::mount_locked(NewMount wish) {
  if (m_entries.size() >= kMounts) return fail(ErrorCode::Exhausted, "too many mounts: unmount some first");
  POSTERN_TRY(MountEntry entry, entry_for(std::move(wish)));
  if (entry.path != "cubbyhole/" || entry.type != "cubbyhole") POSTERN_CHECK(check_free(entry.route(), entry.auth));
  const Factories& factories = entry.auth ? m_logins : m_secrets;
  if (!factories.contains(entry.type)) return fail(ErrorCode::BadInput, "plugin not found in the catalog: " + entry.type, "type");
  m_entries.push_back(entry);
  if (Status saved = save(); !saved) {
    m_entries.pop_back();
    return saved;
  }
  Result<std::shared_ptr<Mount>> mount = open(std::move(entry));
  if (!mount) {
    m_entries.back().purging = true;  // what it may have written goes as that of any other that was unmounted
    if (const Status saved = save(); !saved) log::warn("vault.mount.undo_failed", {{"error", saved.error()}});
    return fail(std::move(mount).error());
  }
  serve(*std::move(mount));
  return {};
}

bool MountTable::is_fixed(const MountEntry& entry) const {
  if (std::ranges::find(m_kept, entry.route()) != m_kept.end()) return true;
  return entry.auth ? entry.path == "token/" : entry.path == "sys/" || entry.path == "cubbyhole/";
}

Status MountTable::unmount(bool auth, std::string_view path) {
  POSTERN_TRY(const std::string tidy, tidy_mount_path(path));
  const std::string route = (auth ? "auth/" : "") + tidy;
  const std::lock_guard lock(m_change);
  const std::size_t index = index_of(route);
  if (index == m_entries.size()) return no_mount(route);
  if (is_fixed(m_entries[index])) return fail(ErrorCode::BadInput, "cannot unmount \"" + route + "\"", "path");
  m_entries[index].purging = true;
  if (Status saved = save(); !saved) {
    m_entries[index].purging = false;
    return saved;
  }
  std::shared_ptr<Mount> mount;
  {
    const std::unique_lock lookup(m_lookup);
    if (const auto found = m_routes.find(route); found != m_routes.end()) {
      mount = std::move(found->second);
      m_routes.erase(found);
    }
  }
  if (mount != nullptr) end(*mount);
  const Result<bool> more = purge_some(index);  // from here on it is gone, whatever is left in storage
  if (!more) log::warn("vault.unmount.purge_later", {{"path", route}, {"error", more.error()}});
  return {};
}

Result<bool> MountTable::purge_some(std::size_t index) {
  const std::string folder = folder_of(m_entries[index]);
  for (int step = 0; step < kPurgeSteps; ++step) {
    POSTERN_TRY(const bool more, purge_step(*m_barrier, folder, kPurgeStep));
    if (more) continue;
    m_entries.erase(m_entries.begin() + static_cast<std::ptrdiff_t>(index));
    POSTERN_CHECK(save());
    return false;
  }
  return true;
}

Status MountTable::tune(bool auth, std::string_view path, const MountTuning& tuning) {
  POSTERN_TRY(const std::string tidy, tidy_mount_path(path));
  const std::string route = (auth ? "auth/" : "") + tidy;
  const std::lock_guard lock(m_change);
  const std::size_t index = index_of(route);
  if (index == m_entries.size()) return no_mount(route);
  MountEntry entry = m_entries[index];
  const auto set = [](auto& into, const auto& from) {
    if (from) into = *from;
  };
  set(entry.description, tuning.description);
  set(entry.config.default_lease_ttl, tuning.default_lease_ttl);
  set(entry.config.max_lease_ttl, tuning.max_lease_ttl);
  set(entry.config.audit_non_hmac_request_keys, tuning.audit_non_hmac_request_keys);
  set(entry.config.audit_non_hmac_response_keys, tuning.audit_non_hmac_response_keys);
  set(entry.config.listing_visibility, tuning.listing_visibility);
  set(entry.config.token_type, tuning.token_type);
  set(entry.config.passthrough_request_headers, tuning.passthrough_request_headers);
  set(entry.config.allowed_response_headers, tuning.allowed_response_headers);
  POSTERN_CHECK(check_config(entry.config));
  if (tuning.options && *tuning.options != entry.options) {
    return fail(ErrorCode::BadInput, "options of a mount cannot be changed: mount a new one and move the values", "options");
  }
  std::swap(m_entries[index], entry);
  if (Status saved = save(); !saved) {
    std::swap(m_entries[index], entry);
    return saved;
  }
  if (const MountPtr served = get(auth, tidy)) serve(std::make_shared<Mount>(m_entries[index], served->m_inside));
  return {};
}

Status MountTable::remount(std::string_view from, std::string_view to) {
  POSTERN_TRY(const std::string old_route, tidy_mount_path(from));
  POSTERN_TRY(const std::string new_route, tidy_mount_path(to));
  const bool auth = old_route.starts_with("auth/");
  if (auth != new_route.starts_with("auth/")) return fail(ErrorCode::BadInput, "cannot remount between secrets and auth", "to");
  const std::lock_guard lock(m_change);
  const std::size_t index = index_of(old_route);
  if (index == m_entries.size()) return no_mount(old_route);
  if (is_fixed(m_entries[index])) return fail(ErrorCode::BadInput, "cannot remount \"" + old_route + "\"", "from");
  POSTERN_CHECK(check_free(new_route, auth));
  std::string path = m_entries[index].path;
  m_entries[index].path = auth ? new_route.substr(5) : new_route;
  if (m_entries[index].path.empty()) {
    m_entries[index].path = std::move(path);
    return fail(ErrorCode::BadInput, "invalid mount path", "to");
  }
  if (Status saved = save(); !saved) {
    m_entries[index].path = std::move(path);
    return saved;
  }
  const std::unique_lock lookup(m_lookup);
  const auto found = m_routes.find(old_route);
  if (found == m_routes.end()) return {};
  auto moved = std::make_shared<Mount>(m_entries[index], found->second->m_inside);
  m_routes.erase(found);
  m_routes.insert_or_assign(new_route, std::move(moved));
  return {};
}

void MountTable::tick(WallTime now) noexcept {
  for (const MountPtr& mount : all()) {
    const Entered entered(mount);
    if (entered) mount->backend().tick(now);
  }
  const std::unique_lock lock(m_change, std::try_to_lock);
  if (!lock.owns_lock() || m_barrier == nullptr) return;
  const auto gone = std::ranges::find_if(m_entries, &MountEntry::purging);
  if (gone == m_entries.end()) return;
  const Result<bool> more = purge_some(static_cast<std::size_t>(gone - m_entries.begin()));
  if (!more) log::warn("vault.unmount.purge_later", {{"error", more.error()}});
}

}  // namespace postern::vault
