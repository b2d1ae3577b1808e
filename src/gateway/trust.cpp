#include "gateway/trust.hpp"

#include "base/text.hpp"
#include "io/tlsa.hpp"

namespace postern::gateway {
namespace {

RouteTls tls_of(const config::Route& route) {
  if (route.tls == "none") return RouteTls::Never;
  return route.tls == "required" ? RouteTls::Required : RouteTls::Opportunistic;
}

bool covers(const std::string& pattern, std::string_view domain) {
  return pattern == domain || (pattern.front() == '.' && domain.size() > pattern.size() && domain.ends_with(pattern));
}

}  // namespace

const config::TrustException* find_exception(const std::vector<config::TrustException>& all, std::string_view domain, WallTime now) {
  const config::TrustException* best = nullptr;
  for (const auto& one : all) {
    if (one.ends <= now || !covers(one.domain, domain)) continue;
    if (best == nullptr || one.domain == domain || (best->domain != domain && one.domain.size() > best->domain.size())) best = &one;
  }
  return best;
}

namespace {

constexpr std::size_t kReportedPolicy = 4096;  ///< Octets: every kind of session has it, in memory and in the database.

std::string lines(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& one : all) out += one + "\n";
  return out;
}

/// RFC 8460 4.3.2.2; what a host did wrong comes after it.
const char* result_of(StsFault fault) {
  switch (fault) {
    case StsFault::None: return "";
    case StsFault::Fetch: return "sts-policy-fetch-error";
    case StsFault::WebPki: return "sts-webpki-invalid";
    case StsFault::Invalid: break;
  }
  return "sts-policy-invalid";
}

}  // namespace

TlsSession session_kind(const std::string& domain, const HopTrust& trust, const StsAnswer& sts, const std::string& host) {
  TlsSession out;
  out.domain = domain;
  out.mx = host;
  const bool has_policy = sts.entry && sts.entry->policy.mode != MtaStsMode::None;
  if (trust.tlsa == TlsaFacts::State::Records || trust.tlsa == TlsaFacts::State::Failed) {
    out.policy_type = "tlsa";
    out.policy_domain = trust.tlsa_base;  // RFC 8460 1.1
    for (const auto& record : trust.plan.records) out.policy += tlsa_text(record) + "\n";
  } else if (has_policy || sts.fault != StsFault::None) {
    out.policy_type = "sts";
    if (has_policy) out.policy = sts.entry->stored.text.substr(0, kReportedPolicy);
    std::erase(out.policy, '\r');
    if (has_policy) out.mx_patterns = lines(sts.entry->policy.mx);
  }
  if (out.policy_type != "tlsa") {
    out.result_type = has_policy ? "" : result_of(sts.fault);
    if (!out.result_type.empty()) out.reason = printable(sts.reason, 200);
  }
  if (!trust.plan.refusal.empty()) {
    out.result_type = trust.tlsa == TlsaFacts::State::Failed ? "dnssec-invalid" : "validation-failure";
    out.reason = printable(trust.plan.refusal, 200);
  }
  return out;
}

const config::TrustException* Trust::exception_for(std::string_view subject) const {
  return find_exception(m_parts.config.exceptions, subject, m_parts.clock.now());
}

io::Task<StsAnswer> Trust::policy_of(const Route& route, const std::string& domain) const {
  if (route.via != Via::Mx || tls_of(route.settings) == RouteTls::Never) co_return StsAnswer{};
  co_return co_await m_parts.sts.policy_of(domain);
}

/// RFC 7672 1.3.4, 2.2: SMTP between hosts, whose name came by a way that nobody could change.
bool Trust::dane_applies(const Route& route, const Candidate& candidate) const {
  return m_parts.config.outbound.dane && route.via != Via::Lmtp && candidate.name_secure && tls_of(route.settings) != RouteTls::Never &&
         route.settings.pins.empty();
}

io::Task<HopTrust> Trust::of(const Route& route, std::string subject, Candidate candidate, StsAnswer sts, bool lenient) const {
  HopFacts facts;
  facts.host = candidate.mx.name;
  facts.tls = tls_of(route.settings);
  facts.pinned = !route.settings.pins.empty();
  HopTrust out;
  out.sni = candidate.mx.name;
  out.name_secure = candidate.name_secure;
  if (const auto* exception = exception_for(subject); exception != nullptr && facts.tls != RouteTls::Never) {
    facts.exception = exception->allow == "clear" ? TrustException::Clear : TrustException::Unverified;
    out.exception = "until " + exception->until;
  }
  out.lenient = lenient;
  if (!facts.exception && !lenient && dane_applies(route, candidate)) {
    facts.tlsa = co_await io::look_up_tlsa(m_parts.resolver, candidate.mx, candidate.port);
    if (facts.tlsa.state == TlsaFacts::State::Records) out.sni = facts.tlsa.base;
    out.names = {facts.tlsa.base, candidate.mx.name, subject};
  }
  out.tlsa = facts.tlsa.state;
  out.tlsa_base = facts.tlsa.base;
  if (sts.entry && !lenient) facts.sts = &sts.entry->policy;
  if (sts.entry) out.listed = sts.entry->policy.allows(candidate.mx.name);
  out.plan = plan_hop(facts);
  out.name_secure = out.name_secure || out.plan.proof == HopProof::MtaSts;
  co_return out;
}

}  // namespace postern::gateway
