#include "vaultkeeper/key_text.hpp"

#include <algorithm>
#include <charconv>

#include "crypto/pkey.hpp"
#include "crypto/random.hpp"

namespace postern::vaultkeeper {
namespace {

constexpr std::size_t kSymmetricKey = 32;
constexpr std::size_t kHmacKey = 64;
constexpr std::string_view kCiphertextPrefix = "vault:v";

KeyKind kind_of(KeyType type) {
  switch (type) {
    case KeyType::Ed25519: return KeyKind::Ed25519;
    case KeyType::X25519: return KeyKind::X25519;
    case KeyType::EcdsaP256: return KeyKind::EcP256;
    case KeyType::EcdsaP384: return KeyKind::EcP384;
    case KeyType::EcdsaP521: return KeyKind::EcP521;
    default: return KeyKind::Rsa;
  }
}

int rsa_bits(KeyType type) { return type == KeyType::Rsa4096 ? 4096 : type == KeyType::Rsa3072 ? 3072 : 2048; }

}  // namespace

Result<Fresh> make_fresh(KeyType type) {
  if (is_symmetric(type)) return Fresh{random_key(type == KeyType::Hmac ? kHmacKey : kSymmetricKey), {}};
  POSTERN_TRY(const PrivateKey key, PrivateKey::generate(kind_of(type), rsa_bits(type)));
  POSTERN_TRY(SecretBytes secret, key.to_pkcs8());
  return Fresh{std::move(secret), key.public_key().to_pem()};
}

// "vault:vN:BASE64". Version 0 reads as 1, as Vault does.
Result<Ciphertext> parse_ciphertext(std::string_view text) {
  if (!text.starts_with(kCiphertextPrefix)) return fail(ErrorCode::BadInput, "invalid ciphertext: no prefix", "ciphertext");
  text.remove_prefix(kCiphertextPrefix.size());
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail(ErrorCode::BadInput, "invalid ciphertext: wrong number of fields", "ciphertext");
  Ciphertext out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, out.version);
  if (error != std::errc() || end != text.data() + colon) {
    return fail(ErrorCode::BadInput, "invalid ciphertext: version number could not be decoded", "ciphertext");
  }
  out.version = std::max(out.version, 1U);
  auto bytes = base64_decode(text.substr(colon + 1));
  if (!bytes) return fail(ErrorCode::BadInput, "invalid ciphertext: could not decode base64", "ciphertext");
  out.bytes = *std::move(bytes);
  return out;
}

std::string ciphertext_text(std::uint32_t version, ByteView bytes) {
  return std::string(kCiphertextPrefix) + std::to_string(version) + ":" + base64_encode(bytes);
}

}  // namespace postern::vaultkeeper
