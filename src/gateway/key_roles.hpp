// What each key is to this gateway, how often it is rotated, and what its owner has to do by hand when it was: settings and names in, facts
// out.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "gateway/dkim_rollover.hpp"
#include "gateway/tenants.hpp"
#include "keys/rotation.hpp"

namespace postern::gateway {

/// Thread safe; nothing in it changes. All must outlive it.
class KeyRoles {
 public:
  KeyRoles(const config::Config& config, const Tenants& tenants, const DkimRollover& dkim)
      : m_config(config), m_tenants(tenants), m_dkim(dkim) {}

  [[nodiscard]] KeyRole role(const KeyName& name) const;
  /// keys.rotation.keys, then what the role allows: keys of people, of the authority and of others only where they are named there.
  [[nodiscard]] RotationRule rule(const KeyName& name, KeyRole role) const;
  /// Every key that rule() may rotate.
  [[nodiscard]] std::vector<KeyName> governed() const;
  /// After a rotation, one sentence each.
  [[nodiscard]] std::vector<std::string> by_hand(const KeyInfo& key, KeyRole role) const;

 private:
  const config::Config& m_config;
  const Tenants& m_tenants;
  const DkimRollover& m_dkim;
};

}  // namespace postern::gateway
