// Whether the certificate of an external Vault is revoked, by what its server staples and by the lists in a file. Nobody is asked: the
// keeper may connect to the Vault and to nobody else (confine/).
#pragma once

#include "config/config.hpp"
#include "io/stream.hpp"

namespace postern::vaultkeeper {

/// By keys.vault.revocation and keys.vault.crl; empty when the first is off. `clock` must outlive it. NotFound, BadInput: keys.vault.crl
/// cannot be read at the start; later that counts as a list that says nothing, and is logged.
[[nodiscard]] Result<io::PeerJudge> revocation_judge(const config::Config& config, const Clock& clock);

}  // namespace postern::vaultkeeper
