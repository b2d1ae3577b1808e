// DMARC aggregate reports, RFC 9990, and those of RFC 7489 Appendix C that are still sent: values, read and written, and the mail that
// carries them.
//
// Pure and total: bytes in, values or an error that names the element, and back. What is written is always the form of RFC 9990.
// Reading passes over what it does not know (RFC 9990 5) and does without what is optional, empty elements too; what decides about mail
// (addresses, counts, times, policies, results of DMARC) must be right.
//
// Does not: fetch, send, store; believe a report (anybody can write one: 9990 8.2).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "dns/ip_address.hpp"
#include "mailauth/dmarc.hpp"

namespace postern {

/// RFC 9990 3.1.1.9: what happened to the mail. Pass: it passed under a policy other than none.
enum class DmarcDisposition { None, Pass, Quarantine, Reject };
[[nodiscard]] std::string_view name_of(DmarcDisposition disposition) noexcept;

/// 3.1.6: why the policy was not followed. `type` is one of local_policy, mailing_list, other, policy_test_mode, trusted_forwarder, or what
/// a report of RFC 7489 has (forwarded, sampled_out); written as "other" when RFC 9990 has no such word.
struct DmarcOverride {
  std::string type, comment;
  friend auto operator<=>(const DmarcOverride&, const DmarcOverride&) = default;
};

/// 3.1.1.12, 3.1.1.13: what the checks themselves found, whatever DMARC made of it. `result` is a word of RFC 8601 2.7.1 or 2.7.2, lower
/// case; other words stay as they were sent, and are written as "neutral".
struct DmarcDkimResult {
  std::string domain, selector, result, human_result;
  friend auto operator<=>(const DmarcDkimResult&, const DmarcDkimResult&) = default;
};
struct DmarcSpfResult {
  std::string domain, scope, result, human_result;  ///< scope: "mfrom"; "helo" only in old reports; empty: not said.
  friend auto operator<=>(const DmarcSpfResult&, const DmarcSpfResult&) = default;
};

/// One record: messages that have all of this in common.
struct DmarcReportRow {
  dns::IpAddress source_ip;
  std::uint64_t count = 0;
  DmarcDisposition disposition = DmarcDisposition::None;
  bool dkim_pass = false, spf_pass = false;  ///< Passed and aligned.
  std::vector<DmarcOverride> reasons;
  std::string header_from;
  std::optional<std::string> envelope_from;  ///< Empty: the null reverse-path; nothing: not said.
  std::string envelope_to;                   ///< Empty: not said.
  std::vector<DmarcDkimResult> dkim;
  std::vector<DmarcSpfResult> spf;  ///< At most one is written, the first that is not of HELO (3.1.1.13).
  friend auto operator<=>(const DmarcReportRow&, const DmarcReportRow&) = default;
};

enum class DmarcAlignment { Relaxed, Strict };

/// 3.1.1.5. Nothing, or empty: not said.
struct DmarcPublished {
  std::string domain;            ///< The policy domain.
  std::string discovery_method;  ///< "treewalk" or "psl"
  DmarcPolicy p = DmarcPolicy::None;
  std::optional<DmarcPolicy> sp, np;
  std::optional<DmarcAlignment> adkim, aspf;
  std::optional<bool> testing;
  std::string fo;                    ///< "1:d:s"
  std::optional<std::uint32_t> pct;  ///< RFC 7489 only: read, never written.
  friend bool operator==(const DmarcPublished&, const DmarcPublished&) = default;
};

struct DmarcReport {
  std::string org_name, email, extra_contact_info, report_id, generator;
  WallTime begin{}, end{};          ///< Whole seconds; the last second is in it.
  std::vector<std::string> errors;  ///< Written as one, since RFC 9990 has room for one.
  DmarcPublished policy;
  std::vector<DmarcReportRow> rows;  ///< At least one (3.1.1.2).
  friend bool operator==(const DmarcReport&, const DmarcReport&) = default;
};

/// What a report of a stranger may cost.
struct DmarcReportLimits {
  std::size_t unpacked_bytes = 64UL << 20;
  std::size_t rows = 100'000;
  std::size_t results_per_row = 1000;  ///< Signatures, SPF results and reasons, of each kind.
  std::size_t errors = 100;
  std::size_t text_bytes = 16UL * 1024;  ///< Of one element.
  std::size_t depth = 32;
};

/// XML, or gzip or zip of it (one file). BadInput names the element ("record[2].row.source_ip"), "gzip" or "zip"; TooLarge past `limits`;
/// Unsupported for zips of other kinds (pack/zip.hpp).
[[nodiscard]] Result<DmarcReport> read_dmarc_report(ByteView bytes, const DmarcReportLimits& limits = {});

/// The report that a mail carries: the first part that can be one by its type or file name (RFC 9990 3.5.2, and what is in use), not below
/// a forwarded message. BadInput for "Content-Type" when there is none.
[[nodiscard]] Result<DmarcReport> read_dmarc_report_mail(std::string_view message, const DmarcReportLimits& limits = {},
                                                         const Limits& mail_limits = {});

/// RFC 9990 Appendix A, elements in its order. Texts are written without white space at both ends; xml_text() says what becomes of
/// characters.
[[nodiscard]] std::string write_dmarc_report(const DmarcReport& report);

/// RFC 9990 3.5.2: "RECEIVER!POLICYDOMAIN!BEGIN!END!ID.xml.gz"; of the report's id the letters and digits.
[[nodiscard]] std::string dmarc_report_file_name(const DmarcReport& report, std::string_view receiver);
/// "Report Domain: D Submitter: S Report-ID: <ID>"
[[nodiscard]] std::string dmarc_report_subject(const DmarcReport& report, std::string_view submitter);

struct DmarcReportMail {
  std::string from, to;   ///< Mailboxes. `from` must pass DMARC (3.5.2): a domain that signs.
  std::string submitter;  ///< The domain of the receiver that reports.
  WallTime date{};
};
/// A whole message with the report as application/gzip, every line CRLF and 7bit, the same for the same report, date and boundary.
/// BadInput: a mailbox or domain that is none.
[[nodiscard]] Result<std::string> write_dmarc_report_mail(const DmarcReport& report, const DmarcReportMail& mail, Random& random);

/// A URI of rua or ruf: RFC 9989 4.6; the size behind "!" is of RFC 7489 6.2.
struct DmarcReportUri {
  std::string mailbox;                      ///< local@domain
  std::string host;                         ///< Its domain, A-labels, lower case.
  std::optional<std::uint64_t> most_bytes;  ///< "!10m": of the whole message, packed and encoded (RFC 9990 3.5). Nothing: no limit.

  [[nodiscard]] bool takes(std::size_t message_bytes) const noexcept { return !most_bytes || message_bytes <= *most_bytes; }
};
/// BadInput when it is no mailto: URI of one mailbox; Unsupported for other schemes.
[[nodiscard]] Result<DmarcReportUri> parse_dmarc_report_uri(std::string_view uri);

}  // namespace postern
