#include "tlspolicy/hop_trust.hpp"

namespace postern {
namespace {

HopPlan plan(HopProof proof) {
  HopPlan out;
  out.proof = proof;
  return out;
}

HopPlan refused(HopProof proof, std::string reason) {
  HopPlan out = plan(proof);
  out.refusal = std::move(reason);
  return out;
}

HopPlan by_exception(TrustException exception) {
  return plan(exception == TrustException::Clear ? HopProof::Opportunistic : HopProof::Encrypted);
}

/// RFC 8461 5 and 4.1; `otherwise` is what holds without an enforced policy.
HopPlan by_policy(const HopFacts& facts, HopProof otherwise) {
  if (facts.sts == nullptr || facts.sts->mode == MtaStsMode::None) return plan(otherwise);
  if (facts.sts->mode == MtaStsMode::Testing) {
    HopPlan out = plan(otherwise);
    out.sts_testing = true;
    return out;
  }
  if (facts.sts->allows(facts.host)) return plan(HopProof::MtaSts);
  return refused(HopProof::MtaSts, facts.host + " is not one of the hosts that the domain's MTA-STS policy names");
}

HopPlan by_dane(const HopFacts& facts) {
  HopPlan out = plan(HopProof::Dane);
  if (dane_effective(facts.tlsa.records).empty())
    out = by_policy(facts, facts.tls == RouteTls::Required ? HopProof::WebPki : HopProof::Encrypted);
  out.records = facts.tlsa.records;
  return out;
}

}  // namespace

std::string_view name_of(HopProof proof) noexcept {
  switch (proof) {
    case HopProof::Clear: return "clear";
    case HopProof::Opportunistic: return "opportunistic";
    case HopProof::Encrypted: return "encrypted";
    case HopProof::WebPki: return "web-pki";
    case HopProof::MtaSts: return "mta-sts";
    case HopProof::Dane: return "dane";
    case HopProof::Pins: return "pins";
  }
  return "";
}

HopPlan plan_hop(const HopFacts& facts) {
  if (facts.exception) return by_exception(*facts.exception);
  if (facts.pinned) return plan(HopProof::Pins);
  if (facts.tls == RouteTls::Never) return plan(HopProof::Clear);
  if (facts.tlsa.state == TlsaFacts::State::Failed)
    return refused(HopProof::Dane, "the TLSA records of " + facts.host + " could not be looked up: " + facts.tlsa.reason);
  if (facts.tlsa.state == TlsaFacts::State::Records) return by_dane(facts);
  return by_policy(facts, facts.tls == RouteTls::Required ? HopProof::WebPki : HopProof::Opportunistic);
}

}  // namespace postern
