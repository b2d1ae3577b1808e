// A message that an MTA lets us look at before it takes it (milter, MTA hook): the pipeline's answer as something that the MTA can carry
// out.
//
// The MTA has one copy for all recipients. Recipients who get another one, held and bounced ones become ours: they are committed to our
// spool before the answer goes out, and the MTA is told to leave them out. So a message is never lost between the two; where the MTA fails
// after our answer, its client sends again, and those recipients may get it twice.
#pragma once

#include <string>
#include <vector>

#include "gateway/message_edits.hpp"
#include "smtp/reply.hpp"
#include "spool/types.hpp"

namespace postern::gateway {

struct FilterVerdict {
  enum class Action {
    Pass,     ///< The MTA goes on, with the edits.
    Discard,  ///< All recipients are ours: the MTA says 250 and forgets it.
    Refuse,   ///< With `reply`.
  } action = Action::Refuse;
  smtp::Reply reply;
  MessageEdits edits;
  std::vector<std::size_t> remove;  ///< Recipients of the envelope that are ours now, by their place in it.
};

/// What the MTA passes on of a processed message, and what stays for the spool. Pure.
struct FilterSplit {
  std::string content;              ///< Empty: nothing.
  std::vector<std::string> passed;  ///< Addresses.
  std::vector<Variant> ours;
};
/// The copy with the most recipients passes, one for local recipients before others: only the MTA has their mailboxes. Equal copies
/// pass together, whoever they are for; what stays is kept as it was. Conflict: two different copies for local recipients, whose route
/// leads nowhere but here.
[[nodiscard]] Result<FilterSplit> split_for_mta(std::vector<Variant> variants);

}  // namespace postern::gateway
