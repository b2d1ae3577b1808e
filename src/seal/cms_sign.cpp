// SignedData: making and checking (RFC 5652 5).
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>

#include "crypto/hash.hpp"
#include "seal/cms.hpp"
#include "seal/cms_handles.hpp"

namespace postern {
namespace {

constexpr unsigned kRaw = CMS_BINARY;  // bytes as they are; OpenSSL's own text conversions stay off

struct DigestChoice {
  HashAlgorithm hash;
  const char* micalg;
};

/// RFC 8551 2.1 and RFC 5754: the digest as strong as the key.
Result<DigestChoice> choose_digest(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return DigestChoice{HashAlgorithm::Sha256, "sha-256"};
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits > 384) return DigestChoice{HashAlgorithm::Sha512, "sha-512"};
    if (bits > 256) return DigestChoice{HashAlgorithm::Sha384, "sha-384"};
    return DigestChoice{HashAlgorithm::Sha256, "sha-256"};
  }
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    return fail(ErrorCode::Unsupported, "this OpenSSL cannot make Ed25519 S/MIME signatures (RFC 8419); use an RSA or ECDSA certificate",
                "key");
  }
  return fail(ErrorCode::Unsupported, "needs an RSA or ECDSA key for S/MIME signatures", "key");
}

/// RFC 8551 2.5.2: what we can read, best first.
Status add_capabilities(CMS_SignerInfo* signer) {
  STACK_OF(X509_ALGOR)* list = nullptr;
  bool ok = true;
  for (const int nid : {NID_aes_256_gcm, NID_aes_128_gcm, NID_aes_256_cbc, NID_aes_128_cbc})
    ok = ok && CMS_add_simple_smimecap(&list, nid, -1) == 1;
  ok = ok && CMS_add_smimecap(signer, list) == 1;
  sk_X509_ALGOR_pop_free(list, X509_ALGOR_free);
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "adding S/MIME capabilities"));
  return {};
}

Status add_signing_time(CMS_SignerInfo* signer, WallTime now) {
  // RFC 5652 11.3: UTCTime through 2049, GeneralizedTime after; ASN1_TIME_set chooses so.
  const Asn1TimePtr time(ASN1_TIME_set(nullptr, static_cast<time_t>(unix_seconds(now))));
  if (!time || CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, ASN1_STRING_type(time.get()), time.get(), -1) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "adding the signing time"));
  }
  return {};
}

Status add_chain(CMS_ContentInfo* cms, const CmsSignRequest& request) {
  for (std::size_t i = 0; i < request.chain.size(); ++i) {
    bool again = X509_cmp(request.chain[i], request.certificate) == 0;
    for (std::size_t k = 0; k < i; ++k) again = again || X509_cmp(request.chain[i], request.chain[k]) == 0;
    if (!again && CMS_add1_cert(cms, request.chain[i]) != 1)
      return fail(openssl_error(ErrorCode::Internal, "adding the certificate chain"));
  }
  return {};
}

Result<CMS_SignerInfo*> add_signer(CMS_ContentInfo* cms, const CmsSignRequest& request, HashAlgorithm hash) {
  // CMS_CADES adds signingCertificateV2 (RFC 5035): the signature names its certificate and cannot be moved to another of the same key.
  const unsigned flags = kRaw | CMS_NOSMIMECAP | CMS_CADES;
  CMS_SignerInfo* signer = CMS_add1_signer(cms, request.certificate, request.key, evp_md(hash), flags);
  if (signer == nullptr) return fail(openssl_error(ErrorCode::BadInput, "using the signing key with its certificate"));
  POSTERN_CHECK(add_capabilities(signer));
  POSTERN_CHECK(add_signing_time(signer, request.signing_time));
  return signer;
}

std::optional<WallTime> signing_time_of(const CMS_SignerInfo* signer) {
  for (const int type : {V_ASN1_UTCTIME, V_ASN1_GENERALIZEDTIME}) {
    const void* raw = CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_signingTime), -3, type);
    std::tm parts{};
    if (raw == nullptr || ASN1_TIME_to_tm(static_cast<const ASN1_TIME*>(raw), &parts) != 1) continue;
    return WallTime(std::chrono::seconds(timegm(&parts)));
  }
  openssl_clear_errors();
  return std::nullopt;
}

std::string key_algorithm_name(const EVP_PKEY* key) {
  if (key == nullptr) return "";
  if (EVP_PKEY_is_a(key, "RSA") == 1) return "rsa";
  if (EVP_PKEY_is_a(key, "RSA-PSS") == 1) return "rsa-pss";
  if (EVP_PKEY_is_a(key, "EC") == 1) return "ecdsa";
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return "ed25519";
  return "other";
}

/// RFC 5652 11.1: what was signed was signed as something, and that is what it must be said to be; OpenSSL does not look. 5.3: only id-data
/// may go without signed attributes.
bool content_type_matches(CMS_SignerInfo* signer, const std::string& content_type) {
  if (CMS_signed_get_attr_count(signer) < 0) return content_type == kCmsData;
  const void* raw = CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
  std::array<char, 256> text{};
  return raw != nullptr && OBJ_obj2txt(text.data(), static_cast<int>(text.size()), static_cast<const ASN1_OBJECT*>(raw), 1) > 0 &&
         content_type == text.data();
}

/// RFC 5652 5.6: the signature over the signed attributes (or over the content when there are none), then the message digest.
bool signature_matches(CMS_SignerInfo* signer, BIO* chain, const std::string& content_type) {
  const bool has_attributes = CMS_signed_get_attr_count(signer) >= 0;
  const bool attributes_ok = content_type_matches(signer, content_type) && (!has_attributes || CMS_SignerInfo_verify(signer) == 1);
  const bool ok = attributes_ok && CMS_SignerInfo_verify_content(signer, chain) == 1;
  openssl_clear_errors();
  return ok;
}

Result<CmsSigner> check_signer(CMS_SignerInfo* signer, BIO* chain, const std::string& content_type) {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  X509_ALGOR* digest = nullptr;
  X509_ALGOR* signature = nullptr;
  CMS_SignerInfo_get0_algs(signer, &key, &certificate, &digest, &signature);
  CmsSigner out;
  out.digest = algorithm_name(digest);
  out.algorithm = algorithm_name(signature) == "rsassapss" ? "rsa-pss" : key_algorithm_name(key);
  out.signing_time = signing_time_of(signer);
  if (certificate == nullptr) return out;
  POSTERN_TRY(out.certificate, certificate_der(certificate));
  out.signature_valid = signature_matches(signer, chain, content_type);
  return out;
}

Result<std::vector<Bytes>> carried_certificates(CMS_ContentInfo* cms) {
  std::vector<Bytes> out;
  STACK_OF(X509)* certificates = CMS_get1_certs(cms);
  Status status;
  for (int i = 0; status && i < sk_X509_num(certificates); ++i) {
    auto der = certificate_der(sk_X509_value(certificates, i));
    if (der)
      out.push_back(*std::move(der));
    else
      status = fail(std::move(der).error());
  }
  sk_X509_pop_free(certificates, X509_free);
  if (!status) return fail(std::move(status).error());
  return out;
}

Status expect_signed_data(CMS_ContentInfo* cms, bool has_detached) {
  if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) return fail(ErrorCode::BadInput, "is no CMS SignedData");
  if (CMS_is_detached(cms) == 1 && !has_detached) return fail(ErrorCode::BadInput, "the signature carries no content");
  const STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
  if (signers == nullptr || sk_CMS_SignerInfo_num(signers) <= 0) return fail(ErrorCode::BadInput, "the CMS SignedData has no signer");
  return {};
}

constexpr int kMaxSigners = 16;  // each costs a public key operation

}  // namespace

bool cms_is_certs_only(ByteView der) {
  const auto cms = cms_read(der);
  if (!cms || OBJ_obj2nid(CMS_get0_type(cms->get())) != NID_pkcs7_signed) return false;
  const STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms->get());
  return CMS_is_detached(cms->get()) == 1 && (signers == nullptr || sk_CMS_SignerInfo_num(signers) <= 0);
}

Result<CmsSigned> cms_sign(ByteView content, const CmsSignRequest& request) {
  POSTERN_TRY(const DigestChoice digest, choose_digest(X509_get0_pubkey(request.certificate)));
  const unsigned flags = kRaw | (request.detached ? CMS_DETACHED : 0U);
  const CmsPtr cms(CMS_sign(nullptr, nullptr, nullptr, nullptr, flags | CMS_PARTIAL));
  if (!cms) return fail(openssl_error(ErrorCode::Internal, "creating SignedData"));
  POSTERN_CHECK(set_content_type(cms.get(), request.content_type));
  POSTERN_CHECK(add_signer(cms.get(), request, digest.hash));
  POSTERN_CHECK(add_chain(cms.get(), request));
  POSTERN_TRY(const BioPtr source, bio_over(content));
  if (CMS_final(cms.get(), source.get(), nullptr, flags) != 1) return fail(openssl_error(ErrorCode::Unavailable, "signing"));
  POSTERN_TRY(Bytes der, cms_write(cms.get()));
  return CmsSigned{std::move(der), digest.micalg};
}

namespace {

/// The digest filters over the content, ready to be read through. A detached content is part of the chain, which frees it.
Result<CmsChainPtr> digest_chain(CMS_ContentInfo* cms, std::optional<ByteView> detached) {
  BioPtr source;
  if (detached) {
    POSTERN_TRY(source, bio_over(*detached));
  }
  CmsChainPtr chain(CMS_dataInit(cms, source.get()));
  if (!chain) return fail(openssl_error(ErrorCode::Unsupported, "preparing the digests of the signature"));
  static_cast<void>(source.release());
  return chain;
}

Result<std::vector<CmsSigner>> check_signers(CMS_ContentInfo* cms, BIO* chain) {
  CMS_set1_signers_certs(cms, nullptr, 0);
  STACK_OF(CMS_SignerInfo)* signers = CMS_get0_SignerInfos(cms);
  if (sk_CMS_SignerInfo_num(signers) > kMaxSigners) return fail(ErrorCode::TooLarge, "has more than 16 signers");
  const std::string content_type = content_type_of(cms);
  std::vector<CmsSigner> out;
  for (int i = 0; i < sk_CMS_SignerInfo_num(signers); ++i) {
    POSTERN_TRY(CmsSigner signer, check_signer(sk_CMS_SignerInfo_value(signers, i), chain, content_type));
    out.push_back(std::move(signer));
  }
  return out;
}

}  // namespace

Result<CmsVerified> cms_verify(ByteView der, std::optional<ByteView> detached, std::size_t limit) {
  POSTERN_TRY(const CmsPtr cms, cms_read(der));
  POSTERN_CHECK(expect_signed_data(cms.get(), detached.has_value()));
  POSTERN_TRY(const CmsChainPtr chain, digest_chain(cms.get(), detached));
  CmsVerified out;
  out.content_type = content_type_of(cms.get());
  POSTERN_TRY(out.content, cms_drain(chain.get(), limit));
  if (detached) out.content.clear();
  POSTERN_TRY(out.signers, check_signers(cms.get(), chain.get()));
  POSTERN_TRY(out.certificates, carried_certificates(cms.get()));
  return out;
}

}  // namespace postern
