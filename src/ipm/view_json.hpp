// A message as people see it (read.hpp), as JSON: {"subject", "fields": [{"name", "text"}], "parts": [{"number", "kind", "type", "text",
// "remark", "file", "octets", "message"}], "cut"}. Octets of files are counted, not contained; what is empty is left out of a part.
#pragma once

#include <boost/json/object.hpp>

#include "ipm/read.hpp"

namespace postern::ipm {

[[nodiscard]] boost::json::object view_json(const MessageView& view);

}  // namespace postern::ipm
