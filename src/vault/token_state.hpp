// The inside of the token store that its source files share; for nobody else.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "crypto/aead.hpp"
#include "crypto/hmac_sha256.hpp"
#include "vault/token_store.hpp"

namespace postern::vault {

inline constexpr std::string_view kBatchPrefix = "hvb.";
inline constexpr std::string_view kBatchLabel = "postern batch token 1";  // associated data

/// HMACs under one key from many threads: a few contexts that keep the key, so that none is set up per call.
class HashPool {
 public:
  explicit HashPool(ByteView key);
  [[nodiscard]] TokenHash hash(std::string_view text);

 private:
  struct Slot {
    std::mutex mutex;
    std::optional<HmacSha256> hmac;
  };
  std::array<Slot, 16> m_slots;
};

struct TokenStore::State {
  // Hashes are already as good as random, and nobody outside can choose them.
  struct HashOfHash {
    std::size_t operator()(const TokenHash& hash) const noexcept;
  };
  // The lock is held shared for a look into the cache, and alone from reading an entry to keeping it or changing it in storage: what a
  // load puts into the cache can not be what a revocation has just removed.
  struct Shard {
    mutable std::shared_mutex mutex;
    std::unordered_map<TokenHash, LiveTokenPtr, HashOfHash> live;
  };

  State(Storage& below, ByteView hash_key, Aead batch, std::function<void(const TokenEntry&)> on_forget)
      : storage(below), hashes(hash_key), batch_key(std::move(batch)), forget(std::move(on_forget)) {}

  [[nodiscard]] Shard& shard(const TokenHash& hash) noexcept { return shards[hash[31] % shards.size()]; }
  [[nodiscard]] Result<std::optional<TokenEntry>> read(const TokenHash& hash) const;
  void keep(Shard& into, const LiveTokenPtr& token, std::size_t limit);

  Storage& storage;
  HashPool hashes;
  Aead batch_key;
  std::function<void(const TokenEntry&)> forget;
  std::array<Shard, 64> shards;
  std::mutex chosen_ids;  // one at a time, so that two of the same name do not both find it free
};

/// Paths in the store's view.
namespace token_path {
[[nodiscard]] std::string entry(const TokenHash& hash);
[[nodiscard]] std::string accessor(const TokenHash& hash_of_accessor);
[[nodiscard]] std::string child(std::string_view parent_hex, const TokenHash& hash);
[[nodiscard]] std::string dying(const TokenHash& hash);
[[nodiscard]] std::string wrapped(const TokenHash& hash);
[[nodiscard]] std::string bucket(WallTime time);  ///< "000029921801/"
[[nodiscard]] std::string due(WallTime expires, const TokenHash& hash);
}  // namespace token_path

[[nodiscard]] tl::unexpected<Error> no_such_token();

}  // namespace postern::vault
