// Decoded leaf bodies. Inside this room only.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "mime/message.hpp"

namespace postern {

/// The body of a leaf entity (header and body given) with its transfer encoding undone. BadInput for containers.
[[nodiscard]] Result<Bytes> decoded_content(std::string_view entity, const Limits& limits = {});

}  // namespace postern
