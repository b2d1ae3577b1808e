#include "crypto/openssl.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/x509.h>

#include <limits>
#include <new>
#include <string>

namespace postern {
namespace detail {

#define POSTERN_OPENSSL_FREE(TYPE, CALL)                            \
  template <>                                                       \
  void OpensslFree<TYPE>::operator()(TYPE* object) const noexcept { \
    CALL(object);                                                   \
  }
POSTERN_OPENSSL_FREE(EVP_PKEY, EVP_PKEY_free)
POSTERN_OPENSSL_FREE(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
POSTERN_OPENSSL_FREE(EVP_MD_CTX, EVP_MD_CTX_free)
POSTERN_OPENSSL_FREE(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
POSTERN_OPENSSL_FREE(EVP_MAC_CTX, EVP_MAC_CTX_free)
POSTERN_OPENSSL_FREE(EVP_KDF_CTX, EVP_KDF_CTX_free)
POSTERN_OPENSSL_FREE(BIO, BIO_free_all)
POSTERN_OPENSSL_FREE(BIGNUM, BN_clear_free)
POSTERN_OPENSSL_FREE(X509, X509_free)
POSTERN_OPENSSL_FREE(X509_STORE, X509_STORE_free)
POSTERN_OPENSSL_FREE(X509_STORE_CTX, X509_STORE_CTX_free)
POSTERN_OPENSSL_FREE(X509_EXTENSION, X509_EXTENSION_free)
POSTERN_OPENSSL_FREE(X509_NAME, X509_NAME_free)
POSTERN_OPENSSL_FREE(CMS_ContentInfo, CMS_ContentInfo_free)
POSTERN_OPENSSL_FREE(ASN1_STRING, ASN1_STRING_free)  // ASN1_TIME and ASN1_INTEGER are the same type
#undef POSTERN_OPENSSL_FREE

template <>
void OpensslFree<STACK_OF(X509)>::operator()(STACK_OF(X509) * stack) const noexcept {
  sk_X509_pop_free(stack, X509_free);
}

}  // namespace detail

EvpPkeyPtr share(EVP_PKEY* key) noexcept {
  if (key != nullptr) EVP_PKEY_up_ref(key);
  return EvpPkeyPtr(key);
}
X509Ptr share(X509* certificate) noexcept {
  if (certificate != nullptr) X509_up_ref(certificate);
  return X509Ptr(certificate);
}

Result<BioPtr> bio_over(ByteView bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return fail(ErrorCode::TooLarge, "more than 2 GiB in one piece");
  BioPtr bio(BIO_new_mem_buf(bytes.empty() ? "" : static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

BioPtr bio_buffer() {
  BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio) throw std::bad_alloc();
  return bio;
}

Bytes bio_bytes(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  if (size <= 0) return {};
  const ByteView view = as_bytes({data, static_cast<std::size_t>(size)});
  return {view.begin(), view.end()};
}

Error openssl_error(ErrorCode code, std::string_view doing) {
  const unsigned long first = ERR_peek_error();
  const char* reason = first != 0 ? ERR_reason_error_string(first) : nullptr;
  ERR_clear_error();
  Error error{code, std::string(doing), {}};
  if (reason != nullptr) error.what.append(": ").append(reason);
  return error;
}

void openssl_clear_errors() noexcept { ERR_clear_error(); }

}  // namespace postern
