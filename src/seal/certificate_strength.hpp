// When a certificate is too weak to be believed or used. For this room and for who judges our own certificates at the start.
#pragma once

#include <optional>
#include <string>

#include "pki/certificate.hpp"

namespace postern {

/// "has an RSA key of only 1024 bits", or nothing.
[[nodiscard]] std::optional<std::string> weak_key(const Certificate& certificate);
/// "was issued with SHA1, which can be forged", or nothing.
[[nodiscard]] std::optional<std::string> weak_issue(const Certificate& certificate);

}  // namespace postern
