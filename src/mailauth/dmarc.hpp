// DMARC: RFC 9989, whose records are those of RFC 7489 with a few tags more; the organizational domain by DNS tree walk, or by a public
// suffix list where one is given.
//
// Pure: what SPF and DKIM found goes in, the DnsPort answers at once (dns/questions.hpp says how a shell runs it). Total.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dns/record.hpp"
#include "mailauth/dkim.hpp"
#include "mailauth/public_suffix.hpp"
#include "mailauth/spf.hpp"

namespace postern {

enum class DmarcPolicy { None, Quarantine, Reject };
[[nodiscard]] std::string_view name_of(DmarcPolicy policy) noexcept;

/// RFC 9989 5.3.
enum class DmarcResult {
  None,  ///< No policy is published.
  Pass,
  Fail,
  TempError,  ///< The policy, or what it takes to compare domains, could not be fetched now.
  PermError,  ///< The author's domain is no domain.
};
[[nodiscard]] std::string_view name_of(DmarcResult result) noexcept;

/// RFC 9989 4.7.
struct DmarcRecord {
  DmarcPolicy policy = DmarcPolicy::None;               ///< p
  std::optional<DmarcPolicy> subdomains, non_existent;  ///< sp, np
  bool strict_dkim = false, strict_spf = false;         ///< adkim, aspf
  bool testing = false;                                 ///< t=y, or pct=0 of RFC 7489
  std::optional<bool> public_suffix;                    ///< psd: y or n; nothing for u
  std::vector<std::string> aggregate_to, failure_to;    ///< rua, ruf as written
  std::vector<char> failure_options;                    ///< fo: '0', '1', 'd', 's'
  /// Why its policies count as none (4.10.1): p, sp or np is no policy, or p is missing where no reports are wanted either. In words;
  /// empty: they are as written. Such a record has its place in the tree walk, and is applied only where it asks for reports.
  std::string fault;
  [[nodiscard]] bool is_applied() const noexcept { return fault.empty() || !aggregate_to.empty(); }
};
/// BadInput when it does not begin with v=DMARC1. What is wrong behind that, but for a policy, falls back to its default (4.7).
[[nodiscard]] Result<DmarcRecord> parse_dmarc_record(std::string_view text);

struct DmarcInput {
  std::string from_domain;  ///< Of the one author; A-labels.
  struct Spf {
    SpfResult result = SpfResult::None;
    std::string domain;
  } spf;
  struct Dkim {
    DkimResult result = DkimResult::None;
    std::string domain;
  };
  std::vector<Dkim> dkim;
};

struct DmarcVerdict {
  DmarcResult result = DmarcResult::None;
  DmarcPolicy policy = DmarcPolicy::None;       ///< What the domain wants to happen to mail that fails: p, sp or np.
  DmarcPolicy disposition = DmarcPolicy::None;  ///< The same for this message: none when it passed, one step milder with t=y.
  std::string org_domain;                       ///< Organizational domain of the author's; empty: DNS does not say now.
  std::string record_domain;                    ///< Where the policy was found; empty: nowhere.
  std::optional<DmarcRecord> record;
  bool spf_aligned = false, dkim_aligned = false;  ///< Passed and aligned.
  std::string reason;                              ///< In one sentence; empty for pass.
};

/// `suffixes` null: by tree walk.
[[nodiscard]] DmarcVerdict dmarc_check(const DmarcInput& input, DnsPort& dns, const PublicSuffixList* suffixes = nullptr);

/// RFC 9989 4.10.2: the organizational domain of a name, as dmarc_check() finds it. BadInput: it is no domain name; Unavailable: DNS does
/// not answer now.
[[nodiscard]] Result<std::string> dmarc_organizational_domain(std::string_view domain, DnsPort& dns,
                                                              const PublicSuffixList* suffixes = nullptr);

}  // namespace postern
