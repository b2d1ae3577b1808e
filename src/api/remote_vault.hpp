// The VaultPort over a link: the key engine of the keeper's process.
//
// Requests that a loop takes in one round go to the keeper with one write. Errors of the link are answered in the API's form: 429 when too
// many are under way, 413 for a body that is too large as a tree of values, 503 for everything else: clients of this API try again on
// 503, and the text says when whether a write happened is unknown.
// Threads: ask() on any loop. Must outlive the loops' work: stop the link, then the loops, then destroy this.
#pragma once

#include "api/engine_state.hpp"
#include "api/vault_port.hpp"
#include "custody/vault_client.hpp"

namespace postern::api {

/// What the engine over there says of itself (sys/seal-status), with these devices; what it said last while it does not answer.
[[nodiscard]] EngineStateSource remote_engine_state(custody::VaultClient client, std::vector<EngineState::Device> audit);

class RemoteVault final : public VaultPort {
 public:
  explicit RemoteVault(custody::VaultClient client) : m_client(std::move(client)) {}
  [[nodiscard]] io::Task<vault::Reply> ask(vault::Request request) override;

 private:
  void flush_soon(const io::Executor& loop);

  custody::VaultClient m_client;
};

}  // namespace postern::api
