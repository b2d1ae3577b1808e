// What a signature may name as its domain (d=) and its selector (s=). Signers ask before each signature; whoever reads settings of a signer
// asks when he reads them.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace postern {

/// BadInput, with "domain" or "selector" as its field: no such tag can be written, or no key can stand in DNS under these names (RFC 6376
/// 3.6.2.1).
[[nodiscard]] Status check_signer_names(std::string_view domain, std::string_view selector);

}  // namespace postern
