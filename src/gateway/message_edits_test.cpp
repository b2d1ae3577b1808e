#include "gateway/message_edits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kBefore = "Received: a\r\nFrom: x@y\r\nX: 1\r\nTo: b@c\r\nX: 2\r\nX: 3\r\nSubject: s\r\n t\r\n\r\nbody\r\n";

MessageEdits edits(std::string_view after) { return edits_between(kBefore, after, {}).value(); }
std::vector<std::string> lines(const std::vector<MessageEdits::Field>& fields) {
  std::vector<std::string> out;
  for (const auto& field : fields) out.push_back(field.name + ":" + field.value);
  return out;
}

TEST(MessageEdits, TheSameMessageNeedsNone) { EXPECT_TRUE(edits(kBefore).empty()); }

TEST(MessageEdits, WhatIsNewAboveGoesInFront) {
  const auto out = edits("DKIM-Signature: v=1;\r\n\tb=x\r\nA:y\r\n" + std::string(kBefore));
  EXPECT_THAT(lines(out.prepend), ElementsAre("DKIM-Signature: v=1;\r\n\tb=x", "A:y"));
  EXPECT_TRUE(out.remove.empty() && out.append.empty() && !out.body);
}

TEST(MessageEdits, RemovalsAreCountedByNameAndComeLastFirst) {
  const auto out = edits("Received: a\r\nFrom: x@y\r\nTo: b@c\r\nX: 2\r\nSubject: s\r\n t\r\n\r\nbody\r\n");
  ASSERT_EQ(out.remove.size(), 2U);
  EXPECT_EQ(out.remove[0].index, 3U);
  EXPECT_EQ(out.remove[1].index, 1U);
  EXPECT_TRUE(out.prepend.empty() && out.append.empty() && !out.body);
}

TEST(MessageEdits, AChangedFieldGoesAndComes) {
  const auto out = edits("Received: a\r\nFrom: x@y\r\nX: 1\r\nTo: b@c\r\nX: 2\r\nX: 3\r\nSubject: other\r\nZ: z\r\n\r\nnew\r\n");
  ASSERT_EQ(out.remove.size(), 1U);
  EXPECT_EQ(out.remove[0].name, "Subject");
  EXPECT_THAT(lines(out.append), ElementsAre("Subject: other", "Z: z"));
  EXPECT_EQ(out.body, "new\r\n");
}

TEST(MessageEdits, AnotherOrderIsStillTheSameMessageInTheEnd) {
  const auto out = edits("To: b@c\r\nFrom: x@y\r\n\r\nbody\r\n");
  EXPECT_EQ(out.remove.size() + 2, 7U + out.prepend.size() + out.append.size());
}

}  // namespace
}  // namespace postern::gateway
