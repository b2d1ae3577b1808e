#include "seal/pgp_signers.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "seal/payload.hpp"
#include "seal/rnp.hpp"

namespace postern {
namespace {

constexpr std::size_t kMaxSignatures = 16;

bool holds_key(const PgpCertificate& certificate, std::string_view identifier) {
  return iequals(certificate.fingerprint(), identifier) ||
         std::any_of(certificate.key_ids().begin(), certificate.key_ids().end(), [&](const std::string& id) {
           return iequals(id, identifier) ||
                  (identifier.size() > id.size() && iequals(identifier.substr(identifier.size() - id.size()), id));
         });
}

/// RNP asks for the key it needs; so only the certificates of the signers are ever parsed, however many are known.
void provide_key(rnp_ffi_t ffi, void* context, const char*, const char* identifier, bool secret) {
  if (secret || identifier == nullptr) return;
  const auto& known = *static_cast<const std::span<const PgpCertificate>*>(context);
  for (const PgpCertificate& certificate : known) {
    // One that cannot be loaded leaves its signature with an unknown signer, which is the answer.
    if (holds_key(certificate, identifier)) static_cast<void>(rnp::add_certificates(ffi, certificate.bytes()).has_value());
  }
}

bool is_dead(rnp_key_handle_t key) {
  return rnp::yes([&](bool* out) { return rnp_key_is_revoked(key, out); }) ||
         rnp::yes([&](bool* out) { return rnp_key_is_expired(key, out); });
}

std::string primary_fingerprint(rnp_key_handle_t key) {
  std::string primary = rnp::text([&](char** out) { return rnp_key_get_primary_fprint(key, out); });
  return primary.empty() ? rnp::text([&](char** out) { return rnp_key_get_fprint(key, out); }) : primary;
}

OpenPgpSignatureStatus status_of(rnp_result_t result) {
  switch (result) {
    case RNP_SUCCESS: return OpenPgpSignatureStatus::Good;
    case RNP_ERROR_KEY_NOT_FOUND: return OpenPgpSignatureStatus::UnknownSigner;
    case RNP_ERROR_SIGNATURE_EXPIRED: return OpenPgpSignatureStatus::Expired;
    default: return OpenPgpSignatureStatus::Bad;
  }
}

std::string claimed_key_id(rnp_op_verify_signature_t signature) {
  rnp_signature_handle_t raw = nullptr;
  if (rnp_op_verify_signature_get_handle(signature, &raw) != RNP_SUCCESS) return {};
  std::string id = to_upper(rnp::text([&](char** out) { return rnp_signature_get_keyid(raw, out); }));
  rnp_signature_handle_destroy(raw);
  return id;
}

OpenPgpSignature read_signature(rnp_op_verify_signature_t signature) {
  OpenPgpSignature out;
  out.status = status_of(rnp_op_verify_signature_get_status(signature));
  out.key_id = claimed_key_id(signature);
  out.hash = rnp::text([&](char** text) { return rnp_op_verify_signature_get_hash(signature, text); });
  std::uint32_t created = 0;
  if (rnp_op_verify_signature_get_times(signature, &created, nullptr) == RNP_SUCCESS) out.created = created;
  rnp_key_handle_t raw = nullptr;
  if (rnp_op_verify_signature_get_key(signature, &raw) != RNP_SUCCESS || raw == nullptr) return out;
  const rnp::Key key(raw);
  out.fingerprint = primary_fingerprint(raw);
  if (out.status == OpenPgpSignatureStatus::Good && is_dead(raw)) out.status = OpenPgpSignatureStatus::UnusableKey;
  return out;
}

/// A subkey lives as long as its primary key: revoking or ending that ends both.
void check_primary(rnp_ffi_t ffi, OpenPgpSignature& signature) {
  if (signature.status != OpenPgpSignatureStatus::Good) return;
  const auto primary = rnp::find(ffi, "fingerprint", signature.fingerprint);
  if (primary && is_dead(primary->get())) signature.status = OpenPgpSignatureStatus::UnusableKey;
}

Result<std::vector<OpenPgpSignature>> read_signatures(rnp_ffi_t ffi, rnp_op_verify_t operation, rnp_result_t outcome) {
  std::size_t count = 0;
  if (rnp_op_verify_get_signature_count(operation, &count) != RNP_SUCCESS || count == 0) {
    return fail(rnp::error(ErrorCode::BadInput, "reading the OpenPGP signature", outcome));
  }
  if (count > kMaxSignatures) return fail(ErrorCode::TooLarge, "has more than 16 OpenPGP signatures");
  std::vector<OpenPgpSignature> out;
  for (std::size_t i = 0; i < count; ++i) {
    rnp_op_verify_signature_t signature = nullptr;
    if (rnp_op_verify_get_signature_at(operation, i, &signature) != RNP_SUCCESS) return fail(ErrorCode::Internal, "RNP lost a signature");
    out.push_back(read_signature(signature));
    check_primary(ffi, out.back());
  }
  return out;
}

std::string reason_of(OpenPgpSignatureStatus status) {
  switch (status) {
    case OpenPgpSignatureStatus::Good: return "";
    case OpenPgpSignatureStatus::Bad: return "the content or its signature was changed, or the signature is too weak";
    case OpenPgpSignatureStatus::UnknownSigner: return "no certificate of the signer is known";
    case OpenPgpSignatureStatus::Expired: return "the signature is expired";
    case OpenPgpSignatureStatus::UnusableKey: return "the signer's key is expired or revoked";
  }
  return "";
}

bool is_strong_hash(std::string_view hash) {
  return hash == "SHA256" || hash == "SHA384" || hash == "SHA512" || hash == "SHA3-256" || hash == "SHA3-512";
}

}  // namespace

PgpSignerFact signer_fact(const OpenPgpSignature& signature, std::span<const PgpCertificate> known, const std::vector<Mailbox>& from) {
  PgpSignerFact out;
  out.status = signature.status;
  out.key_id = signature.key_id;
  out.fingerprint = signature.fingerprint;
  out.hash = signature.hash;
  if (signature.created > 0) out.signing_time = WallTime(std::chrono::seconds(signature.created));
  for (const PgpCertificate& certificate : known) {
    if (iequals(certificate.fingerprint(), signature.fingerprint)) out.emails = certificate.emails();
  }
  out.strong = is_strong_hash(out.hash);
  out.matches_from = any_address_matches(out.emails, from);
  out.reason = reason_of(out.status);
  if (out.reason.empty() && !out.strong) out.reason = "signed with " + printable(out.hash, 32) + ", which is too weak";
  if (out.reason.empty() && !out.matches_from) out.reason = "the signer's certificate is not for the address in From";
  return out;
}

Result<std::vector<OpenPgpSignature>> check_signatures(std::optional<ByteView> content, ByteView signature,
                                                       std::span<const PgpCertificate> known, const SealContext& context) {
  POSTERN_TRY(const rnp::Ffi ffi, rnp::open(context.now));
  if (rnp_ffi_set_key_provider(ffi.get(), provide_key, &known) != RNP_SUCCESS)
    return fail(ErrorCode::Internal, "RNP does not take a key provider");
  POSTERN_TRY(const rnp::Input source, rnp::read(content.value_or(ByteView{})));
  POSTERN_TRY(const rnp::Input signed_input, rnp::read(signature));
  POSTERN_TRY(const rnp::Output output, rnp::buffer(context.limits.message_bytes));
  rnp_op_verify_t raw = nullptr;
  const auto created = content ? rnp_op_verify_detached_create(&raw, ffi.get(), source.get(), signed_input.get())
                               : rnp_op_verify_create(&raw, ffi.get(), signed_input.get(), output.get());
  if (created != RNP_SUCCESS) return fail(rnp::error(ErrorCode::Internal, "preparing the check of a signature", created));
  const rnp::Verify operation(raw);
  const auto outcome = rnp_op_verify_execute(raw);
  return read_signatures(ffi.get(), raw, outcome);
}

}  // namespace postern
