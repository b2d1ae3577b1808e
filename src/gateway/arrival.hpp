// One message as a door received it, with everything the gateway knows about its road. The pipeline turns it into what is queued.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "smtp/parameters.hpp"
#include "store/sealed_content.hpp"

namespace postern::gateway {

/// Who brought it, and how.
struct Road {
  std::string door;      ///< Listener name: "mx", "submission", "lmtp"; "api" for messages of the HTTP API.
  std::string protocol;  ///< The "with" word of Received (RFC 3848): "ESMTPS"
  std::string address;   ///< Peer's IP address
  std::string helo;
  std::string user;                  ///< Authenticated; empty otherwise.
  std::vector<std::string> senders;  ///< What the user may send as (identity/users.hpp).
  bool trusted = false;              ///< Logged in, or from a relay_from network.
  std::string tls_version;           ///< "TLSv1.3"; empty: in clear.
  std::string tls_suite;
  std::string client_certificate;  ///< Subject of a verified one.
  CorrelationId correlation;       ///< The connection.
};

struct Judgement;

struct Arrival {
  MessageId id;
  WallTime received{};
  Road road;
  smtp::Envelope envelope;
  std::string content;  ///< Exact bytes, CRLF line ends.
  bool lone = false;    ///< Its session is the only one of its loop: that thread has nothing better to do than to work for it.
  std::shared_ptr<const Judgement> judgement;  ///< Of mail from outside (judge.hpp); null: it was not judged.
  std::string signature = "none";              ///< policy::VerdictFacts::signature, where a rule asks for it.
  bool may_sign_late = false;                  ///< Its DKIM signatures may be made while it is committed (late_signature.hpp).
  bool passing = false;  ///< An MTA asks what it shall do with it (gateway/filter.hpp): it delivers, and mailboxes are its own.
  /// Asked for before it came; null: it asks itself.
  std::shared_ptr<KeyAhead> key_ahead;
  bool counted = false;  ///< The content stands in the content budget (base/content_budget.hpp) already.
};

/// "local@domain", or empty for the null path.
[[nodiscard]] inline std::string address_of(const ReversePath& path) { return path.mailbox() ? path.mailbox()->text() : std::string(); }
/// A bare <Postmaster> belongs to this host.
[[nodiscard]] inline std::string address_of(const ForwardPath& path, std::string_view hostname) {
  return path.is_bare_postmaster() ? path.mailbox().local + "@" + std::string(hostname) : path.mailbox().text();
}
[[nodiscard]] inline std::string_view domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

}  // namespace postern::gateway
