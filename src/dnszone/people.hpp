// The keys of people in DNS: OPENPGPKEY (RFC 7929) and SMIMEA (RFC 8162). Pure.
//
// A record of a person shows correspondents the key to write to him sealed, DNSSEC provided. The name hides the address only from those who
// cannot guess it: publishing tells the world that it exists.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dnszone/wanted.hpp"

namespace postern::dnszone {

/// "HASH._openpgpkey.example.org" (RFC 7929 3) or "HASH._smimecert.example.org" (RFC 8162 3): the first 28 octets of the SHA-256 of the
/// local part as it is, UTF-8, without quotes. `kind`: OpenPgpKey or Smimea.
[[nodiscard]] std::string person_name(RecordKind kind, std::string_view local_part, std::string_view domain);

/// The body of the first packet of a transferable public key, where it is a public key (RFC 9580 4.2, 10.1): two forms of a key are of
/// one key when this is the same. A view of `bytes`; nothing for everything else, partial and indeterminate lengths included.
[[nodiscard]] std::optional<ByteView> primary_key_packet(ByteView bytes);

}  // namespace postern::dnszone
