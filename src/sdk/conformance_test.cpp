#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <postern/x400_sdk.h>

#include "sdk/testing/libraries.hpp"

namespace postern::sdk {
namespace {

using ::testing::HasSubstr;

KitOptions kit_for(const std::string& name) {
  KitOptions out;
  out.library = testing::library(name);
  out.user.password = to_bytes(testing::kPassword);
  return out;
}

TEST(Conformance, TheExampleKeepsEveryRule) {
  for (const char* name : {"memory_library", "none"}) {
    const auto results = run_kit(kit_for(name));
    ASSERT_TRUE(results) << results.error().text();
    EXPECT_EQ(results->size(), check_names().size());
    for (const CheckResult& one : *results) EXPECT_EQ(one.outcome, CheckOutcome::Passed) << one.check.name << ": " << one.why;
  }
}

TEST(Conformance, ALibraryThatTakesOneCallAtATimeIsNotAskedForMore) {
  const auto results = run_kit(kit_for("one_call"));
  ASSERT_TRUE(results);
  for (const CheckResult& one : *results) {
    const bool concurrency = std::string_view(one.check.name) == "concurrency";
    EXPECT_EQ(one.outcome, concurrency ? CheckOutcome::Skipped : CheckOutcome::Passed) << one.check.name << ": " << one.why;
  }
}

/// A defect, the check that is to catch it, and what it says.
struct Caught {
  const char* defect;
  const char* check;
  const char* why;
};

class Defects : public ::testing::TestWithParam<Caught> {};

TEST_P(Defects, IsCaughtByName) {
  const auto [defect, check, why] = GetParam();
  KitOptions options = kit_for(defect);
  options.only = {check};
  if (std::string_view(why).find("did not come back") != std::string_view::npos) options.limit = std::chrono::milliseconds(1500);
  const auto results = run_kit(options);
  ASSERT_TRUE(results) << results.error().text();
  ASSERT_EQ(results->size(), 1U);
  EXPECT_EQ(results->front().outcome, CheckOutcome::Failed);
  EXPECT_THAT(results->front().why, HasSubstr(why));
}

constexpr Caught kCaught[] = {
    {"wrong_version", "load", "says version 3.0"},
    {"missing_symbol", "load", "does not export postern_x400_sdk_entry"},
    {"refuses_entry", "load", "refuses this Postern"},
    {"null_function", "load", "a function that is NULL"},
    {"no_calls", "load", "max_calls"},
    {"stale_table_size", "load", "leaves out functions"},
    {"crash_in_load", "load", "crashed"},
    {"hang_in_open", "load", "did not come back"},
    {"writes_to_channel", "load", "channel"},
    {"any_version", "versions", "next major version"},
    {"writes_beyond_table", "smaller-table", "writes beyond the struct_size"},
    {"abort_in_bind", "health", "crashed"},
    {"any_password", "wrong-password", "succeeds"},
    {"tells_password", "wrong-password", "has the password in its text"},
    {"silent_error", "wrong-password", "without a text"},
    {"long_error", "wrong-password", "wrote more than fits"},
    {"crash_on_closed", "closed-twice", "crashed"},
    {"reuses_handles", "handles-are-new", "never used twice"},
    {"crash_in_submit", "round-trip", "crashed"},
    {"exit_in_list", "round-trip", "status 3"},
    {"hang_in_list", "round-trip", "did not come back"},
    {"null_result", "round-trip", "is NULL although the call succeeded"},
    {"negative_length", "round-trip", "mts_identifier says 18446744073709551611"},
    {"dangling_text", "round-trip", "crashed"},
    {"not_utf8", "round-trip", "originator is not UTF-8"},
    {"stale_entry_size", "round-trip", "struct_size is 40"},
    {"huge_count", "round-trip", "at most 1000 are allowed"},
    {"lies_in_fetch", "round-trip", "on_content got"},
    {"changes_content", "round-trip", "octet for octet"},
    {"page_leads_back", "paging", "leads back"},
    {"ignores_limit", "paging", "at most 2 are allowed"},
    {"keeps_going", "stopped-fetch", "called again"},
    {"stdout_in_submit", "round-trip", "standard output"},
    {"double_free", "ownership", "crashed"},
    {"reuses_result", "ownership", "same result"},
    {"ignores_deadline", "deadlines", "ms takes"},
    {"ignores_cancel", "cancel", "cancelled answers"},
    {"leaks_descriptors", "descriptors", "descriptors more are open"},
    {"signal_handler", "signals", "handles the signal"},
};

INSTANTIATE_TEST_SUITE_P(Each, Defects, ::testing::ValuesIn(kCaught), [](const auto& info) { return std::string(info.param.defect); });

TEST(Conformance, MemoryThatIsNotFreedIsSeen) {
  if (testing::kSanitized) GTEST_SKIP() << "a sanitizer counts memory in its own way";
  KitOptions options = kit_for("leaks_memory");
  options.only = {"memory"};
  const auto results = run_kit(options);
  ASSERT_TRUE(results);
  EXPECT_THAT(results->front().why, HasSubstr("is to be freed"));
}

TEST(Conformance, WithoutALibraryTheRestIsSkipped) {
  KitOptions options = kit_for("none");
  options.library = "/nowhere/x.so";
  const auto results = run_kit(options);
  ASSERT_TRUE(results);
  EXPECT_EQ(results->front().outcome, CheckOutcome::Failed);
  EXPECT_THAT(results->front().why, HasSubstr("No such file"));
  EXPECT_EQ(results->back().outcome, CheckOutcome::Skipped);
}

TEST(Conformance, AUserWithoutAMailboxIsNotAskedForOne) {
  KitOptions options = kit_for("memory_library");
  options.user.role = POSTERN_X400_P3_USER;
  const auto results = run_kit(options);
  ASSERT_TRUE(results);
  for (const CheckResult& one : *results) {
    const std::string_view name = one.check.name;
    if (name == "submission" || name == "bad-submissions" || name == "wrong-password" || name == "cancel") {
      EXPECT_EQ(one.outcome, CheckOutcome::Passed) << name << ": " << one.why;
    } else if (name == "round-trip" || name == "paging" || name == "memory") {
      EXPECT_EQ(one.outcome, CheckOutcome::Skipped) << name;
      EXPECT_THAT(one.why, HasSubstr("mailbox"));
    }
    EXPECT_NE(one.outcome, CheckOutcome::Failed) << name << ": " << one.why;
  }
}

TEST(Conformance, AnUnknownCheckIsNamed) {
  KitOptions options = kit_for("none");
  options.only = {"perfection"};
  const auto results = run_kit(options);
  ASSERT_FALSE(results);
  EXPECT_THAT(results.error().what, HasSubstr("perfection"));
}

}  // namespace
}  // namespace postern::sdk
