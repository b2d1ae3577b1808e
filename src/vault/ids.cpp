#include "vault/ids.hpp"

#include <array>

#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern::vault {

std::string make_uuid() {
  std::array<Byte, 16> bytes{};
  fill_nonce(bytes);
  bytes[6] = static_cast<Byte>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<Byte>((bytes[8] & 0x3f) | 0x80);
  std::string out = hex_encode(bytes);
  for (const std::size_t dash : {20U, 16U, 12U, 8U}) out.insert(dash, 1, '-');
  return out;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
    const bool hex = is_digit(text[at]) || (text[at] >= 'a' && text[at] <= 'f');
    if (dash ? text[at] != '-' : !hex) return false;
  }
  return true;
}

std::string random_base62(std::size_t size) {
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr unsigned kFair = 256 - 256 % 62;  // bytes above would favour the first letters
  std::string out;
  out.reserve(size);
  while (out.size() < size) {
    const SecretBytes block = random_key(64);
    for (const Byte byte : block.view()) {
      if (byte < kFair && out.size() < size) out.push_back(kAlphabet[byte % 62]);
    }
  }
  return out;
}

std::string make_service_token() { return "hvs." + base64url_encode(random_key(32).view()); }

}  // namespace postern::vault
