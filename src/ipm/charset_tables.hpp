// The 96-character sets of ISO 8859 that general text uses. Private to the room.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace postern::ipm {

struct RightHalf {
  std::uint32_t registration;
  char final_octet;  ///< In ESC 2/13 F, which designates the set to G1 (ISO 2022 6.3.7).
  std::string_view name;
  std::array<char16_t, 96> characters;  ///< Octets A0 to FF; 0 where the set has none.
};
[[nodiscard]] const std::array<RightHalf, 15>& right_halves() noexcept;

}  // namespace postern::ipm
