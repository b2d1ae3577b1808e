#include "crypto/postquantum.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

constexpr std::array<const char*, 6> kNames{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"};
const char* name_of(PqKind kind) { return kNames.at(static_cast<std::size_t>(kind)); }

bool fetch(const char* name) {
  EVP_KEYMGMT* found = EVP_KEYMGMT_fetch(nullptr, name, nullptr);
  EVP_KEYMGMT_free(found);
  openssl_clear_errors();
  return found != nullptr;
}

Status need(PqKind kind) {
  if (pq_available(kind)) return {};
  return fail(ErrorCode::Unsupported, std::string(name_of(kind)) + " needs OpenSSL 3.5 or later, and this process runs with " +
                                          OpenSSL_version(OPENSSL_VERSION_STRING));
}

EvpPkeyCtxPtr context_for(EVP_PKEY* key) { return EvpPkeyCtxPtr(must(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "key context")); }

Status check_kind(PqKind kind, const EVP_PKEY* key, bool whole) {
  if (key != nullptr && whole && EVP_PKEY_is_a(key, name_of(kind)) == 1) return {};
  return fail(openssl_error(ErrorCode::BadInput, std::string("not a key for ") + name_of(kind)));
}

}  // namespace

bool pq_available(PqKind kind) {
  static const auto available = [] {
    std::array<bool, kNames.size()> out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = fetch(kNames[i]);
    return out;
  }();
  return available.at(static_cast<std::size_t>(kind));
}

Result<PqKey> PqKey::generate(PqKind kind) {
  POSTERN_CHECK(need(kind));
  EvpPkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, name_of(kind)));
  if (!key) return fail(openssl_error(ErrorCode::Internal, "making a key"));
  return PqKey(std::move(key));
}

Result<PqKey> PqKey::from_pkcs8(PqKind kind, ByteView der) {
  POSTERN_CHECK(need(kind));
  const unsigned char* at = der.data();
  EvpPkeyPtr key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  POSTERN_CHECK(check_kind(kind, key.get(), at == der.data() + der.size()));
  return PqKey(std::move(key));
}

Result<PqKey> PqKey::from_spki(PqKind kind, ByteView der) {
  POSTERN_CHECK(need(kind));
  const unsigned char* at = der.data();
  EvpPkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  POSTERN_CHECK(check_kind(kind, key.get(), at == der.data() + der.size()));
  return PqKey(std::move(key));
}

Result<SecretBytes> PqKey::to_pkcs8() const {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(m_key.get());
  if (info == nullptr) return fail(openssl_error(ErrorCode::Internal, "encoding a private key"));
  SecretBytes out(static_cast<std::size_t>(i2d_PKCS8_PRIV_KEY_INFO(info, nullptr)));
  unsigned char* to = out.span().data();
  i2d_PKCS8_PRIV_KEY_INFO(info, &to);
  PKCS8_PRIV_KEY_INFO_free(info);
  return out;
}

Result<Bytes> PqKey::to_spki() const {
  const int size = i2d_PUBKEY(m_key.get(), nullptr);
  if (size <= 0) return fail(openssl_error(ErrorCode::Internal, "encoding a public key"));
  Bytes out(static_cast<std::size_t>(size));
  unsigned char* to = out.data();
  i2d_PUBKEY(m_key.get(), &to);
  return out;
}

Result<Bytes> PqKey::sign(ByteView data) const {
  const EvpMdCtxPtr context(must(EVP_MD_CTX_new(), "no memory for a signature"));
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, m_key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data.data(), data.size()) != 1) {
    return fail(openssl_error(ErrorCode::Unsupported, "the key does not sign"));
  }
  Bytes out(size);
  if (EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1)
    return fail(openssl_error(ErrorCode::Internal, "signing"));
  out.resize(size);
  return out;
}

Status PqKey::verify(ByteView data, ByteView signature) const {
  const EvpMdCtxPtr context(must(EVP_MD_CTX_new(), "no memory for a signature"));
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, m_key.get()) != 1)
    return fail(openssl_error(ErrorCode::Unsupported, "the key does not verify"));
  const bool ok = EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
  openssl_clear_errors();
  return ok ? Status() : fail(ErrorCode::IntegrityFailed, "the signature does not match");
}

Result<PqKey::Encapsulated> PqKey::encapsulate() const {
  const EvpPkeyCtxPtr context = context_for(m_key.get());
  std::size_t text = 0;
  std::size_t secret = 0;
  if (EVP_PKEY_encapsulate_init(context.get(), nullptr) != 1 || EVP_PKEY_encapsulate(context.get(), nullptr, &text, nullptr, &secret) != 1)
    return fail(openssl_error(ErrorCode::Unsupported, "the key does not encapsulate"));
  Encapsulated out{SecretBytes(secret), Bytes(text)};
  if (EVP_PKEY_encapsulate(context.get(), out.ciphertext.data(), &text, out.secret.span().data(), &secret) != 1)
    return fail(openssl_error(ErrorCode::Internal, "encapsulating"));
  return out;
}

Result<SecretBytes> PqKey::decapsulate(ByteView ciphertext) const {
  const EvpPkeyCtxPtr context = context_for(m_key.get());
  std::size_t size = 0;
  if (EVP_PKEY_decapsulate_init(context.get(), nullptr) != 1 ||
      EVP_PKEY_decapsulate(context.get(), nullptr, &size, ciphertext.data(), ciphertext.size()) != 1) {
    return fail(openssl_error(ErrorCode::BadInput, "not an encapsulated secret for this key"));
  }
  SecretBytes out(size);
  if (EVP_PKEY_decapsulate(context.get(), out.span().data(), &size, ciphertext.data(), ciphertext.size()) != 1)
    return fail(openssl_error(ErrorCode::BadInput, "not an encapsulated secret for this key"));
  return out;
}

}  // namespace postern
