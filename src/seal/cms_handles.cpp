#include "seal/cms_handles.hpp"

#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <array>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace postern {

void CmsChainDeleter::operator()(BIO* chain) const noexcept { BIO_free_all(chain); }

Result<CmsPtr> cms_read(ByteView der) {
  // Through a BIO, because d2i_CMS_bio also reads the indefinite lengths of BER that older senders write.
  POSTERN_TRY(const BioPtr source, bio_over(der));
  CmsPtr cms(d2i_CMS_bio(source.get(), nullptr));
  if (!cms) return fail(openssl_error(ErrorCode::BadInput, "reading the CMS ContentInfo"));
  return cms;
}

namespace {

template <class T, class Write>
Result<Bytes> write_der(T* object, Write write, const char* doing) {
  const int size = write(object, nullptr);
  if (size <= 0) return fail(openssl_error(ErrorCode::Internal, doing));
  Bytes out(static_cast<std::size_t>(size));
  Byte* at = out.data();
  if (write(object, &at) != size) return fail(openssl_error(ErrorCode::Internal, doing));
  return out;
}

}  // namespace

Result<Bytes> cms_write(CMS_ContentInfo* cms) { return write_der(cms, i2d_CMS_ContentInfo, "writing the CMS object"); }
Result<Bytes> certificate_der(const X509* certificate) { return write_der(certificate, i2d_X509, "writing a certificate"); }

std::string algorithm_name(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int nid = OBJ_obj2nid(object);
  if (nid != NID_undef) return to_lower(OBJ_nid2ln(nid));
  std::array<char, 80> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

std::string content_type_of(CMS_ContentInfo* cms) {
  std::array<char, 256> text{};
  const ASN1_OBJECT* type = CMS_get0_eContentType(cms);
  if (type == nullptr || OBJ_obj2txt(text.data(), static_cast<int>(text.size()), type, 1) <= 0) {
    openssl_clear_errors();
    return {};
  }
  return text.data();
}

Status set_content_type(CMS_ContentInfo* cms, const std::string& dotted) {
  ASN1_OBJECT* type = OBJ_txt2obj(dotted.c_str(), 1);
  const bool set = type != nullptr && CMS_set1_eContentType(cms, type) == 1;
  ASN1_OBJECT_free(type);
  if (!set) return fail(openssl_error(ErrorCode::BadInput, "setting the content type " + dotted));
  return {};
}

Result<Bytes> cms_drain(BIO* chain, std::size_t limit) {
  Bytes out;
  std::array<Byte, 16384> piece{};
  for (;;) {
    const int got = BIO_read(chain, piece.data(), static_cast<int>(piece.size()));
    if (got <= 0) break;
    if (out.size() + static_cast<std::size_t>(got) > limit) {
      wipe(out);
      return fail(ErrorCode::TooLarge, "the protected content is larger than " + std::to_string(limit) + " bytes", "message_bytes");
    }
    append(out, ByteView(piece).first(static_cast<std::size_t>(got)));
  }
  wipe(piece);
  return out;
}

}  // namespace postern
