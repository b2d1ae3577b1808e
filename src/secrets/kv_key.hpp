// What KV version 2 knows about one secret: its versions, settings and custom metadata. Values without I/O.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace postern::vault {

/// The settings of a mount (path `config`).
struct KvConfig {
  std::uint32_t max_versions = 0;  ///< 0: kKvVersions.
  bool cas_required = false;
  std::chrono::seconds delete_version_after{0};  ///< 0: never; negative: never, whatever a secret says.
};

inline constexpr std::uint32_t kKvVersions = 10;

struct KvVersion {
  WallTime created{};
  std::optional<WallTime> deletion;  ///< In the future: when it will count as deleted.
  bool destroyed = false;

  [[nodiscard]] bool deleted(WallTime now) const { return deletion && *deletion <= now; }
  [[nodiscard]] bool readable(WallTime now) const { return !destroyed && !deleted(now); }
};

using KvCustom = std::map<std::string, std::string, std::less<>>;

struct KvKey {
  std::uint64_t current = 0;  ///< 0: only metadata so far.
  std::uint64_t oldest = 0;
  WallTime created{}, updated{};
  std::uint32_t max_versions = 0;
  bool cas_required = false;
  std::chrono::seconds delete_version_after{0};
  std::optional<KvCustom> custom;
  std::map<std::uint64_t, KvVersion> versions;

  /// The next version; `trimmed` gets the numbers of those that are too many now and are gone from `versions`.
  KvVersion& add_version(WallTime now, const KvConfig& config, std::vector<std::uint64_t>& trimmed);
  [[nodiscard]] const KvVersion* find(std::uint64_t version) const;

  [[nodiscard]] SecretBytes encode() const;
  /// Internal when the bytes are not what encode() wrote.
  [[nodiscard]] static Result<KvKey> decode(ByteView bytes);
};

[[nodiscard]] SecretBytes encode(const KvConfig& config);
[[nodiscard]] Result<KvConfig> decode_kv_config(ByteView bytes);

/// At most 64 entries; keys of 1 to 128 bytes, values of 1 to 512, both printable. All faults in one error.
[[nodiscard]] Status check_custom_metadata(const KvCustom& custom);
/// "3h25m19s", "0s": how the API shows durations.
[[nodiscard]] std::string shown_duration(std::chrono::seconds duration);

/// As data/, metadata/ and subkeys/ show them.
[[nodiscard]] boost::json::object shown_version(const KvKey& key, std::uint64_t number, const KvVersion& version);
[[nodiscard]] boost::json::object shown_key(const KvKey& key);

}  // namespace postern::vault
