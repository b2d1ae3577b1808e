#include "credentials/proof.hpp"

#include <openssl/x509.h>

#include <algorithm>

#include "asn1/ber.hpp"
#include "base/text.hpp"
#include "credentials/signature.hpp"
#include "pki/verify.hpp"

namespace postern::credentials {

namespace {

/// X.509: ForwardCertificationPath, for each step a SET of the certificates there are for it.
struct CrossCertificates : std::vector<asn1::Any> {
  using vector::vector;
};
const asn1::Type& schema(asn1::Of<CrossCertificates>) {
  static const asn1::Type type = asn1::set_of_type<asn1::Any>("CrossCertificates");
  return type;
}
using ForwardCertificationPath = std::vector<CrossCertificates>;

Status add(CertificateChain& chain, const asn1::Any& der) {
  if (chain.size() == kChainLimit)
    return fail(ErrorCode::BadInput, "more than " + std::to_string(kChainLimit) + " certificates", "certificate");
  auto one = Certificate::from_der(der.ber);
  if (!one) return fail(std::move(one).error().context("certificate"));
  chain.push_back(*std::move(one));
  return {};
}

bool is_pinned(const Certificate& certificate, const std::vector<Bytes>& pins) {
  const Sha256 whole = certificate.fingerprint(), key = certificate.spki_fingerprint();
  return std::ranges::any_of(pins, [&](const Bytes& pin) { return std::ranges::equal(pin, whole) || std::ranges::equal(pin, key); });
}

Status check_pinned(const Certificate& leaf, const Trust& trust, WallTime now) {
  if (!is_pinned(leaf, trust.pins))
    return fail(ErrorCode::Denied, "the certificate of " + printable(leaf.subject()) + " matches none of the pins", "certificate");
  if (now < leaf.not_before() || now > leaf.not_after())
    return fail(ErrorCode::Denied,
                "the certificate is valid from " + rfc3339(leaf.not_before()) + " to " + rfc3339(leaf.not_after()) + ", not now",
                "certificate");
  return {};
}

Status check_certified(const CertificateChain& chain, const Trust& trust, WallTime now) {
  VerifyRequest request;
  request.leaf = &chain.front();
  request.intermediates = std::span(chain).subspan(1);
  request.roots = trust.roots;
  request.at = now;
  const ChainVerdict verdict = verify_chain(request);
  if (!verdict.ok) return fail(ErrorCode::Denied, verdict.reason, "certificate");
  if (!trust.subject.empty() && chain.front().subject() == trust.subject) return {};
  return fail(ErrorCode::Denied, "the certificate is of " + printable(chain.front().subject()) + ", who is not the one expected",
              "certificate");
}

Status check_certificate(const CertificateChain& chain, const Trust& trust, std::int64_t now) {
  const WallTime at{std::chrono::seconds(now)};
  if (!chain.front().may_sign()) return fail(ErrorCode::Denied, "the certificate is not for signatures (keyUsage)", "certificate");
  return trust.pins.empty() ? check_certified(chain, trust, at) : check_pinned(chain.front(), trust, at);
}

/// The port of the token's rules: signature first, then whose it is.
mts::VerifySignature verifier(const Trust& trust, std::int64_t now) {
  return [&trust, now](const mts::AlgorithmIdentifier& algorithm, ByteView octets, const asn1::BitString& signature,
                       const mts::Certificates* sent) -> Status {
    if (sent == nullptr) return fail(ErrorCode::BadInput, "strong credentials without a certificate", "certificate");
    POSTERN_TRY(const CertificateChain chain, chain_of(*sent));
    POSTERN_TRY(const PublicKey key, chain.front().public_key());
    if (Status good = verify(key, algorithm, octets, signature); !good) {
      good.error().field = "bind-token";
      return good;
    }
    return check_certificate(chain, trust, now);
  };
}

}  // namespace

Result<Identity> make_identity(CertificateChain chain, EvpPkeyPtr key) {
  if (chain.empty() || !key) return fail(ErrorCode::BadInput, "strong credentials need a certificate and its key", "certificate");
  if (X509_check_private_key(chain.front().native(), key.get()) != 1) {
    openssl_clear_errors();
    return fail(ErrorCode::BadInput, "the key does not belong to the first certificate; the leaf comes first, with its own key", "key");
  }
  if (!chain.front().may_sign()) return fail(ErrorCode::BadInput, "the certificate is not for signatures (keyUsage)", "certificate");
  return Identity{std::move(chain), std::shared_ptr<EVP_PKEY>(std::move(key))};
}

Result<Shown> show(const Identity& identity, const mts::TokenName& to, asn1::BitString random_number, std::int64_t now) {
  POSTERN_TRY(const PublicKey key, identity.chain.front().public_key());
  mts::TokenOrder order{{}, to, now, std::move(random_number)};
  POSTERN_TRY(order.algorithm, identifier_for(key.kind()));
  Shown out;
  POSTERN_TRY(out.credentials.bind_token,
              mts::make_bind_token(order, [&](ByteView octets) { return sign(identity.key.get(), key.kind(), octets); }));
  out.credentials.certificate = certificates_of(identity.chain);
  out.random_number = std::move(order.random_number);
  return out;
}

Result<mts::AsymmetricTokenData> judge(const mts::StrongCredentials& credentials, const Trust& trust, const mts::TokenCheck& check) {
  return mts::check_bind_token(credentials, check, verifier(trust, check.now));
}

Result<CertificateChain> chain_of(const mts::Certificates& certificates) {
  CertificateChain out;
  POSTERN_CHECK(add(out, certificates.user_certificate));
  if (!certificates.certification_path) return out;
  POSTERN_TRY(const auto path, asn1::from_any<ForwardCertificationPath>(*certificates.certification_path));
  for (const CrossCertificates& step : path)
    for (const asn1::Any& each : step) POSTERN_CHECK(add(out, each));
  return out;
}

mts::Certificates certificates_of(const CertificateChain& chain) {
  mts::Certificates out;
  out.user_certificate.ber = chain.front().to_der();
  ForwardCertificationPath path;
  for (const Certificate& each : std::span(chain).subspan(1)) path.push_back({asn1::Any{each.to_der()}});
  if (path.empty()) return out;
  if (auto value = asn1::to_any(path)) out.certification_path = *std::move(value);
  return out;
}

}  // namespace postern::credentials
