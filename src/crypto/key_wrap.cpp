#include "crypto/key_wrap.hpp"

#include <openssl/evp.h>

#include <array>

#include "crypto/fatal.hpp"

namespace postern {
namespace {

using detail::must;

enum class Form { Plain, Padded };

EVP_CIPHER* fetch(const char* name) { return must(EVP_CIPHER_fetch(nullptr, name, nullptr), "AES key wrap"); }

/// Null for a key of a wrong size.
const EVP_CIPHER* cipher_for(Form form, std::size_t kek_size) {
  static const std::array<EVP_CIPHER*, 3> plain{fetch("AES-128-WRAP"), fetch("AES-192-WRAP"), fetch("AES-256-WRAP")};
  static const std::array<EVP_CIPHER*, 3> padded{fetch("AES-128-WRAP-PAD"), fetch("AES-192-WRAP-PAD"), fetch("AES-256-WRAP-PAD")};
  if (kek_size != 16 && kek_size != 24 && kek_size != 32) return nullptr;
  return (form == Form::Plain ? plain : padded).at(kek_size / 8 - 2);
}

Result<EvpCipherCtxPtr> keyed(Form form, ByteView kek, int sealing) {
  const EVP_CIPHER* cipher = cipher_for(form, kek.size());
  if (cipher == nullptr) return fail(ErrorCode::BadInput, "the wrapping key must be 16, 24 or 32 bytes", "key");
  EvpCipherCtxPtr context(must(EVP_CIPHER_CTX_new(), "no memory for a cipher"));
  EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
  must(EVP_CipherInit_ex2(context.get(), cipher, kek.data(), nullptr, sealing, nullptr), "AES key wrap");
  return context;
}

Result<Bytes> wrap(Form form, ByteView kek, ByteView key) {
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(form, kek, 1));
  Bytes out((key.size() + 7) / 8 * 8 + 8);
  int size = 0;
  must(EVP_CipherUpdate(context.get(), out.data(), &size, key.data(), static_cast<int>(key.size())), "AES key wrap");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Result<SecretBytes> unwrap(Form form, ByteView kek, ByteView wrapped) {
  POSTERN_TRY(const EvpCipherCtxPtr context, keyed(form, kek, 0));
  SecretBytes out(wrapped.size());
  int size = 0;
  if (EVP_CipherUpdate(context.get(), out.span().data(), &size, wrapped.data(), static_cast<int>(wrapped.size())) != 1 || size <= 0) {
    openssl_clear_errors();
    return fail(ErrorCode::IntegrityFailed, "the wrapped key was changed, or wrapped with another key");
  }
  return SecretBytes(out.view().first(static_cast<std::size_t>(size)));
}

Status check_wrapped(ByteView wrapped, std::size_t least) {
  if (wrapped.size() >= least && wrapped.size() % 8 == 0 && wrapped.size() <= kKeyWrapMost + 16) return {};
  return fail(ErrorCode::BadInput, "not a wrapped key", "wrapped");
}

}  // namespace

Result<Bytes> aes_key_wrap(ByteView kek, ByteView key) {
  if (key.empty() || key.size() > kKeyWrapMost) return fail(ErrorCode::BadInput, "1 byte to 1 MiB can be wrapped", "key");
  return wrap(Form::Padded, kek, key);
}

Result<SecretBytes> aes_key_unwrap(ByteView kek, ByteView wrapped) {
  POSTERN_CHECK(check_wrapped(wrapped, 16));  // RFC 5649 4.2: at least two blocks of 64 bits
  return unwrap(Form::Padded, kek, wrapped);
}

Result<Bytes> aes_key_wrap_unpadded(ByteView kek, ByteView key) {
  // RFC 3394 2: "n 64-bit blocks", n at least 2
  if (key.size() < 16 || key.size() % 8 != 0 || key.size() > kKeyWrapMost)
    return fail(ErrorCode::BadInput, "16 bytes to 1 MiB in whole blocks of 8 can be wrapped without padding", "key");
  return wrap(Form::Plain, kek, key);
}

Result<SecretBytes> aes_key_unwrap_unpadded(ByteView kek, ByteView wrapped) {
  POSTERN_CHECK(check_wrapped(wrapped, 24));  // RFC 3394 2.2.2: n + 1 blocks
  return unwrap(Form::Plain, kek, wrapped);
}

}  // namespace postern
