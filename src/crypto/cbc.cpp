#include "crypto/cbc.hpp"

#include <openssl/evp.h>

#include <array>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

constexpr std::size_t kMost = 0x7fff0000;  // OpenSSL's calls take an int

EVP_CIPHER* fetch(const char* name) { return must(EVP_CIPHER_fetch(nullptr, name, nullptr), "AES-CBC"); }

Result<EvpCipherCtxPtr> keyed(ByteView key, ByteView iv, ByteView text, int sealing) {
  static const std::array<EVP_CIPHER*, 3> ciphers{fetch("AES-128-CBC"), fetch("AES-192-CBC"), fetch("AES-256-CBC")};
  if (key.size() != 16 && key.size() != 24 && key.size() != 32) return fail(ErrorCode::BadInput, "must be 16, 24 or 32 bytes", "key");
  if (iv.size() != kCbcBlock) return fail(ErrorCode::BadInput, "must be 16 bytes", "iv");
  if (text.size() > kMost) return fail(ErrorCode::TooLarge, "more than 2 GiB in one piece");
  EvpCipherCtxPtr context(must(EVP_CIPHER_CTX_new(), "no memory for a cipher"));
  must(EVP_CipherInit_ex2(context.get(), ciphers.at(key.size() / 8 - 2), key.data(), iv.data(), sealing, nullptr), "AES-CBC");
  return context;
}

/// The size of what came out, or nothing.
int run(EVP_CIPHER_CTX* context, ByteView in, Byte* out) {
  int size = 0;
  int rest = 0;
  if (EVP_CipherUpdate(context, out, &size, in.data(), static_cast<int>(in.size())) != 1) return -1;
  return EVP_CipherFinal_ex(context, out + size, &rest) == 1 ? size + rest : -1;
}

}  // namespace

Result<Bytes> aes_cbc_encrypt(ByteView key, ByteView iv, ByteView plaintext) {
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(key, iv, plaintext, 1));
  Bytes out(plaintext.size() + kCbcBlock);
  const int size = run(context.get(), plaintext, out.data());
  must(size >= 0 ? 1 : 0, "AES-CBC");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Result<SecretBytes> aes_cbc_decrypt(ByteView key, ByteView iv, ByteView ciphertext) {
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(key, iv, ciphertext, 0));
  SecretBytes out(ciphertext.size() + kCbcBlock);
  // RFC 5652 6.3: there is a padding also where the content fills its last block, so nothing is the ciphertext of nothing.
  const int size = ciphertext.empty() ? -1 : run(context.get(), ciphertext, out.span().data());
  openssl_clear_errors();
  if (size < 0) return fail(ErrorCode::IntegrityFailed, "the ciphertext does not open with this key");
  return SecretBytes(out.view().first(static_cast<std::size_t>(size)));
}

}  // namespace postern
