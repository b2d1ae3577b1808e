// A private key that a verb on files signs with.
#pragma once

#include <istream>
#include <string>

#include "crypto/pkey.hpp"

namespace postern::cli {

/// PEM, or the bare base64 seed in which Ed25519 DKIM keys are often kept; "-" is standard input. BadInput names the file.
[[nodiscard]] Result<PrivateKey> read_signing_key(const std::string& path, std::istream& in);

}  // namespace postern::cli
