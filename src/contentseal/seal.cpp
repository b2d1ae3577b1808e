#include "contentseal/seal.hpp"

#include "contentseal/content_info.hpp"
#include "contentseal/mime_entity.hpp"
#include "contentseal/oids.hpp"
#include "seal/parties.hpp"

namespace postern::contentseal {
namespace {

Status expect_plain(const PlainContent& content) {
  if (!is_sealed(content.octets)) return {};
  return fail(ErrorCode::Conflict, "the content is an S/MIME object already; it is passed on as it is", "content");
}

Result<Bytes> signed_object(const PlainContent& content, const SmimeIdentity& signer, WallTime now) {
  POSTERN_CHECK(expect_signer(signer, now));
  CmsSignRequest request = sign_request(signer, false, now);
  request.content_type = content.type.text();
  POSTERN_TRY(CmsSigned made, cms_sign(content.octets, request));
  return std::move(made.der);
}

SealedContent sealed_as(std::initializer_list<EncodedType> types, Bytes octets) {
  SealedContent out{{id_ct_content_info()}, {}, std::move(octets)};
  for (const EncodedType each : types) out.encoded_types.push_back(id_eit(each));
  return out;
}

/// By the bytes, in a MIME entity or not.
std::optional<asn1::Oid> cms_type_of(ByteView octets) {
  if (auto type = sealed_type_of(octets)) return type;
  Limits limits;
  limits.message_bytes = octets.size();
  const auto der = unwrapped_mime(octets, limits);
  return der ? sealed_type_of(*der) : std::nullopt;
}

}  // namespace

Outermost outermost_of(ByteView octets) {
  const auto type = cms_type_of(octets);
  if (!type) return Outermost::None;
  if (*type == id_signed_data()) return Outermost::Signed;
  return *type == id_ct_compressed_data() ? Outermost::Compressed : Outermost::Encrypted;
}

bool is_sealed(ByteView octets) { return outermost_of(octets) != Outermost::None; }

Front front_of(ByteView octets) {
  if (sealed_type_of(octets)) return Front::MaybeSealed;
  const std::optional<bool> mime = begins_smime_entity(octets);
  if (mime.value_or(false)) return Front::MaybeSealed;
  return mime && octets.size() >= kContentInfoFront ? Front::Plain : Front::Undecided;
}

Result<SealedContent> sign_content(const PlainContent& content, const SmimeIdentity& signer, WallTime now) {
  POSTERN_CHECK(expect_plain(content));
  POSTERN_TRY(Bytes der, signed_object(content, signer, now));
  return sealed_as({EncodedType::SignedX400}, std::move(der));
}

Result<SealedContent> encrypt_content(const PlainContent& content, std::span<const Certificate> recipients,
                                      const EncryptionProfile& profile, WallTime now) {
  POSTERN_CHECK(expect_plain(content));
  POSTERN_TRY(const auto certificates, usable_recipients(recipients, now));
  POSTERN_TRY(Bytes der, cms_encrypt(content.octets, certificates, profile, content.type.text()));
  return sealed_as({EncodedType::EnvelopedX400}, std::move(der));
}

Result<SealedContent> sign_encrypt_content(const PlainContent& content, const SmimeIdentity& signer,
                                           std::span<const Certificate> recipients, const EncryptionProfile& profile, WallTime now) {
  POSTERN_CHECK(expect_plain(content));
  POSTERN_TRY(const auto certificates, usable_recipients(recipients, now));
  POSTERN_TRY(const Bytes inside, signed_object(content, signer, now));
  POSTERN_TRY(const ContentInfo info, read_content_info(inside));
  POSTERN_TRY(Bytes der, cms_encrypt(info.content.ber, certificates, profile, info.content_type.text()));
  // RFC 3854 3.4.1: the innermost layer says what the whole is; the other one is for who only asks whether it needs a key.
  return sealed_as({EncodedType::SignedX400, EncodedType::EnvelopedX400}, std::move(der));
}

}  // namespace postern::contentseal
