// Making tokens and giving them more time.
#include <algorithm>
#include <mutex>

#include "base/text.hpp"
#include "vault/ids.hpp"
#include "vault/token_state.hpp"

namespace postern::vault {
namespace {

using std::chrono::seconds;

constexpr std::size_t kLargestBatchToken = 8 * 1024;

Status check_chosen(std::string_view id) {
  const bool fits = id.size() <= 256 && std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~' && c != '.' && c != '/'; });
  if (fits) return {};
  return fail(ErrorCode::BadInput, "custom token ID must have at most 256 visible ASCII characters and no '.' or '/'", "id");
}

// The latest moment that a renewal may reach.
std::optional<WallTime> latest(const TokenEntry& entry, const RenewLimits& limits) {
  std::optional<WallTime> out;
  const auto cap = [&](seconds most) {
    if (most > seconds(0)) out = std::min(out.value_or(entry.created + most), entry.created + most);
  };
  cap(entry.explicit_max_ttl);
  const bool periodic = entry.period > seconds(0) || limits.period > seconds(0);
  if (!periodic) {  // a periodic token lives as long as it is renewed, unless an explicit maximum says otherwise
    cap(entry.max_ttl);
    cap(limits.max_ttl);
  }
  return out;
}

seconds wished(const TokenEntry& entry, seconds increment, const RenewLimits& limits) {
  if (limits.period > seconds(0)) return limits.period;
  if (entry.period > seconds(0)) return entry.period;
  if (increment > seconds(0)) return increment;
  return entry.creation_ttl > seconds(0) ? entry.creation_ttl : limits.default_ttl;
}

}  // namespace

Result<IssuedToken> TokenStore::issue(TokenEntry entry, const LiveToken* parent, std::string id, std::optional<SecretBytes> wrapped) {
  POSTERN_CHECK(parse_networks(entry.bound_cidrs));
  entry.created = m_time.now();
  entry.expires.reset();
  if (entry.creation_ttl > seconds(0)) entry.expires = entry.created + entry.creation_ttl;
  if (parent != nullptr) entry.parent = hex_encode(parent->hash);
  if (entry.batch) return issue_batch(std::move(entry));

  POSTERN_CHECK(check_chosen(id));
  entry.accessor = random_base62(24);
  entry.cubbyhole = make_uuid();
  std::unique_lock chosen(m_state->chosen_ids, std::defer_lock);
  IssuedToken out;
  if (id.empty()) {
    out.token = make_service_token();
    out.hash = m_state->hashes.hash(out.token);
  } else {
    chosen.lock();
    out.token = std::move(id);
    out.hash = m_state->hashes.hash(out.token);
    POSTERN_TRY(const std::optional<TokenEntry> taken, m_state->read(out.hash));
    if (taken) return fail(ErrorCode::BadInput, "cannot create a token with a duplicate ID", "id");
  }
  out.entry = std::move(entry);
  if (parent == nullptr) {
    POSTERN_CHECK(store_new(out, std::move(wrapped)));
    return out;
  }
  // The parent's lock keeps a revocation from looking for children until this one is there.
  const std::unique_lock lock(m_state->shard(parent->hash).mutex);
  POSTERN_TRY(const std::optional<TokenEntry> today, m_state->read(parent->hash));
  if (!today || !today->is_live(m_time.now())) return no_such_token();
  POSTERN_CHECK(store_new(out, std::move(wrapped)));
  return out;
}

Status TokenStore::store_new(const IssuedToken& issued, std::optional<SecretBytes> wrapped) {
  const TokenEntry& entry = issued.entry;
  const auto mark = [](std::string_view text) { return SecretBytes::from_text(text); };
  std::vector<StorageChange> changes;
  changes.push_back({token_path::entry(issued.hash), encode(entry)});
  changes.push_back({token_path::accessor(m_state->hashes.hash(entry.accessor)), mark(hex_encode(issued.hash))});
  if (!entry.parent.empty()) changes.push_back({token_path::child(entry.parent, issued.hash), mark("1")});
  if (entry.expires) changes.push_back({token_path::due(*entry.expires, issued.hash), mark("1")});
  if (wrapped) changes.push_back({token_path::wrapped(issued.hash), std::move(wrapped)});
  return m_state->storage.apply(std::move(changes));
}

Result<IssuedToken> TokenStore::issue_batch(TokenEntry entry) {
  if (!entry.expires) return fail(ErrorCode::BadInput, "batch tokens need a TTL", "ttl");
  entry.accessor.clear();
  entry.renewable = false;
  const SecretBytes plain = encode(entry);
  POSTERN_TRY(const Bytes sealed, m_state->batch_key.seal_random(as_bytes(kBatchLabel), plain.view()));
  IssuedToken out;
  out.token = std::string(kBatchPrefix) + base64url_encode(sealed);
  if (out.token.size() > kLargestBatchToken) return fail(ErrorCode::BadInput, "too much for a batch token: give it less metadata", "meta");
  out.hash = m_state->hashes.hash(out.token);
  out.entry = std::move(entry);
  return out;
}

Result<LiveTokenPtr> TokenStore::renew(const TokenHash& hash, seconds increment, const RenewLimits& limits) {
  State::Shard& shard = m_state->shard(hash);
  const std::unique_lock lock(shard.mutex);
  POSTERN_TRY(std::optional<TokenEntry> entry, m_state->read(hash));
  const WallTime now = m_time.now();
  if (!entry || !entry->is_live(now)) return no_such_token();
  if (!entry->renewable || !entry->expires) return fail(ErrorCode::BadInput, "lease is not renewable");
  const seconds ttl = wished(*entry, increment, limits);
  WallTime until = now + ttl;
  if (const std::optional<WallTime> most = latest(*entry, limits)) {
    if (*most <= now) return fail(ErrorCode::BadInput, "past the max TTL, cannot renew");
    until = std::min(until, *most);
  }
  std::vector<StorageChange> changes;
  const std::string before = token_path::due(*entry->expires, hash);
  const std::string after = token_path::due(until, hash);
  entry->expires = until;
  entry->last_renewal = now;
  changes.push_back({token_path::entry(hash), encode(*entry)});
  if (before != after) {
    changes.push_back({before, std::nullopt});
    changes.push_back({after, SecretBytes::from_text("1")});
  }
  POSTERN_CHECK(m_state->storage.apply(std::move(changes)));
  const bool counted = entry->num_uses > 0;
  POSTERN_TRY(LiveTokenPtr live, compile(hash, *std::move(entry)));
  shard.live.erase(hash);
  if (!counted) m_state->keep(shard, live, m_options.cached);
  return live;
}

}  // namespace postern::vault
