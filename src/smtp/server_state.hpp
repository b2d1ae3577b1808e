// What a ServerSession holds only while it needs it, so that an idle session stays small. Private to the server_*.cpp files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "smtp/content.hpp"
#include "smtp/server_session.hpp"

namespace postern::smtp {

/// From MAIL to the last reply about the message.
struct Transaction {
  Envelope envelope;
  std::optional<EnvelopeRecipient> candidate;  ///< RCPT waiting for its decision.
  std::optional<ContentReader> content;        ///< From DATA or the first BDAT on.
  std::size_t recipients = 0;                  ///< Kept for the replies when the envelope has been handed out.
};

/// One BDAT command. Its octets are read whatever becomes of it (RFC 3030 2), or what follows would be taken for commands.
struct Chunk {
  std::uint64_t left = 0;
  bool last = false;
  std::optional<Reply> refusal;
};

/// One AUTH exchange.
struct AuthExchange {
  enum class Step : std::uint8_t { Plain, LoginUser, LoginPassword, ScramFirst, ScramLookup, ScramFinal, ScramEnd };
  std::string mechanism;
  Step step = Step::Plain;
  std::string user;
  std::unique_ptr<ScramServer> scram;
};

}  // namespace postern::smtp
