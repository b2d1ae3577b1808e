#include "spool/types.hpp"

#include <array>

namespace postern {
namespace {

constexpr std::array<std::string_view, 7> kStateNames{"queued", "held", "quarantined", "delivered", "bounced", "expired", "removed"};

}  // namespace

std::string_view name_of(RecipientState state) noexcept { return kStateNames.at(static_cast<std::size_t>(state)); }

std::optional<RecipientState> recipient_state_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kStateNames.size(); ++i)
    if (kStateNames[i] == name) return static_cast<RecipientState>(i);
  return std::nullopt;
}

}  // namespace postern
