#include "transit/material.hpp"

#include <array>

#include "crypto/kdf.hpp"
#include "crypto/random.hpp"
#include "transit/text_form.hpp"

namespace postern::transit::detail {
namespace {

Status wrong_size() { return fail(ErrorCode::BadInput, "the key material does not have the size that this type of key has"); }
Status wrong_kind(KeyType type) {
  return fail(ErrorCode::BadInput, "the imported key is not a key of type " + std::string(name_of(type)), "type");
}

Status check_raw_size(KeyType type, std::size_t size) {
  if (const auto aead = aead_of(type)) return size == aead_key_size(*aead) ? Status() : wrong_size();
  if (type == KeyType::Hmac) return size >= kHmacLeast && size <= kHmacMost ? Status() : wrong_size();
  return size > 0 && size <= kOpenPgpMost ? Status() : wrong_size();
}

Status check_public(KeyType type, const PublicKey& key) {
  if (key.kind() != kind_of(type)) return wrong_kind(type);
  return key.kind() != KeyKind::Rsa || key.bits() == rsa_bits_of(type) ? Status() : wrong_kind(type);
}

Result<Material> material_of(const PrivateKey& key) {
  POSTERN_TRY(SecretBytes secret, key.to_pkcs8());
  return Material{std::move(secret), key.public_key().to_spki()};
}
Result<Material> material_of(const PqKey& key) {
  POSTERN_TRY(SecretBytes secret, key.to_pkcs8());
  POSTERN_TRY(Bytes spki, key.to_spki());
  return Material{std::move(secret), std::move(spki)};
}

Result<Bytes> der_of_pem(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN PUBLIC KEY-----";
  constexpr std::string_view end = "-----END PUBLIC KEY-----";
  const std::size_t from = pem.find(begin);
  const std::size_t to = pem.find(end);
  if (from == std::string_view::npos || to == std::string_view::npos || to < from + begin.size())
    return fail(ErrorCode::BadInput, "not a public key in PEM", "public_key");
  return base64_decode(pem.substr(from + begin.size(), to - from - begin.size()), Whitespace::Skip);
}

Error unreadable(Error error) {
  error.code = ErrorCode::IntegrityFailed;
  return std::move(error).context("a stored key cannot be read");
}

Result<Usable> open_secret(KeyType type, bool derived, const Material& material) {
  if (const auto aead = aead_of(type); aead && !derived && type != KeyType::XChaCha20Poly1305) {
    POSTERN_TRY(Aead cipher, Aead::create(*aead, material.secret.view()));
    return Usable{std::move(cipher)};
  }
  if (kind_of(type)) {
    POSTERN_TRY(PrivateKey key, PrivateKey::from_der(material.secret.view()));
    return Usable{std::move(key)};
  }
  if (const auto pq = pq_kind_of(type)) {
    POSTERN_TRY(PqKey key, PqKey::from_pkcs8(*pq, material.secret.view()));
    return Usable{std::move(key)};
  }
  POSTERN_CHECK(check_raw_size(type, material.secret.size()));
  return Usable{RawKey{}};
}

Result<Usable> open_public(KeyType type, const Material& material) {
  if (const auto pq = pq_kind_of(type)) {
    POSTERN_TRY(PqKey key, PqKey::from_spki(*pq, material.public_part));
    return Usable{std::move(key)};
  }
  POSTERN_TRY(PublicKey key, PublicKey::from_spki(material.public_part));
  return Usable{std::move(key)};
}

}  // namespace

std::optional<AeadAlgorithm> aead_of(KeyType type) noexcept {
  switch (type) {
    case KeyType::Aes128Gcm96: return AeadAlgorithm::Aes128Gcm;
    case KeyType::Aes256Gcm96: return AeadAlgorithm::Aes256Gcm;
    case KeyType::ChaCha20Poly1305:
    case KeyType::XChaCha20Poly1305: return AeadAlgorithm::ChaCha20Poly1305;
    default: return std::nullopt;
  }
}

std::optional<KeyKind> kind_of(KeyType type) noexcept {
  switch (type) {
    case KeyType::EcdsaP256: return KeyKind::EcP256;
    case KeyType::EcdsaP384: return KeyKind::EcP384;
    case KeyType::EcdsaP521: return KeyKind::EcP521;
    case KeyType::Ed25519: return KeyKind::Ed25519;
    case KeyType::X25519: return KeyKind::X25519;
    case KeyType::Rsa2048:
    case KeyType::Rsa3072:
    case KeyType::Rsa4096: return KeyKind::Rsa;
    default: return std::nullopt;
  }
}

int rsa_bits_of(KeyType type) noexcept {
  switch (type) {
    case KeyType::Rsa2048: return 2048;
    case KeyType::Rsa3072: return 3072;
    case KeyType::Rsa4096: return 4096;
    default: return 0;
  }
}

std::optional<PqKind> pq_kind_of(KeyType type) noexcept {
  switch (type) {
    case KeyType::MlDsa44: return PqKind::MlDsa44;
    case KeyType::MlDsa65: return PqKind::MlDsa65;
    case KeyType::MlDsa87: return PqKind::MlDsa87;
    case KeyType::MlKem512: return PqKind::MlKem512;
    case KeyType::MlKem768: return PqKind::MlKem768;
    case KeyType::MlKem1024: return PqKind::MlKem1024;
    default: return std::nullopt;
  }
}

std::size_t nonce_size_of(KeyType type) noexcept { return !is_aead(type) ? 0 : type == KeyType::XChaCha20Poly1305 ? 24 : 12; }

Result<Material> make_material(KeyType type, std::size_t hmac_size) {
  if (const auto aead = aead_of(type)) return Material{random_key(aead_key_size(*aead)), {}};
  if (type == KeyType::Hmac) return Material{random_key(hmac_size), {}};
  if (const auto pq = pq_kind_of(type)) {
    POSTERN_TRY(const PqKey key, PqKey::generate(*pq));
    return material_of(key);
  }
  const auto kind = kind_of(type);
  if (!kind) return fail(ErrorCode::Unsupported, "keys of type " + std::string(name_of(type)) + " are made elsewhere and imported", "type");
  POSTERN_TRY(const PrivateKey key, PrivateKey::generate(*kind, rsa_bits_of(type)));
  return material_of(key);
}

Result<Material> material_from_secret(KeyType type, ByteView secret, std::string_view openpgp_public) {
  if (const auto pq = pq_kind_of(type)) {
    POSTERN_TRY(const PqKey key, PqKey::from_pkcs8(*pq, secret));
    return material_of(key);
  }
  if (!kind_of(type)) {
    POSTERN_CHECK(check_raw_size(type, secret.size()));
    return Material{SecretBytes(secret), to_bytes(openpgp_public)};
  }
  POSTERN_TRY(const PrivateKey key, PrivateKey::from_der(secret));
  POSTERN_CHECK(check_public(type, key.public_key()));
  return material_of(key);
}

Result<Material> material_from_public(KeyType type, std::string_view pem) {
  if (const auto pq = pq_kind_of(type)) {
    POSTERN_TRY(const Bytes der, der_of_pem(pem));
    POSTERN_TRY(const PqKey key, PqKey::from_spki(*pq, der));
    POSTERN_TRY(Bytes spki, key.to_spki());
    return Material{{}, std::move(spki)};
  }
  if (!kind_of(type)) return fail(ErrorCode::BadInput, "keys of type " + std::string(name_of(type)) + " have no public half", "public_key");
  POSTERN_TRY(const PublicKey key, PublicKey::from_pem(pem));
  POSTERN_CHECK(check_public(type, key));
  return Material{{}, key.to_spki()};
}

Result<PrivateKey> derived_ed25519(const PrivateKey& root, ByteView context) {
  POSTERN_TRY(const SecretBytes seed, root.to_raw());
  const Bytes pub = root.public_key().to_raw();
  SecretBytes input(64);
  std::ranges::copy(seed.view(), input.span().begin());
  std::ranges::copy(pub, input.span().begin() + 32);
  POSTERN_TRY(const SecretBytes derived, hkdf(HashAlgorithm::Sha256, input.view(), {}, context, 32));
  return PrivateKey::from_raw(KeyKind::Ed25519, derived.view());
}

Result<Usable> open_material(KeyType type, bool derived, const Material& material) {
  auto usable = material.secret.empty() ? open_public(type, material) : open_secret(type, derived, material);
  if (!usable) return fail(unreadable(std::move(usable).error()));
  return usable;
}

std::string algorithm_name(KeyType type) {
  switch (type) {
    case KeyType::EcdsaP256: return "P-256";
    case KeyType::EcdsaP384: return "P-384";
    case KeyType::EcdsaP521: return "P-521";
    default: return abilities_of(type).symmetric ? std::string() : std::string(name_of(type));
  }
}

std::string pem_of(std::string_view label, ByteView der) {
  const std::string body = base64_encode(der);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t at = 0; at < body.size(); at += 64) out.append(body, at, 64).push_back('\n');
  return out + "-----END " + std::string(label) + "-----\n";
}

std::string public_text_of(KeyType type, ByteView public_part) {
  if (type == KeyType::OpenPgp) return std::string(as_text(public_part));
  if (public_part.empty()) return {};
  // RFC 8410 4: the SubjectPublicKeyInfo ends in the 32 bytes of the key
  if (type == KeyType::Ed25519 && public_part.size() >= 32) return base64_encode(public_part.last(32));
  return pem_of("PUBLIC KEY", public_part);
}

}  // namespace postern::transit::detail
