#include "crypto/xchacha.hpp"

#include <array>
#include <bit>

#include "crypto/aead.hpp"

namespace postern {
namespace {

using State = std::array<std::uint32_t, 16>;

std::uint32_t load_little(ByteView bytes) {
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[3]} << 24;
}
void store_little(std::uint32_t value, ByteSpan out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<Byte>(value >> (8 * i));
}

// RFC 8439 2.1
void quarter_round(State& s, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
  s[a] += s[b], s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d], s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b], s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d], s[b] = std::rotl(s[b] ^ s[c], 7);
}

void twenty_rounds(State& s) {
  for (int i = 0; i < 10; ++i) {
    for (std::size_t column = 0; column < 4; ++column) quarter_round(s, column, column + 4, column + 8, column + 12);
    for (std::size_t column = 0; column < 4; ++column)
      quarter_round(s, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4);
  }
}

// 2.3 of the draft: the nonce of the inner cipher is four zero bytes and the last eight of ours.
std::array<Byte, kAeadNonce> inner_nonce(ByteView nonce) {
  std::array<Byte, kAeadNonce> out{};
  std::copy(nonce.begin() + 16, nonce.end(), out.begin() + 4);
  return out;
}

Status check_nonce(ByteView nonce) {
  if (nonce.size() == kXChaChaNonce) return {};
  return fail(ErrorCode::BadInput, "the nonce must be 24 bytes", "nonce");
}

}  // namespace

Result<SecretBytes> hchacha20(ByteView key, ByteView nonce) {
  if (key.size() != kXChaChaKey || nonce.size() != 16) return fail(ErrorCode::BadInput, "HChaCha20 takes a 32-byte key and 16 bytes");
  State state{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (std::size_t i = 0; i < 8; ++i) state[4 + i] = load_little(key.subspan(4 * i, 4));
  for (std::size_t i = 0; i < 4; ++i) state[12 + i] = load_little(nonce.subspan(4 * i, 4));
  twenty_rounds(state);
  SecretBytes out(kXChaChaKey);
  for (std::size_t i = 0; i < 4; ++i) {
    store_little(state[i], out.span().subspan(4 * i, 4));
    store_little(state[12 + i], out.span().subspan(16 + 4 * i, 4));
  }
  wipe(ByteSpan(reinterpret_cast<Byte*>(state.data()), sizeof state));
  return out;
}

Status xchacha_seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext, ByteSpan out) {
  POSTERN_CHECK(check_nonce(nonce));
  POSTERN_TRY(const SecretBytes inner, hchacha20(key, nonce.first(16)));
  return aead_seal_once(AeadAlgorithm::ChaCha20Poly1305, inner.view(), inner_nonce(nonce), aad, plaintext, out);
}

Status xchacha_open(ByteView key, ByteView nonce, ByteView aad, ByteView sealed, ByteSpan out) {
  POSTERN_CHECK(check_nonce(nonce));
  POSTERN_TRY(const SecretBytes inner, hchacha20(key, nonce.first(16)));
  return aead_open_once(AeadAlgorithm::ChaCha20Poly1305, inner.view(), inner_nonce(nonce), aad, sealed, out);
}

}  // namespace postern
