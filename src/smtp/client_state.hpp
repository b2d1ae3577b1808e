// What a ClientSession holds for one message. Private to the client_*.cpp files.
#pragma once

#include <deque>
#include <vector>

#include "smtp/client_session.hpp"
#include "smtp/content.hpp"

namespace postern::smtp {

struct OutgoingTransaction {
  enum class Expect : std::uint8_t { Rset, Mail, Rcpt, Data, Final };
  enum class Fate : std::uint8_t { Open, Accepted, Settled };  ///< Of a recipient: nothing known, RCPT accepted, result final.

  OutgoingMessage message;
  std::vector<RecipientResult> results;
  std::vector<Fate> fates;
  std::deque<Expect> expected;  ///< The replies on their way, in order.
  std::size_t next_step = 0;    ///< Command to say next: MAIL, RCPT..., DATA.
  std::size_t next_rcpt = 0;    ///< Recipient whose RCPT reply comes next.
  std::size_t next_final = 0;   ///< LMTP: recipient whose final reply comes next, at the earliest.
  std::size_t content_at = 0;
  bool mail_accepted = false;
  bool chunking = false;
  bool line_start = true;
  bool sending = false;    ///< Between the go-ahead and the end of content.
  bool sent = false;       ///< All of the content, terminator included, has been handed out.
  bool empty_end = false;  ///< DATA was accepted without a recipient: only the dot is sent, and its reply means nothing.

  [[nodiscard]] bool any(Fate fate) const noexcept {
    for (const Fate each : fates)
      if (each == fate) return true;
    return false;
  }
};

/// Fits the message's parameters to what the server offers; a result when it cannot be sent there at all.
[[nodiscard]] std::optional<RecipientResult> fit_message(OutgoingMessage& message, const Capabilities& capabilities, bool tls,
                                                         std::size_t line_limit);
/// Which parameters may be written to this server.
[[nodiscard]] Extensions extensions_of(const Capabilities& capabilities) noexcept;
/// What a reply means for the recipient it is about.
[[nodiscard]] RecipientResult result_of(const Reply& reply);

}  // namespace postern::smtp
