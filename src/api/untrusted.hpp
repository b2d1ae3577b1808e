// Mail that waits because its next hop could not be trusted (docs/trusted-road.md): which that is, what can be done, and how much there is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/gateway.hpp"
#include "spool/types.hpp"

namespace postern::api {

/// What to do about a recipient that waits for trust in its next hop; empty for any other.
[[nodiscard]] std::string way_out_of_distrust(const FlowRecipient& recipient);

/// One line when mail waits for that: how many messages, the first few domains and why. Bounded in what it reads and says.
[[nodiscard]] std::vector<std::string> distrust_warnings(gateway::Gateway& gate);

}  // namespace postern::api
