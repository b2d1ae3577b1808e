// Which certificates may be encrypted to (smime.hpp), so that nothing goes out that its reader cannot open or anybody could.
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "seal/certificate_strength.hpp"
#include "seal/smime.hpp"

namespace postern {

std::optional<std::string> weak_key(const Certificate& certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate.native());
  if (key == nullptr) return "has a key that cannot be read";
  const int bits = EVP_PKEY_get_bits(key);
  const bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
  // RFC 8551 4.2 calls RSA under 2,048 bits a thing of the past.
  if (rsa && bits < 2048) return "has an RSA key of only " + std::to_string(bits) + " bits";
  if (!rsa && bits < 253) return "has an elliptic curve key of only " + std::to_string(bits) + " bits";
  return std::nullopt;
}

std::optional<std::string> weak_issue(const Certificate& certificate) {
  int digest = NID_undef;
  int key = NID_undef;
  int bits = 0;
  std::uint32_t flags = 0;
  if (X509_get_signature_info(certificate.native(), &digest, &key, &bits, &flags) != 1) return std::nullopt;
  if (digest != NID_sha1 && digest != NID_md5 && digest != NID_md5_sha1 && digest != NID_md4) return std::nullopt;
  return "was issued with " + std::string(OBJ_nid2sn(digest)) + ", which can be forged";
}

std::optional<std::string> recipient_fault(const Certificate& certificate, WallTime now) {
  if (now < certificate.not_before()) return "is not valid before " + rfc3339(certificate.not_before());
  if (now > certificate.not_after()) return "expired at " + rfc3339(certificate.not_after());
  if (!certificate.may_receive_keys()) return "is not for encryption (keyUsage)";
  if (!certificate.may_protect_email()) return "is not for e-mail protection (extendedKeyUsage)";
  if (auto weak = weak_key(certificate)) return weak;
  return weak_issue(certificate);
}

}  // namespace postern
