#include "barrier/share_round.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/random.hpp"

namespace postern {
namespace {

// RFC 9562 5.4: version 4
std::string random_uuid() {
  std::array<Byte, 16> bytes;
  fill_nonce(bytes);
  bytes[6] = static_cast<Byte>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<Byte>((bytes[8] & 0x3f) | 0x80);
  std::string text = hex_encode(bytes);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace

void ShareRound::begin(const ShareSplit& split, std::size_t secret) {
  m_split = split;
  m_share_size = split.shares == 1 ? secret : secret + 1;
  m_nonce = random_uuid();
  m_given.clear();
}

void ShareRound::end() noexcept {
  m_nonce.clear();
  m_given.clear();
}

Result<std::optional<SecretBytes>> ShareRound::add(ByteView share, Repeat repeat) {
  if (share.size() != m_share_size) {
    return fail(ErrorCode::BadInput, "a share of this vault has " + std::to_string(m_share_size) + " bytes: give it whole", "key");
  }
  const bool again = std::ranges::any_of(m_given, [&](const SecretBytes& given) { return constant_time_equal(given.view(), share); });
  if (again && repeat == Repeat::Refuse) {
    return fail(ErrorCode::BadInput, "given key has already been provided during this operation", "key");
  }
  if (!again) m_given.emplace_back(share);
  if (m_given.size() < m_split.threshold) return std::optional<SecretBytes>();
  const auto given = std::exchange(m_given, {});
  POSTERN_TRY(SecretBytes secret, shamir_combine(given));
  return std::optional(std::move(secret));
}

}  // namespace postern
