// What may be done in which state, how a strategy is chosen, and the form of an item.
#include "cabinet/rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::cabinet {
namespace {

using sdk::Strategy;

TEST(CabinetRules, EachActHasItsStates) {
  const std::map<Act, std::vector<State>> allowed{
      {Act::Submit, {State::Draft, State::Refused, State::Failed, State::Cancelled}},
      {Act::Approve, {State::Held}},
      {Act::Refuse, {State::Held}},
      {Act::Cancel, {State::Submitted}},
      {Act::Resolve, {State::Unknown}},
      {Act::Move, {State::Received, State::Refused, State::Failed, State::Submitted, State::Cancelled}},
      {Act::Delete, {State::Received, State::Draft, State::Refused, State::Failed, State::Submitted, State::Cancelled}},
      {Act::Edit, {State::Draft, State::Refused, State::Failed, State::Cancelled}},
  };
  for (const auto& [act, states] : allowed)
    for (int n = 0; n <= static_cast<int>(State::Cancelled); ++n) {
      const auto state = static_cast<State>(n);
      const bool may = std::ranges::find(states, state) != states.end();
      EXPECT_EQ(check(act, state).has_value(), may) << name_of(act) << " " << name_of(state);
    }
}

TEST(CabinetRules, AStrategyIsChosen) {
  constexpr std::int64_t kNow = 1000, kLater = 2000;
  Item composed, given;
  given.pass_through = true;
  const auto chosen = [](const Item& item, const Wish& wish, Strategy by_default) {
    return plan_of(item, wish, by_default, kNow).value().strategy;
  };
  EXPECT_EQ(chosen(composed, {}, Strategy::WithStoredCopy), Strategy::WithStoredCopy);
  EXPECT_EQ(chosen(composed, {}, Strategy::PassThrough), Strategy::Immediate) << "there is nothing to pass through";
  EXPECT_EQ(chosen(composed, {}, Strategy::Deferred), Strategy::Immediate) << "there is no time to wait for";
  EXPECT_EQ(chosen(given, {}, Strategy::Immediate), Strategy::PassThrough);
  EXPECT_EQ(chosen(given, {Strategy::Quarantine, {}}, Strategy::Immediate), Strategy::Quarantine);
  EXPECT_EQ(chosen(composed, {{}, kLater}, Strategy::Immediate), Strategy::Deferred);
  composed.deferred_until = kLater;
  EXPECT_EQ(chosen(composed, {}, Strategy::Immediate), Strategy::Deferred);
}

TEST(CabinetRules, ATimeIsOnlyOfDeferredOnes) {
  constexpr std::int64_t kNow = 1000, kLater = 2000;
  Item item;
  item.deferred_until = kLater;
  const auto plan = [&](const Wish& wish, std::int64_t now) { return plan_of(item, wish, Strategy::Immediate, now); };
  EXPECT_EQ(plan({}, kNow).value().deferred_until, kLater);
  EXPECT_EQ(plan({Strategy::Deferred, {}}, kNow).value().deferred_until, kLater);
  EXPECT_EQ(plan({Strategy::Deferred, kLater + 1}, kNow).value().deferred_until, kLater + 1);
  EXPECT_EQ(plan({Strategy::WithTrace, {}}, kNow).value().deferred_until, std::nullopt) << "another strategy clears it";
  const Plan passed = plan({}, kLater).value();
  EXPECT_EQ(passed.strategy, Strategy::Immediate) << "one that has passed is forgotten";
  EXPECT_EQ(passed.deferred_until, std::nullopt);
  EXPECT_EQ(plan({Strategy::Deferred, {}}, kLater).error().field, "deferred_until");
  EXPECT_EQ(plan({Strategy::Deferred, kLater + 1}, kLater).value().deferred_until, kLater + 1);
  EXPECT_EQ(plan({Strategy::WithTrace, kLater}, kNow).error().field, "deferred_until");
  EXPECT_EQ(plan({{}, kNow}, kNow).error().field, "deferred_until");
}

/// X.411 8.2.1.1.1.13
TEST(CabinetRules, NothingIsSubmittedThatCanNeverBeDelivered) {
  constexpr std::int64_t kNow = 1000, kLatest = 2000;
  Item item;
  item.latest_delivery = kLatest;
  const auto field = [&](const Wish& wish, std::int64_t now) {
    const auto plan = plan_of(item, wish, Strategy::Immediate, now);
    return plan ? std::string("none") : plan.error().field;
  };
  EXPECT_EQ(field({Strategy::Deferred, kLatest - 1}, kNow), "none");
  EXPECT_EQ(field({Strategy::Deferred, kLatest}, kNow), "deferred_until");
  EXPECT_EQ(field({{}, kLatest}, kNow), "deferred_until");
  EXPECT_EQ(field({{}, {}}, kLatest - 1), "none");
  EXPECT_EQ(field({{}, {}}, kLatest), "latest_delivery");
  EXPECT_EQ(field({Strategy::Quarantine, {}}, kLatest), "latest_delivery");
}

TEST(CabinetRules, ADefaultOfQuarantineHoldsWhatNamesNone) {
  constexpr std::int64_t kNow = 1000, kLater = 2000;
  Item given, deferred;
  given.pass_through = true;
  deferred.deferred_until = kLater;
  EXPECT_EQ(plan_of(given, {}, Strategy::Quarantine, kNow).value().strategy, Strategy::Quarantine);
  EXPECT_EQ(plan_of(given, {Strategy::PassThrough, {}}, Strategy::Quarantine, kNow).value().strategy, Strategy::PassThrough);
  const Plan held = plan_of(deferred, {}, Strategy::Quarantine, kNow).value();
  EXPECT_EQ(held.strategy, Strategy::Quarantine);
  EXPECT_EQ(held.deferred_until, kLater) << "for when it is approved";
  EXPECT_EQ(approved_plan(given, kNow).strategy, Strategy::PassThrough);
  EXPECT_EQ(approved_plan(deferred, kNow).strategy, Strategy::Deferred);
  EXPECT_EQ(approved_plan(deferred, kLater).deferred_until, std::nullopt);
}

TEST(CabinetRules, TheWholeIsWhatItsCopiesAre) {
  const auto of = [](std::vector<State> states) {
    std::vector<Copy> copies;
    for (const State each : states) copies.emplace_back().state = each;
    return state_of(copies);
  };
  EXPECT_EQ(of({State::Submitted, State::Submitted}), State::Submitted);
  EXPECT_EQ(of({State::Submitted, State::Failed}), State::Failed);
  EXPECT_EQ(of({State::Submitted, State::Draft}), State::Failed);
  EXPECT_EQ(of({State::Failed, State::Unknown}), State::Unknown);
}

TEST(CabinetRules, AnOutcomeIsUnknownWhereThePeerMayHaveIt) {
  for (const ErrorCode code : {ErrorCode::Timeout, ErrorCode::Unavailable, ErrorCode::Internal})
    EXPECT_FALSE(is_surely_not_submitted(code));
  for (const ErrorCode code : {ErrorCode::Denied, ErrorCode::BadInput, ErrorCode::TooLarge, ErrorCode::Unsupported, ErrorCode::Conflict})
    EXPECT_TRUE(is_surely_not_submitted(code));
}

Item whole() {
  Item out;
  out.id = MessageId("01M88W6S9KY1TVJYDTRKG2AE8C");
  out.folder = "sent", out.kind = Kind::Message, out.state = State::Submitted, out.unopened = true, out.created = 1, out.changed = 2;
  out.from = "C=DE;S=Jane", out.subject = "Grüße", out.to = {"a", "b"}, out.ipm_user = "u", out.ipm_identifier = "i";
  out.priority = sdk::Priority::Urgent, out.strategy = Strategy::WithTrace, out.deferred_until = -5, out.flags = 3;
  out.attributes = {{"smime", "valid"}};
  out.origin = Origin{"account", 7, "entry 7"};
  out.recipients.push_back({"r", RecipientKind::Bcc, sdk::ReportRequest::All, true, true, true, true, 5, "alternate", ipm::Stage::Read,
                            "words", 1, 2, "actual"});
  out.copies.push_back({State::Submitted, "[mts]", 10, "00ff", {0}});
  out.history.push_back({9, "submit", "alice", "text"});
  return out;
}

TEST(CabinetItem, ComesBackFromItsRow) {
  const Item item = whole();
  const Item back = item_of(row_of(item)).value();
  EXPECT_EQ(row_of(back).facts, row_of(item).facts);
  EXPECT_EQ(back.recipients.at(0).read_at, 2);
  EXPECT_EQ(back.copies.at(0).recipients, std::vector<std::uint32_t>{0});
  EXPECT_EQ(back.origin->sequence, 7U);
  EXPECT_EQ(back.origin->entry, "entry 7");
  EXPECT_EQ(back.attributes, item.attributes);
}

TEST(CabinetItem, ARowThatIsNoneIsDamaged) {
  for (const char* form : {"", "[]", "{", R"({"from":7})", R"({"priority":9})", R"({"copies":[{"state":99}]})", R"({"recipients":{}})"}) {
    CabinetRow row = row_of(whole());
    row.facts = to_bytes(form);
    EXPECT_EQ(item_of(row).error().code, ErrorCode::IntegrityFailed) << form;
  }
  CabinetRow row = row_of(whole());
  row.state = 99;
  EXPECT_EQ(item_of(row).error().code, ErrorCode::IntegrityFailed);
  row = row_of(whole());
  row.facts = to_bytes("{}");
  EXPECT_TRUE(item_of(row)) << "of an earlier build: fields that are not there keep their defaults";
}

}  // namespace
}  // namespace postern::cabinet
