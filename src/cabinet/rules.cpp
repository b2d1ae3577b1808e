#include "cabinet/rules.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern::cabinet {
namespace {

constexpr std::size_t kStates = 10, kActs = 8;
constexpr std::array<std::string_view, kActs> kActNames{"submit", "approve", "refuse", "cancel", "resolve", "move", "delete", "edit"};

// A row per state, a column per act.
constexpr std::array<std::array<bool, kActs>, kStates> kMay{{
    //                 submit approve refuse cancel resolve move  delete edit
    /* received   */ {{false, false, false, false, false, true, true, false}},
    /* draft      */ {{true, false, false, false, false, false, true, true}},
    /* held       */ {{false, true, true, false, false, false, false, false}},
    /* refused    */ {{true, false, false, false, false, true, true, true}},
    /* queued     */ {{false, false, false, false, false, false, false, false}},
    /* submitting */ {{false, false, false, false, false, false, false, false}},
    /* unknown    */ {{false, false, false, false, true, false, false, false}},
    /* failed     */ {{true, false, false, false, false, true, true, true}},
    /* submitted  */ {{false, false, false, true, false, true, true, false}},
    /* cancelled  */ {{true, false, false, false, false, true, true, true}},
}};

/// What an operator does with it instead.
std::string_view advice(State state) noexcept {
  switch (state) {
    case State::Held: return "approve or refuse it first";
    case State::Queued:
    case State::Submitting: return "wait until it is submitted";
    case State::Unknown: return "wait for a report, or resolve it: nobody knows whether the peer has it";
    case State::Draft: return "submit it first";
    default: return "that is for messages in another state";
  }
}

}  // namespace

std::string_view name_of(Act act) noexcept { return kActNames.at(static_cast<std::size_t>(act)); }

Status check(Act act, State state) {
  if (kMay.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(act))) return {};
  return fail(ErrorCode::Conflict,
              "a message that is " + std::string(name_of(state)) + " cannot be taken for " + std::string(name_of(act)) + ": " +
                  std::string(advice(state)),
              "state");
}

Status check_version(const Item& item, std::uint64_t seen) {
  if (item.version == seen) return {};
  return fail(ErrorCode::Conflict,
              "it was changed meanwhile: version " + std::to_string(seen) + " was seen, and it is in version " +
                  std::to_string(item.version) + "; read it again and make the change to that",
              "version");
}

namespace {

using sdk::Strategy;

/// Of a message whose submission names none.
Strategy usual_strategy(const Item& item, bool is_deferred, Strategy by_default) {
  if (by_default == Strategy::Quarantine) return by_default;  // nothing gets around it
  if (is_deferred) return Strategy::Deferred;
  if (item.pass_through) return Strategy::PassThrough;
  // There is nothing to pass through, or no time to wait for.
  return by_default == Strategy::PassThrough || by_default == Strategy::Deferred ? Strategy::Immediate : by_default;
}

std::optional<std::int64_t> time_to_come(std::optional<std::int64_t> time, std::int64_t now) {
  return time && *time > now ? time : std::nullopt;
}

/// X.411 8.2.1.1.1.13: what may not be delivered before one time, and not after one that is no later, is never delivered.
Status check_latest(const Item& item, const std::optional<std::int64_t>& until, std::int64_t now) {
  if (!item.latest_delivery) return {};
  if (*item.latest_delivery <= now)
    return fail(ErrorCode::BadInput, "has passed: change it in the draft, or take it away there", "latest_delivery");
  if (!until || *item.latest_delivery > *until) return {};
  return fail(ErrorCode::BadInput, "is not before the time after which nothing is delivered (latest_delivery)", "deferred_until");
}

Result<Plan> named_plan(const Item& item, const Wish& wish, std::int64_t now) {
  const Strategy strategy = *wish.strategy;
  if (strategy == Strategy::PassThrough && !item.pass_through)
    return fail(ErrorCode::BadInput, "5 (pass-through) is for contents that are given in a file", "strategy");
  const auto until = wish.deferred_until || strategy != Strategy::Deferred ? wish.deferred_until : item.deferred_until;
  if ((strategy == Strategy::Deferred) != until.has_value())
    return fail(ErrorCode::BadInput, "goes together with strategy 2 (deferred), and that with it", "deferred_until");
  // X.411 8.2.1.1.1.12: not before that time; one that has passed would defer nothing.
  if (until && *until <= now) return fail(ErrorCode::BadInput, "has passed: give a time to come", "deferred_until");
  POSTERN_CHECK(check_latest(item, until, now));
  return Plan{strategy, until};
}

}  // namespace

Result<Plan> plan_of(const Item& item, const Wish& wish, sdk::Strategy by_default, std::int64_t now) {
  if (wish.strategy) return named_plan(item, wish, now);
  if (wish.deferred_until && *wish.deferred_until <= now)
    return fail(ErrorCode::BadInput, "has passed: give a time to come", "deferred_until");
  const auto until = wish.deferred_until ? wish.deferred_until : time_to_come(item.deferred_until, now);
  POSTERN_CHECK(check_latest(item, until, now));
  return Plan{usual_strategy(item, until.has_value(), by_default), until};
}

Plan approved_plan(const Item& held, std::int64_t now) {
  const auto until = time_to_come(held.deferred_until, now);
  return {usual_strategy(held, until.has_value(), Strategy::Immediate), until};
}

Start start_of(sdk::Strategy strategy) noexcept {
  if (strategy == sdk::Strategy::Quarantine) return {State::Held, folder::kQuarantine};
  if (strategy == sdk::Strategy::WithStoredCopy) return {State::Queued, folder::kSent};
  return {};
}

bool is_surely_not_submitted(ErrorCode code) noexcept {
  return code != ErrorCode::Timeout && code != ErrorCode::Unavailable && code != ErrorCode::Internal;
}

State state_of(const std::vector<Copy>& copies) noexcept {
  const auto has = [&](State state) { return std::ranges::any_of(copies, [state](const Copy& each) { return each.state == state; }); };
  if (has(State::Submitting) || has(State::Unknown)) return State::Unknown;
  if (has(State::Failed) || has(State::Draft)) return State::Failed;
  return State::Submitted;
}

std::string_view folder_of(const Item& item) noexcept {
  const bool stored = item.strategy == sdk::Strategy::WithStoredCopy;
  switch (item.state) {
    case State::Received: return folder::kInbox;
    case State::Draft:
    case State::Refused: return folder::kDrafts;
    case State::Held: return folder::kQuarantine;
    case State::Submitted:
    case State::Cancelled: return folder::kSent;
    default: return stored ? folder::kSent : folder::kOutbox;
  }
}

Status check_folder_name(std::string_view name) {
  constexpr std::size_t kMost = 64;
  const bool control = std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/'; });
  if (name.empty() || name.size() > kMost || control || trim(name).size() != name.size() || !is_utf8(name))
    return fail(ErrorCode::BadInput, "must be 1 to 64 octets of text without slashes and without spaces at the ends", "name");
  return {};
}

}  // namespace postern::cabinet
