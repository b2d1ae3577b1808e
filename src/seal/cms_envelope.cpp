// EnvelopedData and AuthEnvelopedData: closing and opening (RFC 5652 6, RFC 5083).
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "base/secret.hpp"
#include "crypto/hash.hpp"
#include "seal/cms.hpp"
#include "seal/cms_handles.hpp"

namespace postern {
namespace {

constexpr int kMaxRecipientInfos = 1000;  // mail to a list; more is an attack on whoever tries them all

/// RFC 8551 2.3, RFC 8017 7.1: OAEP with SHA-256 in both places.
bool use_oaep(EVP_PKEY_CTX* context) {
  const EVP_MD* sha256_md = evp_md(HashAlgorithm::Sha256);
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_oaep_md(context, sha256_md) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, sha256_md) == 1;
}

/// RFC 5753 7.1.4: dhSinglePass-stdDH-sha256kdf-scheme; OpenSSL's own default is SHA-1.
bool use_sha256_kdf(EVP_PKEY_CTX* context) { return EVP_PKEY_CTX_set_ecdh_kdf_md(context, evp_md(HashAlgorithm::Sha256)) == 1; }

Status add_recipient(CMS_ContentInfo* cms, X509* certificate, const EncryptionProfile& profile) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  const bool rsa = key != nullptr && EVP_PKEY_is_a(key, "RSA") == 1;
  const bool ec = key != nullptr && EVP_PKEY_is_a(key, "EC") == 1;
  if (!rsa && !ec) return fail(ErrorCode::Unsupported, "needs an RSA or EC recipient certificate", "recipient");
  CMS_RecipientInfo* info = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
  if (info == nullptr) return fail(openssl_error(ErrorCode::BadInput, "adding a recipient certificate"));
  EVP_PKEY_CTX* context = CMS_RecipientInfo_get0_pkey_ctx(info);
  const bool plain_rsa = rsa && profile.rsa == RsaTransport::Pkcs1;
  if (!plain_rsa && !(rsa ? use_oaep(context) : use_sha256_kdf(context)))
    return fail(openssl_error(ErrorCode::Internal, "choosing the key transport"));
  return {};
}

bool is_enveloped(int nid) { return nid == NID_pkcs7_enveloped || nid == NID_id_smime_ct_authEnvelopedData; }

Result<CmsPtr> read_envelope(ByteView der) {
  POSTERN_TRY(CmsPtr cms, cms_read(der));
  if (!is_enveloped(OBJ_obj2nid(CMS_get0_type(cms.get()))))
    return fail(ErrorCode::BadInput, "is no CMS EnvelopedData or AuthEnvelopedData");
  if (sk_CMS_RecipientInfo_num(CMS_get0_RecipientInfos(cms.get())) > kMaxRecipientInfos) {
    return fail(ErrorCode::TooLarge, "has more than 1000 recipient infos");
  }
  return cms;
}

bool agreement_is_for(CMS_RecipientInfo* info, X509* certificate) {
  const STACK_OF(CMS_RecipientEncryptedKey)* keys = CMS_RecipientInfo_kari_get0_reks(info);
  for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); ++i) {
    if (CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, i), certificate) == 0) return true;
  }
  return false;
}

bool is_for(CMS_RecipientInfo* info, X509* certificate) {
  switch (CMS_RecipientInfo_type(info)) {
    case CMS_RECIPINFO_TRANS: return CMS_RecipientInfo_ktri_cert_cmp(info, certificate) == 0;
    case CMS_RECIPINFO_AGREE: return agreement_is_for(info, certificate);
    default: return false;
  }
}

CMS_RecipientInfo* find_info(CMS_ContentInfo* cms, X509* certificate) {
  STACK_OF(CMS_RecipientInfo)* infos = CMS_get0_RecipientInfos(cms);
  for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); ++i) {
    if (is_for(sk_CMS_RecipientInfo_value(infos, i), certificate)) return sk_CMS_RecipientInfo_value(infos, i);
  }
  openssl_clear_errors();
  return nullptr;
}

std::string transport_name(CMS_RecipientInfo* info) {
  if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE) return "ecdh";
  X509_ALGOR* algorithm = nullptr;
  CMS_RecipientInfo_ktri_get0_algs(info, nullptr, nullptr, &algorithm);
  return algorithm_name(algorithm) == "rsaesoaep" ? "rsa-oaep" : "rsa-pkcs1";
}

/// Reads the content and then asks whether tag or padding were right; only then is anything given out (EFAIL).
Result<CmsOpened> open_content(CMS_ContentInfo* cms, std::size_t limit) {
  const CmsChainPtr chain(CMS_dataInit(cms, nullptr));
  if (!chain) return fail(openssl_error(ErrorCode::Unsupported, "preparing the content cipher"));
  EVP_CIPHER_CTX* cipher = nullptr;
  if (BIO_get_cipher_ctx(chain.get(), &cipher) != 1 || cipher == nullptr)
    return fail(ErrorCode::Internal, "the CMS object has no content cipher");
  CmsOpened out;
  out.cipher = EVP_CIPHER_get0_name(EVP_CIPHER_CTX_get0_cipher(cipher));
  out.authenticated = (EVP_CIPHER_get_flags(EVP_CIPHER_CTX_get0_cipher(cipher)) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0;
  POSTERN_TRY(out.content, cms_drain(chain.get(), limit));
  if (BIO_get_cipher_status(chain.get()) == 1) return out;
  wipe(out.content);
  openssl_clear_errors();
  return fail(ErrorCode::IntegrityFailed, "the encrypted content was changed or damaged on its way; it is not given out");
}

}  // namespace

Result<Bytes> cms_encrypt(ByteView content, const std::vector<X509*>& recipients, const EncryptionProfile& profile,
                          const std::string& content_type) {
  if (recipients.empty()) return fail(ErrorCode::BadInput, "needs at least one recipient certificate", "recipient");
  const EVP_CIPHER* cipher = profile.cipher == ContentCipher::Aes256Gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
  const CmsPtr cms(CMS_encrypt(nullptr, nullptr, cipher, CMS_BINARY | CMS_PARTIAL | CMS_STREAM));
  if (!cms) return fail(openssl_error(ErrorCode::Internal, "creating the CMS envelope"));
  POSTERN_CHECK(set_content_type(cms.get(), content_type));
  for (X509* certificate : recipients) POSTERN_CHECK(add_recipient(cms.get(), certificate, profile));
  POSTERN_TRY(const BioPtr source, bio_over(content));
  if (CMS_final(cms.get(), source.get(), nullptr, CMS_BINARY) != 1) return fail(openssl_error(ErrorCode::Internal, "encrypting"));
  return cms_write(cms.get());
}

Result<std::size_t> cms_match_recipient(ByteView der, const std::vector<X509*>& certificates) {
  POSTERN_TRY(const CmsPtr cms, read_envelope(der));
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    if (find_info(cms.get(), certificates[i]) != nullptr) return i;
  }
  return fail(ErrorCode::NotFound, "is encrypted to none of our certificates");
}

Result<CmsOpened> cms_decrypt(ByteView der, X509* certificate, EVP_PKEY* key, std::size_t limit) {
  POSTERN_TRY(const CmsPtr cms, read_envelope(der));
  CMS_RecipientInfo* info = find_info(cms.get(), certificate);
  if (info == nullptr) return fail(ErrorCode::NotFound, "is not encrypted to this certificate");
  const std::string transport = transport_name(info);
  if (CMS_decrypt_set1_pkey(cms.get(), key, certificate) != 1) {
    openssl_clear_errors();
    return fail(ErrorCode::IntegrityFailed, "the content key cannot be unwrapped with the key of this certificate");
  }
  POSTERN_TRY(CmsOpened opened, open_content(cms.get(), limit));
  opened.key_transport = transport;
  opened.content_type = content_type_of(cms.get());
  return opened;
}

}  // namespace postern
