#include "transport/peer_check.hpp"

#include "mhs/user_client.hpp"
#include "pki/verify.hpp"
#include "transport/blocking.hpp"
#include "transport/credentials.hpp"

namespace postern::transport {
namespace {

using State = Finding::State;
using gateway::PathInQuestion;

struct Shown {
  CertificateChain chain;
  Bytes stapled;
  std::string words;  ///< "127.0.0.1:102, TLSv1.3, TLS_AES_256_GCM_SHA384".
};

Result<mhs::UserCall> call_of(const config::Config& config, const Profile& profile) {
  mhs::UserCall out;
  POSTERN_TRY(out.address, osi::parse_presentation_address(profile.peer));
  POSTERN_TRY(const TlsContext context, looking_context(config));
  out.tls.context = [shared = context.shared()] { return shared; };
  out.tls.options.server_name = out.address.host;
  out.tls.options.verify = io::TlsClientOptions::Verify::Report;
  out.tls.options.ask_for_status = true;
  return out;
}

Result<Shown> shown_by(const io::Stream& stream) {
  Shown out;
  POSTERN_TRY(out.chain, certificates_from_der(stream.peer_chain()));
  if (out.chain.empty()) return fail(ErrorCode::Denied, "the peer shows no certificate", "transport.tls");
  out.stapled = stream.stapled_answer();
  out.words = stream.peer().text() + ", " + stream.info().version + ", " + stream.info().suite;
  return out;
}

io::Task<Result<Shown>> dial(mhs::UserCall call, io::Resolver& resolver, SteadyTime deadline) {
  auto stream = co_await mhs::dial_user(call, resolver, deadline, {});
  if (!stream) co_return fail(stream.error().refused ? ErrorCode::Denied : ErrorCode::Unavailable, stream.error().text);
  co_return shown_by(*stream);
}

Result<Shown> dial_blocking(const config::Config& config, const Profile& profile, const ServiceOptions& with) {
  POSTERN_TRY(mhs::UserCall call, call_of(config, profile));
  const SteadyTime deadline = with.clock->steady() + std::chrono::milliseconds(config.transport.sdk.connect_timeout_ms);
  auto shown = run_on(with.loops->next(), dial(std::move(call), *with.resolver, deadline), deadline);
  if (!shown) return fail(std::move(shown).error());
  return *std::move(shown);
}

ChainVerdict verdict_on(const PeerSeen& seen, const CertificateChain& anchors, WallTime now) {
  VerifyRequest request;
  request.leaf = &seen.chain.front();
  request.intermediates = std::span(seen.chain).subspan(1);
  request.roots = anchors;
  request.at = now;
  request.purpose = CertificatePurpose::TlsServer;
  return verify_chain(request);
}

/// Why chain or name do not hold; empty: both do.
std::string fault_of(const ChainVerdict& verdict, const PeerSeen& seen) {
  if (!verdict.ok) return verdict.reason;
  if (certificate_matches_host(seen.chain.front(), seen.host)) return {};
  return "the certificate is not for " + seen.host;
}

Finding judge_identity(const PeerSeen& seen, const std::string& fault, bool pins_decide, WallTime now) {
  const Certificate& leaf = seen.chain.front();
  if (!fault.empty() && !pins_decide)
    return {"peer", State::Failed,
            fault + " (" + words_of(leaf) +
                "); add its authority to transport.tls.ca_bundle, or its fingerprint to transport.fingerprints and set enforce_pinset"};
  if (!fault.empty()) return {"peer", State::Note, fault + ", and the pinset stands for it: " + words_of(leaf)};
  const State state = state_by_expiry(leaf, now);
  return {"peer", state, words_of(leaf) + (state == State::Ok ? "" : ": it ends soon, its owner must renew it")};
}

Finding judge_pinset(const PinSet& pins, const Certificate& leaf, bool enforced) {
  if (pins.empty()) return {"peer pinset", State::Ok, "no fingerprints to compare with"};
  if (pins.allows(leaf)) return {"peer pinset", State::Ok, "the peer's certificate or key is one of them"};
  const std::string text = "none of the fingerprints is the peer's; it has " + fingerprint_text(leaf.fingerprint()) + ", its key " +
                           fingerprint_text(leaf.spki_fingerprint()) + ": add one to transport.fingerprints if that is right";
  return {"peer pinset", enforced ? State::Failed : State::Warning, text};
}

io::Task<PathRevocation> ask(gateway::Revocations& revocations, PathInQuestion question) {
  co_return co_await revocations.judge(std::move(question));
}

/// Whoever asks wants to know, although the bind may not look: off counts as soft here.
RevocationPolicy policy_for(const config::Config& config) {
  const auto policy = parse_revocation_policy(config.outbound.revocation);
  return policy && *policy == RevocationPolicy::Hard ? RevocationPolicy::Hard : RevocationPolicy::Soft;
}

State state_of(const PathRevocation& found, bool responder_configured) {
  if (!found.ok) return State::Failed;
  if (found.certificates.empty() || found.certificates.front().verdict.status == RevocationStatus::Good) return State::Ok;
  return responder_configured ? State::Warning : State::Note;
}

std::string words_on(const PathRevocation& found) {
  if (!found.ok) return found.reason + "; do not use this peer";
  if (found.certificates.empty()) return "there is nobody to ask about a certificate that is its own authority";
  const CertificateRevocation& leaf = found.certificates.front();
  if (leaf.verdict.status == RevocationStatus::Good) return "not revoked (" + leaf.source + ")";
  return "not known: " + leaf.verdict.reason;
}

Finding judge_revocation(const config::Config& config, CertificateChain path, Bytes stapled, const ServiceOptions& with) {
  auto* const revocations = with.revocations ? with.revocations() : nullptr;
  if (revocations == nullptr) return {"peer revocation", State::Note, "not asked while the key engine is sealed"};
  PathInQuestion question{std::move(path), policy_for(config), std::move(stapled)};
  const std::string& responder = config.transport.tls.ocsp_responder;
  question.responder = responder;
  const SteadyTime deadline = with.clock->steady() + std::chrono::seconds(30);
  const auto found = run_on(with.loops->next(), ask(*revocations, std::move(question)), deadline);
  if (!found) return {"peer revocation", State::Warning, "not known: " + found.error().text()};
  return {"peer revocation", state_of(*found, !responder.empty()), words_on(*found)};
}

}  // namespace

PeerJudgement judge_peer(const config::Config& config, const Profile& profile, const PeerSeen& seen, WallTime now) {
  PeerJudgement out;
  const bool enforced = config.transport.tls.enforce_pinset;
  const auto anchors = trust_anchors(config);
  const auto pins = pins_of(config, profile.pins);
  if (!pins) return {{{"peer pinset", State::Failed, pins.error().text()}}, {}};
  const ChainVerdict verdict = verdict_on(seen, anchors.value_or(CertificateChain()), now);
  // As the native stack has it (native_tls.hpp): with an authority of the operator's own, both must hold.
  const bool pins_decide = enforced && config.transport.tls.ca_bundle.empty() && pins->allows(seen.chain.front());
  out.findings.push_back(judge_identity(seen, fault_of(verdict, seen), pins_decide, now));
  out.findings.push_back(judge_pinset(*pins, seen.chain.front(), enforced));
  if (verdict.ok) out.path = verdict.chain;
  return out;
}

Findings look_at_peer(const config::Config& config, const Profile& profile, const ServiceOptions& with) {
  auto shown = dial_blocking(config, profile, with);
  if (!shown) return {{"connection", State::Failed, shown.error().text()}};
  Findings out{{"connection", State::Ok, shown->words}};
  const auto address = osi::parse_presentation_address(profile.peer);
  const PeerSeen seen{std::move(shown->chain), address->host};
  PeerJudgement judged = judge_peer(config, profile, seen, with.clock->now());
  std::ranges::move(judged.findings, std::back_inserter(out));
  if (!judged.path.empty()) out.push_back(judge_revocation(config, std::move(judged.path), std::move(shown->stapled), with));
  return out;
}

}  // namespace postern::transport
