// The tokens of the engine: made, used, renewed, revoked with their children, expired.
//
// A token is 256 random bits and stands nowhere: storage and memory know its HMAC under the store's own key, which is also why a lookup
// takes the same time whether a guess is near or far. Batch tokens are not stored at all: they carry their entry, sealed under a key of
// the barrier, and are good while their parent is.
//
// In storage (all below one view): id/HASH the entry, accessor/HASH of the accessor -> HASH, parent/HASH/HASH children, expire/MINUTE/HASH
// what may be due, dying/HASH what is being revoked. Whatever belongs together changes in one step; a revocation that a crash
// interrupted is finished by start() before anything is served.
//
// Speed: live tokens without a use limit are kept, compiled, in a bounded cache; a hot request is one keyed hash and one look-up. A
// revocation or renewal takes the cache's entry with it under the lock that a load holds, so it is seen at once.
// Threads: thread safe. A call may wait for storage unless it says otherwise.
// Errors: Denied for what is no live token, BadInput for wishes that cannot be, and what the storage says.
// Weak point: a child of an expired parent lives until the next tick() finds the parent (within a minute or so).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acl/acl.hpp"
#include "barrier/storage.hpp"
#include "vault/backend.hpp"
#include "vault/engine_time.hpp"
#include "vault/policies.hpp"
#include "vault/token_entry.hpp"

namespace postern::vault {

/// A token as a request needs it, and what backends may know of it. Immutable.
struct LiveToken : Caller {
  TokenHash hash{};
  TokenEntry entry;
  std::vector<Network> bound;
  std::shared_ptr<const acl::Acl> acl;
  std::uint64_t policy_generation = 0;
  std::string issue_time;  ///< RFC 3339, for audit.
};
using LiveTokenPtr = std::shared_ptr<const LiveToken>;

struct TokenStoreOptions {
  std::size_t cached = 16384;  ///< Live tokens in memory; more are read again from storage.
};

/// What a renewal may do, as the method that granted the token says today.
struct RenewLimits {
  std::chrono::seconds default_ttl{0};
  std::chrono::seconds max_ttl{0};
  std::chrono::seconds period{0};
};

struct IssuedToken {
  std::string token;  ///< The only time that it is seen.
  TokenHash hash{};
  TokenEntry entry;
};

class TokenStore {
 public:
  TokenStore(Policies& policies, const EngineTime& time, TokenStoreOptions options = {});
  ~TokenStore();
  TokenStore(const TokenStore&) = delete;
  TokenStore& operator=(const TokenStore&) = delete;

  /// Reads its keys (or makes them) and finishes interrupted revocations. `forget` is told the cubbyhole of each token that goes.
  [[nodiscard]] Status start(Storage& storage, std::function<void(const TokenEntry&)> forget);
  void stop() noexcept;

  /// The token of a request: alive, from a permitted address, one use counted. Denied when not.
  [[nodiscard]] Result<LiveTokenPtr> use(std::string_view token, std::string_view remote_address);
  /// The same without counting a use; for looking at one.
  [[nodiscard]] Result<LiveTokenPtr> look_up(std::string_view token);
  [[nodiscard]] Result<LiveTokenPtr> look_up(const TokenHash& hash);
  /// What use() would give at `now`, when that needs no waiting and is not a refusal; null otherwise.
  [[nodiscard]] LiveTokenPtr use_cached(std::string_view token, std::string_view remote_address, WallTime now);
  /// Denied when there is none.
  [[nodiscard]] Result<TokenHash> find_accessor(std::string_view accessor);
  /// A wrapping token; `take`: its only use is gone then. BadInput "wrapping token is not valid or does not exist" for everything else.
  [[nodiscard]] Result<LiveTokenPtr> use_wrapping(std::string_view token, bool take);

  /// Makes a token. From the entry's wishes the store fills accessor, created, cubbyhole and parent. `id` is a chosen token (BadInput
  /// when taken or unfit), empty: random. `wrapped` is stored in the same step. Denied when the parent is no longer alive.
  [[nodiscard]] Result<IssuedToken> issue(TokenEntry entry, const LiveToken* parent, std::string id = {},
                                          std::optional<SecretBytes> wrapped = {});
  /// `increment` 0: the default. BadInput when it is not renewable.
  [[nodiscard]] Result<LiveTokenPtr> renew(const TokenHash& hash, std::chrono::seconds increment, const RenewLimits& limits);

  /// With all its children. Of one that is not there: done.
  [[nodiscard]] Status revoke(const TokenHash& hash);
  /// Its children live on as orphans.
  [[nodiscard]] Status revoke_orphan(const TokenHash& hash);
  /// What a request's last use leaves behind; never fails (a spent token is refused anyway).
  void finish(const LiveTokenPtr& token) noexcept;

  [[nodiscard]] Result<std::vector<std::string>> accessors();
  /// Calls `each` for every stored token, in the order of hashes, until it says false. Slow: for administrators.
  [[nodiscard]] Status for_each(const std::function<bool(const TokenHash&, const TokenEntry&)>& each);
  /// Revokes what is due, at most a few hundred at a time.
  void tick() noexcept;
  /// Throws out what leads nowhere (indexes without entries, spent tokens). The number of things removed.
  [[nodiscard]] Result<std::size_t> tidy();
  [[nodiscard]] std::size_t cached_tokens() const noexcept;
  [[nodiscard]] WallTime now() const { return m_time.now(); }

  /// What a wrapping token wraps; gone with it.
  [[nodiscard]] Result<std::optional<SecretBytes>> wrapped(const TokenHash& hash);

 private:
  struct State;
  enum class Uses { Look, Count };
  [[nodiscard]] LiveTokenPtr find_cached(const TokenHash& hash, WallTime now) const;
  [[nodiscard]] Result<LiveTokenPtr> find(std::string_view token, const TokenHash& hash, Uses uses);
  [[nodiscard]] Result<LiveTokenPtr> load(const TokenHash& hash, Uses uses);
  [[nodiscard]] Result<LiveTokenPtr> open_batch(std::string_view token, const TokenHash& hash);
  [[nodiscard]] Result<LiveTokenPtr> compile(const TokenHash& hash, TokenEntry entry) const;
  [[nodiscard]] Result<IssuedToken> issue_batch(TokenEntry entry);
  [[nodiscard]] Status store_new(const IssuedToken& issued, std::optional<SecretBytes> wrapped);
  enum class Children { Die, LiveOn };
  enum class Cause { Asked, Expired };  // an expired one may have been renewed meanwhile
  [[nodiscard]] Status revoke_family(const TokenHash& hash, Cause cause);
  [[nodiscard]] Result<bool> mark_dying(const TokenHash& hash, Children children, Cause cause);
  [[nodiscard]] Result<std::vector<TokenHash>> children_of(const TokenHash& hash);
  [[nodiscard]] Status make_orphan(const TokenHash& hash);
  [[nodiscard]] Status erase(const TokenHash& hash);
  [[nodiscard]] Status finish_interrupted();
  [[nodiscard]] Status expire_bucket(const std::string& bucket, std::size_t& budget);
  [[nodiscard]] Status expire_one(const std::string& bucket, const std::string& hex);

  Policies& m_policies;
  const EngineTime& m_time;
  TokenStoreOptions m_options;
  std::unique_ptr<State> m_state;  // null while sealed
};

}  // namespace postern::vault
