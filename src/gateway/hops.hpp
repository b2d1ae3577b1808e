// From route settings to connection options: trust stores, pins, client certificates and passwords, read once at start.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "gateway/routing.hpp"
#include "gateway/smtp_sender.hpp"

namespace postern::gateway {

/// A secret by reference: env:NAME or file:PATH (one line). NotFound says what to set.
[[nodiscard]] Result<SecretBytes> read_secret_ref(const std::string& reference, const config::Config& config);

/// A PEM private key of the operator's own (tls.key, route.client_key).
[[nodiscard]] Result<EvpPkeyPtr> load_private_key(const std::string& path);

class Hops {
 public:
  /// Errors name the route and the setting.
  [[nodiscard]] static Result<Hops> make(const config::Config& config, const RouteTable& routes, const std::vector<Certificate>& own_roots);
  /// Null for routes that are no SMTP or LMTP hop.
  [[nodiscard]] std::shared_ptr<const HopOptions> find(const Route& route) const;

 private:
  std::map<std::string, std::shared_ptr<const HopOptions>> m_by_route;  ///< By Route::id.
};

}  // namespace postern::gateway
