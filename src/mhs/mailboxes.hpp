// The port through which the MTA delivers to mailboxes of its own.
#pragma once

#include <variant>

#include "mhs/outgoing.hpp"

namespace postern::mhs {

class Mailboxes {
 public:
  virtual ~Mailboxes() = default;
  /// Any thread; from memory.
  [[nodiscard]] virtual bool has(const oraddress::ORAddress& address) const = 0;
  /// What puts the message or report into the mailbox in the transaction that ends its way; or why it cannot be there. Errors may pass:
  /// tried again. On a worker.
  using Answer = std::variant<CommitStep, mts::NonDeliveryReport>;
  [[nodiscard]] virtual Result<Answer> deliver(Outgoing& item, const DueFate& due, const mts::Time& now) = 0;
  /// The transaction is durable: whoever waits for something new may be told. Any thread.
  virtual void delivered(const oraddress::ORAddress& address) = 0;
};

}  // namespace postern::mhs
