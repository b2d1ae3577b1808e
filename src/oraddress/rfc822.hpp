// O/R addresses and Internet mail addresses (RFC 2156 4.3): three ways, tried in this order.
//
//   X.400 to the Internet
//   1  DDA RFC-822 (with RFC822C1 to C3 behind it) holds the address itself                              RFC 2156 4.3.1
//   2  the widest attributes become the domain by the mapping, each further one a subdomain of it;
//      what is left is the local part: Jane.Q.Doe@sales.acme.de, or /CN=Fax Desk/@acme.de                RFC 2156 4.3.2
//   3  all of it is the local part at this gateway: "/S=Doe/PRMD=X/ADMD= /C=DE/"@gw.example.org          RFC 2156 4.3.3
//   The Internet to X.400
//   1  a local part /…/ at this gateway's domain is the O/R address itself
//   2  a domain with a mapping: the inverse of 2 above
//   3  DDA RFC-822 beside the address of a gateway                                                       RFC 2156 4.3.4
//
// Where the two mapping tables agree, there and back gives an equivalent address. Errors are BadInput with the attribute or the part of the
// address as field, NotFound where a gateway is needed and none is given. Characters of ISO 10646 in a local part make it UTF-8 (RFC 6531).
#pragma once

#include "oraddress/mapping.hpp"

namespace postern::oraddress {

/// local@domain as in RFC 5322 3.4.1, the local part without its quotes.
struct Rfc822Address {
  std::string local;
  std::string domain;
  /// BadInput with the offset. Angle brackets around it are taken off; comments, routes and groups are refused.
  [[nodiscard]] static Result<Rfc822Address> parse(std::string_view text);
  /// Quoted where the grammar needs it.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Rfc822Address&, const Rfc822Address&) = default;
};

[[nodiscard]] Result<Rfc822Address> to_rfc822(const ORAddress& address, const Mapping& mapping);
[[nodiscard]] Result<ORAddress> from_rfc822(const Rfc822Address& address, const Mapping& mapping);

}  // namespace postern::oraddress
