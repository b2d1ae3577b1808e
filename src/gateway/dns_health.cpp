#include "gateway/dns_health.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "dns/questions.hpp"
#include "io/sync.hpp"

namespace postern::gateway {
namespace {

constexpr std::chrono::seconds kSoon{5};
constexpr auto kTlsaLook = std::chrono::seconds(60);
constexpr auto kTlsaSoon = std::chrono::seconds(5);
constexpr int kMostRounds = 64;
constexpr std::size_t kMostWarnings = 5;  // of one domain

}  // namespace

bool DnsHealth::looks_by_itself() const noexcept {
  return m_parts.config.dns.check_every.count() != 0 && m_parts.config.server.mode != "development";
}

io::Task<void> DnsHealth::run() {
  if (!looks_by_itself()) co_return;
  const std::chrono::seconds every = m_parts.config.dns.check_every;
  for (;;) {
    m_soon = false;
    co_await check();
    for (std::chrono::seconds waited{0}; waited < every && !m_soon; waited += kSoon) co_await io::sleep_for(std::min(kSoon, every));
  }
}

/// Often while something waits for the answer, or was just published; what is cached is asked of nobody.
io::Task<void> DnsHealth::watch_tlsa() {
  for (;;) {
    auto answer = co_await m_parts.resolver.query(dnszone::tlsa_name(m_parts.config.server.hostname), dns::RecordType::Tlsa);
    auto tell = [this, answer = answer ? *std::move(answer) : dns::Answer{}] { m_parts.tls.observe(answer); };
    (void)co_await m_parts.workers.run(std::move(tell));
    const bool expected = m_parts.tls.waits() || (m_parts.config.inbound.tlsa && !m_parts.tls.tlsa_keys().vouched);
    co_await io::sleep_for(expected ? kTlsaSoon : kTlsaLook);
  }
}

io::Task<void> DnsHealth::check() {
  if (m_checking.exchange(true)) co_return;
  auto gather = [this] { return m_parts.facts(); };
  const auto facts = co_await m_parts.workers.run(std::move(gather));
  std::vector<DomainHealth> found;
  if (facts) {
    bool visited = false;
    for (const dnszone::ZoneFacts& one : *facts) {
      DomainHealth health = co_await look_at(one);
      health.policy_fault = co_await m_parts.outside.policy_fault(health.domain);
      if (!visited) health.host = co_await m_parts.outside.host_of(health.domain);
      visited = visited || health.host.has_value();
      found.push_back(std::move(health));
    }
    const std::lock_guard lock(m_mutex);
    m_found = std::move(found);
  }
  m_checking = false;
}

io::Task<DomainHealth> DnsHealth::look_at(dnszone::ZoneFacts facts) {
  DomainHealth out;
  out.domain = facts.domain;
  out.checked = m_parts.clock.now();
  const auto wanted = dnszone::wanted_zone(std::move(facts));
  if (!wanted) {
    out.failure = wanted.error().text();
    co_return out;
  }
  dnszone::CompareOptions how;
  how.now = out.checked;
  dns::QuestionTable table;
  for (int round = 0; round < kMostRounds; ++round) {
    out.found = dnszone::compare(*wanted, table, how);
    if (table.is_settled()) co_return out;
    for (const dns::Question& open : table.take_open()) {
      auto answer = co_await m_parts.resolver.query(open.name, open.type);
      table.add(open.name, open.type, answer ? *std::move(answer) : dns::Answer{});
    }
  }
  out.found = {};
  out.failure = "DNS leads on and on; the last names were asked in vain";
  co_return out;
}

std::vector<DomainHealth> DnsHealth::all() const {
  const std::lock_guard lock(m_mutex);
  return m_found;
}

std::optional<dnszone::Finding> DnsHealth::dkim_record(std::string_view place) const {
  for (const DomainHealth& one : all()) {
    for (const dnszone::Finding& finding : one.found.findings)
      if (finding.kind == dnszone::RecordKind::Dkim && iequals(finding.name, place)) return finding;
  }
  return std::nullopt;
}

std::vector<std::string> DnsHealth::warnings() const {
  std::vector<std::string> out;
  for (const DomainHealth& one : all()) {
    std::size_t wrong = 0;
    if (!one.failure.empty()) out.push_back("DNS of " + one.domain + " could not be checked: " + one.failure);
    for (const dnszone::Finding& finding : one.found.findings) {
      if (!finding.fatal) continue;
      // A key that signs without its record breaks mail at once: it is never among those that are only counted.
      if (finding.kind != dnszone::RecordKind::Dkim && ++wrong > kMostWarnings) continue;
      out.push_back("DNS of " + one.domain + ": " + finding.name + " " + std::string(name_of(finding.type)) + " " +
                    std::string(name_of(finding.standing)) + ": " + finding.message);
    }
    if (!one.policy_fault.empty()) out.push_back(one.domain + ": " + one.policy_fault);
    if (one.host && one.host->refused) out.push_back(one.host->host + " from outside: " + one.host->message);
    if (wrong > kMostWarnings)
      out.push_back("DNS of " + one.domain + ": " + std::to_string(wrong - kMostWarnings) + " more; postern dns check " + one.domain);
  }
  return out;
}

}  // namespace postern::gateway
