// The MTA-STS policies that are kept (RFC 8461 5.1): what was known of a domain holds until it expires, even when an attacker hides it.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace postern {

struct StoredStsPolicy {
  std::string domain;  ///< Lower case, A-labels.
  std::string id;      ///< Of the TXT record it was fetched for.
  WallTime fetched{};
  WallTime expires{};
  std::string text;  ///< As it was served.
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class StsPolicyStore {
 public:
  explicit StsPolicyStore(Store& store) : m_store(store) {}
  /// Those that are still good, the longest-lived first; at most `most`.
  [[nodiscard]] Result<std::vector<StoredStsPolicy>> load(WallTime now, std::size_t most);
  /// In place of the domain's former one; what has expired goes, and of more than `most` those that expire first.
  [[nodiscard]] Status save(const StoredStsPolicy& policy, WallTime now, std::size_t most);

 private:
  Store& m_store;
};

}  // namespace postern
