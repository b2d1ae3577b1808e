// What an MTA hook answers: accept, or reject with a reply.
//
// The protocol has more, and these types have no words for it, because each of them can lose mail without a word to anybody:
// - `quarantine` and `discard` make Stalwart say 250 and forget the message;
// - `replaceContents` would write back a body that lost its 8-bit octets on the way here;
// - `deleteRecipient` takes one away who was answered 250 already, `changeFrom` the address that a failure is reported to.
// The other modifications, of header fields, are left out with them: what changes a message is the milter's (milter/).
#pragma once

#include <string>
#include <variant>

#include "base/result.hpp"

namespace postern::mtahook {

/// The session goes on, and nothing is changed.
struct Accept {};
/// A refusal for good (5xx) or for now (4xx).
struct Reject {
  int status = 550;
  std::string enhanced_status;  ///< "5.7.1", of the same class as `status`.
  std::string message;          ///< One line of printable ASCII.
  bool disconnect = false;      ///< The MTA closes the connection after it.
};
using Response = std::variant<Accept, Reject>;

inline constexpr std::size_t kMessageOctets = 480;  ///< RFC 5321 4.5.3.1.5: 512 for the line, with both codes and CRLF.

/// The JSON document. BadInput when it would say what SMTP cannot: a status that is no refusal, an enhanced status of another class, a text
/// that is not one line; nothing is repaired.
[[nodiscard]] Result<std::string> write_response(const Response& response);

}  // namespace postern::mtahook
