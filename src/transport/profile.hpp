// A profile: where the X.400 service is reached and as whom, one file NAME.toml in transport.profiles_dir (docs/x400-transport.md).
//
//   peer         = "x400n@store.example.org:102"        tsel/ssel/psel@host:port
//   role         = "p7"                                  p7: a message store; p3: an MTA, as its user; p1: an MTA, as another MTA
//   user         = "C=DE;A= ;P=ACME;S=Doe;G=Jane"        O/R address; with p1 our MTA name
//   domain       = "C=DE;A= ;P=ACME"                     p1 only
//   password_ref = "file:operations.password"            beside the profile; or env:NAME
//   pins         = ["sha256:..."]                        beside transport.fingerprints
//   certificate  = "operations.pem"                      beside the profile, with `key`: strong credentials in place of the password;
//   responder_pins = ["sha256:..."]                      whose answer is believed (or responder_ca, responder_subject); p3: responder_name
//
// A variable that a profile names reaches the process that binds when it was named at the daemon's start (confine/roles.cpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"
#include "mhs/strong_files.hpp"
#include "sdk/values.hpp"

namespace postern::transport {

inline constexpr std::size_t kProfileBytes = std::size_t{64} << 10;
inline constexpr const char* kDefaultProfile = "default";

struct Profile {
  std::string name;
  sdk::Role role = sdk::Role::P7User;
  std::string peer;    ///< tsel/ssel/psel@host:port
  std::string user;    ///< O/R address, canonical text; P1: our MTA name.
  std::string domain;  ///< P1 only.
  SecretBytes password;
  std::vector<std::string> pins;  ///< Beside transport.fingerprints.
  mhs::StrongFiles strong;        ///< Paths as they are opened; without a certificate: simple credentials.
  /// For Transport::bind().
  [[nodiscard]] sdk::Bind bind_request() const;
};

/// A profile's text, before its password is read.
struct ProfileText {
  std::string peer, role = "p7", user, domain, password_ref;
  std::vector<std::string> pins;
  mhs::StrongFiles strong;
};
/// Total on any text. BadInput and TooLarge name source, line and setting.
[[nodiscard]] Result<ProfileText> parse_profile(std::string_view toml, std::string_view source);

/// The name of the one that counts: transport.sdk.preferred_profile (X400_SDK_PROFILE), else the only one in the folder, else "default".
[[nodiscard]] std::string preferred_profile(const config::Config& config);
/// Reads it with its password, anew with each call. NotFound says how to make one; other errors name file, line and setting.
[[nodiscard]] Result<Profile> read_profile(const config::Config& config);
/// Its pins alone, for who may not read its password. Errors as read_profile().
[[nodiscard]] Result<std::vector<std::string>> profile_pins(const config::Config& config);
/// And its strong credentials; without a certificate: it has none.
[[nodiscard]] Result<mhs::StrongFiles> profile_strong(const config::Config& config);

}  // namespace postern::transport
