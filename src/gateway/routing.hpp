// Where a recipient's mail goes: the route table, made once from the configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace postern::gateway {

enum class Via { Mx, Smtp, Lmtp, File, Mailbox };

/// One way out. `id` is stable across restarts as long as the setting is ("smtp:127.0.0.1:26"), and stands in the queue.
struct Route {
  std::string id;
  Via via = Via::Mx;
  std::string host;  ///< Smtp, Lmtp
  std::uint16_t port = 0;
  std::string directory;  ///< File
  config::Route settings;
};

/// The form of a domain that decides where mail goes: lower case, A-labels (RFC 5890), so that xn-- and U-labels are one domain. Address
/// literals, and names that have no IDNA form, stay as they are. The address itself keeps what its writer wrote.
[[nodiscard]] std::string routing_domain(std::string_view domain);

class RouteTable {
 public:
  /// Adds what the configuration leaves out: local domains without a route go to the mailbox, everything else by MX.
  [[nodiscard]] static Result<RouteTable> make(const config::Config& config);

  /// The most exact route for the domain (any form): itself, then the longest ".suffix", then "*".
  [[nodiscard]] const Route& find(std::string_view domain) const;
  /// What stands in the queue for mail to the domain: the route's id, or "mx:DOMAIN", since by MX every domain is a next hop of its own.
  [[nodiscard]] std::string queue_id(std::string_view domain) const;
  /// Where a recipient queued on `id` goes after the configuration has changed: the same id while it means something, else queue_id() of
  /// the address' own domain. Pseudo-routes stay.
  [[nodiscard]] std::string requeue_id(const std::string& id, std::string_view address) const;
  /// The route that a queued recipient was given, or null when the configuration no longer has it.
  [[nodiscard]] const Route* by_id(std::string_view id) const;
  [[nodiscard]] bool is_local(std::string_view domain) const;
  [[nodiscard]] const std::vector<Route>& all() const noexcept { return m_routes; }

 private:
  [[nodiscard]] const Route* exact(std::string_view domain) const;
  std::vector<Route> m_routes;
  std::vector<std::string> m_local;
};

}  // namespace postern::gateway
