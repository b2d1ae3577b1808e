// The keys that the listeners showed: the one in use, and those before it whose TLSA records may still stand in DNS.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "crypto/hash.hpp"
#include "store/store.hpp"

namespace postern {

inline constexpr std::size_t kMostTlsKeys = 32;

struct ShownTlsKey {
  Sha256 spki{};              ///< Of the public key (RFC 6698 2.1.2, 2.1.3: selector 1, matching type 1).
  std::uint32_t version = 0;  ///< Of the built-in key; 0: a file's.
  bool vouched = false;       ///< DNS had a TLSA record of it when it was last asked.
  WallTime since{};
  bool in_use = true;
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class TlsKeys {
 public:
  explicit TlsKeys(Store& store) : m_store(store) {}
  /// The one in use first, then the latest; at most kMostTlsKeys.
  [[nodiscard]] Result<std::vector<ShownTlsKey>> all() const;
  /// From now on this one is in use, and no other.
  [[nodiscard]] Status show(const ShownTlsKey& key);

 private:
  Store& m_store;
};

}  // namespace postern
