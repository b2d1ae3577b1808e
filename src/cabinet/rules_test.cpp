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
  EXPECT_EQ(strategy_of(composed, {}, Strategy::WithStoredCopy, kNow), Strategy::WithStoredCopy);
  EXPECT_EQ(strategy_of(composed, {}, Strategy::PassThrough, kNow), Strategy::Immediate) << "there is nothing to pass through";
  EXPECT_EQ(strategy_of(given, {}, Strategy::Immediate, kNow), Strategy::PassThrough);
  EXPECT_EQ(strategy_of(given, {Strategy::Quarantine, {}}, Strategy::Immediate, kNow), Strategy::Quarantine);
  EXPECT_EQ(strategy_of(composed, {{}, kLater}, Strategy::Immediate, kNow), Strategy::Deferred);
  composed.deferred_until = kLater;
  EXPECT_EQ(strategy_of(composed, {}, Strategy::Immediate, kNow), Strategy::Deferred);
  EXPECT_EQ(strategy_of(composed, {}, Strategy::Immediate, kLater).error().field, "deferred_until");
  EXPECT_EQ(strategy_of(composed, {Strategy::WithTrace, {}}, Strategy::Immediate, kNow).error().field, "deferred_until");
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
  out.origin = Origin{"account", 7};
  out.recipients.push_back({"r", RecipientKind::Bcc, sdk::ReportRequest::All, true, true, ipm::Stage::Read, "words", 1, 2, "actual"});
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
