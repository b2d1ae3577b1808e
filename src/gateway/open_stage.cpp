// Station "open": decrypt what is for keys of ours, verify what is signed.
#include <algorithm>

#include "gateway/revocations.hpp"
#include "gateway/stages.hpp"
#include "policy/verdict_rules.hpp"
#include "seal/payload.hpp"

namespace postern::gateway {
namespace {

SealContext context_of(const PipelineParts& parts) { return {parts.clock.now(), parts.random, parts.config.limits}; }

/// Engines do not wait: what could be asked is asked between two passes (Intake).
PathRevocation standing_of(const PipelineParts& parts, const CertificateChain& path, SignerQuestions* questions) {
  if (auto known = parts.signer_standing(path)) return *std::move(known);
  const bool asked = questions != nullptr && std::ranges::find(*questions, path) != questions->end();
  const bool asks = asked || (questions != nullptr && questions->size() < kMostSignerQuestions);
  if (asks && !asked) questions->push_back(path);
  std::vector<CertificateRevocation> found;
  if (!asks) found.push_back({0, {}, {RevocationStatus::Invalid, "nobody was asked"}});
  return decide_path_revocation(path, parse_revocation_policy(parts.config.smime.revocation).value_or(RevocationPolicy::Soft),
                                std::move(found));
}

SmimeTrust trust_of(const PipelineParts& parts, SignerQuestions* questions) {
  SmimeTrust trust;
  trust.roots = parts.smime_roots;
  if (parts.signer_standing)
    trust.judge_path = [&parts, questions](const CertificateChain& path) { return standing_of(parts, path, questions); };
  return trust;
}

/// A value may hold anything a certificate says; it stands in a header field of ours.
std::string safe(std::string_view text) {
  std::string out;
  for (const char c : text) out += c > 0x20 && c < 0x7F && c != ';' && c != '"' && c != '\\' ? c : '_';
  return out;
}

std::string signer_text(const std::vector<std::string>& emails) { return emails.empty() ? "unknown" : safe(emails.front()); }

/// "; revocation=good", "; revocation=unknown"; empty where nobody could be asked.
std::string standing_text(const SmimeSigner& signer) {
  const std::string text = signer.revocation ? revocation_text(*signer.revocation) : std::string();
  if (text.empty()) return {};
  return signer.revocation->notes.empty() ? "; revocation=good" : "; revocation=unknown";
}

/// Whether the policy is Hard and somebody is named who may answer later.
bool may_be_known_later(const SmimeSigner& signer) {
  return signer.revocation && !signer.revocation->ok &&
         std::ranges::none_of(signer.revocation->certificates, [](const CertificateRevocation& one) { return one.source == kNobody; });
}

std::string_view result_of(const SmimeSigner& signer) {
  if (signer.valid()) return "valid";
  if (!signer.signature_ok) return "broken";
  if (signer.revoked) return "revoked";
  return may_be_known_later(signer) ? "temperror" : "untrusted";
}

std::string result_of(const SmimeVerification& verified) {
  std::string_view worst = verified.signers.empty() ? "broken" : "valid";
  for (const SmimeSigner& signer : verified.signers) worst = policy::worse_signature(worst, result_of(signer));
  return std::string(worst);
}

std::string_view result_of(const PgpSignerFact& signer) {
  if (signer.valid()) return "valid";
  return signer.status == OpenPgpSignatureStatus::Bad ? "broken" : "untrusted";
}

std::string result_of(const std::vector<PgpSignerFact>& signers) {
  std::string_view worst = "none";
  for (const PgpSignerFact& signer : signers) worst = policy::worse_signature(worst, result_of(signer));
  return std::string(worst);
}

std::string smime_signature(const SmimeVerification& verified) {
  const std::string who = verified.signers.empty() ? "unknown" : signer_text(verified.signers.front().emails);
  if (verified.valid()) return "signature=valid; signer=" + who + standing_text(verified.signers.front());
  return "signature=invalid; signer=" + who + "; reason=" + safe(verified.reason());
}

std::string pgp_signature(const std::vector<PgpSignerFact>& signers, bool valid) {
  if (signers.empty()) return "signature=none";
  const auto& first = signers.front();
  std::string out = valid                                                   ? "signature=valid"
                    : first.status == OpenPgpSignatureStatus::UnknownSigner ? "signature=unknown-key"
                                                                            : "signature=invalid";
  out += "; signer=" + (first.emails.empty() ? safe(first.key_id) : signer_text(first.emails));
  if (!valid && !first.reason.empty()) out += "; reason=" + safe(first.reason);
  return out;
}

/// The signature that was inside the encryption.
Verified inner_signature(const PipelineParts& parts, std::string_view message, Protection inner, SignerQuestions* questions) {
  Verified out = is_signed(inner) ? verify(parts, message, inner, questions) : Verified();
  out.trace = out.trace.empty() ? "signature=none" : out.trace.substr(out.trace.find("signature="));
  return out;
}

/// Of the keeper, not of the message.
bool is_passing(const Error& error) {
  return error.code == ErrorCode::Unavailable || error.code == ErrorCode::Timeout || error.code == ErrorCode::Exhausted;
}

/// NotFound: the message is not for our key, so it passes as it is. Everything else must not be delivered.
Opened not_opened(const Error& error, std::string_view kind) {
  Opened out;
  if (is_passing(error))
    out.passing = error;
  else if (error.code != ErrorCode::NotFound)
    out.failure = "encrypted (" + std::string(kind) + ") for a key of this gateway, and it could not be opened: " + error.text();
  if (!out.failure.empty()) out.signature = "broken";
  return out;
}

Opened open_smime(const PipelineParts& parts, std::string_view message, const Mailbox& recipient, SignerQuestions* questions) {
  const auto identities = parts.identities.existing_smime(recipient);
  if (!identities) return not_opened(identities.error(), "S/MIME");
  auto opened = smime_decrypt(message, *identities, context_of(parts));
  if (!opened) return not_opened(opened.error(), "S/MIME");
  Opened out;
  Verified verified = inner_signature(parts, opened->message, opened->inner, questions);
  out.trace = "opened=smime; cipher=" + safe(opened->cipher) + "; key=" + safe(opened->key_transport) +
              (opened->authenticated ? "; " : "; integrity=none; ") + verified.trace;
  out.signature = std::move(verified.signature);
  out.inner = opened->inner;
  out.message = std::move(opened->message);
  return out;
}

/// Certificates that may vouch for a signature: the correspondents', and our own people's that stand in From.
std::vector<PgpCertificate> pgp_signers(const PipelineParts& parts, std::string_view message) {
  std::vector<PgpCertificate> out = parts.correspondents.openpgp()->everything();
  const auto view = MessageView::parse(message, parts.config.limits);
  if (!view) return out;
  for (const Mailbox& author : from_mailboxes(*view)) {
    if (auto own = parts.identities.own_openpgp(author)) out.push_back(*std::move(own));
  }
  return out;
}

Opened open_pgp(const PipelineParts& parts, std::string_view message, const Mailbox& recipient, SignerQuestions* questions) {
  const auto key = parts.identities.existing_openpgp(recipient);
  if (!key) return not_opened(key.error(), "OpenPGP");
  const auto known = pgp_signers(parts, message);
  auto opened = pgp_decrypt(message, *parts.keeper, *key, known, context_of(parts));
  if (!opened) return not_opened(opened.error(), "OpenPGP");
  Opened out;
  Verified verified = inner_signature(parts, opened->message, opened->inner, questions);
  if (!opened->signers.empty()) {  // a signature of the encryption does not excuse one inside
    const bool inside = is_signed(opened->inner);
    const std::string outer(result_of(opened->signers));
    verified.signature = inside ? std::string(policy::worse_signature(outer, verified.signature)) : outer;
    verified.trace = pgp_signature(opened->signers, opened->signature_valid());
  }
  out.trace = "opened=openpgp; cipher=" + safe(opened->cipher) + "; mode=" + safe(opened->mode) + "; " + verified.trace;
  out.signature = std::move(verified.signature);
  out.inner = opened->inner;
  out.message = std::move(opened->message);
  return out;
}

}  // namespace

Opened open_for(const PipelineParts& parts, std::string_view message, Protection protection, const Mailbox& recipient,
                SignerQuestions* questions) {
  if (protection == Protection::SmimeEncrypted) return open_smime(parts, message, recipient, questions);
  if (protection == Protection::PgpEncrypted || protection == Protection::PgpInlineEncrypted)
    return open_pgp(parts, message, recipient, questions);
  return {};
}

Verified verify(const PipelineParts& parts, std::string_view message, Protection protection, SignerQuestions* questions) {
  const auto unreadable = [](const Error& error) { return Verified{"signature=invalid; reason=" + safe(error.text()), "broken"}; };
  Verified out;
  if (protection == Protection::SmimeSigned || protection == Protection::SmimeOpaqueSigned) {
    const auto verified = smime_verify(message, trust_of(parts, questions), context_of(parts));
    out = verified ? Verified{smime_signature(*verified), result_of(*verified)} : unreadable(verified.error());
    out.trace.insert(0, "verified=smime; ");
  }
  if (protection == Protection::PgpSigned || protection == Protection::PgpInlineSigned) {
    const auto known = pgp_signers(parts, message);
    const auto verified = pgp_verify(message, known, context_of(parts));
    out = verified ? Verified{pgp_signature(verified->signers, verified->valid()), result_of(verified->signers)}
                   : unreadable(verified.error());
    out.trace.insert(0, "verified=openpgp; ");
  }
  return out;
}

}  // namespace postern::gateway
