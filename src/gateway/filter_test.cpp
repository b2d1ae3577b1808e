// Which copy an MTA passes on, and what becomes ours.
#include "gateway/filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

Variant copy_for(std::string content, std::vector<std::string> addresses, const std::string& route = "mx:example.com") {
  Variant out;
  out.content = std::move(content);
  for (auto& address : addresses) {
    QueuedRecipient& recipient = out.recipients.emplace_back();
    recipient.address = std::move(address);
    recipient.route = route;
  }
  return out;
}

Variant held_for(std::string content, std::string address) {
  Variant out = copy_for(std::move(content), {std::move(address)}, "policy");
  out.recipients.front().state = RecipientState::Held;
  return out;
}

TEST(SplitForMta, TheCopyWithTheMostRecipientsPasses) {
  const auto split = split_for_mta({copy_for("one", {"a"}), copy_for("two", {"b", "c"})}).value();
  EXPECT_EQ(split.content, "two");
  EXPECT_THAT(split.passed, ElementsAre("b", "c"));
  ASSERT_EQ(split.ours.size(), 1U);
  EXPECT_EQ(split.ours.front().recipients.front().address, "a");
}

TEST(SplitForMta, WhatIsHeldOrBouncedNeverPasses) {
  const auto split = split_for_mta({held_for("held", "a"), copy_for("refused", {"b"}, "bounce")}).value();
  EXPECT_TRUE(split.content.empty() && split.passed.empty());
  EXPECT_EQ(split.ours.size(), 2U);
}

TEST(SplitForMta, EqualCopiesPassTogetherWhoeverOwnsThem) {
  auto other = copy_for("same", {"b"});
  other.storage_key = KeyName("tenant_a_storage");
  const auto split = split_for_mta({copy_for("same", {"a"}), other, copy_for("odd", {"c"})}).value();
  EXPECT_EQ(split.content, "same");
  EXPECT_THAT(split.passed, UnorderedElementsAre("a", "b"));
}

TEST(SplitForMta, EqualCopiesThatStayKeepTheirKeys) {  // a tenant's mail is shredded with his key, and nobody else's
  auto first = copy_for("same", {"a"}), second = copy_for("same", {"b"});
  first.storage_key = KeyName("tenant_a_storage");
  second.storage_key = KeyName("tenant_b_storage");
  const auto split = split_for_mta({first, second, copy_for("most", {"c", "d", "e"})}).value();
  ASSERT_EQ(split.ours.size(), 2U);
  EXPECT_EQ(split.ours[0].storage_key, first.storage_key);
  EXPECT_EQ(split.ours[1].storage_key, second.storage_key);
}

TEST(SplitForMta, LocalRecipientsGoFirst) {
  const auto split = split_for_mta({copy_for("many", {"a", "b", "c"}), copy_for("local", {"d"}, "mailbox")}).value();
  EXPECT_EQ(split.content, "local");
  EXPECT_EQ(split_for_mta({copy_for("x", {"a"}, "mailbox"), copy_for("y", {"b"}, "mailbox#example.org")}).error().field, "split");
}

}  // namespace
}  // namespace postern::gateway
