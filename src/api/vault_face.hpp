// The Vault HTTP API under /v1/: each HTTP request becomes a request of the key engine, each of its replies an HTTP response.
// Bodies that came in are wiped as soon as they are read; large ones are read on a worker, as others wait for the loop.
#pragma once

#include "api/vault_port.hpp"
#include "api/vault_request.hpp"
#include "http/server.hpp"
#include "io/loops.hpp"

namespace postern::api {

class VaultFace {
 public:
  /// Both must outlive it. Thread safe.
  VaultFace(VaultPort& port, io::WorkerPool& workers) : m_port(port), m_workers(workers) {}

  [[nodiscard]] static bool takes(std::string_view path) noexcept { return path.starts_with("/v1/"); }
  [[nodiscard]] io::Task<http::Response> handle(http::Request request);

 private:
  [[nodiscard]] io::Task<http::Response> handle_large(http::Request request);
  [[nodiscard]] io::Task<http::Response> ask(std::variant<VaultRequest, http::Response> read);
  VaultPort& m_port;
  io::WorkerPool& m_workers;
};

}  // namespace postern::api
