// Whom a certificate names on the X.400 side (RFC 3854 4.3): the x400Address alternatives of its subjectAltName (RFC 5280 4.2.1.6).
#pragma once

#include <vector>

#include "oraddress/mapping.hpp"
#include "seal/parties.hpp"

namespace postern::contentseal {

inline constexpr std::size_t kMostX400Addresses = 100;  ///< Of one certificate; further ones are not looked at.

/// Empty where there are none; BadInput where the extension cannot be read.
[[nodiscard]] Result<std::vector<oraddress::ORAddress>> x400_addresses(const Certificate& certificate);
/// The address as a GeneralName, DER: what a certificate that names it says.
[[nodiscard]] Result<Bytes> x400_general_name(const oraddress::ORAddress& address);
/// subjectAltName for a certificate of these addresses: the value of the extension, DER.
[[nodiscard]] Result<Bytes> alternative_names(std::span<const oraddress::ORAddress> addresses, std::span<const std::string> emails);

/// An x400Address that is this address (X.402 18.4); of a certificate that has none, an rfc822Name that is the address mapped to Internet
/// mail (RFC 2156 4.3), without case.
[[nodiscard]] bool names_address(const Certificate& certificate, const oraddress::ORAddress& address, const oraddress::Mapping& mapping);

/// For judge_signers(): the certificate must name every one of them. Says which it does not.
[[nodiscard]] AuthorCheck speaks_for(std::vector<oraddress::ORAddress> originators, const oraddress::Mapping& mapping);

}  // namespace postern::contentseal
