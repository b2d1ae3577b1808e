// The seal that the setting `seal` names:
//
//   "file"          the raw key (or passphrase) file of keys.root; "file:PATH" names another
//   "passphrase"    the passphrase of keys.root, from a file or a variable; "passphrase:file:PATH" or "passphrase:env:NAME" name another
//   "keychain"      the entry of keys.root in the desktop's keychain; "keychain:SERVICE/ACCOUNT" names another
//   "pkcs11:..."    a PKCS#11 URI                      pkcs11_uri.hpp
//   "tpm2:..."      a TPM, PCRs                        tpm_address.hpp
//   "transit:..."   MOUNT/KEY of another Vault         transit_seal.hpp
//
// Seals that block in foreign code come with their deadline.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "seals/deadline_seal.hpp"
#include "seals/secret_seal.hpp"
#include "seals/transit_seal.hpp"

namespace postern::seals {

struct SealSettings {
  std::string seal = {};         ///< The setting.
  std::string name = {};         ///< The operator's name for it; empty, or 1 to 64 printable ASCII characters.
  std::string keys_root = {};    ///< The setting keys.root.
  std::string folder = {};       ///< Where relative paths of key files begin; empty: the working directory.
  KeychainUse keychain = {};     ///< security.keychain.*
  bool create = false;           ///< wrap() may make a missing key file, keychain entry or token key.
  Argon2Cost cost = {};          ///< For new blobs of a passphrase.
  TransitExchange transit = {};  ///< transit:... needs it.
  std::chrono::milliseconds deadline = kSealDeadline;
};

/// Reads nothing and opens nothing yet. BadInput and TooLarge name the part of the setting; Unsupported is a kind of seal that is not known
/// (with the nearest one that is). "shamir" is refused: shares need no seal.
[[nodiscard]] Result<std::unique_ptr<Seal>> make_seal(const SealSettings& settings);

}  // namespace postern::seals
