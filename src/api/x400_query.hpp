// What a list of the operator's X.400 mailbox is asked for (docs/x400-mailbox.md "Filters").
#pragma once

#include "cabinet/search.hpp"
#include "http/message.hpp"

namespace postern::api {

/// BadInput names the parameter.
[[nodiscard]] Result<cabinet::Query> query_in(const http::Request& request);

}  // namespace postern::api
