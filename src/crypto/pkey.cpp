#include "crypto/pkey.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/encoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/ec_raw.hpp"
#include "crypto/fatal.hpp"
#include "crypto/random.hpp"

namespace postern {
namespace {

using detail::must;

struct KindEntry {
  KeyKind kind;
  std::string_view name;
  const char* type;   // OpenSSL's name of the algorithm
  const char* group;  // and of the curve
  int bits;
};
constexpr std::array<KindEntry, 6> kKinds{{
    {KeyKind::Ed25519, "ed25519", "ED25519", nullptr, 256},
    {KeyKind::X25519, "x25519", "X25519", nullptr, 256},
    {KeyKind::EcP256, "ec-p256", "EC", "prime256v1", 256},
    {KeyKind::EcP384, "ec-p384", "EC", "secp384r1", 384},
    {KeyKind::EcP521, "ec-p521", "EC", "secp521r1", 521},
    {KeyKind::Rsa, "rsa", "RSA", nullptr, 0},
}};
const KindEntry& entry(KeyKind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }
constexpr int kRsaMinBits = 1024;  // verifying old DKIM signatures; generate() starts at 2048
constexpr int kRsaMaxBits = 8192;

bool is_ec(KeyKind kind) { return entry(kind).group != nullptr; }
std::size_t width_of(KeyKind kind) { return static_cast<std::size_t>(entry(kind).bits + 7) / 8; }

Result<KeyKind> kind_of(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  const bool ec = EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1;
  for (const KindEntry& e : kKinds) {
    if (EVP_PKEY_is_a(key, e.type) != 1) continue;
    if (e.group == nullptr || (ec && std::strcmp(group.data(), e.group) == 0)) return e.kind;
  }
  openssl_clear_errors();
  return fail(ErrorCode::BadInput, "not an Ed25519, X25519, RSA or NIST P-256/384/521 key");
}

EvpPkeyCtxPtr context_for(EVP_PKEY* key) { return EvpPkeyCtxPtr(must(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr), "key context")); }

// Sizes an output, then fills it: the two calls that every EVP_PKEY operation wants.
template <class Out, class Call>
bool two_calls(Out& out, Call call) {
  std::size_t size = 0;
  if (call(nullptr, &size) != 1) return false;
  out = Out(size);
  if constexpr (std::is_same_v<Out, SecretBytes>) {
    if (call(out.span().data(), &size) != 1) return false;
    out = SecretBytes(out.view().first(size));
  } else {
    if (call(out.data(), &size) != 1) return false;
    out.resize(size);
  }
  return true;
}

bool set_oaep(EVP_PKEY_CTX* context, const OaepOptions& options) {
  if (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1) return false;
  // OpenSSL's MGF1 digest does not follow the OAEP digest by itself once either was set.
  if (EVP_PKEY_CTX_set_rsa_oaep_md(context, evp_md(options.hash)) != 1) return false;
  if (EVP_PKEY_CTX_set_rsa_mgf1_md(context, evp_md(options.mgf1.value_or(options.hash))) != 1) return false;
  if (options.label.empty()) return true;
  void* label = OPENSSL_memdup(options.label.data(), options.label.size());
  return EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, static_cast<int>(options.label.size())) == 1;
}

Bytes encode_public(EVP_PKEY* key, const char* format, const char* structure) {
  OSSL_ENCODER_CTX* context = OSSL_ENCODER_CTX_new_for_pkey(key, EVP_PKEY_PUBLIC_KEY, format, structure, nullptr);
  unsigned char* data = nullptr;
  std::size_t size = 0;
  const int ok = context != nullptr ? OSSL_ENCODER_to_data(context, &data, &size) : 0;
  OSSL_ENCODER_CTX_free(context);
  must(ok, "encoding a public key");
  Bytes out(data, data + size);
  OPENSSL_free(data);
  return out;
}

EvpPkeyPtr decode(ByteView bytes, const char* format, const char* structure, const char* type, int selection) {
  EVP_PKEY* key = nullptr;
  OSSL_DECODER_CTX* context = OSSL_DECODER_CTX_new_for_pkey(&key, format, structure, type, selection, nullptr, nullptr);
  const unsigned char* at = bytes.data();
  std::size_t left = bytes.size();
  const bool ok = context != nullptr && OSSL_DECODER_from_data(context, &at, &left) == 1 && left == 0;
  OSSL_DECODER_CTX_free(context);
  EvpPkeyPtr owned(key);
  if (!ok) owned.reset();
  return owned;
}

int give_passphrase(char* out, int size, int, void* user) {
  const auto& passphrase = *static_cast<const ByteView*>(user);
  if (passphrase.empty() || passphrase.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(out, passphrase.data(), passphrase.size());
  return static_cast<int>(passphrase.size());
}

enum class PrivateForm { Pkcs8Der, Pkcs8Pem, TraditionalPem };

int write_form(BIO* bio, EVP_PKEY* key, PrivateForm form) {
  if (form == PrivateForm::TraditionalPem) return PEM_write_bio_PrivateKey_traditional(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  if (form == PrivateForm::Pkcs8Pem) return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return i2d_PKCS8PrivateKey_bio(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
}

// The DER or PEM of a private key, in memory that is wiped.
Result<SecretBytes> write_private(EVP_PKEY* key, PrivateForm form) {
  const BioPtr bio(must(BIO_new(BIO_s_secmem()), "no memory for a key"));
  const int ok = write_form(bio.get(), key, form);
  if (ok != 1) return fail(openssl_error(ErrorCode::Internal, "encoding a private key"));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const ByteSpan written(reinterpret_cast<Byte*>(data), static_cast<std::size_t>(size));
  SecretBytes out{ByteView(written)};
  wipe(written);
  return out;
}

Status check_peer_kind(KeyKind mine, const PublicKey& peer) {
  if (mine == KeyKind::Rsa || mine == KeyKind::Ed25519) return fail(ErrorCode::Unsupported, "this kind of key does not agree on secrets");
  if (mine != peer.kind()) return fail(ErrorCode::BadInput, "the other side's key is of another kind", "peer");
  return {};
}

}  // namespace

std::string_view name_of(KeyKind kind) noexcept { return entry(kind).name; }

// Public keys ------------------------------------------------------------------------------------------------------------------------

Result<PublicKey> PublicKey::from_native(EVP_PKEY* key) {
  if (key == nullptr) return fail(ErrorCode::BadInput, "no public key");
  POSTERN_TRY(const KeyKind kind, kind_of(key));
  const int bits = kind == KeyKind::Rsa ? EVP_PKEY_get_bits(key) : entry(kind).bits;
  if (kind == KeyKind::Rsa && (bits < kRsaMinBits || bits > kRsaMaxBits)) {
    return fail(ErrorCode::BadInput, "an RSA key must have 1024 to 8192 bits");
  }
  return PublicKey(std::shared_ptr<EVP_PKEY>(share(key).release(), EVP_PKEY_free), kind, bits);
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  POSTERN_TRY(const BioPtr bio, bio_over(as_bytes(pem)));
  const EvpPkeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a public key in PEM"));
  return from_native(key.get());
}

Result<PublicKey> PublicKey::from_spki(ByteView der) {
  const unsigned char* at = der.data();
  const EvpPkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) return fail(openssl_error(ErrorCode::BadInput, "not a SubjectPublicKeyInfo"));
  return from_native(key.get());
}

Result<PublicKey> PublicKey::from_raw(KeyKind kind, ByteView raw) {
  if (kind == KeyKind::Rsa) return fail(ErrorCode::Unsupported, "RSA keys have no raw form");
  if (is_ec(kind)) {
    const EvpPkeyPtr key = detail::ec_public(entry(kind).group, raw);
    if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a point of this curve"));
    return from_native(key.get());
  }
  const EvpPkeyPtr key(EVP_PKEY_new_raw_public_key_ex(nullptr, entry(kind).type, nullptr, raw.data(), raw.size()));
  if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a raw public key of 32 bytes"));
  return from_native(key.get());
}

Result<PublicKey> PublicKey::from_rsa_pkcs1(ByteView der) {
  const EvpPkeyPtr key = decode(der, "DER", "type-specific", "RSA", EVP_PKEY_PUBLIC_KEY);
  if (!key) return fail(openssl_error(ErrorCode::BadInput, "not an RSAPublicKey"));
  return from_native(key.get());
}

std::string PublicKey::to_pem() const { return std::string(as_text(encode_public(native(), "PEM", "SubjectPublicKeyInfo"))); }
Bytes PublicKey::to_spki() const { return encode_public(native(), "DER", "SubjectPublicKeyInfo"); }

Bytes PublicKey::to_raw() const {
  if (m_kind == KeyKind::Rsa) return encode_public(native(), "DER", "type-specific");
  Bytes out(32);
  std::size_t size = out.size();
  if (!is_ec(m_kind)) {
    must(EVP_PKEY_get_raw_public_key(native(), out.data(), &size), "public key");
    return out;
  }
  must(EVP_PKEY_get_octet_string_param(native(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0, &size), "public key");
  out.resize(size);
  must(EVP_PKEY_get_octet_string_param(native(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out.data(), out.size(), &size), "public key");
  return out;
}

Result<Bytes> PublicKey::encrypt_oaep(const OaepOptions& options, ByteView plaintext) const {
  if (m_kind != KeyKind::Rsa) return fail(ErrorCode::Unsupported, "only RSA keys encrypt by OAEP");
  const EvpPkeyCtxPtr context = context_for(native());
  Bytes out;
  const bool ok =
      EVP_PKEY_encrypt_init(context.get()) == 1 && set_oaep(context.get(), options) && two_calls(out, [&](Byte* to, std::size_t* size) {
        return EVP_PKEY_encrypt(context.get(), to, size, plaintext.data(), plaintext.size());
      });
  if (!ok) return fail(openssl_error(ErrorCode::BadInput, "encrypting by RSA-OAEP"));
  return out;
}

bool PublicKey::operator==(const PublicKey& other) const {
  return m_kind == other.m_kind && (m_key == other.m_key || EVP_PKEY_eq(native(), other.native()) == 1);
}

// Private keys -----------------------------------------------------------------------------------------------------------------------

Result<PrivateKey> PrivateKey::adopt(EvpPkeyPtr key) {
  // The public half as an object of its own, so that handing it on never hands on the private one.
  const Bytes spki = encode_public(key.get(), "DER", "SubjectPublicKeyInfo");
  POSTERN_TRY(PublicKey pub, PublicKey::from_spki(spki));
  return PrivateKey(std::move(key), std::move(pub));
}

Result<PrivateKey> PrivateKey::generate(KeyKind kind, int rsa_bits) {
  if (kind == KeyKind::Rsa && rsa_bits != 2048 && rsa_bits != 3072 && rsa_bits != 4096) {
    return fail(ErrorCode::BadInput, "RSA keys are made with 2048, 3072 or 4096 bits", "rsa_bits");
  }
  EvpPkeyPtr key;
  if (kind == KeyKind::Rsa) {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits)));
  } else if (is_ec(kind)) {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", entry(kind).group));
  } else {
    key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, entry(kind).type));
  }
  if (!key) return fail(openssl_error(ErrorCode::Internal, "making a key"));
  return adopt(std::move(key));
}

Result<PrivateKey> PrivateKey::from_pem(ByteView pem, ByteView passphrase) {
  POSTERN_TRY(const BioPtr bio, bio_over(pem));
  EvpPkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &passphrase));
  const bool encrypted = as_text(pem).find("ENCRYPTED") != std::string_view::npos;
  if (!key && encrypted) return fail(openssl_error(ErrorCode::Denied, "the private key is encrypted and this passphrase does not open it"));
  if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a private key in PEM"));
  POSTERN_CHECK(kind_of(key.get()));
  return adopt(std::move(key));
}

Result<PrivateKey> PrivateKey::from_der(ByteView der) {
  const unsigned char* at = der.data();
  EvpPkeyPtr key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) return fail(openssl_error(ErrorCode::BadInput, "not a private key in DER"));
  POSTERN_CHECK(kind_of(key.get()));
  return adopt(std::move(key));
}

Result<PrivateKey> PrivateKey::from_raw(KeyKind kind, ByteView raw) {
  if (kind == KeyKind::Rsa) return fail(ErrorCode::Unsupported, "RSA keys have no raw form");
  if (is_ec(kind)) {
    EvpPkeyPtr key = detail::ec_private(entry(kind).group, width_of(kind), raw);
    if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a private key of this curve"));
    return adopt(std::move(key));
  }
  EvpPkeyPtr key(EVP_PKEY_new_raw_private_key_ex(nullptr, entry(kind).type, nullptr, raw.data(), raw.size()));
  if (!key) return fail(openssl_error(ErrorCode::BadInput, "not a raw private key of 32 bytes"));
  return adopt(std::move(key));
}

Result<SecretBytes> PrivateKey::to_pkcs8() const { return write_private(m_key.get(), PrivateForm::Pkcs8Der); }
Result<SecretBytes> PrivateKey::to_pem() const { return write_private(m_key.get(), PrivateForm::Pkcs8Pem); }

Result<SecretBytes> PrivateKey::to_traditional_pem() const {
  if (kind() != KeyKind::Rsa && !is_ec(kind())) return fail(ErrorCode::Unsupported, "only RSA and EC keys have an older PEM form");
  return write_private(m_key.get(), PrivateForm::TraditionalPem);
}

Result<SecretBytes> PrivateKey::to_raw() const {
  if (kind() != KeyKind::Ed25519 && kind() != KeyKind::X25519)
    return fail(ErrorCode::Unsupported, "only Ed25519 and X25519 keys have a raw form here");
  SecretBytes out(32);
  std::size_t size = out.size();
  must(EVP_PKEY_get_raw_private_key(m_key.get(), out.span().data(), &size), "private key");
  return out;
}

Result<SecretBytes> PrivateKey::decrypt_oaep(const OaepOptions& options, ByteView ciphertext) const {
  if (kind() != KeyKind::Rsa) return fail(ErrorCode::Unsupported, "only RSA keys decrypt by OAEP");
  const EvpPkeyCtxPtr context = context_for(m_key.get());
  if (EVP_PKEY_decrypt_init(context.get()) != 1 || !set_oaep(context.get(), options)) {
    return fail(openssl_error(ErrorCode::Internal, "decrypting by RSA-OAEP"));
  }
  SecretBytes out;
  const bool ok = two_calls(
      out, [&](Byte* to, std::size_t* size) { return EVP_PKEY_decrypt(context.get(), to, size, ciphertext.data(), ciphertext.size()); });
  openssl_clear_errors();  // RFC 8017 7.1.2: an observer must not learn which of the checks failed
  if (!ok) return fail(ErrorCode::IntegrityFailed, "the RSA-OAEP ciphertext does not open with this key");
  return out;
}

Result<SecretBytes> PrivateKey::decrypt_pkcs1(ByteView ciphertext, std::size_t expected_size) const {
  if (kind() != KeyKind::Rsa) return fail(ErrorCode::Unsupported, "only RSA keys decrypt by PKCS#1");
  SecretBytes answer = random_key(expected_size == 0 ? 32 : expected_size);  // drawn in every case, so that both take the same steps
  const EvpPkeyCtxPtr context = context_for(m_key.get());
  SecretBytes opened;
  const bool ok = EVP_PKEY_decrypt_init(context.get()) == 1 && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                  two_calls(opened, [&](Byte* to, std::size_t* size) {
                    return EVP_PKEY_decrypt(context.get(), to, size, ciphertext.data(), ciphertext.size());
                  });
  openssl_clear_errors();
  if (ok && !opened.empty() && (expected_size == 0 || opened.size() == expected_size)) std::swap(answer, opened);
  return answer;
}

Result<SecretBytes> PrivateKey::agree(const PublicKey& peer) const {
  POSTERN_CHECK(check_peer_kind(kind(), peer));
  const EvpPkeyCtxPtr context = context_for(m_key.get());
  // set_peer checks that the point is on the curve and not the neutral one (SP 800-56A 5.6.2.3.3).
  if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), peer.native()) != 1) {
    return fail(openssl_error(ErrorCode::BadInput, "the other side's key is not usable"));
  }
  SecretBytes out;
  // RFC 7748 6.1: an all-zero X25519 result, from a point of small order, is refused by OpenSSL.
  const bool ok = two_calls(out, [&](Byte* to, std::size_t* size) { return EVP_PKEY_derive(context.get(), to, size); });
  if (!ok) return fail(openssl_error(ErrorCode::BadInput, "agreeing on a secret"));
  return out;
}

// ECDSA forms ------------------------------------------------------------------------------------------------------------------------

namespace {
struct EcdsaSigFree {
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
};
using EcdsaSigPtr = std::unique_ptr<ECDSA_SIG, EcdsaSigFree>;
}  // namespace

Result<Bytes> ecdsa_to_fixed(KeyKind curve, ByteView der) {
  if (!is_ec(curve)) return fail(ErrorCode::Unsupported, "not an ECDSA key");
  const unsigned char* at = der.data();
  const EcdsaSigPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  const int width = static_cast<int>(width_of(curve));
  Bytes out(2 * width_of(curve));
  const bool ok = signature && at == der.data() + der.size() &&
                  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), width) == width &&
                  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + width, width) == width;
  if (!ok) return fail(openssl_error(ErrorCode::BadInput, "not an ECDSA signature of this curve"));
  return out;
}

Result<Bytes> ecdsa_to_der(KeyKind curve, ByteView fixed) {
  if (!is_ec(curve)) return fail(ErrorCode::Unsupported, "not an ECDSA key");
  const int width = static_cast<int>(width_of(curve));
  if (fixed.size() != 2 * width_of(curve)) return fail(ErrorCode::BadInput, "not an ECDSA signature of this curve");
  const EcdsaSigPtr signature(must(ECDSA_SIG_new(), "no memory for a signature"));
  must(ECDSA_SIG_set0(signature.get(), BN_bin2bn(fixed.data(), width, nullptr), BN_bin2bn(fixed.data() + width, width, nullptr)),
       "signature");
  Bytes out(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)));
  unsigned char* to = out.data();
  i2d_ECDSA_SIG(signature.get(), &to);
  return out;
}

}  // namespace postern
