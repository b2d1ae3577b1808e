// What can be found out about one message: DKIM, seal, signature; with `as`, what that recipient sees when it is opened with his key here.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "gateway/gateway.hpp"
#include "http/message.hpp"

namespace postern::api {

/// {"protection","dkim":[...],"opened":{...},"signature":...,"subject"}; IntegrityFailed and the like are in the answer, not errors.
/// Keys of our own DKIM signers are taken from the key engine (as they would be published), the others from DNS.
[[nodiscard]] io::Task<http::Response> examine(gateway::Gateway& gateway, std::string message, std::string as);

[[nodiscard]] boost::json::object decision_json(const policy::Decision& decision);

}  // namespace postern::api
