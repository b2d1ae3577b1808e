// OpenPGP secret keys in use, through RNP: for those who have custody of them (the ring here, vaultkeeper/).
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "keys/keeper.hpp"

namespace postern::detail {

/// A new transferable key: Ed25519 that certifies and signs, X25519 subkey that encrypts, no expiry.
struct OpenPgpMaterial {
  SecretBytes secret;       ///< Binary transferable secret key, unprotected.
  std::string certificate;  ///< Armored transferable public key.
};
[[nodiscard]] Result<OpenPgpMaterial> openpgp_generate(std::string_view user_id, WallTime now);
/// The primary user id of a certificate.
[[nodiscard]] Result<std::string> openpgp_user_id(std::string_view certificate);

/// The versions of one key, ready for use. Thread safe: RNP's contexts are not, so each call borrows one of its own from a pool.
class OpenPgpKey {
 public:
  /// Ascending; the last one signs, all decrypt.
  explicit OpenPgpKey(std::vector<SecretBytes> secrets);
  ~OpenPgpKey();

  [[nodiscard]] Result<std::string> sign_detached(ByteView data, WallTime now);
  [[nodiscard]] Result<std::string> sign_encrypt(std::span<const Bytes> recipients, ByteView plaintext, WallTime now);
  [[nodiscard]] Result<OpenPgpOpened> decrypt(ByteView message, std::span<const Bytes> signers, WallTime now);

 private:
  class Session;
  class Lease;
  Result<std::unique_ptr<Session>> take(WallTime now);
  void give(std::unique_ptr<Session> session);

  std::vector<SecretBytes> m_secrets;
  std::mutex m_mutex;
  std::vector<std::unique_ptr<Session>> m_idle;
};

}  // namespace postern::detail
