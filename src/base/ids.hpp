// Identifiers that travel between rooms.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/strong.hpp"

namespace postern {

/// One accepted message: 26 characters of Crockford base32, 48 bits of milliseconds then 80 random bits (the ULID form), so that ids
/// sort by time. Stands in Received, logs, audit, queue listings and the mailbox.
using MessageId = Strong<std::string, struct MessageIdTag>;
/// One request, connection or transaction, for correlating log, audit and answers. Same form.
using CorrelationId = Strong<std::string, struct CorrelationIdTag>;

[[nodiscard]] std::string make_ulid(WallTime now, Random& random);
[[nodiscard]] inline MessageId make_message_id(WallTime now, Random& random) { return MessageId(make_ulid(now, random)); }
/// Whether the text has the form of an id; ids of other forms never reach the database.
[[nodiscard]] bool is_ulid(std::string_view text) noexcept;
/// A random UUID (RFC 9562 5.4, version 4) in lower case, for interfaces that want that form.
[[nodiscard]] std::string make_uuid(Random& random);

}  // namespace postern
