// Revoking: the token is refused from the first step on, its children follow, its own entry goes last.
#include <mutex>

#include "base/log.hpp"
#include "vault/token_state.hpp"

namespace postern::vault {
namespace {

constexpr std::string_view kChildrenDie = "die";
constexpr std::string_view kChildrenLiveOn = "live on";
constexpr std::size_t kDuePerTick = 512;

}  // namespace

Result<bool> TokenStore::mark_dying(const TokenHash& hash, Children children, Cause cause) {
  State::Shard& shard = m_state->shard(hash);
  const std::unique_lock lock(shard.mutex);
  shard.live.erase(hash);
  POSTERN_TRY(std::optional<TokenEntry> entry, m_state->read(hash));
  if (!entry || (cause == Cause::Expired && entry->is_live(m_time.now()))) return false;
  entry->dying = true;
  std::vector<StorageChange> changes;
  changes.push_back({token_path::entry(hash), encode(*entry)});
  changes.push_back({token_path::dying(hash), SecretBytes::from_text(children == Children::Die ? kChildrenDie : kChildrenLiveOn)});
  POSTERN_CHECK(m_state->storage.apply(std::move(changes)));
  return true;
}

Result<std::vector<TokenHash>> TokenStore::children_of(const TokenHash& hash) {
  std::vector<TokenHash> out;
  POSTERN_TRY(const std::vector<std::string> names, m_state->storage.list("parent/" + hex_encode(hash) + "/"));
  for (const std::string& name : names) {
    if (const std::optional<TokenHash> child = token_hash_from(name)) out.push_back(*child);
  }
  return out;
}

Status TokenStore::erase(const TokenHash& hash) {
  State::Shard& shard = m_state->shard(hash);
  const std::unique_lock lock(shard.mutex);
  shard.live.erase(hash);
  POSTERN_TRY(const std::optional<TokenEntry> entry, m_state->read(hash));
  std::vector<StorageChange> changes;
  changes.push_back({token_path::dying(hash), std::nullopt});
  if (entry) {
    if (m_state->forget) m_state->forget(*entry);
    changes.push_back({token_path::entry(hash), std::nullopt});
    changes.push_back({token_path::accessor(m_state->hashes.hash(entry->accessor)), std::nullopt});
    if (!entry->parent.empty()) changes.push_back({token_path::child(entry->parent, hash), std::nullopt});
    if (entry->expires) changes.push_back({token_path::due(*entry->expires, hash), std::nullopt});
    if (entry->is_wrapping()) changes.push_back({token_path::wrapped(hash), std::nullopt});
  }
  return m_state->storage.apply(std::move(changes));
}

Status TokenStore::revoke(const TokenHash& hash) { return revoke_family(hash, Cause::Asked); }

Status TokenStore::revoke_family(const TokenHash& hash, Cause cause) {
  std::vector<TokenHash> family{hash};
  for (std::size_t at = 0; at < family.size(); ++at) {  // grows while it is walked
    POSTERN_TRY(const bool there, mark_dying(family[at], Children::Die, at == 0 ? cause : Cause::Asked));
    if (!there && at == 0) return {};
    if (!there) continue;
    POSTERN_TRY(const std::vector<TokenHash> children, children_of(family[at]));
    family.insert(family.end(), children.begin(), children.end());
  }
  for (auto member = family.rbegin(); member != family.rend(); ++member) POSTERN_CHECK(erase(*member));
  return {};
}

Status TokenStore::make_orphan(const TokenHash& hash) {
  State::Shard& shard = m_state->shard(hash);
  const std::unique_lock lock(shard.mutex);
  POSTERN_TRY(std::optional<TokenEntry> entry, m_state->read(hash));
  if (!entry || entry->parent.empty()) return {};
  std::vector<StorageChange> changes;
  changes.push_back({token_path::child(entry->parent, hash), std::nullopt});
  entry->parent.clear();
  changes.push_back({token_path::entry(hash), encode(*entry)});
  shard.live.erase(hash);
  return m_state->storage.apply(std::move(changes));
}

Status TokenStore::revoke_orphan(const TokenHash& hash) {
  POSTERN_TRY(const bool there, mark_dying(hash, Children::LiveOn, Cause::Asked));
  if (!there) return {};
  POSTERN_TRY(const std::vector<TokenHash> children, children_of(hash));
  for (const TokenHash& child : children) POSTERN_CHECK(make_orphan(child));
  return erase(hash);
}

void TokenStore::finish(const LiveTokenPtr& token) noexcept {
  if (token == nullptr || token->entry.num_uses != TokenEntry::kSpent || m_state == nullptr) return;
  if (const Status revoked = revoke(token->hash); !revoked) log::warn("vault.token.revoke_failed", {{"error", revoked.error()}});
}

Status TokenStore::finish_interrupted() {
  POSTERN_TRY(const std::vector<std::string> names, m_state->storage.list("dying/"));
  for (const std::string& name : names) {
    const std::optional<TokenHash> hash = token_hash_from(name);
    if (!hash) continue;
    POSTERN_TRY(const std::optional<SecretBytes> how, m_state->storage.get(token_path::dying(*hash)));
    const bool live_on = how && as_text(how->view()) == kChildrenLiveOn;
    POSTERN_CHECK(live_on ? revoke_orphan(*hash) : revoke(*hash));
    POSTERN_CHECK(m_state->storage.remove(token_path::dying(*hash)));
  }
  return {};
}

// Time -------------------------------------------------------------------------------------------------------------------------------

void TokenStore::tick() noexcept {
  if (m_state == nullptr) return;
  const std::string current = token_path::bucket(m_time.now());
  std::size_t budget = kDuePerTick;
  const auto buckets = m_state->storage.list("expire/", {.after = {}, .limit = 64});
  if (!buckets) return;
  for (const std::string& bucket : *buckets) {
    if (bucket >= current || budget == 0) return;
    if (const Status done = expire_bucket(bucket, budget); !done) {
      log::warn("vault.token.expire_failed", {{"error", done.error()}});
      return;
    }
  }
}

Status TokenStore::expire_bucket(const std::string& bucket, std::size_t& budget) {
  POSTERN_TRY(const std::vector<std::string> names, m_state->storage.list("expire/" + bucket, {.after = {}, .limit = budget}));
  for (const std::string& name : names) POSTERN_CHECK(expire_one(bucket, name));
  budget -= std::min(budget, names.size());
  return {};
}

Status TokenStore::expire_one(const std::string& bucket, const std::string& hex) {
  const std::optional<TokenHash> hash = token_hash_from(hex);
  if (hash) {
    POSTERN_TRY(const std::optional<TokenEntry> entry, m_state->read(*hash));
    if (entry && entry->expires && *entry->expires <= m_time.now()) POSTERN_CHECK(revoke_family(*hash, Cause::Expired));
  }
  return m_state->storage.remove("expire/" + bucket + hex);  // renewed ones stand in a later minute, too
}

Result<std::size_t> TokenStore::tidy() {
  std::vector<TokenHash> dead;
  POSTERN_CHECK(for_each([&](const TokenHash& hash, const TokenEntry& entry) {
    if (!entry.is_live(m_time.now())) dead.push_back(hash);
    return true;
  }));
  for (const TokenHash& hash : dead) POSTERN_CHECK(revoke(hash));
  std::size_t removed = dead.size();
  StoragePage page{.after = {}, .limit = 512};
  for (bool more = true; more;) {
    POSTERN_TRY(const std::vector<std::string> names, m_state->storage.list("accessor/", page));
    for (const std::string& name : names) {
      POSTERN_TRY(const std::optional<SecretBytes> stored, m_state->storage.get("accessor/" + name));
      const std::optional<TokenHash> hash = stored ? token_hash_from(as_text(stored->view())) : std::nullopt;
      POSTERN_TRY(const std::optional<SecretBytes> entry,
                  hash ? m_state->storage.get(token_path::entry(*hash)) : Result<std::optional<SecretBytes>>());
      if (entry) continue;
      POSTERN_CHECK(m_state->storage.remove("accessor/" + name));
      ++removed;
    }
    more = names.size() == page.limit;
    if (more) page.after = names.back();
  }
  return removed;
}

}  // namespace postern::vault
