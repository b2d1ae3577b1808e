// What is kept about a token. Never the token itself: entries are found by a keyed hash of it.
#pragma once

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "dns/ip_address.hpp"

namespace postern::vault {

/// HMAC-SHA256 of a token under the store's own key.
using TokenHash = std::array<Byte, 32>;
[[nodiscard]] std::optional<TokenHash> token_hash_from(std::string_view hex);

struct TokenEntry {
  std::string accessor;
  std::string parent;  ///< Hex of the parent's hash; empty: an orphan.
  std::vector<std::string> policies;
  std::string path;  ///< Where it was made: "auth/approle/login".
  std::string display_name;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::int64_t num_uses = 0;  ///< What is left; 0: no limit. kSpent: none is left, and it goes when its last request ends.
  WallTime created{};
  std::optional<WallTime> expires;  ///< None: never (root).
  std::optional<WallTime> last_renewal;
  std::chrono::seconds creation_ttl{0}, max_ttl{0}, explicit_max_ttl{0}, period{0};
  bool renewable = false;
  bool batch = false;
  std::string role;   ///< Of auth/token/roles.
  std::string mount;  ///< Accessor of the method that granted it; empty: the token store.
  std::string alias;  ///< Who it is for that method.
  std::string entity_id;
  std::string cubbyhole;  ///< Folder of its cubbyhole; empty for batch tokens.
  std::vector<std::string> bound_cidrs;
  boost::json::object internal;  ///< What the method wants back at renewal.
  bool dying = false;            ///< Being revoked: children first, then itself. Good for nothing.

  static constexpr std::int64_t kSpent = -1;

  [[nodiscard]] bool is_root() const noexcept { return policies.size() == 1 && policies.front() == "root"; }
  [[nodiscard]] bool is_wrapping() const noexcept;
  [[nodiscard]] bool is_live(WallTime now) const noexcept { return !dying && num_uses >= 0 && (!expires || now < *expires); }
  /// Whole seconds until it expires; 0 when it never does.
  [[nodiscard]] std::int64_t ttl_seconds(WallTime now) const noexcept;
  [[nodiscard]] std::string_view type() const noexcept { return batch ? "batch" : "service"; }
};

[[nodiscard]] SecretBytes encode(const TokenEntry& entry);
/// IntegrityFailed when it is not what encode() wrote.
[[nodiscard]] Result<TokenEntry> decode_token_entry(ByteView bytes);

/// "192.0.2.0/24" or a single address. Mapped IPv4 addresses count as IPv4.
struct Network {
  dns::IpAddress address;
  unsigned prefix = 0;
  [[nodiscard]] static Result<Network> parse(std::string_view text);
};
/// Whether `remote` is in one of them; an address that cannot be read is in none.
[[nodiscard]] bool is_in(const std::vector<Network>& networks, std::string_view remote);
[[nodiscard]] Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts);

}  // namespace postern::vault
