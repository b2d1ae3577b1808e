// Who answers requests of the Vault API: the key engine in this process, or the one in the keeper's process.
//
// ask() is awaited on the connection's loop and answers there. What the request's fields live in must outlive the call. Everything that
// goes wrong is a Reply in the API's form: 429 when there is no room to wait, 503 while the engine is away.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "api/held_replies.hpp"
#include "io/loops.hpp"
#include "io/task.hpp"
#include "vault/core.hpp"

namespace postern::api {

class VaultPort {
 public:
  virtual ~VaultPort() = default;
  [[nodiscard]] virtual io::Task<vault::Reply> ask(vault::Request request) = 0;
};

/// The engine of this process. What it calls quick is answered on the loop, and the answer kept back until audit has it; everything else
/// runs on the workers. Both must outlive it, and so must the loops.
class LocalVault final : public VaultPort {
 public:
  LocalVault(vault::Core& core, io::WorkerPool& workers) : m_core(core), m_workers(workers) {}
  [[nodiscard]] io::Task<vault::Reply> ask(vault::Request request) override;

 private:
  [[nodiscard]] io::Task<vault::Reply> hold_back(vault::Reply reply, vault::AuditReceipt receipt);
  [[nodiscard]] HeldReplies& held_of(const io::Executor& loop);
  vault::Core& m_core;
  io::WorkerPool& m_workers;
  std::mutex m_mutex;
  std::vector<std::pair<io::Executor, std::shared_ptr<HeldReplies>>> m_held;  // one for each loop that has asked
};

/// {"errors":[TEXT]} with that status.
[[nodiscard]] vault::Reply refusal(int status, std::string_view text);

}  // namespace postern::api
