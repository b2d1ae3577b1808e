#include "transport/credentials.hpp"

#include <openssl/x509.h>

#include "base/text.hpp"
#include "gateway/hops.hpp"
#include "pki/verify.hpp"
#include "transport/profile.hpp"

namespace postern::transport {
namespace {

using State = Finding::State;

constexpr const char* kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kNameOne = "name one as transport.fingerprints or as pins of the profile";
constexpr const char* kCertificate = "transport.tls.client_certificate";

Finding judge_policy(const config::Config& config) {
  const auto& tls = config.transport.tls;
  if (!tls.enabled) return {"tls", State::Warning, "X.400 goes in clear, passwords too; set transport.tls.enabled to true"};
  if (tls.min_version != "1.3")
    return {"tls", State::Warning, "TLS " + tls.min_version + " is accepted; set transport.tls.min_version to 1.3"};
  return {"tls", State::Ok, "TLS 1.3"};
}

Finding judge_trust(const config::Config& config) {
  const std::string& bundle = config.transport.tls.ca_bundle;
  const auto anchors = trust_anchors(config);
  if (!anchors) return {"trust", State::Failed, anchors.error().text()};
  return {"trust", State::Ok,
          std::to_string(anchors->size()) + " authorities, " + (bundle.empty() ? "the system's" : "of transport.tls.ca_bundle")};
}

struct Identity {
  CertificateChain chain;
  EvpPkeyPtr key;
};
Result<Identity> read_identity(const config::Config& config) {
  const auto& tls = config.transport.tls;
  Identity out;
  auto chain = certificates_from_file(config.beside_config(tls.client_certificate));
  if (!chain) return fail(chain.error().code, chain.error().text(), kCertificate);
  auto key = gateway::load_private_key(config.beside_config(tls.client_key));
  if (!key) return fail(key.error().code, key.error().text(), "transport.tls.client_key");
  return Identity{*std::move(chain), *std::move(key)};
}

ChainVerdict verdict_on(const CertificateChain& chain, const CertificateChain& anchors, WallTime now) {
  VerifyRequest request;
  request.leaf = &chain.front();
  request.intermediates = std::span(chain).subspan(1);
  request.roots = anchors;
  request.at = now;
  request.purpose = CertificatePurpose::TlsClient;
  return verify_chain(request);
}

/// The key first: without it nothing else of the certificate is ours.
Finding judge_identity(const Identity& identity, const CertificateChain& anchors, WallTime now) {
  const Certificate& leaf = identity.chain.front();
  if (X509_check_private_key(leaf.native(), identity.key.get()) != 1)
    return {"certificate", State::Failed, "transport.tls.client_key is not the key of transport.tls.client_certificate, " + words_of(leaf)};
  const ChainVerdict verdict = verdict_on(identity.chain, anchors, now);
  if (verdict.fault == ChainFault::UnknownIssuer)
    return {"certificate", State::Warning,
            verdict.reason + ": no authority that we trust issued ours, so peers may refuse it; add its issuers to " + kCertificate +
                " or " + "transport.tls.ca_bundle"};
  if (!verdict.ok) return {"certificate", State::Failed, verdict.reason + "; put another one in the place of " + kCertificate};
  const State state = state_by_expiry(leaf, now);
  return {"certificate", state, words_of(leaf) + (state == State::Ok ? "" : ": it ends soon, renew it")};
}

Finding judge_certificate(const config::Config& config, WallTime now) {
  if (!config.transport.tls.enabled) return {"certificate", State::Ok, "none is shown without TLS"};
  if (config.transport.tls.client_certificate.empty()) return {"certificate", State::Ok, "none is shown to peers"};
  const auto identity = read_identity(config);
  if (!identity) return {"certificate", State::Failed, identity.error().text()};
  const auto anchors = trust_anchors(config);
  return judge_identity(*identity, anchors.value_or(CertificateChain()), now);
}

/// Whether our own certificate stands there is for those who keep one pinset for both sides of a road.
std::string word_of_ours(const config::Config& config, const PinSet& pins) {
  if (config.transport.tls.client_certificate.empty()) return {};
  const auto chain = certificates_from_file(config.beside_config(config.transport.tls.client_certificate));
  if (!chain) return {};
  return std::string("; our certificate is ") + (pins.allows(chain->front()) ? "one of them" : "none of them");
}

Finding judge_pinset(const config::Config& config, const std::vector<std::string>& more) {
  const auto pins = pins_of(config, more);
  if (!pins) return {"pinset", State::Failed, pins.error().text()};
  const bool enforced = config.transport.tls.enforce_pinset;
  if (pins->empty() && enforced)
    return {"pinset", State::Failed,
            "transport.tls.enforce_pinset refuses every peer: there is no fingerprint any more; " + std::string(kNameOne)};
  if (pins->empty()) return {"pinset", State::Ok, "no fingerprints: a peer's chain and name decide"};
  const std::string count = std::to_string(pins->certificates.size()) + " fingerprints, ";
  return {
      "pinset", State::Ok,
      count + (enforced ? "one must be the peer's" : "compared only: transport.tls.enforce_pinset is off") + word_of_ours(config, *pins)};
}

Finding judge_responder(const config::Config& config) {
  const std::string& responder = config.transport.tls.ocsp_responder;
  if (responder.empty())
    return {"ocsp", State::Ok, "no responder is configured: the one that a peer's certificate names is asked, if it names one"};
  if (!istarts_with(responder, "http://"))
    return {"ocsp", State::Warning,
            "transport.tls.ocsp_responder is not asked: only http:// is (RFC 5280 8), answers are signed; change it"};
  return {"ocsp", State::Ok, responder + " is asked about peers"};
}

}  // namespace

std::string words_of(const Certificate& certificate) {
  return printable(certificate.subject()) + " until " + rfc3339(certificate.not_after()) + ", " +
         fingerprint_text(certificate.fingerprint());
}

Finding::State state_by_expiry(const Certificate& certificate, WallTime now) {
  return certificate.not_after() - now < kExpiresSoon ? State::Warning : State::Ok;
}

Result<CertificateChain> trust_anchors(const config::Config& config) {
  const std::string& bundle = config.transport.tls.ca_bundle;
  auto anchors = certificates_from_file(bundle.empty() ? kSystemRoots : config.beside_config(bundle));
  if (!anchors) return fail(anchors.error().code, anchors.error().text(), "transport.tls.ca_bundle");
  return anchors;
}

Result<PinSet> pins_of(const config::Config& config, const std::vector<std::string>& more) {
  PinSet out;
  for (const auto* list : {&config.transport.fingerprints, &more}) {
    for (const std::string& text : *list) {
      auto fingerprint = parse_fingerprint(text);
      if (!fingerprint) return fail(ErrorCode::BadInput, fingerprint.error().what, list == &more ? "pins" : "transport.fingerprints");
      out.certificates.push_back(*fingerprint);  // which of both it is, its writer need not say
      out.keys.push_back(*fingerprint);
    }
  }
  return out;
}

Status check_pinset(const config::Config& config) {
  POSTERN_TRY(const PinSet pins, pins_of(config, {}));
  if (config.transport.mode == "mock" || !config.transport.tls.enforce_pinset || !pins.empty()) return {};
  const auto more = profile_pins(config);
  if (!more || !more->empty()) return {};
  return fail(ErrorCode::BadInput,
              "refuses every peer, because there is no fingerprint: " + std::string(kNameOne) +
                  " (`postern cert show` says it), or set it to false",
              "transport.tls.enforce_pinset");
}

Result<TlsContext> looking_context(const config::Config& config) {
  TlsClientProfile profile;
  profile.min_version = config.transport.tls.min_version == "1.2" ? TlsVersion::Tls12 : TlsVersion::Tls13;
  if (!config.transport.tls.client_certificate.empty()) {
    POSTERN_TRY(Identity identity, read_identity(config));
    profile.chain = std::move(identity.chain);
    profile.key = std::move(identity.key);
  }
  return client_context(std::move(profile));
}

Findings judge_credentials(const config::Config& config, const std::vector<std::string>& pins, WallTime now) {
  Findings out{judge_policy(config)};
  if (config.transport.tls.enabled) out.push_back(judge_trust(config));
  out.push_back(judge_certificate(config, now));
  out.push_back(judge_pinset(config, pins));
  out.push_back(judge_responder(config));
  return out;
}

}  // namespace postern::transport
