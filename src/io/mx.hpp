// Which hosts take mail for a domain: RFC 5321 5.1, RFC 7505 (null MX), address literals, and what DNSSEC said about each step.
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"
#include "io/endpoint.hpp"
#include "io/resolver.hpp"

namespace postern::io {

struct MxHost {
  std::string name;  ///< Normalized; for an address literal the literal's text.
  std::uint16_t preference = 0;
  std::vector<IpAddress> addresses;  ///< Never empty in an answer.
  bool addresses_secure = false;     ///< Every A and AAAA answer was DNSSEC-authentic (RFC 7672 2.2.2).
  std::string canonical_name = {};   ///< Where CNAMEs of the name led; empty or the name: nowhere else.
};

struct MxAnswer {
  enum class Kind { Mx, Implicit, Literal } kind = Kind::Mx;
  std::vector<MxHost> hosts;   ///< In the order to try: by preference, shuffled within one.
  bool secure = false;         ///< The MX answer (or the denial that made it implicit) was authentic: RFC 7672 2.2.1.
  std::string canonical_name;  ///< Where a CNAME at the domain led.
};

struct MxOptions {
  bool use_ipv4 = true;
  bool use_ipv6 = true;
  std::size_t max_hosts = 10;     ///< The best ones; the rest is not looked up.
  std::size_t max_addresses = 8;  ///< For each host.
  /// Our own host names: when one of them is an MX, it and every host of the same or a worse preference are dropped (RFC 5321 5.1).
  std::vector<std::string> own_names;
};

/// `domain` is a domain name or an address literal ("[192.0.2.1]", "[IPv6:...]"). Errors, with the `field` a door can act on:
///   NotFound "domain"    the domain does not exist, or has neither MX nor address (550 5.1.2)
///   Denied "null_mx"     the domain takes no mail (556 5.1.10)
///   NotFound "mx_hosts"  none of its MX hosts has an address (550 5.4.4)
///   Conflict "mail_loop" the best MX is ourselves (554 5.4.6)
///   Unavailable "dns"    a lookup failed for now (451 4.4.3); never taken for "does not exist"
///   BadInput "domain"    not a domain and not a literal
[[nodiscard]] Task<Result<MxAnswer>> resolve_mx(Resolver& resolver, std::string domain, MxOptions options, Random& random);

/// Where to connect, in the order of the addresses.
[[nodiscard]] std::vector<Endpoint> endpoints_of(const MxHost& host, std::uint16_t port);

/// The addresses of one host (a smarthost), IPv6 and IPv4 in turn, not through MX. Errors as above.
[[nodiscard]] Task<Result<MxHost>> resolve_host(Resolver& resolver, std::string name, MxOptions options);

}  // namespace postern::io
