// One DNS message out and one in, over a TCP connection of their own (RFC 7766).
#pragma once

#include "base/bytes.hpp"
#include "io/endpoint.hpp"
#include "io/task.hpp"

namespace postern::io {

/// The message that comes back. `message` has at most 65,535 octets (RFC 1035 4.2.2). Unavailable and Timeout name the server.
[[nodiscard]] Task<Result<Bytes>> exchange_dns(Endpoint server, Bytes message, SteadyTime deadline);

}  // namespace postern::io
