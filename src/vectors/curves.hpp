// The names that vectors give to the curves of the product. Inside vectors/ only.
#pragma once

#include <optional>
#include <string_view>

#include "crypto/pkey.hpp"

namespace postern::vectors {

[[nodiscard]] inline std::optional<KeyKind> nist_curve(std::string_view name) noexcept {
  if (name == "secp256r1" || name == "P-256") return KeyKind::EcP256;
  if (name == "secp384r1" || name == "P-384") return KeyKind::EcP384;
  if (name == "secp521r1" || name == "P-521") return KeyKind::EcP521;
  return std::nullopt;
}

/// The bytes of a scalar.
[[nodiscard]] inline std::size_t scalar_size(KeyKind curve) noexcept {
  return curve == KeyKind::EcP256 ? 32 : curve == KeyKind::EcP384 ? 48 : 66;
}

}  // namespace postern::vectors
