// What an MTA hook answers: accept, perhaps with modifications, or reject with a reply.
//
// The protocol has more, and these types have no words for it: `quarantine` and `discard` make Stalwart say 250 and forget the message, and
// `replaceContents` would write back a body that lost its 8-bit octets on the way here.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace postern::mtahook {

struct AddHeader {
  std::string name, value;
};
struct InsertHeader {
  std::uint32_t index = 0;
  std::string name, value;
};
struct ChangeHeader {
  std::uint32_t index = 0;
  std::string name, value;
};
struct DeleteHeader {
  std::uint32_t index = 0;
  std::string name;
};
struct AddRecipient {
  std::string address;
};
struct DeleteRecipient {
  std::string address;
};
struct ChangeFrom {
  std::string address;  ///< Empty: the null path.
};
using Modification = std::variant<AddHeader, InsertHeader, ChangeHeader, DeleteHeader, AddRecipient, DeleteRecipient, ChangeFrom>;

struct Accept {
  std::vector<Modification> modifications;  ///< The MTA looks at them at the stage data only.
};
/// A refusal for good (5xx) or for now (4xx).
struct Reject {
  int status = 550;
  std::string enhanced_status;  ///< "5.7.1", of the same class as `status`.
  std::string message;          ///< One line of printable ASCII.
  bool disconnect = false;      ///< The MTA closes the connection after it.
};
using Response = std::variant<Accept, Reject>;

inline constexpr std::size_t kMessageOctets = 480;  ///< RFC 5321 4.5.3.1.5: 512 for the line, with both codes and CRLF.

/// The JSON document. BadInput when it would say what SMTP or a header cannot: a status that is no refusal, an enhanced status of another
/// class, a line end in a value, a name that is none; nothing is repaired.
[[nodiscard]] Result<std::string> write_response(const Response& response);

}  // namespace postern::mtahook
