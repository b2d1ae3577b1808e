// Ciphers, MACs and derivations.
#include <algorithm>

#include "crypto/aead.hpp"
#include "crypto/cbc.hpp"
#include "crypto/hmac.hpp"
#include "crypto/kdf.hpp"
#include "crypto/key_wrap.hpp"
#include "crypto/xchacha.hpp"
#include "vectors/case.hpp"

namespace postern::vectors {
namespace {

constexpr std::size_t kMostKeyMaterial = 1U << 20;
constexpr std::size_t kMostIterations = 1U << 20;

struct Box {
  enum class Cipher { Gcm, ChaCha, XChaCha } cipher;
  Bytes key, nonce, aad;

  [[nodiscard]] std::optional<AeadAlgorithm> kept() const {
    if (cipher == Cipher::XChaCha) return std::nullopt;
    if (cipher == Cipher::ChaCha) return AeadAlgorithm::ChaCha20Poly1305;
    return key.size() == 16 ? AeadAlgorithm::Aes128Gcm : AeadAlgorithm::Aes256Gcm;
  }
  [[nodiscard]] Result<Bytes> seal(ByteView plaintext) const {
    Bytes out(plaintext.size() + kAeadTag);
    if (const auto algorithm = kept()) {
      POSTERN_TRY(const Aead aead, Aead::create(*algorithm, key));
      POSTERN_CHECK(aead.seal(nonce, aad, plaintext, out));
    } else {
      POSTERN_CHECK(xchacha_seal(key, nonce, aad, plaintext, out));
    }
    return out;
  }
  [[nodiscard]] Result<Bytes> open(ByteView sealed) const {
    if (sealed.size() < kAeadTag) return fail(ErrorCode::BadInput, "too short to be authentic");
    Bytes out(sealed.size() - kAeadTag);
    if (const auto algorithm = kept()) {
      POSTERN_TRY(const Aead aead, Aead::create(*algorithm, key));
      POSTERN_CHECK(aead.open(nonce, aad, sealed, out));
    } else {
      POSTERN_CHECK(xchacha_open(key, nonce, aad, sealed, out));
    }
    return out;
  }
};

std::optional<Box::Cipher> cipher_of(std::string_view algorithm) {
  if (algorithm == "AES-GCM") return Box::Cipher::Gcm;
  if (algorithm == "CHACHA20-POLY1305") return Box::Cipher::ChaCha;
  if (algorithm == "XCHACHA20-POLY1305") return Box::Cipher::XChaCha;
  return std::nullopt;
}

/// What the product never does: AES-192, and nonces of GCM that are not 96 bits (SP 800-38D 5.2.1.1 allows them, but none at all).
bool unused(const Box& box) {
  return box.cipher == Box::Cipher::Gcm && (box.key.size() == 24 || (box.nonce.size() != kAeadNonce && !box.nonce.empty()));
}

/// Opened, and sealed again to the same bytes.
Result<Verdict> judge_opening(const Case& test, const Box& box, ByteView sealed) {
  const auto opened = box.open(sealed);
  if (!opened) return Verdict{};
  const auto again = box.seal(*opened);
  if (!again || !std::ranges::equal(*again, sealed)) return Verdict{};
  return found(test, "msg", *opened);
}

using Wrap = Result<Bytes> (*)(ByteView, ByteView);
using Unwrap = Result<SecretBytes> (*)(ByteView, ByteView);

Result<Verdict> judge_unwrapping(const Case& test, Wrap wrap, Unwrap unwrap) {
  POSTERN_TRY(const Bytes key, test.hex("key"));
  if (!test.has("ct")) {
    POSTERN_TRY(const Bytes text, test.hex("msg"));
    auto wrapped = wrap(key, text);
    return wrapped ? Verdict{.valid = true, .output = *std::move(wrapped)} : Verdict{};
  }
  POSTERN_TRY(const Bytes sealed, test.hex("ct"));
  const auto opened = unwrap(key, sealed);
  const auto again = opened ? wrap(key, opened->view()) : Result<Bytes>(Bytes());
  if (!opened || !again || *again != sealed) return Verdict{};
  return found(test, "msg", opened->view());
}

/// The digest behind a fixed beginning of the algorithm's name: "HMACSHA512", "HKDF-SHA-512".
std::optional<HashAlgorithm> hash_behind(std::string_view prefix, std::string_view algorithm) {
  if (!algorithm.starts_with(prefix)) return std::nullopt;
  return hash_from_name(algorithm.substr(prefix.size()));
}

Result<Verdict> judge_material(const Case& test, std::string_view name, const Result<SecretBytes>& made) {
  if (!made) return Verdict{};
  return found(test, name, made->view());
}

}  // namespace

Result<Verdict> judge_aead(const Case& test) {
  const auto cipher = cipher_of(test.algorithm());
  if (!cipher || (test.has("tagSize") && test.number("tagSize").value_or(0) != kAeadTag * 8)) return Verdict::unsupported();
  Box box{*cipher, {}, {}, {}};
  POSTERN_TRY(box.key, test.hex("key"));
  POSTERN_TRY(box.nonce, test.hex("iv"));
  POSTERN_TRY(box.aad, test.hex_or_empty("aad"));
  if (unused(box)) return Verdict::unsupported();
  if (test.has("ct")) {
    POSTERN_TRY(Bytes sealed, test.hex("ct"));
    POSTERN_TRY(const Bytes tag, test.hex("tag"));
    append(sealed, tag);
    return judge_opening(test, box, sealed);
  }
  POSTERN_TRY(const Bytes text, test.hex("msg"));
  auto sealed = box.seal(text);
  return sealed ? Verdict{.valid = true, .output = *std::move(sealed)} : Verdict{};
}

Result<Verdict> judge_cbc(const Case& test) {
  if (test.algorithm() != "AES-CBC-PKCS5") return Verdict::unsupported();
  POSTERN_TRY(const Bytes key, test.hex("key"));
  POSTERN_TRY(const Bytes iv, test.hex("iv"));
  if (!test.has("ct")) {
    POSTERN_TRY(const Bytes text, test.hex("msg"));
    auto sealed = aes_cbc_encrypt(key, iv, text);
    return sealed ? Verdict{.valid = true, .output = *std::move(sealed)} : Verdict{};
  }
  POSTERN_TRY(const Bytes sealed, test.hex("ct"));
  return judge_material(test, "msg", aes_cbc_decrypt(key, iv, sealed));
}

Result<Verdict> judge_key_wrap(const Case& test) {
  if (test.algorithm() == "AES-KWP") return judge_unwrapping(test, aes_key_wrap, aes_key_unwrap);
  if (test.algorithm() == "AES-WRAP" || test.algorithm() == "AES-KW")
    return judge_unwrapping(test, aes_key_wrap_unpadded, aes_key_unwrap_unpadded);
  return Verdict::unsupported();
}

Result<Verdict> judge_mac(const Case& test) {
  const auto algorithm = hash_behind("HMAC", test.algorithm());
  if (!algorithm) return Verdict::unsupported();
  POSTERN_TRY(const Bytes key, test.hex("key"));
  POSTERN_TRY(const Bytes text, test.hex("msg"));
  POSTERN_TRY(const std::size_t bits, test.number("tagSize"));
  if (bits == 0 || bits % 8 != 0 || bits / 8 > digest_size(*algorithm))
    return fail(ErrorCode::BadInput, "give whole bytes, at most a digest", "tagSize");
  Bytes tag = hmac(*algorithm, key, text);
  tag.resize(bits / 8);  // FIPS 198-1 5: truncation keeps the leftmost bits
  return found(test, "tag", tag);
}

Result<Verdict> judge_hkdf(const Case& test) {
  const auto algorithm = hash_behind("HKDF-", test.algorithm());
  if (!algorithm) return Verdict::unsupported();
  POSTERN_TRY(const Bytes key, test.hex("ikm"));
  POSTERN_TRY(const Bytes salt, test.hex("salt"));
  POSTERN_TRY(const Bytes info, test.hex("info"));
  POSTERN_TRY(const std::size_t size, test.number("size"));
  return judge_material(test, "okm", hkdf(*algorithm, key, salt, info, size));
}

Result<Verdict> judge_pbkdf2(const Case& test) {
  const auto algorithm = hash_behind("PBKDF2-HMAC", test.algorithm());
  if (!algorithm) return Verdict::unsupported();
  POSTERN_TRY(const Bytes password, test.hex("password"));
  POSTERN_TRY(const Bytes salt, test.hex("salt"));
  POSTERN_TRY(const std::size_t iterations, test.number("iterationCount"));
  POSTERN_TRY(const std::size_t size, test.number("dkLen"));
  if (iterations > kMostIterations) return fail(ErrorCode::TooLarge, "at most 1,048,576 iterations", "iterationCount");
  if (size > kMostKeyMaterial) return fail(ErrorCode::TooLarge, "at most 1 MiB", "dkLen");
  return judge_material(test, "dk", pbkdf2(*algorithm, password, salt, static_cast<std::uint32_t>(iterations), size));
}

}  // namespace postern::vectors
