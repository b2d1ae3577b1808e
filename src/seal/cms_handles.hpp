// Small steps that both halves of cms.hpp share. Inside this room only.
#pragma once

#include <openssl/cms.h>

#include <string>

#include "crypto/openssl.hpp"

namespace postern {

/// A chain of BIOs as CMS_dataInit() returns it: filters above, the content's source at the bottom. Freed whole.
struct CmsChainDeleter {
  void operator()(BIO* chain) const noexcept;
};
using CmsChainPtr = std::unique_ptr<BIO, CmsChainDeleter>;

/// Reads one ContentInfo (DER, or BER as RFC 8551 3 allows); BadInput when the bytes are none.
[[nodiscard]] Result<CmsPtr> cms_read(ByteView der);
[[nodiscard]] Result<Bytes> cms_write(CMS_ContentInfo* cms);
[[nodiscard]] Result<Bytes> certificate_der(const X509* certificate);
/// OpenSSL's long name of an algorithm, in lower case: "sha256", "rsaesoaep".
[[nodiscard]] std::string algorithm_name(const X509_ALGOR* algorithm);

/// What is inside of SignedData and both kinds of envelopes (eContentType), as dotted text, and the inverse on one that is being made.
[[nodiscard]] std::string content_type_of(CMS_ContentInfo* cms);
[[nodiscard]] Status set_content_type(CMS_ContentInfo* cms, const std::string& dotted);

/// Reads the chain to its end; TooLarge past `limit`, and then nothing is given out.
[[nodiscard]] Result<Bytes> cms_drain(BIO* chain, std::size_t limit);

}  // namespace postern
