#include "vault/ids.hpp"

#include "base/ids.hpp"
#include "base/text.hpp"
#include "crypto/random.hpp"

namespace postern::vault {

std::string make_uuid() {
  NonceRandom random;
  return postern::make_uuid(random);
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
