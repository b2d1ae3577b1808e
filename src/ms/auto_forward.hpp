// Auto-forward (X.413 1988 12.1; X.420 19.7.1): what the store submits on its user's behalf when a message comes.
#pragma once

#include "ms/delivery.hpp"
#include "ms/entry_view.hpp"
#include "mts/p3.hpp"

namespace postern::ms {

/// Whose store this is, and what makes a new message's identifiers unique.
struct ForwardingUser {
  mts::ORName name;
  std::string unique;  ///< PrintableString characters; different for every delivery.
};
struct Arrived {
  const NumberedEntry& entry;
  const mts::MessageDeliveryEnvelope& envelope;
  ByteView content;  ///< Whole.
};

struct Forwarding {
  mts::MessageSubmissionArgument argument;
  /// The non-receipt notification that the originator asked for (X.420 18.5.2.2), where one is owed.
  std::optional<mts::MessageSubmissionArgument> notification;
};

/// One for each registered auto-forward whose filter selects the entry. A message that was forwarded by this user before goes nowhere: a
/// loop. What cannot be forwarded (no interpersonal message) is passed over: it is in the mailbox.
[[nodiscard]] std::vector<Forwarding> forwardings(const RegisteredInformation& registered, const Arrived& arrived,
                                                  const ForwardingUser& user);

}  // namespace postern::ms
