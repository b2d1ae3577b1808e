// The Vault HTTP API under /v1/: each HTTP request becomes a request of the key engine, each of its replies an HTTP response.
//
// What the core calls quick is answered on the connection's loop; everything else goes to the workers. Bodies that came in are wiped when
// the answer is made.
#pragma once

#include "api/vault_request.hpp"
#include "http/server.hpp"
#include "io/loops.hpp"
#include "vault/core.hpp"

namespace postern::api {

class VaultFace {
 public:
  /// All must outlive it. Thread safe.
  VaultFace(vault::Core& core, io::WorkerPool& workers) : m_core(core), m_workers(workers) {}

  [[nodiscard]] static bool takes(std::string_view path) noexcept { return path.starts_with("/v1/"); }
  [[nodiscard]] io::Task<http::Response> handle(http::Request request);

 private:
  vault::Core& m_core;
  io::WorkerPool& m_workers;
};

}  // namespace postern::api
