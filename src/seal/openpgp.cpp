#include "seal/openpgp.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "seal/decoded.hpp"
#include "seal/entity.hpp"
#include "seal/payload.hpp"
#include "seal/pgp_signers.hpp"
#include "seal/rnp.hpp"

namespace postern {
namespace {

Status expect_usable(std::span<const PgpCertificate> recipients, WallTime now) {
  if (recipients.empty()) return fail(ErrorCode::BadInput, "needs at least one recipient certificate", "recipient");
  for (const PgpCertificate& certificate : recipients) {
    if (const auto fault = certificate.recipient_fault(now))
      return fail(ErrorCode::BadInput, "certificate " + certificate.fingerprint() + " " + *fault, "recipient");
  }
  return {};
}

Status configure(rnp_op_encrypt_t operation, WallTime now) {
  // No compression: the size of what is said must not tell about what is hidden, and bombs need it.
  const bool ok = rnp_op_encrypt_set_armor(operation, true) == RNP_SUCCESS &&
                  rnp_op_encrypt_set_cipher(operation, "AES256") == RNP_SUCCESS &&
                  rnp_op_encrypt_set_aead(operation, "None") == RNP_SUCCESS &&
                  rnp_op_encrypt_set_compression(operation, "Uncompressed", 0) == RNP_SUCCESS &&
                  rnp_op_encrypt_set_file_name(operation, "") == RNP_SUCCESS &&
                  rnp_op_encrypt_set_file_mtime(operation, static_cast<std::uint32_t>(unix_seconds(now))) == RNP_SUCCESS;
  if (!ok) return fail(ErrorCode::Internal, "RNP does not accept the encryption settings");
  return {};
}

Status add_recipient(rnp_ffi_t ffi, rnp_op_encrypt_t operation, const PgpCertificate& certificate) {
  POSTERN_TRY(const rnp::Key key, rnp::find(ffi, "fingerprint", certificate.fingerprint()));
  const auto result = rnp_op_encrypt_add_recipient(operation, key.get());
  if (result != RNP_SUCCESS) return fail(rnp::error(ErrorCode::BadInput, "adding recipient " + certificate.fingerprint(), result));
  return {};
}

/// An armored OpenPGP message: AES-256, SEIPD version 1.
Result<Bytes> encrypt_bytes(ByteView plaintext, std::span<const PgpCertificate> recipients, WallTime now) {
  POSTERN_TRY(const rnp::Ffi ffi, rnp::open(now));
  for (const PgpCertificate& certificate : recipients) POSTERN_CHECK(rnp::add_certificates(ffi.get(), certificate.bytes()));
  POSTERN_TRY(const rnp::Input input, rnp::read(plaintext));
  POSTERN_TRY(const rnp::Output output, rnp::buffer(0));
  rnp_op_encrypt_t raw = nullptr;
  if (const auto result = rnp_op_encrypt_create(&raw, ffi.get(), input.get(), output.get()); result != RNP_SUCCESS) {
    return fail(rnp::error(ErrorCode::Internal, "preparing encryption", result));
  }
  const rnp::Encrypt operation(raw);
  for (const PgpCertificate& certificate : recipients) POSTERN_CHECK(add_recipient(ffi.get(), raw, certificate));
  POSTERN_CHECK(configure(raw, now));
  if (const auto result = rnp_op_encrypt_execute(raw); result != RNP_SUCCESS)
    return fail(rnp::error(ErrorCode::BadInput, "encrypting", result));
  return rnp::bytes_of(output.get());
}

/// RFC 3156 4: the control part, then the armored message.
Result<std::string> encrypted_entity(std::string_view armored, Random& random) {
  const std::string control =
      make_entity("Content-Type: application/pgp-encrypted\r\nContent-Description: PGP/MIME version identification\r\n", "Version: 1\r\n");
  const std::string data = make_entity(
      "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\nContent-Description: OpenPGP encrypted message\r\n"
      "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n",
      normalize_crlf(armored));
  return multipart_entity("multipart/encrypted; protocol=\"application/pgp-encrypted\"", {control, data}, random);
}

/// RFC 3156 5
Result<std::string> signed_entity(std::string_view content, std::string_view armored_signature, Random& random) {
  const std::string signature =
      make_entity("Content-Type: application/pgp-signature; name=\"signature.asc\"\r\nContent-Description: OpenPGP digital signature\r\n",
                  normalize_crlf(armored_signature));
  return multipart_entity("multipart/signed; micalg=pgp-sha512;\r\n protocol=\"application/pgp-signature\"", {content, signature}, random);
}

Result<MultipartView> parts_of(const MessageView& message, const Limits& limits) {
  const ContentType type = parse_content_type(message.find("Content-Type")->value);
  return split_multipart(message.body(), type.parameter("boundary"), limits.mime_parts);
}

Result<Bytes> encrypted_bytes(const MessageView& message, Protection protection, const Limits& limits) {
  if (protection == Protection::PgpInlineEncrypted) return decoded_content(message.raw(), limits);
  if (protection != Protection::PgpEncrypted) return fail(ErrorCode::BadInput, "the message is not OpenPGP encrypted");
  POSTERN_TRY(const MultipartView parts, parts_of(message, limits));
  return decoded_content(parts.parts.at(1), limits);
}

/// Inline OpenPGP holds bare text, so it gets the header the message had for its armor.
Result<std::string> text_entity(const MessageView& message, const Bytes& plaintext, const Limits& limits) {
  std::string charset;
  if (const HeaderField* field = message.find("Content-Type")) charset = parse_content_type(field->value).parameter("charset");
  if (!is_ascii(as_text(plaintext)) && (charset.empty() || iequals(charset, "us-ascii"))) charset = "utf-8";
  const std::string fields =
      "Content-Type: text/plain; charset=" + (charset.empty() ? "us-ascii" : charset) + "\r\nContent-Transfer-Encoding: 8bit\r\n";
  return canonical_entity(make_entity(fields, as_text(plaintext)), limits);
}

Result<std::string> opened_entity(const MessageView& message, Protection protection, const Bytes& plaintext, const Limits& limits) {
  if (protection == Protection::PgpInlineEncrypted) return text_entity(message, plaintext, limits);
  return std::string(as_text(plaintext));
}

/// Only a certificate for the address in From can make a signature valid, so only those are parsed.
std::vector<Bytes> certificates_of(const std::vector<Mailbox>& from, std::span<const PgpCertificate> known) {
  std::vector<Bytes> out;
  for (const PgpCertificate& certificate : known) {
    if (any_address_matches(certificate.emails(), from)) out.push_back(certificate.bytes());
  }
  return out;
}

std::vector<PgpSignerFact> facts_of(const std::vector<OpenPgpSignature>& signatures, std::span<const PgpCertificate> known,
                                    const std::vector<Mailbox>& from) {
  std::vector<PgpSignerFact> out;
  for (const OpenPgpSignature& signature : signatures) out.push_back(signer_fact(signature, known, from));
  return out;
}

bool all_valid(const std::vector<PgpSignerFact>& signers) {
  return !signers.empty() && std::all_of(signers.begin(), signers.end(), [](const PgpSignerFact& fact) { return fact.valid(); });
}

bool is_pgp_signed(Protection protection) { return protection == Protection::PgpSigned || protection == Protection::PgpInlineSigned; }

std::vector<Bytes> bytes_of(std::span<const PgpCertificate> certificates) {
  std::vector<Bytes> out;
  for (const PgpCertificate& certificate : certificates) out.push_back(certificate.bytes());
  return out;
}

}  // namespace

Result<std::string> pgp_sign(std::string_view message, Keeper& keeper, const KeyName& key, const PgpSignOptions& options,
                             const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unprotected(view));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, false, context));
  if (payload.eight_bit)
    return fail(ErrorCode::Conflict, "holds a signed 8-bit part, which must not be rewritten and cannot be signed as it is");
  POSTERN_TRY(const std::string signature, keeper.openpgp_sign_detached(key, as_bytes(payload.entity)));
  POSTERN_TRY(const std::string entity, signed_entity(payload.entity, signature, context.random));
  return join_message(payload.fields, entity);
}

Result<std::string> pgp_encrypt(std::string_view message, std::span<const PgpCertificate> recipients, const PgpEncryptOptions& options,
                                const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unencrypted(view));
  POSTERN_CHECK(expect_usable(recipients, context.now));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, true, context));
  POSTERN_TRY(const Bytes armored, encrypt_bytes(as_bytes(payload.entity), recipients, context.now));
  POSTERN_TRY(const std::string entity, encrypted_entity(as_text(armored), context.random));
  return join_message(payload.fields, entity);
}

Result<std::string> pgp_sign_encrypt(std::string_view message, Keeper& keeper, const KeyName& key,
                                     std::span<const PgpCertificate> recipients, const PgpEncryptOptions& options,
                                     const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  POSTERN_CHECK(expect_unprotected(view));
  POSTERN_CHECK(expect_usable(recipients, context.now));
  POSTERN_TRY(const Payload payload, make_payload(view, options.header, true, context));
  POSTERN_TRY(const std::string armored, keeper.openpgp_sign_encrypt(key, bytes_of(recipients), as_bytes(payload.entity)));
  POSTERN_TRY(const std::string entity, encrypted_entity(armored, context.random));
  return join_message(payload.fields, entity);
}

Result<PgpOpened> pgp_decrypt(std::string_view message, Keeper& keeper, const KeyName& key, std::span<const PgpCertificate> known,
                              const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  const Protection protection = classify(view).protection;
  POSTERN_TRY(const Bytes sealed, encrypted_bytes(view, protection, context.limits));
  const std::vector<Mailbox> from = from_mailboxes(view);
  POSTERN_TRY(const OpenPgpOpened opened, keeper.openpgp_decrypt(key, sealed, certificates_of(from, known)));
  if (opened.plaintext.size() > context.limits.message_bytes)
    return fail(ErrorCode::TooLarge, "the decrypted content is too large", "message_bytes");
  POSTERN_TRY(const std::string entity, opened_entity(view, protection, opened.plaintext, context.limits));
  POSTERN_TRY(Restored restored, restore_message(view, entity, context.limits));
  PgpOpened out;
  out.message = std::move(restored.message);
  out.header = std::move(restored.header);
  out.inner = restored.inner;
  out.cipher = opened.cipher;
  out.mode = opened.mode;
  out.signers = facts_of(opened.signatures, known, from);
  return out;
}

Result<PgpVerification> pgp_verify(std::string_view message, std::span<const PgpCertificate> known, const SealContext& context) {
  POSTERN_TRY(const MessageView view, MessageView::parse(message, context.limits));
  PgpVerification out;
  out.protection = classify(view).protection;
  if (!is_pgp_signed(out.protection)) return fail(ErrorCode::BadInput, "the message has no OpenPGP signature");
  const bool detached = out.protection == Protection::PgpSigned;
  POSTERN_TRY(const MultipartView parts, detached ? parts_of(view, context.limits) : Result<MultipartView>(MultipartView{}));
  POSTERN_TRY(const Bytes signature, decoded_content(detached ? parts.parts.at(1) : message, context.limits));
  const auto content = detached ? std::optional<ByteView>(as_bytes(parts.parts.front())) : std::nullopt;
  POSTERN_TRY(const std::vector<OpenPgpSignature> found, check_signatures(content, signature, known, context));
  out.signers = facts_of(found, known, from_mailboxes(view));
  const bool good =
      std::all_of(found.begin(), found.end(), [](const OpenPgpSignature& one) { return one.status == OpenPgpSignatureStatus::Good; });
  if (detached && good) out.header = compare_header(view, payload_of(parts.parts.front(), context.limits), context.limits);
  return out;
}

bool PgpOpened::signature_valid() const noexcept { return all_valid(signers); }
bool PgpVerification::valid() const noexcept { return all_valid(signers); }

std::string PgpVerification::reason() const {
  for (const PgpSignerFact& signer : signers) {
    if (!signer.valid()) return signer.reason;
  }
  return signers.empty() ? "nobody signed" : "valid";
}

}  // namespace postern
