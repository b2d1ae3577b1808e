#include "mailauth/dmarc.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/address.hpp"

namespace postern {
namespace {

constexpr std::size_t kWalkLabels = 7;  // RFC 9989 4.10: from longer names the walk goes on here, so that it asks eight times at most

std::string_view parent_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

std::size_t labels_of(std::string_view name) { return static_cast<std::size_t>(std::ranges::count(name, '.')) + 1; }

/// The next name of the walk; empty: it is over.
std::string_view next_of(std::string_view name) {
  std::string_view out = parent_of(name);
  while (labels_of(out) > kWalkLabels) out = parent_of(out);
  return out;
}

struct Found {
  std::string domain;
  DmarcRecord record;
};

class Check {
 public:
  Check(const DmarcInput& input, DnsPort& dns, const PublicSuffixList* suffixes) : m_input(input), m_dns(dns), m_suffixes(suffixes) {}

  DmarcVerdict run();
  [[nodiscard]] Result<std::string> organizational(const std::string& domain);

 private:
  [[nodiscard]] Result<std::optional<DmarcRecord>> fetch(std::string_view domain);
  [[nodiscard]] Status walk(std::string_view domain, std::vector<Found>& out);
  [[nodiscard]] Status find_policy(const std::string& author);
  [[nodiscard]] Status find_policy_in_list(const std::string& author);
  void take(const Found& found);
  [[nodiscard]] Result<bool> exists(const std::string& domain);
  void choose_policy(const std::string& author);
  [[nodiscard]] Status look_for_author(const std::string& author);
  [[nodiscard]] Result<bool> is_aligned(const std::string& author, std::string_view domain, bool strict);
  [[nodiscard]] Status align(const std::string& author);
  void without_policy(const std::string& author);
  void conclude();

  const DmarcInput& m_input;
  DnsPort& m_dns;
  const PublicSuffixList* m_suffixes;
  DmarcVerdict m_out;
  Status m_walked;  ///< Why the author's organizational domain is not known.
};

/// 4.10: nothing when there is no record, or more than one.
Result<std::optional<DmarcRecord>> Check::fetch(std::string_view domain) {
  const auto answer = m_dns.query("_dmarc." + std::string(domain), dns::RecordType::Txt);
  if (!answer) return std::optional<DmarcRecord>();  // too long a name has no record
  if (answer->is_temporary_failure())
    return fail(ErrorCode::Unavailable, "DNS could not be asked for _dmarc." + printable(domain, 253) + " TXT");
  std::vector<DmarcRecord> found;
  answer->each<dns::TxtData>([&](const dns::TxtData& text) {
    if (auto record = parse_dmarc_record(text.joined())) found.push_back(*std::move(record));
  });
  if (found.size() != 1) return std::optional<DmarcRecord>();
  return std::optional(std::move(found.front()));
}

/// The records on the way up, until one says what it is (psd). On failure `out` has those below the name that did not answer.
Status Check::walk(std::string_view domain, std::vector<Found>& out) {
  for (std::string_view at = domain; !at.empty(); at = next_of(at)) {
    POSTERN_TRY(auto record, fetch(at));
    if (!record) continue;
    out.push_back({std::string(at), *std::move(record)});
    if (out.back().record.public_suffix) break;
  }
  return {};
}

/// 4.10.2.
std::string select_organizational(const std::string& domain, const std::vector<Found>& found) {
  for (const Found& one : found) {
    if (one.record.public_suffix == false) return one.domain;
    if (one.record.public_suffix == true && one.domain != domain) {
      std::string_view below = domain;
      while (parent_of(below) != one.domain) below = parent_of(below);
      return std::string(below);
    }
  }
  return found.empty() ? domain : found.back().domain;  // the fewest labels
}

Result<std::string> Check::organizational(const std::string& domain) {
  if (m_suffixes != nullptr) return m_suffixes->organizational_domain(domain);
  std::vector<Found> found;
  POSTERN_CHECK(walk(domain, found));
  return select_organizational(domain, found);
}

void Check::take(const Found& found) {
  m_out.record = found.record;
  m_out.record_domain = found.domain;
}

Status Check::find_policy_in_list(const std::string& author) {
  m_out.org_domain = m_suffixes->organizational_domain(author);
  for (const std::string& domain : {author, m_out.org_domain}) {
    POSTERN_TRY(const auto record, fetch(domain));
    if (!record) continue;
    take({domain, *record});
    return {};
  }
  return {};
}

/// 4.10.1: of the author's domain, else of its organizational domain, else of the public suffix above. The author's own record counts
/// whatever the names above it answer; they tell only what is aligned with it.
Status Check::find_policy(const std::string& author) {
  if (m_suffixes != nullptr) return find_policy_in_list(author);
  std::vector<Found> found;
  m_walked = walk(author, found);
  if (m_walked) m_out.org_domain = select_organizational(author, found);
  const auto of = [&](const std::string& domain) { return std::ranges::find(found, domain, &Found::domain); };
  auto chosen = of(author);
  if (chosen == found.end() && !m_walked) return m_walked;
  if (chosen == found.end()) chosen = of(m_out.org_domain);
  if (chosen == found.end()) chosen = std::ranges::find_if(found, [](const Found& one) { return one.record.public_suffix == true; });
  if (chosen != found.end()) take(*chosen);
  return {};
}

/// 4.10.1 and 3.2.13: what is NXDOMAIN does not exist (RFC 8020). RFC 9091 took names without A, AAAA and MX for it, too.
Result<bool> Check::exists(const std::string& domain) {
  const auto answer = m_dns.query(domain, dns::RecordType::A);
  if (!answer) return false;
  if (answer->is_temporary_failure()) return fail(ErrorCode::Unavailable, "DNS could not be asked for " + printable(domain, 253));
  return answer->status != dns::AnswerStatus::NxDomain;
}

void Check::choose_policy(const std::string& author) {
  const DmarcRecord& record = *m_out.record;
  m_out.policy = author == m_out.record_domain ? record.policy : record.subdomains.value_or(record.policy);
}

/// np: nothing will be done to mail that passed, so that nobody need be asked whether its author's name exists.
Status Check::look_for_author(const std::string& author) {
  const auto& non_existent = m_out.record->non_existent;
  const bool passed = m_out.spf_aligned || m_out.dkim_aligned;
  if (passed || author == m_out.record_domain || !non_existent || *non_existent == m_out.policy) return {};
  POSTERN_TRY(const bool there, exists(author));
  if (!there) m_out.policy = *non_existent;
  return {};
}

/// Their organizational domains are at or above them.
bool may_share_organization(std::string_view name, std::string_view author) {
  return name.substr(name.rfind('.') + 1) == author.substr(author.rfind('.') + 1);
}

/// 4.4: strict: the same name; relaxed: the same organizational domain.
Result<bool> Check::is_aligned(const std::string& author, std::string_view domain, bool strict) {
  const auto ascii = to_a_labels(domain);  // RFC 8616 6
  const auto name = ascii ? dns::normalize_name(*ascii) : dns::normalize_name(domain);
  if (!name) return false;
  if (*name == author) return true;  // 4.10.2: no walk is needed for these two
  if (strict) return false;
  if (!m_walked && !may_share_organization(*name, author)) return false;
  POSTERN_CHECK(m_walked);
  if (!dns::is_same_or_below(*name, m_out.org_domain)) return false;
  POSTERN_TRY(const std::string theirs, organizational(*name));
  return theirs == m_out.org_domain;
}

/// Whether something passed for the author. A failure to find out counts only when nothing else passed.
Status Check::align(const std::string& author) {
  Status trouble;
  const auto judge = [&](std::string_view domain, bool strict, bool& out) {
    const auto aligned = is_aligned(author, domain, strict);
    if (!aligned) trouble = fail(aligned.error());
    out = out || (aligned && *aligned);
  };
  if (m_input.spf.result == SpfResult::Pass) judge(m_input.spf.domain, m_out.record->strict_spf, m_out.spf_aligned);
  for (const auto& signature : m_input.dkim) {
    if (signature.result == DkimResult::Pass) judge(signature.domain, m_out.record->strict_dkim, m_out.dkim_aligned);
  }
  return m_out.spf_aligned || m_out.dkim_aligned ? Status() : trouble;
}

/// 4.10.1.
void Check::without_policy(const std::string& author) {
  m_out.reason = printable(author, 253) + " publishes no DMARC policy";
  if (m_out.record)
    m_out.reason =
        "the DMARC record of " + printable(m_out.record_domain, 253) + " is not applied: " + m_out.record->fault + " (RFC 9989 4.10.1)";
  m_out.record.reset();
  m_out.record_domain.clear();
}

void Check::conclude() {
  if (m_out.spf_aligned || m_out.dkim_aligned) {
    m_out.result = DmarcResult::Pass;
    return;
  }
  m_out.result = DmarcResult::Fail;
  m_out.disposition = m_out.policy;
  if (m_out.record->testing && m_out.policy != DmarcPolicy::None)  // 4.7 t
    m_out.disposition = m_out.policy == DmarcPolicy::Reject ? DmarcPolicy::Quarantine : DmarcPolicy::None;
  m_out.reason = "neither SPF nor a DKIM signature passed for a domain that is aligned with " + printable(m_input.from_domain, 253);
}

DmarcVerdict Check::run() {
  const auto author = dns::normalize_name(m_input.from_domain);
  if (!author || author->find('.') == std::string::npos) {
    m_out.result = DmarcResult::PermError;
    m_out.reason = "the author's domain " + printable(m_input.from_domain, 253) + " is no domain name";
    return m_out;
  }
  Status done = find_policy(*author);
  if (done && (!m_out.record || !m_out.record->is_applied())) {
    without_policy(*author);
    return m_out;
  }
  if (done) choose_policy(*author);
  if (done) done = align(*author);
  if (done) done = look_for_author(*author);
  if (done) {
    conclude();
    return m_out;
  }
  m_out.result = DmarcResult::TempError;
  m_out.reason = done.error().what;
  return m_out;
}

}  // namespace

DmarcVerdict dmarc_check(const DmarcInput& input, DnsPort& dns, const PublicSuffixList* suffixes) {
  return Check(input, dns, suffixes).run();
}

Result<std::string> dmarc_organizational_domain(std::string_view domain, DnsPort& dns, const PublicSuffixList* suffixes) {
  POSTERN_TRY(const std::string name, dns::normalize_name(domain));
  const DmarcInput nothing;
  return Check(nothing, dns, suffixes).organizational(name);
}

}  // namespace postern
