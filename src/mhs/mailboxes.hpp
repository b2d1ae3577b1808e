// The port through which the MTA knows the users it serves itself, and delivers into the mailboxes of those who have one.
#pragma once

#include <variant>

#include "mhs/outgoing.hpp"
#include "mts/p3.hpp"

namespace postern::mhs {

class Mailboxes {
 public:
  virtual ~Mailboxes() = default;
  /// The route of the queue that leads to this user: kStoreRoute, or one below kUserRoute for somebody who takes what is delivered
  /// himself; nullopt: nobody here. Any thread; from memory.
  [[nodiscard]] virtual std::optional<std::string> route_to(const oraddress::ORAddress& address) const = 0;
  /// What a user below kUserRoute registered with the MTS (X.411 8.4.1.1). On a worker. NotFound: he is gone.
  [[nodiscard]] virtual Result<mts::RegisterArgument88> registration(const oraddress::ORAddress& user) = 0;
  /// What puts the message or report into the mailbox in the transaction that ends its way; or why it cannot be there. Errors may pass:
  /// tried again. On a worker.
  using Answer = std::variant<CommitStep, mts::NonDeliveryReport>;
  [[nodiscard]] virtual Result<Answer> deliver(Outgoing& item, const DueFate& due, const mts::Time& now) = 0;
  /// The transaction is durable: whoever waits for something new may be told. Any thread.
  virtual void delivered(const oraddress::ORAddress& address) = 0;
};

}  // namespace postern::mhs
