// Whether somebody speaks RFC 1006 there: a transport connection (X.224 class 0), and nothing above it.
#pragma once

#include "io/stream.hpp"

namespace postern::mhs {

/// Connects to the transport selector `called` and disconnects. Denied: refused, with the peer's reason in words; Timeout; Unavailable.
[[nodiscard]] io::Task<Status> ping_transport(io::Stream& stream, Bytes called, SteadyTime deadline);

}  // namespace postern::mhs
