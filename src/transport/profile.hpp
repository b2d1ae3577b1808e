// A profile: where the X.400 service is reached and as whom, one file NAME.toml in transport.profiles_dir (docs/x400-transport.md).
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

struct Profile {
  std::string name;
  sdk::Role role = sdk::Role::P7User;
  std::string peer;    ///< tsel/ssel/psel@host:port
  std::string user;    ///< O/R address, canonical text.
  std::string domain;  ///< P1 only.
  SecretBytes password;
  std::vector<std::string> pins;  ///< Beside transport.fingerprints.
  /// For Transport::bind().
  [[nodiscard]] sdk::Bind bind_request() const;
};

}  // namespace postern::transport
