// Shamir's secret sharing over GF(2^8): a secret is split into shares, any `threshold` of them give it back, fewer say nothing about it.
//
// Each byte of the secret is the constant term of a random polynomial of degree threshold - 1 over GF(2^8) with x^8 + x^4 + x^3 + x + 1
// (0x11b, the field of AES); a share is the polynomials' values at the share's x, then x itself as one more byte. That is the form of
// Vault's shares. Arithmetic is in constant time: no table is indexed and no branch taken by a secret byte.
// Not handled: shares do not authenticate. A wrong share gives a wrong secret, and whoever combines has to notice that (the custodian
// does, by the tag of what the secret opens).
// Source: A. Shamir, "How to share a secret", CACM 22 (1979); FIPS 197 4.2 for the field.
#pragma once

#include <span>
#include <vector>

#include "base/secret.hpp"

namespace postern {

inline constexpr unsigned kMostShares = 255;
inline constexpr std::size_t kSharedSecret = 1024;

/// How many shares there are and how many are needed: 2 <= threshold <= shares <= 255, or one share that is the secret itself.
struct ShareSplit {
  unsigned shares = 5;
  unsigned threshold = 3;
  friend bool operator==(const ShareSplit&, const ShareSplit&) = default;
};
/// BadInput, in the API's words.
[[nodiscard]] Status check_split(const ShareSplit& split);

/// `secret` has 1 to kSharedSecret bytes. The x of the shares are random, distinct and not 0. With {1, 1}: a plain copy, without x.
[[nodiscard]] Result<std::vector<SecretBytes>> shamir_split(ByteView secret, const ShareSplit& split);

/// The inverse. One share is taken for the plain copy of {1, 1}. BadInput for no share, different lengths, x = 0 and two shares of one x.
[[nodiscard]] Result<SecretBytes> shamir_combine(std::span<const SecretBytes> shares);

namespace detail {
/// In GF(2^8), constant time.
[[nodiscard]] Byte gf_multiply(Byte a, Byte b) noexcept;
/// 1 / a; 0 for 0.
[[nodiscard]] Byte gf_inverse(Byte a) noexcept;
/// coefficients[0] + coefficients[1] * x + ...
[[nodiscard]] Byte gf_evaluate(ByteView coefficients, Byte x) noexcept;
}  // namespace detail

}  // namespace postern
