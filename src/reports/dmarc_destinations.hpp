// Where DMARC reports may go: RFC 9990 4, for rua, and with RFC 9991 5 for ruf.
//
// Whoever publishes a policy can name any address in it; a domain that is not his must have said that it takes the reports. Pure: the
// DnsPort answers at once (dns/questions.hpp says how a shell runs it).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dns/record.hpp"
#include "mailauth/public_suffix.hpp"
#include "reports/dmarc_report.hpp"

namespace postern {

enum class DmarcReportKind { Aggregate, Failure };  ///< rua, ruf

struct DmarcDestination {
  std::string uri;                      ///< As the record has it.
  bool usable = false;                  ///< Reports may go to each of `targets`.
  bool try_later = false;               ///< Not usable because DNS does not answer now.
  std::vector<DmarcReportUri> targets;  ///< The URI itself, or what the receiving domain put in its place (4, step 9).
  std::string reason;                   ///< Why it is not usable, in one sentence; empty when it is.
};

/// Each of `uris`, in order, the first 16. `policy_domain` is where the record was found, normalized.
[[nodiscard]] std::vector<DmarcDestination> dmarc_destinations(std::string_view policy_domain, std::span<const std::string> uris,
                                                               DmarcReportKind kind, DnsPort& dns,
                                                               const PublicSuffixList* suffixes = nullptr);

}  // namespace postern
