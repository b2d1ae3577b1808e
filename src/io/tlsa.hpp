// Which TLSA records speak for a mail host (RFC 7672 2.2.2): asked only where DNSSEC vouches for the host's addresses, at the name that its
// CNAMEs led to, then at the host's own.
#pragma once

#include <cstdint>

#include "io/mx.hpp"
#include "tlspolicy/hop_trust.hpp"

namespace postern::io {

/// `host` as resolve_mx() or resolve_host() gave it. Where `host.addresses_secure` is false because only what its CNAME leads to is not
/// signed, the host's own name is still asked (RFC 7672 2.2.2). A literal or an address is NotApplicable.
[[nodiscard]] Task<TlsaFacts> look_up_tlsa(Resolver& resolver, MxHost host, std::uint16_t port);

}  // namespace postern::io
