// Outgoing connections: one endpoint after the other until one answers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/endpoint.hpp"
#include "io/stream.hpp"

namespace postern::io {

struct DialOptions {
  SteadyTime deadline = kNoDeadline;  ///< For all attempts together.
  std::chrono::milliseconds per_attempt{
      30000};                        ///< RFC 5321 4.5.3.2 leaves connecting open; a dead address must not eat the time of the next.
  std::optional<IpAddress> bind_v4;  ///< Source address for IPv4 targets.
  std::optional<IpAddress> bind_v6;
  /// Leave by this interface only (SO_BINDTODEVICE), from an address of its own; when it is not there, down, or has no address of the
  /// target's family, nothing is sent and the error says so. Empty: the routing table decides. Not for Unix sockets.
  std::string device;
};

/// Connects on the caller's loop. Endpoints are tried in order; the first that answers wins. The error (Unavailable, or Timeout when every
/// attempt timed out) names each endpoint and why it failed. An empty list is NotFound.
[[nodiscard]] Task<Result<Stream>> dial(std::vector<Endpoint> endpoints, DialOptions options);
[[nodiscard]] Task<Result<Stream>> dial(Endpoint endpoint, SteadyTime deadline);

}  // namespace postern::io
