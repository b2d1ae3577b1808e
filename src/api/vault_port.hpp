// Who answers requests of the Vault API: the key engine in this process, or the one in the keeper's process.
//
// ask() is awaited on the connection's loop and answers there. What the request's fields live in must outlive the call. Everything that
// goes wrong is a Reply in the API's form: 429 when there is no room to wait, 503 while the engine is away.
#pragma once

#include "io/loops.hpp"
#include "io/task.hpp"
#include "vault/core.hpp"

namespace postern::api {

class VaultPort {
 public:
  virtual ~VaultPort() = default;
  [[nodiscard]] virtual io::Task<vault::Reply> ask(vault::Request request) = 0;
};

/// The engine of this process. What it calls quick is answered on the loop, everything else on the workers. Both must outlive it.
class LocalVault final : public VaultPort {
 public:
  LocalVault(vault::Core& core, io::WorkerPool& workers) : m_core(core), m_workers(workers) {}
  [[nodiscard]] io::Task<vault::Reply> ask(vault::Request request) override;

 private:
  vault::Core& m_core;
  io::WorkerPool& m_workers;
};

/// {"errors":[TEXT]} with that status.
[[nodiscard]] vault::Reply refusal(int status, std::string_view text);

}  // namespace postern::api
