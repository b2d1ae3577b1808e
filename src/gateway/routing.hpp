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

class RouteTable {
 public:
  /// Adds what the configuration leaves out: local domains without a route go to the mailbox, everything else by MX.
  [[nodiscard]] static Result<RouteTable> make(const config::Config& config);

  /// The most exact route for the domain (lower case): itself, then the longest ".suffix", then "*".
  [[nodiscard]] const Route& find(std::string_view domain) const;
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
