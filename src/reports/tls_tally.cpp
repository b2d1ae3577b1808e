#include "reports/tls_tally.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (const auto line : split(text, '\n')) {
    if (!line.empty()) out.emplace_back(line);
  }
  return out;
}

/// RFC 8460 1.1, 4.4: the domain that the policy is of, which for DANE is the mail host's: each of them has its own.
const std::string& policy_domain_of(const TlsSession& session) {
  return session.policy_domain.empty() ? session.domain : session.policy_domain;
}

bool is_about(const TlsPolicyReport& report, const TlsSession& session) {
  return report.type == session.policy_type && report.domain == policy_domain_of(session) && report.policy == lines_of(session.policy) &&
         report.mx_hosts == lines_of(session.mx_patterns);
}

TlsPolicyReport& policy_of(TlsReport& report, const TlsSession& session) {
  const auto found = std::ranges::find_if(report.policies, [&](const auto& one) { return is_about(one, session); });
  if (found != report.policies.end()) return *found;
  TlsPolicyReport& made = report.policies.emplace_back();
  made.type = session.policy_type;
  made.domain = policy_domain_of(session);
  made.policy = lines_of(session.policy);
  made.mx_hosts = lines_of(session.mx_patterns);
  return made;
}

TlsFailure failure_of(const TlsCount& count) {
  TlsFailure out;
  out.result_type = count.session.result_type;
  out.sending_mta_ip = count.session.local_ip;
  out.receiving_mx_hostname = count.session.mx;
  out.receiving_ip = count.session.ip;
  out.reason_code = count.session.reason;
  out.failed_sessions = count.sessions;
  return out;
}

}  // namespace

std::int64_t day_of(WallTime time) noexcept { return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count(); }
WallTime day_begin(std::int64_t day) noexcept { return WallTime(std::chrono::days(day)); }

void TlsTally::add(TlsSession session) {
  const std::lock_guard lock(m_mutex);
  if (m_counts.size() >= kMostKinds && !m_counts.contains(session)) {
    session.mx.clear();
    session.ip.clear();
    session.local_ip.clear();
    session.reason.clear();
    if (!m_counts.contains(session) && m_counts.size() >= 2 * kMostKinds) return;
  }
  ++m_counts[std::move(session)];
}

std::vector<TlsCount> TlsTally::take() {
  std::map<TlsSession, std::uint64_t> counts;
  {
    const std::lock_guard lock(m_mutex);
    counts.swap(m_counts);
  }
  std::vector<TlsCount> out;
  out.reserve(counts.size());
  for (auto& [session, sessions] : counts) out.push_back({session, sessions});
  return out;
}

/// RFC 8460 4.4: a success is a number, a failure has its kind and its two ends.
TlsReport make_tls_report(std::span<const TlsCount> counts) {
  TlsReport out;
  if (counts.empty()) return out;
  out.begin = day_begin(counts.front().session.day);
  out.end = day_begin(counts.front().session.day + 1) - std::chrono::seconds(1);
  for (const TlsCount& count : counts) {
    TlsPolicyReport& policy = policy_of(out, count.session);
    if (count.session.result_type.empty()) {
      policy.successful_sessions += count.sessions;
      continue;
    }
    policy.failed_sessions += count.sessions;
    policy.failures.push_back(failure_of(count));
  }
  return out;
}

}  // namespace postern
