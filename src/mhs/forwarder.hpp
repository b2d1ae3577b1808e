// What auto-actions of mailboxes forward (X.413 auto-forward) goes to the MTS: each in the transaction that queues it, so that a crash
// neither loses nor doubles it.
#pragma once

#include <memory>

#include "io/loops.hpp"
#include "mhs/node.hpp"
#include "mhs/store_mailboxes.hpp"

namespace postern::mhs {

class Forwarder {
 public:
  /// All must outlive the loops.
  struct Parts {
    StoreMailboxes& mailboxes;
    Node& node;
    io::Loops& loops;
    io::WorkerPool& workers;
  };
  explicit Forwarder(Parts parts);

  /// Something came into a mailbox, or the daemon started: looks, and submits what waits. Any thread; cheap. One look at a time, and one
  /// more when something came meanwhile.
  void look();
  void stop();

 private:
  struct State;
  std::shared_ptr<State> m_state;
};

}  // namespace postern::mhs
