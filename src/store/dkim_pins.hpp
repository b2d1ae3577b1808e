// Which version of its key a DKIM selector signs with.
//
// DNS holds one public key for a selector, and nobody but the operator can change it there. So a selector keeps the version it first signed
// with when the key is rotated; another one is signed with only when the configuration names it, or under a new selector.
#pragma once

#include <cstdint>
#include <string>

#include "store/store.hpp"

namespace postern {

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class DkimPins {
 public:
  explicit DkimPins(Store& store) : m_store(store) {}
  /// The version to sign with from now on: `wanted` if it is not 0, else the one kept for this domain, selector and key, else `latest`.
  /// The answer is kept.
  [[nodiscard]] Result<std::uint32_t> pin(const std::string& domain, const std::string& selector, const std::string& key,
                                          std::uint32_t wanted, std::uint32_t latest);

 private:
  Store& m_store;
};

}  // namespace postern
