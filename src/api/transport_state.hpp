// The X.400 service by [transport] for /status, health and the bind test.
#pragma once

#include <boost/json/object.hpp>

#include "transport/service.hpp"

namespace postern::api {

/// {"mode", "findings": [{"name", "state", "text"}]}. Reads files: not on a loop.
[[nodiscard]] boost::json::object transport_json(const transport::Service& service);
/// "ok", "note", "warning", "failed".
[[nodiscard]] std::string_view name_of(transport::Finding::State state) noexcept;

}  // namespace postern::api
