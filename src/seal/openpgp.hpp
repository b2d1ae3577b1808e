// OpenPGP/MIME (RFC 3156, with RFC 4880 and RFC 9580 as far as RNP knows it) on whole messages: sign, verify, encrypt, decrypt.
//
// Messages in, messages out, as in smime.hpp. Private operations go to the keeper by key name; public ones are done here with RNP, one
// RNP object per call (they are not thread safe). Encryption: AES-256 with integrity protection (SEIPD version 1), every recipient at once.
//
// What it refuses: certificates that are expired, revoked, without encryption subkey or weak (RSA under 2,048 bits, SHA-1 bindings);
// messages without integrity protection; partial plaintext. Plaintext is bounded by limits.message_bytes, compression bombs included.
// What it does not do: inline encryption (it leaks attachments; only whole entities), key discovery, the web of trust.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "keys/keeper.hpp"
#include "mime/address.hpp"
#include "seal/detect.hpp"
#include "seal/header_protection.hpp"
#include "seal/profile.hpp"

namespace postern {

/// A transferable public key of somebody: its bytes (armored or binary) and what RNP read in them. Never empty, cheap to copy.
class PgpCertificate {
 public:
  /// Exactly one certificate; secret key material is BadInput (nobody should hand us that).
  [[nodiscard]] static Result<PgpCertificate> parse(ByteView armored_or_binary);

  [[nodiscard]] const std::string& fingerprint() const noexcept { return m_facts->fingerprint; }  ///< Upper-case hexadecimal.
  [[nodiscard]] const std::vector<std::string>& user_ids() const noexcept { return m_facts->user_ids; }
  [[nodiscard]] const std::vector<std::string>& emails() const noexcept { return m_facts->emails; }  ///< Of valid user ids, lower case.
  [[nodiscard]] WallTime created() const noexcept { return m_facts->created; }
  /// Key ids (16 digits, upper case) of the primary key and the subkeys.
  [[nodiscard]] const std::vector<std::string>& key_ids() const noexcept { return m_facts->key_ids; }
  [[nodiscard]] const Bytes& bytes() const noexcept { return m_facts->bytes; }
  [[nodiscard]] Result<Bytes> to_binary() const;  ///< The same packets without armor.
  /// Why it must not be encrypted to now, or nothing.
  [[nodiscard]] std::optional<std::string> recipient_fault(WallTime now) const;

 private:
  struct Facts {
    Bytes bytes;
    std::string fingerprint;
    std::vector<std::string> user_ids, emails, key_ids;
    WallTime created{};
  };
  explicit PgpCertificate(std::shared_ptr<const Facts> facts) : m_facts(std::move(facts)) {}
  std::shared_ptr<const Facts> m_facts;
};

struct PgpSignOptions {
  HeaderProtection header = {};
};
struct PgpEncryptOptions {
  HeaderProtection header = {};
};

/// multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512 (RFC 3156 5).
[[nodiscard]] Result<std::string> pgp_sign(std::string_view message, Keeper& keeper, const KeyName& key, const PgpSignOptions& options,
                                           const SealContext& context);
/// multipart/encrypted; protocol="application/pgp-encrypted" (RFC 3156 4). Conflict: encrypted already. BadInput names the unusable
/// certificate.
[[nodiscard]] Result<std::string> pgp_encrypt(std::string_view message, std::span<const PgpCertificate> recipients,
                                              const PgpEncryptOptions& options, const SealContext& context);
/// Signed and encrypted in one OpenPGP message (RFC 3156 6.2).
[[nodiscard]] Result<std::string> pgp_sign_encrypt(std::string_view message, Keeper& keeper, const KeyName& key,
                                                   std::span<const PgpCertificate> recipients, const PgpEncryptOptions& options,
                                                   const SealContext& context);

struct PgpSignerFact {
  OpenPgpSignatureStatus status = OpenPgpSignatureStatus::UnknownSigner;
  std::string key_id;
  std::string fingerprint;  ///< Of the certificate that made it; empty when unknown.
  std::vector<std::string> emails;
  std::string hash;
  std::optional<WallTime> signing_time;
  bool strong = false;        ///< Not MD5, SHA-1 or RIPEMD-160.
  bool matches_from = false;  ///< One of the certificate's user ids is the From (or Sender).
  std::string reason;
  [[nodiscard]] bool valid() const noexcept { return status == OpenPgpSignatureStatus::Good && strong && matches_from; }
};

struct PgpOpened {
  std::string message;                  ///< The inner entity restored.
  std::string cipher;                   ///< "AES256"
  std::string mode;                     ///< "cfb-mdc", "aead-ocb"
  std::vector<PgpSignerFact> signers;   ///< Signatures inside the encryption; empty: none.
  Protection inner = Protection::None;  ///< A multipart/signed may be inside (RFC 3156 6.1).
  HeaderFacts header;
  [[nodiscard]] bool signature_valid() const noexcept;
};
/// multipart/encrypted, or an armored message as the whole text body. NotFound: not for this key. IntegrityFailed: MDC or AEAD tag wrong or
/// missing; nothing is given out. `known`: certificates to check signatures with.
[[nodiscard]] Result<PgpOpened> pgp_decrypt(std::string_view message, Keeper& keeper, const KeyName& key,
                                            std::span<const PgpCertificate> known, const SealContext& context);

struct PgpVerification {
  Protection protection = Protection::None;
  std::vector<PgpSignerFact> signers;
  HeaderFacts header;
  [[nodiscard]] bool valid() const noexcept;  ///< At least one signature, all of them valid.
  [[nodiscard]] std::string reason() const;
};
/// multipart/signed, or a text body with a cleartext signature. BadInput: there is no OpenPGP signature.
[[nodiscard]] Result<PgpVerification> pgp_verify(std::string_view message, std::span<const PgpCertificate> known,
                                                 const SealContext& context);

}  // namespace postern
