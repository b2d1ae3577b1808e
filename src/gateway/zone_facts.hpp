// What DNS has to say about our domains, as far as this gateway knows it: from settings and keys to facts (dnszone/wanted.hpp). Pure.
#pragma once

#include <vector>

#include "config/config.hpp"
#include "dnszone/wanted.hpp"
#include "gateway/dkim_rollover.hpp"
#include "gateway/listener_tls.hpp"

namespace postern::gateway {

struct PublicKeys {
  std::vector<DkimPublication> dkim;
  ListenerTls::TlsaKeys tls;
};

/// One for each domain of domains.local and of a signer, in lower case and in order; for server.hostname where there is none. The TLSA
/// records, which are the host's, stand with the first only; they are left out where they are nobody's wish (inbound.tlsa) and DNS does
/// not have them.
[[nodiscard]] std::vector<dnszone::ZoneFacts> zone_facts(const config::Config& config, const PublicKeys& keys);

}  // namespace postern::gateway
