#include "vault/engine.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "vault/ids.hpp"
#include "vault/purge.hpp"

namespace postern::vault {
namespace {

constexpr std::string_view kPolicyFolder = "sys/policy/";
constexpr std::string_view kTokenFolder = "sys/token/";
constexpr std::string_view kHostFolder = "host/";

TokenEntry root_entry() {
  TokenEntry entry;
  entry.policies = {std::string(kRootPolicy)};
  entry.path = "auth/token/root";
  entry.display_name = "root";
  return entry;
}

std::vector<PathSpec> paths_of(std::initializer_list<void (*)(std::vector<PathSpec>&, Engine&)> parts, Engine& engine) {
  std::vector<PathSpec> out;
  for (const auto& add : parts) add(out, engine);
  return out;
}

}  // namespace

Engine::Engine(CoreParts parts, CoreOptions of)
    : clock(parts.clock),
      barrier(parts.barrier),
      custodian(parts.custodian),
      audit(parts.audit),
      options(std::move(of)),
      time(clock),
      tokens(policies, time, {.cached = options.cached_tokens}),
      mounts(options.secrets, options.logins, clock, options.defaults, options.kept_mounts) {
  sys = std::make_unique<OwnBackend>(
      "system",
      paths_of({add_custody_paths, add_mount_paths, add_policy_paths, add_wrapping_paths, add_lease_paths, add_tool_paths}, *this));
  token = std::make_unique<OwnBackend>("token", paths_of({add_token_paths, add_token_role_paths}, *this));
  bare = std::make_unique<OwnBackend>("system", paths_of({add_bare_paths}, *this));
  bare_table = std::make_unique<PathTable>(bare->paths());
}

Engine::~Engine() { close(); }

Status Engine::open() {
  const std::lock_guard lock(life);
  if (is_open || barrier.sealed()) return {};
  const std::unique_lock alone(gate);
  if (Status started = start_all(); !started) {
    stop_all();
    custodian.seal();
    log::error("vault.unseal_failed", {{"error", started.error()}});
    return fail(std::move(started).error().context("the vault was sealed again"));
  }
  is_open = true;
  Counters::add(counters.unseals);
  log::info("vault.unsealed");
  return {};
}

Status Engine::start_all() {
  m_policy_storage = std::make_unique<StorageView>(barrier, std::string(kPolicyFolder));
  m_token_storage = std::make_unique<StorageView>(barrier, std::string(kTokenFolder));
  m_host_storage = std::make_unique<StorageView>(barrier, std::string(kHostFolder));
  POSTERN_CHECK(load_cluster_id());
  POSTERN_CHECK(policies.start(*m_policy_storage));
  POSTERN_CHECK(mounts.start(barrier, {{false, "sys/", "system", "system endpoints used for control, policy and debugging", sys.get()},
                                       {true, "token/", "token", "token based credentials", token.get()}}));
  const auto forget = [this](const TokenEntry& entry) {
    const MountPtr mount = entry.cubbyhole.empty() ? nullptr : mounts.get(false, "cubbyhole");
    if (mount == nullptr) return;
    const Status gone = purge(mount->storage(), entry.cubbyhole + "/");
    if (!gone) log::warn("vault.cubbyhole.purge_failed", {{"error", gone.error()}});
  };
  POSTERN_CHECK(tokens.start(*m_token_storage, forget));
  return options.on_unseal ? options.on_unseal(*m_host_storage) : Status();
}

Status Engine::load_cluster_id() {
  POSTERN_TRY(const auto kept, m_host_storage->get("cluster-id"));
  cluster_id = kept ? std::string(as_text(kept->view())) : make_uuid();
  return kept ? Status() : m_host_storage->put("cluster-id", SecretBytes::from_text(cluster_id));
}

void Engine::stop_all() noexcept {
  tokens.stop();
  mounts.stop();
  policies.stop();
  audit.clear();
}

void Engine::close() noexcept {
  const std::lock_guard lock(life);
  const bool was_open = is_open.exchange(false);  // new requests are refused from here on, so that those under way come to an end
  {
    const std::unique_lock alone(gate);
    stop_all();
    custodian.seal();
  }
  if (!was_open) return;
  Counters::add(counters.seals);
  log::info("vault.sealed");
  if (options.on_seal) options.on_seal();
}

Result<std::string> Engine::make_root_token() {
  POSTERN_TRY(IssuedToken issued, tokens.issue(root_entry(), nullptr));
  Counters::add(counters.tokens_made);
  return std::move(issued.token);
}

Result<Core::Initialized> Engine::initialize(const ShareSplit& split, const Core::Keep& keep) {
  Core::Initialized out;
  const auto prepare = [&](Storage& storage) -> Status {
    StorageView view(storage, std::string(kTokenFolder));
    Policies none;
    TokenStore store(none, time);
    POSTERN_CHECK(store.start(view, {}));
    POSTERN_TRY(IssuedToken issued, store.issue(root_entry(), nullptr));
    out.root_token = std::move(issued.token);
    return {};
  };
  const auto keep_all = [&](const InitResult& keys) { return keep ? keep(out.root_token, keys) : Status(); };
  POSTERN_TRY(out.keys, custodian.init(split, prepare, keep_all));
  POSTERN_CHECK(open());  // unsealed only when a seal keeps the key
  return out;
}

TtlLimits Engine::ttl_limits(const MountEntry& entry) const {
  const MountConfig& config = entry.config;
  TtlLimits out{options.default_lease_ttl, options.max_lease_ttl};
  if (config.max_lease_ttl.count() > 0) out.max_ttl = config.max_lease_ttl;
  if (config.default_lease_ttl.count() > 0) out.default_ttl = config.default_lease_ttl;
  out.default_ttl = std::min(out.default_ttl, out.max_ttl);
  return out;
}

void Engine::count_status(int status) noexcept {
  Counters::add(counters.requests);
  if (status >= 500) {
    Counters::add(counters.failed);
  } else if (status >= 400) {
    Counters::add(counters.refused);
  }
}

std::string Engine::metrics_unlocked() const {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
  };
  const auto read = [](const Counters::Count& count) { return count.load(std::memory_order_relaxed); };
  add("vault_core_unsealed", "gauge", "1 while the engine is unsealed.", is_open ? 1 : 0);
  add("vault_core_requests_total", "counter", "Requests, whatever came of them.", read(counters.requests));
  add("vault_core_requests_refused_total", "counter", "Requests answered with a status of 400 to 499.", read(counters.refused));
  add("vault_core_requests_failed_total", "counter", "Requests answered with a status from 500.", read(counters.failed));
  add("vault_core_unseals_total", "counter", "Times that the engine was opened.", read(counters.unseals));
  add("vault_core_seals_total", "counter", "Times that the engine was sealed.", read(counters.seals));
  add("vault_token_creations_total", "counter", "Tokens made.", read(counters.tokens_made));
  add("vault_token_revocations_total", "counter", "Revocations asked for.", read(counters.tokens_revoked));
  add("vault_token_logins_total", "counter", "Successful logins.", read(counters.logins));
  add("vault_wrapping_wraps_total", "counter", "Answers put into wrapping.", read(counters.wrapped));
  add("vault_wrapping_unwraps_total", "counter", "Answers taken out of wrapping.", read(counters.unwrapped));
  add("vault_audit_failures_total", "counter", "Requests stopped because no audit device took their line.", read(counters.audit_failures));
  add("vault_token_cached", "gauge", "Live tokens held in memory.", tokens.cached_tokens());
  add("vault_core_mounts", "gauge", "Mounts that are served.", mounts.all().size());
  return out;
}

}  // namespace postern::vault
