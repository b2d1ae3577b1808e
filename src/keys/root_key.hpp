// The root key: the one secret that is not in the database. It unlocks the ring's key-encryption key and nothing else.
#pragma once

#include <string>
#include <string_view>

#include "base/random.hpp"
#include "base/secret.hpp"

namespace postern {

/// Where the root key comes from:
///   file:PATH                  32 random bytes, or a passphrase (one line of UTF-8 text, 12 characters at least). When the file is missing
///   and
///                              creation is asked for, 32 random bytes are written with mode 0600. A file that others may read is refused.
///   env:NAME                   a passphrase in the environment, for CI and containers
///   keychain:SERVICE/ACCOUNT   a passphrase in the desktop's keychain (Secret Service, attributes "service" and "account"). Either name
///                              may be left out and is then that of KeychainUse. When the entry is missing and creation is asked for, a
///                              random passphrase of 256 bits is put there.
struct RootKeySource {
  enum class Kind { File, Environment, Keychain };
  Kind kind = Kind::File;
  std::string place;    ///< Path, variable name, or service.
  std::string account;  ///< Keychain only.

  [[nodiscard]] std::string text() const;
};

/// How the keychain may be used (security.keychain.*).
struct KeychainUse {
  bool enabled = true;
  std::string service = "postern";  ///< Where a reference names none.
  std::string account = "root";
  std::string fallback_env;  ///< Variable that stands in when no keychain answers or it may not be asked; empty: none.
};
[[nodiscard]] Result<RootKeySource> parse_root_key_source(std::string_view text, const KeychainUse& keychain = {});

/// What was found there. Raw keys are used as they are, passphrases go through scrypt.
class RootKey {
 public:
  enum class Form { Raw, Passphrase };
  /// BadInput unless exactly 32 bytes.
  [[nodiscard]] static Result<RootKey> raw(ByteView key);
  /// BadInput unless 12 to 1024 bytes.
  [[nodiscard]] static Result<RootKey> passphrase(ByteView text);

  [[nodiscard]] Form form() const noexcept { return m_form; }
  [[nodiscard]] ByteView view() const noexcept { return m_secret.view(); }

 private:
  RootKey(Form form, ByteView secret) : m_form(form), m_secret(secret) {}
  Form m_form;
  SecretBytes m_secret;
};

enum class CreateRootKey { No, IfMissing };
/// NotFound (with what to do about it), Denied (permissions of the file, a locked keychain), BadInput, Unavailable (no keychain service, or
/// it is switched off, and no fallback).
[[nodiscard]] Result<RootKey> load_root_key(const RootKeySource& source, CreateRootKey create = CreateRootKey::No,
                                            const KeychainUse& keychain = {});

/// Puts a passphrase into the desktop's keychain, replacing what was there. Denied when it is locked: nobody is asked to unlock it.
[[nodiscard]] Status store_in_keychain(const std::string& service, const std::string& account, ByteView passphrase);
/// What the keychain holds; NotFound, Denied when it is locked, or Unavailable when there is no keychain service.
[[nodiscard]] Result<SecretBytes> load_from_keychain(const std::string& service, const std::string& account);

}  // namespace postern
