// The closing half of smime.hpp.
#include "mime/writer.hpp"
#include "seal/cms.hpp"
#include "seal/entity.hpp"
#include "seal/parties.hpp"
#include "seal/payload.hpp"
#include "seal/smime.hpp"

namespace postern {
namespace {

/// RFC 8551 3.5.3
Result<std::string> detached_entity(std::string_view content, const SmimeIdentity& signer, const SealContext& context) {
  POSTERN_TRY(const CmsSigned cms, cms_sign(as_bytes(content), sign_request(signer, true, context.now)));
  const std::string signature = base64_entity(
      "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Disposition: attachment; filename=\"smime.p7s\"\r\n",
      cms.der);
  return multipart_entity("multipart/signed; protocol=\"application/pkcs7-signature\";\r\n micalg=" + cms.micalg, {content, signature},
                          context.random);
}

/// RFC 8551 3.2: one application/pkcs7-mime object.
std::string pkcs7_entity(std::string_view smime_type, ByteView der) {
  return base64_entity("Content-Type: application/pkcs7-mime; smime-type=" + std::string(smime_type) +
                           ";\r\n name=\"smime.p7m\"\r\nContent-Disposition: attachment; filename=\"smime.p7m\"\r\n",
                       der);
}

/// RFC 8551 3.5.2
Result<std::string> opaque_entity(std::string_view content, const SmimeIdentity& signer, const SealContext& context) {
  POSTERN_TRY(const CmsSigned cms, cms_sign(as_bytes(content), sign_request(signer, false, context.now)));
  return pkcs7_entity("signed-data", cms.der);
}

/// What holds an 8-bit signed part inside can only go opaque: a multipart/signed must be 7bit (RFC 1847 2.1).
Result<std::string> signed_entity(const Payload& payload, const SmimeIdentity& signer, bool opaque, const SealContext& context) {
  return opaque || payload.eight_bit ? opaque_entity(payload.entity, signer, context) : detached_entity(payload.entity, signer, context);
}

Result<std::string> enveloped_entity(std::string_view content, std::span<const Certificate> recipients, const EncryptionProfile& profile,
                                     WallTime now) {
  POSTERN_TRY(const std::vector<X509*> certificates, usable_recipients(recipients, now));
  POSTERN_TRY(const Bytes der, cms_encrypt(as_bytes(content), certificates, profile));
  return pkcs7_entity(profile.cipher == ContentCipher::Aes256Gcm ? "authEnveloped-data" : "enveloped-data", der);
}

}  // namespace

Result<std::string> smime_sign(std::string_view message, const SmimeIdentity& signer, const SmimeSignOptions& options,
                               const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unprotected(view));
  POSTERN_CHECK(expect_signer(signer, context.now));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, false, context));
  POSTERN_TRY(const std::string entity, signed_entity(payload, signer, options.opaque, context));
  return join_message(payload.fields, entity);
}

Result<std::string> smime_encrypt(std::string_view message, std::span<const Certificate> recipients, const SmimeEncryptOptions& options,
                                  const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unencrypted(view));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, true, context));
  POSTERN_TRY(const std::string entity, enveloped_entity(payload.entity, recipients, options.profile, context.now));
  return join_message(payload.fields, entity);
}

Result<std::string> smime_sign_encrypt(std::string_view message, const SmimeIdentity& signer, std::span<const Certificate> recipients,
                                       const SmimeEncryptOptions& options, const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unprotected(view));
  POSTERN_CHECK(expect_signer(signer, context.now));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, true, context));
  POSTERN_TRY(const std::string inside, signed_entity(payload, signer, false, context));
  POSTERN_TRY(const std::string entity, enveloped_entity(inside, recipients, options.profile, context.now));
  return join_message(payload.fields, entity);
}

}  // namespace postern
