#include "reports/dmarc_aggregate.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "dns/name.hpp"

namespace postern {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestText = 256;
constexpr std::size_t kMostReasons = 10;

/// What strangers wrote may be no UTF-8, which neither XML nor JSON could keep.
std::string cut(const std::string& text, std::size_t most) {
  std::string out = text.substr(0, most);
  return is_utf8(out) ? out : printable(out, most);
}
std::string name_in(const std::string& name) { return cut(to_lower(trim(name)), kLongestName); }

DmarcAlignment alignment(bool strict) { return strict ? DmarcAlignment::Strict : DmarcAlignment::Relaxed; }

/// 3.1.1.5: what the record says, and its defaults where it says nothing.
DmarcPublished published(const DmarcFacts& facts) {
  const DmarcRecord& record = facts.record;
  DmarcPublished out{.domain = facts.policy_domain,
                     .discovery_method = facts.by_suffix_list ? "psl" : "treewalk",
                     .p = record.policy,
                     .sp = record.subdomains,
                     .np = record.non_existent,
                     .adkim = alignment(record.strict_dkim),
                     .aspf = alignment(record.strict_spf),
                     .testing = record.testing,
                     .fo = {},
                     .pct = {}};
  for (const char option : record.failure_options) out.fo += (out.fo.empty() ? "" : ":") + std::string(1, option);
  return out;
}

/// 3.1.3: passed and strictly aligned, passed below the policy domain, passed, and the rest.
int rank(const DmarcDkimResult& dkim, const DmarcFacts& facts) {
  if (dkim.result != "pass") return 3;
  if (iequals(dkim.domain, facts.header_from)) return 0;
  return dns::is_same_or_below(to_lower(dkim.domain), facts.policy_domain) ? 1 : 2;
}

std::vector<DmarcDkimResult> best(const DmarcFacts& facts, std::size_t most) {
  std::vector<DmarcDkimResult> out;
  for (int wanted = 0; wanted < 4; ++wanted) {
    for (const DmarcDkimResult& one : facts.dkim) {
      if (out.size() < most && rank(one, facts) == wanted)
        out.push_back({name_in(one.domain), cut(one.selector, kLongestName), one.result, cut(one.human_result, kLongestText)});
    }
  }
  return out;
}

std::string overflow_text(std::uint64_t messages) {
  return std::to_string(messages) + " messages more were seen than are reported here: they differ in more ways than are kept";
}

/// 3.1.1.9: passed is its own word where the policy would have done something.
DmarcDisposition disposition_of(const DmarcVerdict& verdict, DmarcPolicy done) {
  if (verdict.result == DmarcResult::Pass) return verdict.policy == DmarcPolicy::None ? DmarcDisposition::None : DmarcDisposition::Pass;
  switch (done) {
    case DmarcPolicy::None: return DmarcDisposition::None;
    case DmarcPolicy::Quarantine: return DmarcDisposition::Quarantine;
    case DmarcPolicy::Reject: return DmarcDisposition::Reject;
  }
  return DmarcDisposition::None;
}

}  // namespace

std::optional<DmarcFacts> dmarc_facts(const DmarcVerdict& verdict, const SpfVerdict& spf, std::span<const DkimSignature> dkim,
                                      DmarcPolicy done) {
  if (!verdict.record || (verdict.result != DmarcResult::Pass && verdict.result != DmarcResult::Fail)) return std::nullopt;
  DmarcFacts out;
  out.policy_domain = verdict.record_domain;
  out.record = *verdict.record;
  out.disposition = disposition_of(verdict, done);
  out.dkim_pass = verdict.dkim_aligned;
  out.spf_pass = verdict.spf_aligned;
  if (verdict.result == DmarcResult::Fail && done != verdict.policy)
    out.reasons.push_back({verdict.record->testing && done == verdict.disposition ? "policy_test_mode" : "local_policy", ""});
  for (const DkimSignature& one : dkim) out.dkim.push_back({one.domain, one.selector, std::string(name_of(one.result)), one.reason});
  out.spf = spf;
  return out;
}

DmarcAggregate::DmarcAggregate(DmarcAggregateOptions options) : m_options(std::move(options)) {
  const std::int64_t seconds = m_options.interval.count();
  if (seconds <= 0 || seconds > kDay || kDay % seconds != 0) m_options.interval = std::chrono::seconds(kDay);
}

DmarcReportRow DmarcAggregate::row_of(const DmarcFacts& facts) const {
  DmarcReportRow out;
  out.source_ip = facts.source_ip.unmapped();
  out.disposition = facts.disposition;
  out.dkim_pass = facts.dkim_pass;
  out.spf_pass = facts.spf_pass;
  for (const DmarcOverride& reason : facts.reasons) {
    if (out.reasons.size() < kMostReasons) out.reasons.push_back({reason.type, cut(reason.comment, kLongestText)});
  }
  out.header_from = name_in(facts.header_from);
  out.envelope_from = name_in(facts.envelope_from);
  out.envelope_to = name_in(facts.envelope_to);
  out.dkim = best(facts, m_options.signatures_per_row);
  // RFC 7208 2.4: with a null reverse-path the identity is postmaster at HELO's name, and still that of MAIL FROM (RFC 9990 3.1.1.13).
  out.spf.push_back({name_in(facts.spf.domain), "mfrom", std::string(name_of(facts.spf.result)), cut(facts.spf.reason, kLongestText)});
  return out;
}

DmarcAggregate::Pending* DmarcAggregate::pending_of(std::int64_t begin, const std::string& domain) {
  const Key key{begin, domain};
  const auto found = m_pending.find(key);
  if (found != m_pending.end()) return &found->second;
  return m_pending.size() < m_options.domains ? &m_pending[key] : nullptr;
}

void DmarcAggregate::count(Pending& pending, DmarcReportRow row, std::uint64_t messages) {
  row.count = 0;
  const auto found = pending.rows.find(row);
  if (found != pending.rows.end()) {
    found->second += messages;
  } else if (m_rows < m_options.rows && pending.rows.size() < m_options.rows_per_domain) {
    pending.rows.emplace(std::move(row), messages);
    ++m_rows;
  } else {
    pending.overflow += messages;
  }
}

void DmarcAggregate::add(const DmarcFacts& facts, WallTime now) {
  if (facts.record.aggregate_to.empty() || facts.policy_domain.empty() || trim(facts.header_from).empty()) return;
  const std::int64_t seconds = std::max<std::int64_t>(unix_seconds(now), 0), interval = m_options.interval.count();
  Pending* pending = pending_of(seconds - seconds % interval, facts.policy_domain);
  if (pending == nullptr) {
    ++m_dropped;
    return;
  }
  pending->policy = published(facts);
  pending->report_to = facts.record.aggregate_to;
  count(*pending, row_of(facts), 1);
}

/// Moves the rows out of `pending`.
DmarcReport DmarcAggregate::report_of(std::int64_t begin, Pending& pending) const {
  DmarcReport out;
  out.org_name = m_options.org_name;
  out.email = m_options.email;
  out.extra_contact_info = m_options.extra_contact_info;
  out.generator = m_options.generator;
  out.begin = WallTime(std::chrono::seconds(begin));
  out.end = out.begin + m_options.interval - std::chrono::seconds(1);
  out.policy = pending.policy;
  if (pending.overflow > 0) out.errors.push_back(overflow_text(pending.overflow));
  while (!pending.rows.empty()) {
    auto node = pending.rows.extract(pending.rows.begin());
    out.rows.push_back(std::move(node.key()));
    out.rows.back().count = node.mapped();
  }
  // 3.5.1: unique, and of letters and digits, so that it is the same in the file's name.
  out.report_id = hex_encode(ByteView(sha256(as_bytes(m_options.receiver + "\n" + write_dmarc_report(out)))).first(16));
  return out;
}

std::vector<DmarcDueReport> DmarcAggregate::take_due(WallTime now) {
  std::vector<DmarcDueReport> out;
  while (!m_pending.empty()) {
    const auto first = m_pending.begin();
    const std::int64_t begin = first->first.first;
    if (unix_seconds(now) < begin + m_options.interval.count()) break;
    m_rows -= first->second.rows.size();
    if (first->second.rows.empty()) {  // every message found the whole store full: there is no row to report
      m_dropped += first->second.overflow;
    } else {
      out.push_back({report_of(begin, first->second), std::move(first->second.report_to)});
    }
    m_pending.erase(first);
  }
  return out;
}

std::vector<DmarcDueReport> DmarcAggregate::look(WallTime from, WallTime to) const {
  std::vector<DmarcDueReport> out;
  for (auto one = m_pending.lower_bound({unix_seconds(from), ""}); one != m_pending.end() && one->first.first < unix_seconds(to); ++one) {
    Pending copy = one->second;
    if (!copy.rows.empty()) out.push_back({report_of(one->first.first, copy), copy.report_to});
  }
  return out;
}

std::vector<DmarcAggregate::Brief> DmarcAggregate::briefs() const {
  std::vector<Brief> out;
  for (const auto& [key, pending] : m_pending) {
    Brief& one = out.emplace_back(WallTime(std::chrono::seconds(key.first)), key.second, pending.report_to, pending.overflow);
    for (const auto& [row, messages] : pending.rows) one.messages += messages;
  }
  return out;
}

std::optional<WallTime> DmarcAggregate::next_due() const {
  if (m_pending.empty()) return std::nullopt;
  return WallTime(std::chrono::seconds(m_pending.begin()->first.first) + m_options.interval);
}

}  // namespace postern
