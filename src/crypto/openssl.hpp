// Ownership and errors of OpenSSL objects. Nothing else in the project frees an OpenSSL object by hand or reads its error queue.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string_view>

#include "base/bytes.hpp"

struct CMS_ContentInfo_st;
struct X509_extension_st;
struct stack_st_X509;

namespace postern {

namespace detail {
template <class T>
struct OpensslFree {
  void operator()(T* object) const noexcept;  // defined in openssl.cpp for the types named below
};
}  // namespace detail

template <class T>
using OpensslPtr = std::unique_ptr<T, detail::OpensslFree<T>>;

using EvpPkeyPtr = OpensslPtr<EVP_PKEY>;
using EvpPkeyCtxPtr = OpensslPtr<EVP_PKEY_CTX>;
using EvpMdCtxPtr = OpensslPtr<EVP_MD_CTX>;
using EvpCipherCtxPtr = OpensslPtr<EVP_CIPHER_CTX>;
using EvpMacCtxPtr = OpensslPtr<EVP_MAC_CTX>;
using EvpKdfCtxPtr = OpensslPtr<EVP_KDF_CTX>;
using BioPtr = OpensslPtr<BIO>;  ///< Frees the whole chain.
using BignumPtr = OpensslPtr<BIGNUM>;
using X509Ptr = OpensslPtr<X509>;
using X509StackPtr = OpensslPtr<stack_st_X509>;  ///< STACK_OF(X509) that owns its certificates.
using X509StorePtr = OpensslPtr<X509_STORE>;
using X509StoreCtxPtr = OpensslPtr<X509_STORE_CTX>;
using X509ExtensionPtr = OpensslPtr<X509_extension_st>;
using X509NamePtr = OpensslPtr<X509_NAME>;
using CmsPtr = OpensslPtr<CMS_ContentInfo_st>;
using Asn1TimePtr = OpensslPtr<ASN1_TIME>;
using Asn1IntegerPtr = OpensslPtr<ASN1_INTEGER>;

/// Another owner of the same object (reference count plus one).
[[nodiscard]] EvpPkeyPtr share(EVP_PKEY* key) noexcept;
[[nodiscard]] X509Ptr share(X509* certificate) noexcept;

/// A read-only BIO over borrowed bytes. The bytes must outlive it and be under 2 GiB.
[[nodiscard]] Result<BioPtr> bio_over(ByteView bytes);
/// An empty growing BIO, and a copy of what was written to one.
[[nodiscard]] BioPtr bio_buffer();
[[nodiscard]] Bytes bio_bytes(BIO* bio);

/// Takes the calling thread's OpenSSL error queue (leaving it empty) and makes an Error of it: "DOING: reason". Only OpenSSL's fixed
/// reason texts are used, never the data attached to an error, so that no input can leak through it.
[[nodiscard]] Error openssl_error(ErrorCode code, std::string_view doing);
/// Empties the error queue after a failure that was expected.
void openssl_clear_errors() noexcept;

}  // namespace postern
