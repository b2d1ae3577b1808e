// One DNS message out and one in, over a TCP connection of their own.
#pragma once

#include "base/bytes.hpp"
#include "io/endpoint.hpp"
#include "io/loops.hpp"
#include "io/task.hpp"

namespace postern::cli {

/// RFC 1035 4.2.2: two octets of length, then the message, which has at most 65,535.
[[nodiscard]] Bytes frame_message(ByteView message);

/// Sends `framed`, puts the message that comes back (without its length) or the error into `out`, and stops the loops. Errors name the
/// server.
[[nodiscard]] io::Task<void> exchange_into(io::Endpoint server, Bytes framed, SteadyTime deadline, io::Loops& loops, Result<Bytes>& out);

}  // namespace postern::cli
