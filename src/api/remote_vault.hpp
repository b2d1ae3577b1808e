// The VaultPort over a link: the key engine of the keeper's process.
//
// Requests that a loop takes in one round go to the keeper with one write, and a loop that has some under way reads the answers.
// Errors of the link are answered in the API's form: 429 when too many are under way, 413 for a body that is too large as a tree of values,
// 503 for everything else: clients of this API try again on 503, and the text says when whether a write happened is unknown.
// Threads: ask() on any loop. Must outlive the loops' work: stop the loops, then the link (its answers post to them), then destroy this and
// them.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "api/engine_state.hpp"
#include "api/vault_port.hpp"
#include "custody/vault_client.hpp"

namespace postern::api {

/// What the engine over there says of itself (sys/seal-status), with these devices; what it said last while it does not answer.
[[nodiscard]] EngineStateSource remote_engine_state(custody::VaultClient client, std::vector<EngineState::Device> audit);

class RemoteVault final : public VaultPort {
 public:
  explicit RemoteVault(custody::VaultClient client);
  [[nodiscard]] io::Task<vault::Reply> ask(vault::Request request) override;

 private:
  class Seat;
  [[nodiscard]] Seat* known_seat() const;
  [[nodiscard]] Seat& seat_of(const io::Executor& loop);

  custody::VaultClient m_client;
  const std::uint64_t m_id;  // of this one among all that the process ever had
  std::mutex m_mutex;
  std::vector<std::shared_ptr<Seat>> m_seats;  // one for each loop that has asked
};

}  // namespace postern::api
