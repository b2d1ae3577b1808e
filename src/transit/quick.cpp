// What a call would cost, so that small ones need not change threads and large ones do not hold up an event loop.
#include "transit/core.hpp"
#include "transit/engine.hpp"

namespace postern::transit {
namespace {

using namespace detail;

// Nanoseconds on a slow server core, with what a call costs around the cipher (JSON, audit): rather too much than too little.
constexpr std::size_t kQuick = 500'000;
constexpr std::size_t kPerByte = 10;
constexpr std::size_t kCipher = 2'000, kDerivation = 6'000, kMac = 2'500;
constexpr std::size_t kCurveSigning = 50'000, kCurveVerifying = 130'000;
/// Uses that other loops may take between the question and the call.
constexpr std::size_t kSpare = 256;

std::optional<Counted> counted_by(KeyUse use) {
  switch (use) {
    case KeyUse::Encrypt:
    case KeyUse::Rewrap:
    case KeyUse::DataKey: return Counted::Encryption;
    case KeyUse::Sign: return Counted::Signature;
    case KeyUse::Hmac: return Counted::Mac;
    default: return std::nullopt;
  }
}

std::optional<std::size_t> cipher_cost(const Key& key, KeyUse use) {
  if (!is_aead(key.policy.type)) return std::nullopt;
  const std::size_t once = kCipher + (key.policy.derived ? kDerivation : 0);
  return use == KeyUse::Rewrap ? 2 * once : once;
}

// Ed25519 and P-256 only: the larger curves take ten times as long, RSA and what is made of lattices even more.
std::optional<std::size_t> curve_cost(const Key& key, std::size_t once) {
  if (key.policy.type != KeyType::Ed25519 && key.policy.type != KeyType::EcdsaP256) return std::nullopt;
  return key.policy.derived ? 4 * once : once;
}

std::optional<std::size_t> cost_of(const Key& key, KeyUse use) {
  switch (use) {
    case KeyUse::Encrypt:
    case KeyUse::Decrypt:
    case KeyUse::Rewrap:
    case KeyUse::DataKey: return cipher_cost(key, use);
    case KeyUse::Hmac: return kMac;
    case KeyUse::Sign: return curve_cost(key, kCurveSigning);
    case KeyUse::Verify: return key.policy.type == KeyType::Hmac ? kMac : curve_cost(key, kCurveVerifying);
    default: return std::nullopt;
  }
}

}  // namespace

bool Engine::is_quick(std::string_view name, KeyUse use, std::size_t items, std::size_t bytes) const {
  const KeyPtr key = m_core->cache.find(name);
  if (key == nullptr || items > kQuick || bytes > kQuick) return false;
  const std::optional<std::size_t> each = cost_of(*key, use);
  if (!each || items * *each + bytes * kPerByte > kQuick) return false;
  const std::optional<Counted> counted = counted_by(use);
  return !counted || key->newest().counter(*counted).left() > items + kSpare;
}

}  // namespace postern::transit
