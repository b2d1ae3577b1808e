// What is mounted where: secrets engines below "PATH/", auth methods below "auth/PATH/".
//
// The table is one value in the barrier ("core/mounts"), so that each change is there whole or not at all; every mount has a folder of its
// own in storage, named by a UUID that is never used again. Order of things: a new mount is in the table before its backend writes
// anything; one that goes is marked and no longer served before its values are removed, in steps, and what a crash or a large mount leaves
// over is removed by tick(). Mounts never lie inside each other.
//
// Threads: thread safe. find() waits for nobody but a change of the table's few pointers. Requests hold a Mount while they use it
// (Entered); a change that ends a mount waits for them. Errors: BadInput with the API's texts, Conflict when a path is taken, NotFound, and
// what storage or the backend says.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "barrier/storage.hpp"
#include "vault/backend.hpp"
#include "vault/path_table.hpp"

namespace postern::vault {

inline constexpr std::size_t kMounts = 10'000;

using MountOptions = std::vector<std::pair<std::string, std::string>>;

struct MountConfig {
  std::chrono::seconds default_lease_ttl{0};  ///< 0: the system's.
  std::chrono::seconds max_lease_ttl{0};      ///< 0: the system's.
  bool force_no_cache = false;                ///< Kept for clients; nothing here caches answers.
  std::vector<std::string> audit_non_hmac_request_keys, audit_non_hmac_response_keys;
  std::string listing_visibility;  ///< "", "hidden" or "unauth"
  std::vector<std::string> passthrough_request_headers, allowed_response_headers;
  std::string token_type;  ///< Auth: "", "default-service", "default-batch", "service", "batch"
};

struct MountEntry {
  std::string path;  ///< "transit/"; for an auth method "approle/".
  bool auth = false;
  std::string type;
  std::string description;
  std::string accessor;  ///< "transit_1a2b3c4d"
  std::string uuid;
  bool local = false, seal_wrap = false, external_entropy_access = false;
  MountOptions options;
  MountConfig config;
  bool purging = false;  ///< Unmounted; its values are being removed.

  /// "transit/", "auth/approle/"
  [[nodiscard]] std::string route() const { return auth ? "auth/" + path : path; }
};

/// One mount as requests see it. The entry never changes: tuning makes a new Mount with the same insides.
class Mount {
 public:
  struct Inside {
    explicit Inside(Backend& of) : backend(of), table(of.paths()) {}
    std::unique_ptr<Backend> owned;  ///< Null for the core's own.
    Backend& backend;
    PathTable table;
    std::unique_ptr<Storage> storage;
    std::shared_mutex gate;  ///< Shared by requests; alone to end it.
    bool ended = false;
  };
  Mount(MountEntry of, std::shared_ptr<Inside> inside) : entry(std::move(of)), route(entry.route()), m_inside(std::move(inside)) {}

  const MountEntry entry;
  const std::string route;
  [[nodiscard]] Backend& backend() const noexcept { return m_inside->backend; }
  [[nodiscard]] const PathTable& table() const noexcept { return m_inside->table; }
  [[nodiscard]] Storage& storage() const noexcept { return *m_inside->storage; }

 private:
  friend class MountTable;
  friend class Entered;
  std::shared_ptr<Inside> m_inside;
};
using MountPtr = std::shared_ptr<const Mount>;

/// Keeps a mount from ending while a request is in it. False: it has ended already.
class Entered {
 public:
  explicit Entered(MountPtr mount) : m_mount(std::move(mount)), m_lock(m_mount->m_inside->gate) {}
  explicit operator bool() const noexcept { return !m_mount->m_inside->ended; }
  [[nodiscard]] const Mount& mount() const noexcept { return *m_mount; }

 private:
  MountPtr m_mount;
  std::shared_lock<std::shared_mutex> m_lock;
};

/// What somebody asks to be mounted.
struct NewMount {
  bool auth = false;
  std::string path;
  std::string type;
  std::string description;
  MountOptions options;
  MountConfig config;
  bool local = false, seal_wrap = false, external_entropy_access = false;
};

/// What tuning changes; absent: as it is.
struct MountTuning {
  std::optional<std::string> description;
  std::optional<std::chrono::seconds> default_lease_ttl, max_lease_ttl;
  std::optional<std::vector<std::string>> audit_non_hmac_request_keys, audit_non_hmac_response_keys;
  std::optional<std::string> listing_visibility, token_type;
  std::optional<std::vector<std::string>> passthrough_request_headers, allowed_response_headers;
  std::optional<MountOptions> options;
};

class MountTable {
 public:
  using Factories = std::map<std::string, BackendFactory, std::less<>>;
  struct BuiltIn {
    bool auth = false;
    std::string path, type, description;
    Backend* backend = nullptr;  ///< Outlives the table's start() to stop().
  };
  /// `defaults` are mounted when there is no table yet, those of them whose type has a factory; the first table is stored whole or not at
  /// all. `kept`: routes ("transit/") that are neither unmounted nor moved, since the product itself uses them.
  MountTable(Factories secrets, Factories logins, const Clock& clock, std::vector<NewMount> defaults, std::vector<std::string> kept = {});

  /// A mount whose backend does not start stays in the table, unserved, and is told in the log: the others must not wait for it.
  [[nodiscard]] Status start(Storage& barrier, const std::vector<BuiltIn>& built_in);
  void stop() noexcept;

  /// The mount that `path` ("transit/keys/k", "auth/approle/login") lies in; also for "transit" itself. Null: none.
  [[nodiscard]] MountPtr find(std::string_view path) const;
  [[nodiscard]] MountPtr find_accessor(std::string_view accessor) const;
  /// Exactly this one: "transit/" or "approle/", with or without the slash.
  [[nodiscard]] MountPtr get(bool auth, std::string_view path) const;
  [[nodiscard]] std::vector<MountPtr> all() const;

  [[nodiscard]] Status mount(NewMount wish);
  [[nodiscard]] Status unmount(bool auth, std::string_view path);
  [[nodiscard]] Status tune(bool auth, std::string_view path, const MountTuning& tuning);
  /// Both of one kind: "a" -> "b", "auth/a" -> "auth/b".
  [[nodiscard]] Status remount(std::string_view from, std::string_view to);
  /// tick() of every backend, and a bounded part of removing what was unmounted.
  void tick(WallTime now) noexcept;

 private:
  using Routes = std::map<std::string, std::shared_ptr<Mount>, std::less<>>;
  [[nodiscard]] Result<std::shared_ptr<Mount>> open(MountEntry entry);
  [[nodiscard]] std::shared_ptr<Mount> open_built_in(MountEntry entry, Backend& backend);
  [[nodiscard]] Status load(const std::vector<BuiltIn>& built_in);
  [[nodiscard]] Status add_built_in(const BuiltIn& built_in);
  [[nodiscard]] Status add_defaults(bool first);
  [[nodiscard]] Result<MountEntry> entry_for(NewMount wish) const;
  [[nodiscard]] Status check_free(const std::string& route, bool auth) const;
  [[nodiscard]] Status save() const;
  [[nodiscard]] Status mount_locked(NewMount wish);
  [[nodiscard]] Result<bool> purge_some(std::size_t index);
  [[nodiscard]] bool is_fixed(const MountEntry& entry) const;
  [[nodiscard]] std::size_t index_of(std::string_view route) const;
  void serve(std::shared_ptr<Mount> mount);
  static void end(Mount& mount) noexcept;

  const Factories m_secrets, m_logins;
  const Clock& m_clock;
  const std::vector<NewMount> m_defaults;
  const std::vector<std::string> m_kept;
  Storage* m_barrier = nullptr;
  bool m_making_first = false;
  std::mutex m_change;                // one change at a time; guards m_entries
  std::vector<MountEntry> m_entries;  // as stored
  mutable std::shared_mutex m_lookup;
  Routes m_routes;
};

}  // namespace postern::vault
