// The port of an association that a peer opened to what waits for that peer, where both may send over it (two-way alternate).
#pragma once

#include <memory>

#include "mhs/p1_sender.hpp"

namespace postern::mhs {

class OutboundDesk {
 public:
  virtual ~OutboundDesk() = default;
  /// As long as the ticket lives, what waits for the peer is left to the association, whose `control` is called when there is something
  /// (and once now). Any thread.
  [[nodiscard]] virtual std::shared_ptr<void> open(const Peer& peer, io::StreamControl control) = 0;
  /// What is to go next; nullopt: nothing now. The caller has to send() or give_back() it.
  [[nodiscard]] virtual io::Task<std::optional<Outgoing>> next(const Peer& peer) = 0;
  /// Transfers it and tells the queue.
  [[nodiscard]] virtual io::Task<void> send(const Peer& peer, Outgoing item, P1Sender& sender) = 0;
  virtual void give_back(const Outgoing& item) = 0;
};

}  // namespace postern::mhs
