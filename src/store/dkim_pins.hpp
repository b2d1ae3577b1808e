// Which version of its key a DKIM selector signs with, and under which name DNS has it.
//
// DNS holds one public key for a selector, and nobody but the operator can change it there. So a selector keeps the version it first signed
// with when the key is rotated; another one is signed with only when it was activated, because DNS has it, or when the configuration names
// it.
#pragma once

#include <cstdint>
#include <string>

#include "store/store.hpp"

namespace postern {

struct DkimPin {
  std::uint32_t version = 0;
  std::string published;  ///< The selector in DNS (s=); empty: the configured one.
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class DkimPins {
 public:
  explicit DkimPins(Store& store) : m_store(store) {}
  /// What to sign with from now on: `wanted` under the configured selector if it is not 0, else what is kept for this domain, selector and
  /// key, else `latest`. The answer is kept.
  [[nodiscard]] Result<DkimPin> pin(const std::string& domain, const std::string& selector, const std::string& key, std::uint32_t wanted,
                                    std::uint32_t latest);
  /// From now on another one.
  [[nodiscard]] Status activate(const std::string& domain, const std::string& selector, const std::string& key, const DkimPin& pin);

 private:
  Store& m_store;
};

}  // namespace postern
