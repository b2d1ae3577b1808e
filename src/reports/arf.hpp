// Feedback about single messages in the Abuse Reporting Format: RFC 5965, with the fields of RFC 6591 (authentication failures), RFC 6692
// (port) and RFC 9991 (DMARC). Read whole; of what can be written, only DMARC failure reports, redacted.
//
// Pure and total. What a report says is its sender's word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "mailauth/dmarc.hpp"

namespace postern {

/// Fields by the names of the RFCs; empty: not there. Texts as written, unfolded.
struct FeedbackReport {
  std::string feedback_type;        ///< Lower case: "abuse", "auth-failure", "fraud", "virus", "not-spam", "other", ...
  std::string user_agent, version;  ///< RFC 5965 3.1
  std::string original_envelope_id, original_mail_from, arrival_date, reporting_mta;  ///< RFC 5965 3.2
  std::string source_ip;
  std::optional<std::uint32_t> source_port, incidents;
  std::vector<std::string> authentication_results, original_rcpt_to, reported_domain, reported_uri;

  std::string auth_failure, delivery_result;  ///< RFC 6591 3.1, lower case: "dmarc", "spf", ...; "delivered", "spam", "policy", ...
  std::string dkim_domain, dkim_identity, dkim_selector, dkim_selector_dns, dkim_adsp_dns;
  std::string dkim_canonicalized_header, dkim_canonicalized_body;  ///< Base64, without white space.
  std::vector<std::string> spf_dns;
  std::vector<std::string> identity_alignment;  ///< RFC 9991 4: what did not pass for an aligned domain, "dkim", "spf"; empty for "none".

  std::vector<std::pair<std::string, std::string>> other;  ///< Fields that nobody here knows.
  std::string original_header;                             ///< Of the message it is about, as it came; empty when there is none.
};

/// A whole message. BadInput when it is no multipart/report with a part message/feedback-report, or names the field in that which is
/// missing, there twice, or no value of its kind; TooLarge by `limits`.
[[nodiscard]] Result<FeedbackReport> parse_feedback_report(std::string_view message, const Limits& limits = {});

struct FailureReportMail {
  std::string from, to;  ///< Mailboxes; `from` should pass DMARC (RFC 9991 5.1).
  WallTime date{};
};

/// A report of type auth-failure with Auth-Failure: dmarc (RFC 9991 4), every line CRLF and 7bit.
///
/// Nothing in it says who wrote or got the message: local parts, also those in trace fields, become redact_local_part(); display names,
/// Subject, other fields than those of trace, authentication and originators, canonicalized forms and the body are left out, and so is each
/// field in which an address could not be told from what is around it. Of `report` feedback_type, auth_failure, reported_uri and other are
/// not used. BadInput: a mailbox that is none, a key of less than 16 octets (keep it for as long as reports are to be compared).
[[nodiscard]] Result<std::string> write_failure_report(const FeedbackReport& report, const FailureReportMail& mail, const SecretBytes& key,
                                                       Random& random);

/// RFC 6590 2: the same for the same local part under one key, and of no use to anybody without the key: HMAC-SHA-256, 22 characters of
/// base64url.
[[nodiscard]] std::string redact_local_part(std::string_view local, const SecretBytes& key);
/// Each local part in a text. Nothing when there is an "@" whose left side is no local part.
[[nodiscard]] std::optional<std::string> redact_addresses(std::string_view text, const SecretBytes& key);

/// What DMARC found, as far as the fo tag asks about it.
struct FailureFacts {
  bool dkim_aligned = false, spf_aligned = false;  ///< Passed and aligned.
  bool dkim_failed = false, spf_failed = false;    ///< Some signature, or SPF, did not pass, aligned or not.
};
/// RFC 9989 4.7 (fo), and RFC 9991 2: never for a record of a public suffix.
[[nodiscard]] bool wants_failure_report(const DmarcRecord& record, const FailureFacts& facts) noexcept;

}  // namespace postern
