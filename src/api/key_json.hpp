// Keys and their life as JSON; shared by the routes of keys and by status. No private part of a key is in any of it.
#pragma once

#include <boost/json/object.hpp>
#include <optional>

#include "api/engine_state.hpp"
#include "gateway/gateway.hpp"

namespace postern::api {

[[nodiscard]] boost::json::object rewrap_json(const RewrapRun& run);
/// `details`: DNS records of DKIM keys, and rows that could not be re-wrapped.
[[nodiscard]] boost::json::object key_json(gateway::Gateway& gate, const KeyState& state, bool details);
/// For /status; asks the keeper. `open`: Gateway::mail_open().
[[nodiscard]] boost::json::object key_engine_json(gateway::Gateway& gate, const Status& open, const std::optional<EngineState>& engine);

}  // namespace postern::api
