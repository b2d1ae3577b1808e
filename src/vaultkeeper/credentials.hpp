// How we get a token: by AppRole, or from a file that an agent writes.
#pragma once

#include <memory>
#include <string>

#include "keys/root_key.hpp"
#include "vaultkeeper/line.hpp"

namespace postern::vaultkeeper {

struct Grant {
  SecretBytes token;
  std::chrono::seconds lease{0};  ///< 0: without an end.
  bool renewable = false;
};

/// Not thread safe: the session asks one at a time. Errors: Denied (what we have is not accepted: the sentence says what to change),
/// NotFound and BadInput (a reference leads nowhere), Unavailable.
class Credentials {
 public:
  virtual ~Credentials() = default;
  [[nodiscard]] virtual Result<Grant> obtain(Line& line, SteadyTime deadline) = 0;
  /// The source holds something else than when it was read: the token in use is to be replaced.
  [[nodiscard]] virtual bool changed() { return false; }
  /// Whether a token is ours alone, so that it is revoked when we end.
  [[nodiscard]] virtual bool owns_token() const = 0;
};

/// A secret that a setting refers to: file:PATH (absolute), env:NAME, keychain:SERVICE/ACCOUNT. At most 4 KiB, without white space at both
/// ends. A file that others may read or write is Denied. Errors name `setting`.
[[nodiscard]] Result<SecretBytes> read_secret(const RootKeySource& source, const KeychainUse& keychain, const std::string& setting);

struct AppRoleOptions {
  std::string mount = "approle";
  RootKeySource role_id;
  RootKeySource secret_id;
  bool wrapped = false;  ///< secret_id is a response-wrapping token.
  KeychainUse keychain;
};
[[nodiscard]] std::unique_ptr<Credentials> approle_credentials(AppRoleOptions options);

/// The token in `path`, read again when the file changes.
[[nodiscard]] std::unique_ptr<Credentials> token_file_credentials(std::string path);

}  // namespace postern::vaultkeeper
