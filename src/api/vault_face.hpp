// The Vault HTTP API under /v1/: each HTTP request becomes a request of the key engine, each of its replies an HTTP response.
// Bodies that came in are wiped as soon as they are read.
#pragma once

#include "api/vault_port.hpp"
#include "api/vault_request.hpp"
#include "http/server.hpp"

namespace postern::api {

class VaultFace {
 public:
  /// The port must outlive it. Thread safe.
  explicit VaultFace(VaultPort& port) : m_port(port) {}

  [[nodiscard]] static bool takes(std::string_view path) noexcept { return path.starts_with("/v1/"); }
  [[nodiscard]] io::Task<http::Response> handle(http::Request request);

 private:
  VaultPort& m_port;
};

}  // namespace postern::api
