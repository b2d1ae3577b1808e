// Delivery status notifications: RFC 3464 reports in the RFC 6522 multipart/report, with the envelope facts of RFC 3461.
//
// A pure function from facts to a message; queueing it (with the null reverse path, RFC 3461 6.1) is the courier's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/result.hpp"

namespace postern::gateway {

/// RFC 3464 2.3.3. Expanded is not among them: this gateway expands no lists.
enum class DsnAction { Failed, Delayed, Delivered, Relayed };
[[nodiscard]] std::string_view name_of(DsnAction action) noexcept;

struct DsnRecipient {
  std::string final_recipient;     ///< local@domain
  std::string original_recipient;  ///< ORCPT as given, "rfc822;a@b"; empty: none was given.
  DsnAction action = DsnAction::Failed;
  std::string status;                   ///< RFC 3463: "5.1.1"
  std::string diagnostic;               ///< What the next hop said, "550 5.1.1 no such user"; or our own words.
  bool diagnostic_is_smtp = false;      ///< The diagnostic is an SMTP reply of remote_mta.
  std::string remote_mta;               ///< Host that said it; empty: us.
  std::optional<WallTime> retry_until;  ///< Delayed only.
};

struct DsnRequest {
  std::string hostname;     ///< Reporting-MTA
  std::string to;           ///< The reverse path of the message reported on; never null.
  std::string envelope_id;  ///< ENVID, decoded; empty: none.
  MessageId message;
  WallTime arrival;
  WallTime now;
  std::vector<DsnRecipient> recipients;
  std::string_view original;  ///< The message as queued.
  bool return_full = false;   ///< RET=FULL. Otherwise, and past 64 KiB, and for delays and successes, only its header section goes back.
  /// The original was decrypted on its way, and the reverse path is anybody's claim: a report that carried the content, or a field that was
  /// inside the encryption, would decrypt captured mail for whoever sends it again. Only Received, From and Message-ID go back.
  bool opened = false;
};

/// The report as a whole message with CRLF line ends, none longer than 998. Our own trace field (X-Postern-Seal) never goes back.
/// BadInput when there is no recipient or the address to report to is null.
[[nodiscard]] Result<std::string> make_dsn(const DsnRequest& request, Random& random);

}  // namespace postern::gateway
