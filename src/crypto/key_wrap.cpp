#include "crypto/key_wrap.hpp"

#include <openssl/evp.h>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

const EVP_CIPHER* cipher_for(std::size_t kek_size) {
  static EVP_CIPHER* const aes128 = must(EVP_CIPHER_fetch(nullptr, "AES-128-WRAP-PAD", nullptr), "AES key wrap");
  static EVP_CIPHER* const aes192 = must(EVP_CIPHER_fetch(nullptr, "AES-192-WRAP-PAD", nullptr), "AES key wrap");
  static EVP_CIPHER* const aes256 = must(EVP_CIPHER_fetch(nullptr, "AES-256-WRAP-PAD", nullptr), "AES key wrap");
  switch (kek_size) {
    case 16: return aes128;
    case 24: return aes192;
    case 32: return aes256;
    default: return nullptr;
  }
}

Result<EvpCipherCtxPtr> keyed(ByteView kek, int sealing) {
  const EVP_CIPHER* cipher = cipher_for(kek.size());
  if (cipher == nullptr) return fail(ErrorCode::BadInput, "the wrapping key must be 16, 24 or 32 bytes", "key");
  EvpCipherCtxPtr context(must(EVP_CIPHER_CTX_new(), "no memory for a cipher"));
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  must(EVP_CipherInit_ex2(context.get(), cipher, kek.data(), nullptr, sealing, nullptr), "AES key wrap");
  return context;
}

}  // namespace

Result<Bytes> aes_key_wrap(ByteView kek, ByteView key) {
  if (key.empty() || key.size() > kKeyWrapMost) return fail(ErrorCode::BadInput, "1 byte to 1 MiB can be wrapped", "key");
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(kek, 1));
  Bytes out((key.size() + 7) / 8 * 8 + 8);
  int size = 0;
  must(EVP_CipherUpdate(context.get(), out.data(), &size, key.data(), static_cast<int>(key.size())), "AES key wrap");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Result<SecretBytes> aes_key_unwrap(ByteView kek, ByteView wrapped) {
  // RFC 5649 4.2: at least two blocks of 64 bits
  if (wrapped.size() < 16 || wrapped.size() % 8 != 0 || wrapped.size() > kKeyWrapMost + 16)
    return fail(ErrorCode::BadInput, "not a wrapped key", "wrapped");
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(kek, 0));
  SecretBytes out(wrapped.size());
  int size = 0;
  if (EVP_CipherUpdate(context.get(), out.span().data(), &size, wrapped.data(), static_cast<int>(wrapped.size())) != 1 || size <= 0) {
    openssl_clear_errors();
    return fail(ErrorCode::IntegrityFailed, "the wrapped key was changed, or wrapped with another key");
  }
  return SecretBytes(out.view().first(static_cast<std::size_t>(size)));
}

}  // namespace postern
