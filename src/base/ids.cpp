#include "base/ids.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace postern {
namespace {
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
}

std::string make_ulid(WallTime now, Random& random) {
  std::array<Byte, 16> raw{};
  random.fill(raw);
  const auto ms = static_cast<std::uint64_t>(unix_millis(now));
  for (int i = 0; i < 6; ++i) raw[static_cast<std::size_t>(i)] = static_cast<Byte>(ms >> (40 - 8 * i));
  std::string out(26, '0');
  // 128 bits as 26 digits of five bits: two zero bits in front.
  __extension__ unsigned __int128 value = 0;
  for (const Byte b : raw) value = value << 8 | b;
  for (std::size_t i = 26; i-- > 0; value >>= 5) out[i] = kAlphabet[static_cast<std::size_t>(value & 31)];
  return out;
}

bool is_ulid(std::string_view text) noexcept {
  return text.size() == 26 && text[0] <= '7' &&
         std::all_of(text.begin(), text.end(), [](char c) { return kAlphabet.find(c) != std::string_view::npos; });
}

std::string make_uuid(Random& random) {
  std::array<Byte, 16> raw{};
  random.fill(raw);
  raw[6] = static_cast<Byte>((raw[6] & 0x0F) | 0x40);  // RFC 9562 4.2: the version
  raw[8] = static_cast<Byte>((raw[8] & 0x3F) | 0x80);  // RFC 9562 4.1: the variant
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += digits[raw[i] >> 4];
    out += digits[raw[i] & 15];
  }
  return out;
}

}  // namespace postern
