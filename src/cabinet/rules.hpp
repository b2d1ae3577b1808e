// What may be done with a message, and what follows from it: functions of values. The states are those of docs/x400-mailbox.md.
#pragma once

#include "cabinet/item.hpp"

namespace postern::cabinet {

enum class Act : std::uint8_t { Submit, Approve, Refuse, Cancel, Resolve, Move, Delete, Edit };
[[nodiscard]] std::string_view name_of(Act act) noexcept;

/// Conflict says what the state is and what may be done instead.
[[nodiscard]] Status check(Act act, State state);

/// Conflict: it is not in the version that somebody has seen.
[[nodiscard]] Status check_version(const Item& item, std::uint64_t seen);

/// How a message is to be submitted; `now` in seconds since 1970. BadInput names the field of what was asked.
struct Wish {
  std::optional<sdk::Strategy> strategy;
  std::optional<std::int64_t> deferred_until;
  std::optional<std::uint64_t> version{};  ///< That whoever submits it has seen.
};
struct Plan {
  sdk::Strategy strategy = sdk::Strategy::Immediate;
  std::optional<std::int64_t> deferred_until;
};
/// A strategy that is named counts, and one other than 2 (deferred) clears the item's time. Without one, a time to come defers, a passed
/// one of the item's is forgotten; and a default of 4 (quarantine) holds everything, whose plan after approval is approved_plan(). BadInput
/// as well where the item's latest delivery has passed, or is not after the time that defers it.
[[nodiscard]] Result<Plan> plan_of(const Item& item, const Wish& wish, sdk::Strategy by_default, std::int64_t now);
[[nodiscard]] Plan approved_plan(const Item& held, std::int64_t now);
/// Where a submission with that strategy begins.
struct Start {
  State state = State::Queued;
  std::string_view folder = folder::kOutbox;
};
[[nodiscard]] Start start_of(sdk::Strategy strategy) noexcept;

/// Whether the error of a submission says that the peer has not taken it: else its outcome is unknown (transport/transport.hpp).
[[nodiscard]] bool is_surely_not_submitted(ErrorCode code) noexcept;
/// The state of the whole, once nothing of it is under way any more.
[[nodiscard]] State state_of(const std::vector<Copy>& copies) noexcept;
/// Where an item of that state lies, as long as nobody moves it.
[[nodiscard]] std::string_view folder_of(const Item& item) noexcept;

/// BadInput: no name for a folder: 1 to 64 characters of UTF-8, none of them a control character or a slash, no space at the ends.
[[nodiscard]] Status check_folder_name(std::string_view name);

}  // namespace postern::cabinet
