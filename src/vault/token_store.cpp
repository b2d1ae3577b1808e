#include "vault/token_store.hpp"

#include <algorithm>
#include <cstring>

#include "base/log.hpp"
#include "crypto/random.hpp"
#include "vault/token_state.hpp"

namespace postern::vault {
namespace {

constexpr std::size_t kLongestToken = 16 * 1024;

// One of the store's own keys: made when it is not there yet.
Result<SecretBytes> own_key(Storage& storage, std::string_view path) {
  POSTERN_TRY(std::optional<SecretBytes> key, storage.get(path));
  if (key) return *std::move(key);
  SecretBytes fresh = random_key(32);
  POSTERN_CHECK(storage.put(std::string(path), fresh.clone()));
  return fresh;
}

acl::TemplateFacts facts_of(const TokenEntry& entry) {
  acl::TemplateFacts facts;
  if (entry.entity_id.empty()) return facts;
  facts["identity.entity.id"] = entry.entity_id;
  const std::string alias = "identity.entity.aliases." + entry.mount + ".";
  facts[alias + "name"] = entry.alias;
  for (const auto& [name, value] : entry.metadata) facts[alias + "metadata." + name] = value;
  return facts;
}

}  // namespace

namespace token_path {
std::string entry(const TokenHash& hash) { return "id/" + hex_encode(hash); }
std::string accessor(const TokenHash& hash_of_accessor) { return "accessor/" + hex_encode(hash_of_accessor); }
std::string child(std::string_view parent_hex, const TokenHash& hash) {
  return "parent/" + std::string(parent_hex) + "/" + hex_encode(hash);
}
std::string dying(const TokenHash& hash) { return "dying/" + hex_encode(hash); }
std::string wrapped(const TokenHash& hash) { return "wrapped/" + hex_encode(hash); }
std::string bucket(WallTime time) {
  std::string minute = std::to_string(std::max<std::int64_t>(unix_seconds(time), 0) / 60);
  return std::string(12 - std::min<std::size_t>(minute.size(), 12), '0') + minute + "/";
}
std::string due(WallTime expires, const TokenHash& hash) { return "expire/" + bucket(expires) + hex_encode(hash); }
}  // namespace token_path

tl::unexpected<Error> no_such_token() { return fail(ErrorCode::Denied, "invalid token"); }

HashPool::HashPool(ByteView key) {
  for (Slot& slot : m_slots) slot.hmac.emplace(key);
}

TokenHash HashPool::hash(std::string_view text) {
  static std::atomic<unsigned> threads{0};
  thread_local const unsigned mine = threads++;
  Slot& slot = m_slots[mine % m_slots.size()];
  const std::lock_guard lock(slot.mutex);
  return slot.hmac->update(as_bytes(text)).finish();
}

std::size_t TokenStore::State::HashOfHash::operator()(const TokenHash& hash) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

Result<std::optional<TokenEntry>> TokenStore::State::read(const TokenHash& hash) const {
  POSTERN_TRY(const std::optional<SecretBytes> stored, storage.get(token_path::entry(hash)));
  if (!stored) return std::nullopt;
  POSTERN_TRY(TokenEntry entry, decode_token_entry(stored->view()));
  return std::optional(std::move(entry));
}

void TokenStore::State::keep(Shard& into, const LiveTokenPtr& token, std::size_t limit) {
  const std::size_t most = std::max<std::size_t>(limit / shards.size(), 1);
  while (into.live.size() >= most && !into.live.contains(token->hash)) into.live.erase(into.live.begin());
  into.live.insert_or_assign(token->hash, token);
}

TokenStore::TokenStore(Policies& policies, const EngineTime& time, TokenStoreOptions options)
    : m_policies(policies), m_time(time), m_options(options) {}
TokenStore::~TokenStore() = default;

Status TokenStore::start(Storage& storage, std::function<void(const TokenEntry&)> forget) {
  POSTERN_TRY(const SecretBytes hash_key, own_key(storage, "key/hash"));
  POSTERN_TRY(const SecretBytes batch_bytes, own_key(storage, "key/batch"));
  POSTERN_TRY(Aead batch_key, Aead::create(AeadAlgorithm::Aes256Gcm, batch_bytes.view()));
  m_state = std::make_unique<State>(storage, hash_key.view(), std::move(batch_key), std::move(forget));
  if (Status finished = finish_interrupted(); !finished) {
    m_state.reset();
    return finished;
  }
  return {};
}

void TokenStore::stop() noexcept { m_state.reset(); }

std::size_t TokenStore::cached_tokens() const noexcept {
  std::size_t count = 0;
  if (m_state == nullptr) return 0;
  for (const State::Shard& shard : m_state->shards) {
    const std::shared_lock lock(shard.mutex);
    count += shard.live.size();
  }
  return count;
}

// Using ------------------------------------------------------------------------------------------------------------------------------

LiveTokenPtr TokenStore::find_cached(const TokenHash& hash, WallTime now) const {
  const State::Shard& shard = m_state->shard(hash);
  const std::shared_lock lock(shard.mutex);
  const auto found = shard.live.find(hash);
  if (found == shard.live.end() || found->second->policy_generation != m_policies.generation()) return nullptr;
  return found->second->entry.is_live(now) ? found->second : nullptr;
}

Result<LiveTokenPtr> TokenStore::use(std::string_view token, std::string_view remote_address) {
  if (token.empty() || token.size() > kLongestToken) return no_such_token();
  const TokenHash hash = m_state->hashes.hash(token);
  LiveTokenPtr live = find_cached(hash, m_time.now());
  if (live == nullptr || live->entry.batch) {
    POSTERN_TRY(live, find(token, hash, Uses::Count));
  }
  if (!live->bound.empty() && !is_in(live->bound, remote_address)) return fail(ErrorCode::Denied, "permission denied");
  return live;
}

LiveTokenPtr TokenStore::use_cached(std::string_view token, std::string_view remote_address, WallTime now) {
  if (m_state == nullptr || token.empty() || token.size() > kLongestToken) return nullptr;
  const TokenHash hash = m_state->hashes.hash(token);
  LiveTokenPtr live = find_cached(hash, now);
  // A batch token is opened each time, and its parent may have to be read.
  if (live == nullptr || live->entry.batch) return nullptr;
  return live->bound.empty() || is_in(live->bound, remote_address) ? live : nullptr;
}

Result<LiveTokenPtr> TokenStore::look_up(std::string_view token) {
  if (token.empty() || token.size() > kLongestToken) return no_such_token();
  return find(token, m_state->hashes.hash(token), Uses::Look);
}

Result<LiveTokenPtr> TokenStore::look_up(const TokenHash& hash) { return load(hash, Uses::Look); }

Result<LiveTokenPtr> TokenStore::find(std::string_view token, const TokenHash& hash, Uses uses) {
  return token.starts_with(kBatchPrefix) ? open_batch(token, hash) : load(hash, uses);
}

Result<LiveTokenPtr> TokenStore::load(const TokenHash& hash, Uses uses) {
  bool expired = false;
  {
    State::Shard& shard = m_state->shard(hash);
    const std::unique_lock lock(shard.mutex);
    POSTERN_TRY(std::optional<TokenEntry> entry, m_state->read(hash));
    if (!entry) {
      shard.live.erase(hash);
      return no_such_token();
    }
    if (entry->is_live(m_time.now())) {
      const bool counted = entry->num_uses > 0;
      if (counted && uses == Uses::Count) {
        entry->num_uses = entry->num_uses == 1 ? TokenEntry::kSpent : entry->num_uses - 1;
        POSTERN_CHECK(m_state->storage.put(token_path::entry(hash), encode(*entry)));
      }
      POSTERN_TRY(LiveTokenPtr live, compile(hash, *std::move(entry)));
      if (!counted) m_state->keep(shard, live, m_options.cached);
      return live;
    }
    shard.live.erase(hash);
    expired = entry->expires && m_time.now() >= *entry->expires;
  }
  if (expired) {  // its children too, now that somebody noticed
    if (const Status revoked = revoke_family(hash, Cause::Expired); !revoked)
      log::warn("vault.token.expire_failed", {{"error", revoked.error()}});
  }
  return no_such_token();
}

Result<LiveTokenPtr> TokenStore::compile(const TokenHash& hash, TokenEntry entry) const {
  auto live = std::make_shared<LiveToken>();
  live->hash = hash;
  live->policy_generation = m_policies.generation();  // before compiling: a change in between makes it stale, not wrong
  live->acl = m_policies.compile(entry.policies, facts_of(entry));
  POSTERN_TRY(live->bound, parse_networks(entry.bound_cidrs));
  live->accessor = entry.accessor;
  live->display_name = entry.display_name;
  live->entity_id = entry.entity_id;
  live->cubbyhole = entry.cubbyhole;
  live->policies = entry.policies;
  live->root = entry.is_root();
  live->issue_time = rfc3339(entry.created);
  live->entry = std::move(entry);
  return live;
}

Result<LiveTokenPtr> TokenStore::open_batch(std::string_view token, const TokenHash& hash) {
  LiveTokenPtr live = find_cached(hash, m_time.now());
  if (live == nullptr) {
    const Result<Bytes> sealed = base64url_decode(token.substr(kBatchPrefix.size()));
    if (!sealed) return no_such_token();
    const Result<SecretBytes> opened = m_state->batch_key.open_random(as_bytes(kBatchLabel), *sealed);
    if (!opened) return no_such_token();
    POSTERN_TRY(TokenEntry entry, decode_token_entry(opened->view()));
    if (!entry.is_live(m_time.now())) return no_such_token();
    POSTERN_TRY(live, compile(hash, std::move(entry)));
    State::Shard& shard = m_state->shard(hash);
    const std::unique_lock lock(shard.mutex);
    m_state->keep(shard, live, m_options.cached);
  }
  if (const std::optional<TokenHash> parent = token_hash_from(live->entry.parent)) {
    if (find_cached(*parent, m_time.now()) == nullptr) {
      if (const auto loaded = load(*parent, Uses::Look); !loaded) return fail(loaded.error());
    }
  }
  return live;
}

Result<TokenHash> TokenStore::find_accessor(std::string_view accessor) {
  const TokenHash hash = m_state->hashes.hash(accessor);
  POSTERN_TRY(const std::optional<SecretBytes> stored, m_state->storage.get(token_path::accessor(hash)));
  const std::optional<TokenHash> found = stored ? token_hash_from(as_text(stored->view())) : std::nullopt;
  if (!found) return fail(ErrorCode::Denied, "invalid accessor");
  return *found;
}

Result<LiveTokenPtr> TokenStore::use_wrapping(std::string_view token, bool take) {
  const auto nothing = [] { return fail(ErrorCode::BadInput, "wrapping token is not valid or does not exist"); };
  if (token.starts_with(kBatchPrefix)) return nothing();
  // First without taking a use: somebody's own token must not lose one by being named here.
  Result<LiveTokenPtr> live = look_up(token);
  if (live && take && (*live)->entry.is_wrapping()) live = load((*live)->hash, Uses::Count);
  if (!live && live.error().code != ErrorCode::Denied) return live;
  if (!live || !(*live)->entry.is_wrapping()) return nothing();
  return live;
}

Result<std::optional<SecretBytes>> TokenStore::wrapped(const TokenHash& hash) { return m_state->storage.get(token_path::wrapped(hash)); }

// Looking over all -------------------------------------------------------------------------------------------------------------------

Status TokenStore::for_each(const std::function<bool(const TokenHash&, const TokenEntry&)>& each) {
  StoragePage page{.after = {}, .limit = 512};
  for (;;) {
    POSTERN_TRY(const std::vector<std::string> names, m_state->storage.list("id/", page));
    for (const std::string& name : names) {
      const std::optional<TokenHash> hash = token_hash_from(name);
      if (!hash) continue;
      POSTERN_TRY(const std::optional<TokenEntry> entry, m_state->read(*hash));
      if (entry && !each(*hash, *entry)) return {};
    }
    if (names.size() < page.limit) return {};
    page.after = names.back();
  }
}

Result<std::vector<std::string>> TokenStore::accessors() {
  std::vector<std::string> out;
  const WallTime now = m_time.now();
  POSTERN_CHECK(for_each([&](const TokenHash&, const TokenEntry& entry) {
    if (entry.is_live(now)) out.push_back(entry.accessor);
    return true;
  }));
  return out;
}

}  // namespace postern::vault
