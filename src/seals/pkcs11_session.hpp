// One logged-in session with one token: what a seal asks of it. Opened for a call and closed after it, so that nothing goes stale between.
//
// Threads: one at a time. Errors: as pkcs11_error(), and Unavailable when no token matches, Conflict when several do, Denied for what the
// PIN is not good for. A PIN is never sent when the token says that this try would be its last.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/pkey.hpp"
#include "seals/pkcs11_module.hpp"
#include "seals/pkcs11_uri.hpp"

namespace postern::seals {

enum class Pkcs11Scheme : std::uint8_t { AesGcm = 1, OaepSha256 = 2, OaepSha1 = 3 };

/// A key on the token by what stays true of it.
struct Pkcs11KeyName {
  std::string label;  ///< CKA_LABEL; empty: any.
  Bytes id;           ///< CKA_ID; empty: any.
};

/// AES-256-GCM without associated data.
struct Pkcs11Gcm {
  Bytes iv;
  Bytes ciphertext;  ///< With its tag.
};

/// The field of the error that says: the token looked at this PIN and refused it.
inline constexpr std::string_view kPinRefused = "pin";

class Pkcs11Session {
 public:
  /// `pin` empty: the token asks at its own PIN pad, or needs no login.
  [[nodiscard]] static Result<Pkcs11Session> open(Pkcs11Module module, const Pkcs11Uri& uri, ByteView pin);
  Pkcs11Session(Pkcs11Session&& other) noexcept;
  Pkcs11Session& operator=(Pkcs11Session&&) = delete;
  ~Pkcs11Session();

  [[nodiscard]] bool supports(CK_MECHANISM_TYPE mechanism) const;

  /// Nothing when there is none; Conflict when several match; `type` is SecretKey (AES-256) or Private (RSA).
  [[nodiscard]] Result<std::optional<CK_OBJECT_HANDLE>> find(Pkcs11KeyType type, const Pkcs11KeyName& name);
  /// The name that finds exactly this key again.
  [[nodiscard]] Result<Pkcs11KeyName> name_of(CK_OBJECT_HANDLE key);
  /// Whether the token keeps the key to itself (sensitive, not extractable).
  [[nodiscard]] bool is_kept(CK_OBJECT_HANDLE key);
  /// The length of an AES key, where the token tells.
  [[nodiscard]] std::optional<std::size_t> aes_bytes(CK_OBJECT_HANDLE key);
  /// A new key that stays in the token, sensitive and not extractable; `name` has both parts.
  [[nodiscard]] Status generate_aes(const Pkcs11KeyName& name);
  [[nodiscard]] Status generate_rsa(const Pkcs11KeyName& name);

  /// `iv` has 12 bytes; a token that insists on one of its own writes it there, and the result says which it was.
  [[nodiscard]] Result<Pkcs11Gcm> encrypt_gcm(CK_OBJECT_HANDLE key, Bytes iv, ByteView plaintext);
  [[nodiscard]] Result<SecretBytes> decrypt_gcm(CK_OBJECT_HANDLE key, const Pkcs11Gcm& sealed);
  [[nodiscard]] Result<PublicKey> public_key(CK_OBJECT_HANDLE rsa_key);
  [[nodiscard]] Result<SecretBytes> decrypt_oaep(CK_OBJECT_HANDLE key, HashAlgorithm hash, ByteView ciphertext);

 private:
  Pkcs11Session(Pkcs11Module module, CK_SLOT_ID slot) : m_module(std::move(module)), m_slot(slot) {}
  [[nodiscard]] Status start(ByteView pin, const CK_TOKEN_INFO& token, const std::string& who);
  [[nodiscard]] Status login(ByteView pin, const CK_TOKEN_INFO& token, const std::string& who);
  [[nodiscard]] Result<SecretBytes> decrypt(CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, ByteView ciphertext);
  [[nodiscard]] Result<Bytes> attribute(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type);

  Pkcs11Module m_module;
  CK_SLOT_ID m_slot;
  std::optional<CK_SESSION_HANDLE> m_session;
};

}  // namespace postern::seals
