// Signatures: valid means that PublicKey::verify() says so.
#include "crypto/pkey.hpp"
#include "crypto/postquantum.hpp"
#include "vectors/case.hpp"
#include "vectors/curves.hpp"
#include "vectors/pq_forms.hpp"

namespace postern::vectors {
namespace {

/// A key that is refused verifies nothing.
Result<Verdict> judge_signature(const Case& test, const Result<PublicKey>& key, const SignAlgorithm& algorithm) {
  POSTERN_TRY(const Bytes text, test.hex("msg"));
  POSTERN_TRY(const Bytes signature, test.hex("sig"));
  return Verdict{.valid = key && key->verify(algorithm, text, signature)};
}

/// Curve and digest of an ECDSA case, when the product has both.
Result<std::optional<KeyKind>> curve_of(const Case& test, std::optional<HashAlgorithm>& hash) {
  POSTERN_TRY(hash, test.hash("sha"));
  if (!hash || hash == HashAlgorithm::Sha1) return std::optional<KeyKind>();
  return nist_curve(test.curve());
}

/// The digests of an RSA case, when the product has the size and all of them.
Result<std::optional<HashAlgorithm>> rsa_hash(const Case& test) {
  POSTERN_TRY(const std::size_t bits, test.number("keySize"));
  POSTERN_TRY(const auto hash, test.hash("sha"));
  if (bits < 1024 || bits > 8192 || hash == HashAlgorithm::Sha1) return std::optional<HashAlgorithm>();
  return hash;
}

Result<Result<PublicKey>> rsa_key(const Case& test) {
  if (test.has("publicKeyAsn")) {
    POSTERN_TRY(const Bytes der, test.hex("publicKeyAsn"));
    return PublicKey::from_rsa_pkcs1(der);
  }
  POSTERN_TRY(const Bytes der, test.hex("publicKeyDer"));
  return PublicKey::from_spki(der);
}

}  // namespace

Result<Verdict> judge_ecdsa(const Case& test) {
  std::optional<HashAlgorithm> hash;
  POSTERN_TRY(const auto curve, curve_of(test, hash));
  if (!curve) return Verdict::unsupported();
  POSTERN_TRY(const Bytes der, test.hex("publicKeyDer"));
  return judge_signature(test, PublicKey::from_spki(der), SignAlgorithm::ecdsa(*hash));
}

Result<Verdict> judge_ecdsa_fixed(const Case& test) {
  std::optional<HashAlgorithm> hash;
  POSTERN_TRY(const auto curve, curve_of(test, hash));
  if (!curve) return Verdict::unsupported();
  POSTERN_TRY(const Bytes der, test.hex("publicKeyDer"));
  POSTERN_TRY(const Bytes text, test.hex("msg"));
  POSTERN_TRY(const Bytes fixed, test.hex("sig"));
  const auto key = PublicKey::from_spki(der);
  const auto signature = ecdsa_to_der(*curve, fixed);
  return Verdict{.valid = key && signature && key->verify(SignAlgorithm::ecdsa(*hash), text, *signature)};
}

Result<Verdict> judge_eddsa(const Case& test) {
  if (test.curve() != "edwards25519") return Verdict::unsupported();
  POSTERN_TRY(const Bytes der, test.hex("publicKeyDer"));
  return judge_signature(test, PublicKey::from_spki(der), SignAlgorithm::ed25519());
}

Result<Verdict> judge_rsa_pkcs1(const Case& test) {
  POSTERN_TRY(const auto hash, rsa_hash(test));
  if (!hash) return Verdict::unsupported();
  POSTERN_TRY(const auto key, rsa_key(test));
  return judge_signature(test, key, SignAlgorithm::rsa_pkcs1(*hash));
}

Result<Verdict> judge_rsa_pss(const Case& test) {
  POSTERN_TRY(const auto hash, rsa_hash(test));
  POSTERN_TRY(const auto mask, test.hash("mgfSha"));
  POSTERN_TRY(const std::string_view mgf, test.text("mgf"));
  POSTERN_TRY(const std::size_t salt, test.number("sLen"));
  if (!hash || mask != hash || mgf != "MGF1" || salt > 1024) return Verdict::unsupported();  // RFC 8017 8.1: one digest for both here
  POSTERN_TRY(const auto key, rsa_key(test));
  SignAlgorithm algorithm = SignAlgorithm::rsa_pss(*hash);
  algorithm.salt = static_cast<int>(salt);
  return judge_signature(test, key, algorithm);
}

Result<Verdict> judge_mldsa(const Case& test) {
  const auto kind = mldsa_kind(test.algorithm());
  POSTERN_TRY(const Bytes context, test.hex_or_empty("ctx"));
  if (!kind || !pq_available(*kind) || !context.empty()) return Verdict::unsupported();
  POSTERN_TRY(const Bytes raw, test.hex("publicKey"));
  POSTERN_TRY(const Bytes text, test.hex("msg"));
  POSTERN_TRY(const Bytes signature, test.hex("sig"));
  const auto key = PqKey::from_spki(*kind, mldsa_spki(*kind, raw));
  return Verdict{.valid = key && key->verify(text, signature)};
}

}  // namespace postern::vectors
