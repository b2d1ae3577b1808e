#include "keys/key_name.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kNameLimit = 128;
constexpr std::array<std::string_view, 12> kTypeNames{
    "aes256-gcm96", "chacha20-poly1305", "ed25519",  "ecdsa-p256", "ecdsa-p384", "ecdsa-p521",
    "rsa-2048",     "rsa-3072",          "rsa-4096", "hmac",       "x25519",     "openpgp"};

constexpr bool is_word(char c) { return is_alnum(c) || c == '_'; }

}  // namespace

Result<KeyName> parse_key_name(std::string_view text) {
  const bool fits = !text.empty() && text.size() <= kNameLimit;
  if (!fits || !is_word(text.front()) || !is_word(text.back()) ||
      !std::ranges::all_of(text, [](char c) { return is_word(c) || c == '-' || c == '.'; })) {
    return fail(ErrorCode::BadInput, "a key name is 1 to 128 letters, digits, '_', '-' or '.', and neither begins nor ends with '-' or '.'",
                "name");
  }
  return KeyName(std::string(text));
}

std::string_view name_of(KeyType type) noexcept { return kTypeNames[static_cast<std::size_t>(type)]; }

std::optional<KeyType> key_type_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kTypeNames, name);
  if (found == kTypeNames.end()) return std::nullopt;
  return static_cast<KeyType>(found - kTypeNames.begin());
}

bool is_symmetric(KeyType type) noexcept {
  return type == KeyType::Aes256Gcm96 || type == KeyType::ChaCha20Poly1305 || type == KeyType::Hmac;
}

}  // namespace postern
