#include "gateway/zone_facts.hpp"

#include <set>

#include "base/text.hpp"
#include "gateway/sts_own.hpp"

namespace postern::gateway {
namespace {

using dnszone::DkimUse;

/// RFC 7672 3.1.1: DANE-EE, the public key, SHA-256.
dns::TlsaData tlsa_of(const Sha256& spki) { return {3, 1, 1, Bytes(spki.begin(), spki.end())}; }

DkimUse use_of(DkimState state) {
  switch (state) {
    case DkimState::InUse: return DkimUse::Signs;
    case DkimState::Announced:
    case DkimState::Seen: return DkimUse::Next;
    case DkimState::Retiring: return DkimUse::Former;
    case DkimState::Withdrawn: return DkimUse::Withdrawn;
  }
  return DkimUse::Signs;
}

std::set<std::string> domains_of(const config::Config& config) {
  std::set<std::string> out;
  for (const auto& domain : config.domains.local) out.insert(to_lower(domain));
  for (const auto& signer : config.dkim) out.insert(to_lower(signer.domain));
  if (out.empty()) out.insert(to_lower(config.server.hostname));
  return out;
}

void add_tlsa(dnszone::ZoneFacts& facts, const ListenerTls::TlsaKeys& keys) {
  if (keys.shown) facts.tlsa_current.push_back(tlsa_of(*keys.shown));
  if (keys.next) facts.tlsa_next.push_back(tlsa_of(*keys.next));
  for (const Sha256& former : keys.former) facts.tlsa_former.push_back(tlsa_of(former));
}

}  // namespace

std::vector<dnszone::ZoneFacts> zone_facts(const config::Config& config, const PublicKeys& keys) {
  std::vector<dnszone::ZoneFacts> out;
  for (const std::string& domain : domains_of(config)) {
    dnszone::ZoneFacts facts;
    facts.domain = domain;
    facts.hostname = config.server.hostname;
    for (const DkimPublication& one : keys.dkim) {
      if (to_lower(one.name).ends_with("._domainkey." + domain)) facts.dkim.push_back({one.name, one.value, use_of(one.state), one.at});
    }
    if (out.empty() && (config.inbound.tlsa || keys.tls.vouched)) add_tlsa(facts, keys.tls);
    if (const auto served = own_sts_policy(config)) facts.mta_sts = {served->mode, mta_sts_id_of(write_mta_sts_policy(*served)), true};
    out.push_back(std::move(facts));
  }
  return out;
}

}  // namespace postern::gateway
