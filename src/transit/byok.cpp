#include "transit/byok.hpp"

#include "crypto/key_wrap.hpp"
#include "crypto/random.hpp"
#include "transit/text_form.hpp"

namespace postern::transit::detail {
namespace {

constexpr std::size_t kEphemeral = 32;

tl::unexpected<Error> does_not_open() {
  return fail(
      ErrorCode::BadInput,
      "the ciphertext does not open: wrap an AES-256 key with this mount's wrapping_key (RSA-OAEP, hash_function) and the key with it "
      "(AES-KWP)",
      "ciphertext");
}

}  // namespace

Result<SecretBytes> open_byok(const PrivateKey& wrapping_key, HashAlgorithm hash, std::string_view blob) {
  if (blob.size() > kByokMost) return fail(ErrorCode::TooLarge, "a wrapped key has at most 64 KiB", "ciphertext");
  const auto bytes = decode_base64<Bytes>(blob);
  if (!bytes) return fail(ErrorCode::BadInput, "failed to base64-decode import ciphertext", "ciphertext");
  const std::size_t head = static_cast<std::size_t>(wrapping_key.public_key().bits()) / 8;
  if (bytes->size() <= head) return fail(ErrorCode::BadInput, "the ciphertext is too short for two wrapped keys", "ciphertext");
  const auto ephemeral = wrapping_key.decrypt_oaep({.hash = hash}, ByteView(*bytes).first(head));
  if (!ephemeral || ephemeral->size() != kEphemeral) return does_not_open();
  auto target = aes_key_unwrap(ephemeral->view(), ByteView(*bytes).subspan(head));
  if (!target) return does_not_open();
  return target;
}

Result<std::string> make_byok(const PublicKey& wrapping_key, HashAlgorithm hash, ByteView target) {
  const SecretBytes ephemeral = random_key(kEphemeral);
  POSTERN_TRY(Bytes blob, wrapping_key.encrypt_oaep({.hash = hash}, ephemeral.view()));
  POSTERN_TRY(const Bytes wrapped, aes_key_wrap(ephemeral.view(), target));
  append(blob, wrapped);
  std::string out;
  append_base64(out, blob);
  return out;
}

}  // namespace postern::transit::detail
