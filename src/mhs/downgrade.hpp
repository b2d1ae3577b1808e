// What is sent to a system of 1984 (X.419 annex B): the envelope by mts/p1_1984.hpp, the content of interpersonal messages by
// ipm/downgrade.hpp.
#pragma once

#include "mhs/outgoing.hpp"
#include "mts/p1_1984.hpp"

namespace postern::mhs {

/// Contents above it are not made fit for 1984: they would have to be in memory.
inline constexpr std::uint64_t kDowngradedContent = 32ULL * 1024 * 1024;

/// Makes `apdu`, the copy of `item` for such a system, fit in place. `content` gets what is sent in place of a message's content; unset:
/// that goes as it is. An answer: it cannot go there, and this is to be reported. Errors: the content cannot be read. On a worker.
[[nodiscard]] Result<std::optional<mts::NoDowngrade>> downgrade_for_1984(mts::MTSApdu& apdu, Outgoing& item, std::optional<Bytes>& content);

}  // namespace postern::mhs
