// One of our own people by his O/R address: what his S/MIME key in the keeper is called, and what the certificate of the built-in CA says
// of him. `gateway/identities.hpp` makes, renews and finds both.
#pragma once

#include "gateway/identities.hpp"
#include "oraddress/or_name.hpp"

namespace postern::transport {

/// Equal addresses (X.402 18.4) are one person with one key. The certificate has the address in x400Address (RFC 3854 4.3) and no mail
/// address. BadInput: the address cannot be written.
[[nodiscard]] Result<gateway::Person> x400_person(const oraddress::ORAddress& address);

}  // namespace postern::transport
