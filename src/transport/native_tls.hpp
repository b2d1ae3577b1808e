// TLS of the associations that the native stack opens, from its options.
#pragma once

#include "mhs/options.hpp"
#include "transport/native.hpp"

namespace postern::transport {

/// Reads the files. A pinset that is enforced stands for chain and name where no authority is named; with a ca_bundle both must hold.
/// Errors name the field of the settings ("tls.ca_bundle"). The server's name is the call's to add.
[[nodiscard]] Result<mhs::PeerTls> peer_tls(const NativeOptions::Tls& tls);

}  // namespace postern::transport
