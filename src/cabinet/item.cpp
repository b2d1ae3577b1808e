#include "cabinet/item.hpp"

#include <postern/x400_sdk.h>

#include <algorithm>
#include <array>

namespace postern::cabinet {
namespace {

template <class E, std::size_t N>
std::string_view at(const std::array<std::string_view, N>& names, E value) noexcept {
  const auto place = static_cast<std::size_t>(value);
  return place < N ? names[place] : "?";
}

constexpr std::array<std::string_view, 3> kKinds{"message", "report", "notification"};
constexpr std::array<std::string_view, 10> kStates{"received",   "draft",   "held",   "refused",   "queued",
                                                   "submitting", "unknown", "failed", "submitted", "cancelled"};
constexpr std::array<std::string_view, 3> kRecipientKinds{"to", "cc", "bcc"};
constexpr std::array<std::string_view, 3> kPriorities{"normal", "non_urgent", "urgent"};
constexpr std::array<std::string_view, 3> kReports{"none", "non_delivery", "all"};
constexpr std::array<std::string_view, 3> kImportances{"low", "normal", "high"};
constexpr std::array<std::string_view, 4> kSensitivities{"none", "personal", "private", "company_confidential"};
constexpr std::array<std::string_view, 3> kAutoSubmitted{"not_auto_submitted", "auto_generated", "auto_replied"};
constexpr FlagName kFlags[] = {
    {POSTERN_X400_DISCLOSE_RECIPIENTS, "disclose_recipients"},          // 8.2.1.1.1.7
    {POSTERN_X400_CONVERSION_PROHIBITED, "conversion_prohibited"},      // 8.2.1.1.1.10
    {POSTERN_X400_ALTERNATE_ALLOWED, "alternate_allowed"},              // 8.2.1.1.1.3
    {POSTERN_X400_RETURN_CONTENT, "return_content"},                    // 8.2.1.1.1.23
    {POSTERN_X400_EXPANSION_PROHIBITED, "expansion_prohibited"},        // 8.2.1.1.1.6
    {POSTERN_X400_REASSIGNMENT_PROHIBITED, "reassignment_prohibited"},  // 8.2.1.1.1.4
};

}  // namespace

bool folder::is_fixed(std::string_view name) noexcept { return std::ranges::find(kFixed, name) != kFixed.end(); }

std::string_view name_of(Kind kind) noexcept { return at(kKinds, kind); }
std::string_view name_of(State state) noexcept { return at(kStates, state); }
std::string_view name_of(RecipientKind kind) noexcept { return at(kRecipientKinds, kind); }
std::string_view name_of(sdk::Priority priority) noexcept { return at(kPriorities, priority); }
std::string_view name_of(sdk::ReportRequest request) noexcept { return at(kReports, request); }
std::string_view name_of(ipm::ImportanceField importance) noexcept { return at(kImportances, importance); }
std::string_view name_of(ipm::SensitivityField sensitivity) noexcept { return at(kSensitivities, sensitivity); }
std::string_view name_of(ipm::AutoSubmitted how) noexcept { return at(kAutoSubmitted, how); }
std::span<const FlagName> flag_names() noexcept { return kFlags; }

std::optional<ipm::Stage> outcome_of(const Item& item) {
  if (item.state != State::Submitted || item.recipients.empty()) return std::nullopt;
  // What an operator has to know first: somebody did not get it; then who knows nothing yet.
  constexpr std::array kWorstFirst{ipm::Stage::NotDelivered, ipm::Stage::Waiting, ipm::Stage::NotRead, ipm::Stage::Delivered,
                                   ipm::Stage::Read};
  const auto rank = [&](const Recipient& each) { return std::ranges::find(kWorstFirst, each.stage) - kWorstFirst.begin(); };
  return std::ranges::min(item.recipients, {}, rank).stage;
}

}  // namespace postern::cabinet
