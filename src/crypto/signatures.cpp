// Signing and verifying of pkey.hpp.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

#include "crypto/fatal.hpp"
#include "crypto/pkey.hpp"
#include "crypto/signing_session.hpp"

namespace postern {
namespace {

using detail::must;

EvpPkeyCtxPtr context_for(EVP_PKEY* key) { return EvpPkeyCtxPtr(must(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "key context")); }

bool set_rsa_padding(EVP_PKEY_CTX* context, const SignAlgorithm& algorithm, bool signing) {
  if (algorithm.padding == RsaPadding::Pkcs1) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  int salt = algorithm.salt;
  if (salt == SignAlgorithm::kSaltDigest) salt = RSA_PSS_SALTLEN_DIGEST;
  if (salt == SignAlgorithm::kSaltMax) salt = signing ? RSA_PSS_SALTLEN_MAX : RSA_PSS_SALTLEN_AUTO;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, evp_md(algorithm.hash)) == 1;
}

bool set_scheme(EVP_PKEY_CTX* context, KeyKind kind, const SignAlgorithm& algorithm, bool signing) {
  if (algorithm.no_digest_info) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (kind == KeyKind::Rsa && !set_rsa_padding(context, algorithm, signing)) return false;
  return EVP_PKEY_CTX_set_signature_md(context, evp_md(algorithm.hash)) == 1;
}

// What is common to signing and verifying: whether the key can do it, and the digest to work on.
Result<Bytes> to_be_signed(KeyKind kind, const SignAlgorithm& algorithm, ByteView data) {
  if (kind == KeyKind::X25519) return fail(ErrorCode::Unsupported, "an X25519 key does not sign");
  if (algorithm.no_digest_info && (kind != KeyKind::Rsa || algorithm.padding != RsaPadding::Pkcs1))
    return fail(ErrorCode::Unsupported, "only PKCS#1 v1.5 signs without a digest");
  if (algorithm.no_digest_info) return Bytes(data.begin(), data.end());
  if (algorithm.hash == HashAlgorithm::Sha1) return fail(ErrorCode::Unsupported, "signatures over SHA-1 are not made or accepted");
  if (!algorithm.prehashed) return digest(algorithm.hash, data);
  if (data.size() != digest_size(algorithm.hash)) return fail(ErrorCode::BadInput, "not the size of the digest that was announced", "data");
  return Bytes(data.begin(), data.end());
}

Status no_prehash(const SignAlgorithm& algorithm) {
  // Ed25519ph would be another algorithm (RFC 8032 5.1); a digest signed as a message would surprise every verifier.
  return algorithm.prehashed ? Status(fail(ErrorCode::Unsupported, "Ed25519 signs messages, not digests")) : Status();
}

Result<Bytes> sign_ed25519(EVP_PKEY* key, ByteView data) {
  const EvpMdCtxPtr context(must(EVP_MD_CTX_new(), "no memory for a signature"));
  Bytes out(64);
  std::size_t size = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "signing"));
  }
  return out;
}

bool verify_ed25519(EVP_PKEY* key, ByteView data, ByteView signature) {
  const EvpMdCtxPtr context(must(EVP_MD_CTX_new(), "no memory for a signature"));
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
}

bool same(const SignAlgorithm& a, const SignAlgorithm& b) {
  return a.hash == b.hash && a.padding == b.padding && a.salt == b.salt && a.prehashed == b.prehashed &&
         a.no_digest_info == b.no_digest_info;
}

enum class Use { Sign, Verify };

Result<EvpPkeyCtxPtr> prepared(Use use, EVP_PKEY* key, KeyKind kind, const SignAlgorithm& algorithm) {
  EvpPkeyCtxPtr context = context_for(key);
  const bool signing = use == Use::Sign;
  const int begun = signing ? EVP_PKEY_sign_init(context.get()) : EVP_PKEY_verify_init(context.get());
  if (begun != 1 || !set_scheme(context.get(), kind, algorithm, signing))
    return fail(openssl_error(ErrorCode::Unsupported, "the key cannot do this signature algorithm"));
  return context;
}

// Verifying ----------------------------------------------------------------------------------------------------------------------------

/// What a thread prepared for the public keys that it verified with last: OpenSSL takes a seventh of an RSA verification for that.
class Verifying {
 public:
  Result<EVP_PKEY_CTX*> context(EVP_PKEY* key, KeyKind kind, const SignAlgorithm& algorithm) {
    const auto known =
        std::ranges::find_if(m_kept, [&](const Kept& one) { return one.context && one.key == key && same(one.algorithm, algorithm); });
    if (known != m_kept.end()) return known->context.get();
    Kept& place = m_kept[m_next++ % m_kept.size()];
    place = Kept();
    POSTERN_TRY(place.context, prepared(Use::Verify, key, kind, algorithm));
    place.algorithm = algorithm;
    place.key = key;
    return place.context.get();
  }

 private:
  struct Kept {
    EVP_PKEY* key = nullptr;  // the context holds a reference, so the address stays this key's
    SignAlgorithm algorithm;
    EvpPkeyCtxPtr context;
  };
  std::array<Kept, 8> m_kept;
  std::size_t m_next = 0;
};

thread_local Verifying t_verifying;

}  // namespace

Status PublicKey::verify(const SignAlgorithm& algorithm, ByteView data, ByteView signature) const {
  const auto verdict = [](bool ok) -> Status {
    openssl_clear_errors();
    if (ok) return {};
    return fail(ErrorCode::IntegrityFailed, "the signature does not match");
  };
  if (m_kind == KeyKind::Ed25519) {
    POSTERN_CHECK(no_prehash(algorithm));
    return verdict(verify_ed25519(native(), data, signature));
  }
  POSTERN_TRY(const Bytes hashed, to_be_signed(m_kind, algorithm, data));
  POSTERN_TRY(EVP_PKEY_CTX* const context, t_verifying.context(native(), m_kind, algorithm));
  return verdict(EVP_PKEY_verify(context, signature.data(), signature.size(), hashed.data(), hashed.size()) == 1);
}

// Signing ------------------------------------------------------------------------------------------------------------------------------

namespace {

thread_local SigningSession* t_session = nullptr;

}  // namespace

SigningSession::SigningSession() noexcept : m_current(t_session == nullptr) {
  if (m_current) t_session = this;
}
SigningSession::~SigningSession() {
  if (m_current) t_session = nullptr;
}

struct SigningSessionAccess {
  /// The session's context for this key, or one for this signature alone in `own`.
  static Result<EVP_PKEY_CTX*> context(EVP_PKEY* key, KeyKind kind, const SignAlgorithm& algorithm, EvpPkeyCtxPtr& own) {
    SigningSession* const session = t_session;
    if (session != nullptr && session->m_context && session->m_key == key && same(session->m_algorithm, algorithm))
      return session->m_context.get();
    POSTERN_TRY(own, prepared(Use::Sign, key, kind, algorithm));
    if (session == nullptr) return own.get();
    session->m_key = key;
    session->m_algorithm = algorithm;
    session->m_context = std::move(own);
    return session->m_context.get();
  }
};

Result<Bytes> PrivateKey::sign(const SignAlgorithm& algorithm, ByteView data) const {
  if (kind() == KeyKind::Ed25519) {
    POSTERN_CHECK(no_prehash(algorithm));
    return sign_ed25519(m_key.get(), data);
  }
  POSTERN_TRY(const Bytes hashed, to_be_signed(kind(), algorithm, data));
  EvpPkeyCtxPtr own;
  POSTERN_TRY(EVP_PKEY_CTX* const context, SigningSessionAccess::context(m_key.get(), kind(), algorithm, own));
  std::size_t size = 0;
  Bytes out;
  if (EVP_PKEY_sign(context, nullptr, &size, hashed.data(), hashed.size()) == 1) out.resize(size);
  if (out.empty() || EVP_PKEY_sign(context, out.data(), &size, hashed.data(), hashed.size()) != 1)
    return fail(openssl_error(ErrorCode::Internal, "signing"));
  out.resize(size);
  return out;
}

}  // namespace postern
