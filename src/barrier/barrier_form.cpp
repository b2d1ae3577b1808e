#include "barrier/barrier_form.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "crypto/random.hpp"

namespace postern::detail {
namespace {

constexpr Byte kVersion = 1;
constexpr std::size_t kHeader = 4 + 1;
constexpr std::string_view kValueLabel = "postern barrier value";
constexpr std::string_view kKeyringLabel = "postern barrier keyring";

Bytes value_context(ByteView header, std::string_view path) {
  Bytes aad;
  aad.reserve(kValueLabel.size() + header.size() + path.size());
  append(aad, as_bytes(kValueLabel));
  append(aad, header);
  append(aad, as_bytes(path));
  return aad;
}

}  // namespace

tl::unexpected<Error> damaged_value(std::string_view path) {
  return fail(ErrorCode::IntegrityFailed, "the stored value was changed, moved or damaged: restore it from a backup", std::string(path));
}

Result<Bytes> seal_value(const Aead& cipher, std::uint32_t term, std::string_view path, ByteView value) {
  ByteWriter header;
  header.write_u32(term).write_u8(kVersion);
  Bytes out(kHeader + kAeadNonce + value.size() + kAeadTag);
  std::ranges::copy(header.bytes(), out.begin());
  const ByteSpan nonce = ByteSpan(out).subspan(kHeader, kAeadNonce);
  fill_nonce(nonce);
  POSTERN_CHECK(cipher.seal(nonce, value_context(header.bytes(), path), value, ByteSpan(out).subspan(kHeader + kAeadNonce)));
  return out;
}

Result<std::uint32_t> term_of(ByteView sealed, std::string_view path) {
  if (sealed.size() < kHeader + kAeadNonce + kAeadTag || sealed[4] != kVersion) return damaged_value(path);
  return ByteReader(sealed).read_u32("term");
}

Result<SecretBytes> open_value(const Aead& cipher, std::string_view path, ByteView sealed) {
  if (sealed.size() < kHeader + kAeadNonce + kAeadTag) return damaged_value(path);
  auto value = cipher.open_random(value_context(sealed.first(kHeader), path), sealed.subspan(kHeader));
  if (!value && value.error().code == ErrorCode::IntegrityFailed) return damaged_value(path);
  return value;
}

Result<Bytes> seal_keyring(const Keyring& ring, ByteView root_key) {
  POSTERN_TRY(const Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, root_key));
  POSTERN_TRY(const Bytes sealed, cipher.seal_random(as_bytes(kKeyringLabel), ring.encode().view()));
  Bytes out{kVersion};
  append(out, sealed);
  return out;
}

Result<Keyring> open_keyring(ByteView sealed, ByteView root_key) {
  POSTERN_TRY(const Aead cipher, Aead::create(AeadAlgorithm::Aes256Gcm, root_key));
  if (sealed.empty() || sealed.front() != kVersion) {
    return fail(ErrorCode::IntegrityFailed, "the keyring is damaged, or of a newer version: restore it from a backup");
  }
  const auto encoded = cipher.open_random(as_bytes(kKeyringLabel), sealed.subspan(1));
  if (!encoded) return fail(ErrorCode::Denied, "the root key does not open the keyring: it is another vault's, or the keyring was changed");
  return Keyring::decode(encoded->view());
}

}  // namespace postern::detail
