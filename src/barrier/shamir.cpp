#include "barrier/shamir.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <numeric>
#include <string>

#include "crypto/random.hpp"

namespace postern {
namespace {

// A random number below `bound` (1 to 256), each with the same chance.
unsigned random_below(unsigned bound) {
  const unsigned usable = 256 - 256 % bound;
  for (;;) {
    Byte drawn = 0;
    fill_nonce({&drawn, 1});
    if (drawn < usable) return drawn % bound;
  }
}

// The first `count` of 1..255 in random order.
std::array<Byte, kMostShares> random_points(unsigned count) {
  std::array<Byte, kMostShares> points;
  std::iota(points.begin(), points.end(), Byte{1});
  for (unsigned i = 0; i < count; ++i) std::swap(points[i], points[i + random_below(kMostShares - i)]);
  return points;
}

// The factor of the value at shares[which] for the polynomial's value at 0: the product of x_j / (x_j - x_which).
Byte weight_at_zero(std::span<const SecretBytes> shares, std::size_t which) {
  Byte above = 1;
  Byte below = 1;
  const Byte own = shares[which].view().back();
  for (std::size_t j = 0; j < shares.size(); ++j) {
    if (j == which) continue;
    const Byte other = shares[j].view().back();
    above = detail::gf_multiply(above, other);
    below = detail::gf_multiply(below, static_cast<Byte>(other ^ own));
  }
  return detail::gf_multiply(above, detail::gf_inverse(below));
}

Status check_shares(std::span<const SecretBytes> shares) {
  if (shares.empty()) return fail(ErrorCode::BadInput, "give at least one share", "key");
  const std::size_t size = shares.front().size();
  if (size == 0 || size > kSharedSecret + 1) return fail(ErrorCode::BadInput, "a share has 1 to 1025 bytes", "key");
  if (std::ranges::any_of(shares, [&](const SecretBytes& share) { return share.size() != size; })) {
    return fail(ErrorCode::BadInput, "the shares have different lengths: they are not of one set", "key");
  }
  if (shares.size() == 1) return {};
  if (size < 2) return fail(ErrorCode::BadInput, "a share has at least 2 bytes", "key");
  std::bitset<256> seen;
  for (const SecretBytes& share : shares) {
    const Byte x = share.view().back();
    if (x == 0) return fail(ErrorCode::BadInput, "a share is damaged: its last byte cannot be 0", "key");
    if (seen.test(x)) return fail(ErrorCode::BadInput, "the same share was given twice: give different ones", "key");
    seen.set(x);
  }
  return {};
}

}  // namespace

namespace detail {

Byte gf_multiply(Byte a, Byte b) noexcept {
  unsigned product = 0;
  unsigned shifted = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    product ^= shifted & (0U - (unsigned{b} >> bit & 1U));
    shifted = (shifted << 1) ^ (0x11bU & (0U - (shifted >> 7 & 1U)));
  }
  return static_cast<Byte>(product);
}

Byte gf_inverse(Byte a) noexcept {
  Byte result = 1;  // a^254: the group has 255 elements
  for (int bit = 7; bit >= 0; --bit) {
    result = gf_multiply(result, result);
    if (bit != 0) result = gf_multiply(result, a);
  }
  return result;
}

Byte gf_evaluate(ByteView coefficients, Byte x) noexcept {
  Byte value = 0;
  for (std::size_t i = coefficients.size(); i-- > 0;) value = static_cast<Byte>(gf_multiply(value, x) ^ coefficients[i]);
  return value;
}

}  // namespace detail

Status check_split(const ShareSplit& split) {
  if (split.shares == 0 || split.shares > kMostShares) return fail(ErrorCode::BadInput, "shares must be 1 to 255", "secret_shares");
  if (split.threshold == 0) return fail(ErrorCode::BadInput, "threshold must be at least one", "secret_threshold");
  if (split.shares > 1 && split.threshold == 1) {
    return fail(ErrorCode::BadInput, "threshold must be greater than one for multiple shares", "secret_threshold");
  }
  if (split.threshold > split.shares) return fail(ErrorCode::BadInput, "threshold cannot be larger than shares", "secret_threshold");
  return {};
}

Result<std::vector<SecretBytes>> shamir_split(ByteView secret, const ShareSplit& split) {
  POSTERN_CHECK(check_split(split));
  if (secret.empty() || secret.size() > kSharedSecret) return fail(ErrorCode::BadInput, "a secret to split has 1 to 1024 bytes", "secret");
  std::vector<SecretBytes> shares;
  if (split.shares == 1) {
    shares.emplace_back(secret);
    return shares;
  }
  const auto points = random_points(split.shares);
  for (unsigned i = 0; i < split.shares; ++i) {
    shares.emplace_back(secret.size() + 1);
    shares.back().span().back() = points[i];
  }
  for (std::size_t at = 0; at < secret.size(); ++at) {
    SecretBytes coefficients = random_key(split.threshold);
    coefficients.span().front() = secret[at];
    for (unsigned i = 0; i < split.shares; ++i) shares[i].span()[at] = detail::gf_evaluate(coefficients.view(), points[i]);
  }
  return shares;
}

Result<SecretBytes> shamir_combine(std::span<const SecretBytes> shares) {
  POSTERN_CHECK(check_shares(shares));
  if (shares.size() == 1) return shares.front().clone();
  SecretBytes secret(shares.front().size() - 1);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const Byte weight = weight_at_zero(shares, i);
    for (std::size_t at = 0; at < secret.size(); ++at) secret.span()[at] ^= detail::gf_multiply(shares[i].view()[at], weight);
  }
  return secret;
}

}  // namespace postern
