#include "policy/verdict_rules.hpp"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

VerdictRule rule(std::vector<std::string> when, VerdictAction action, std::string text = "", std::string from = "*") {
  VerdictRule out;
  for (const auto& term : when) out.when.push_back(parse_verdict_term(term).value());
  out.from = Pattern::parse(from).value();
  out.action = action;
  out.text = std::move(text);
  return out;
}

VerdictFacts facts(std::vector<std::string> authors = {"a@example.com"}) {
  return {std::move(authors), "pass", "none", "fail", "none", "pass"};
}

TEST(VerdictTerms, FormsAndRefusals) {
  const auto term = parse_verdict_term("DKIM != Pass").value();
  EXPECT_EQ(term.method, "dkim");
  EXPECT_EQ(term.result, "pass");
  EXPECT_TRUE(term.negated);
  EXPECT_FALSE(parse_verdict_term("spf=fail")->negated);
  for (const char* wrong : {"", "spf", "=fail", "!=fail", "spf=", "spf=good", "sender-id=pass", "arc=softfail", "spf=pass fail",
                            "iprev=none", "spf==pass", "dkim!==pass"})
    EXPECT_EQ(parse_verdict_term(wrong).error().code, ErrorCode::BadInput) << wrong;
}

TEST(VerdictRules, TheFirstThatAppliesDecidesAndLabelsGoOn) {
  const std::vector rules{rule({"spf=fail"}, VerdictAction::Reject), rule({"dkim!=pass"}, VerdictAction::Label, "unsigned"),
                          rule({"dmarc=fail", "spf=pass"}, VerdictAction::Quarantine, "q"), rule({}, VerdictAction::Reject)};
  const auto outcome = apply_verdict_rules(rules, facts());
  EXPECT_EQ(outcome.action, VerdictAction::Quarantine);
  EXPECT_EQ(outcome.text, "q");
  EXPECT_EQ(outcome.labels, std::vector<std::string>{"unsigned"});
  EXPECT_EQ(apply_verdict_rules({}, facts()).action, VerdictAction::Nothing);
}

TEST(VerdictRules, OneAuthorIsEnoughToRefuseAndNotToAccept) {
  const std::vector reject{rule({}, VerdictAction::Reject, "", "*@bank.example")},
      accept{rule({}, VerdictAction::Accept, "", "*@bank.example")};
  const auto two = facts({"x@evil.example", "y@bank.example"});
  EXPECT_EQ(apply_verdict_rules(reject, two).action, VerdictAction::Reject);
  EXPECT_EQ(apply_verdict_rules(accept, two).action, VerdictAction::Nothing);
  EXPECT_EQ(apply_verdict_rules(accept, facts({"y@bank.example"})).action, VerdictAction::Accept);
  EXPECT_EQ(apply_verdict_rules(reject, facts({})).action, VerdictAction::Nothing);
  EXPECT_EQ(apply_verdict_rules(std::vector{rule({}, VerdictAction::Reject)}, facts({})).action, VerdictAction::Reject);
}

TEST(VerdictRules, SignaturesAreActedOnAndOnlyThenAskedFor) {
  const std::vector rules{rule({"signature=revoked"}, VerdictAction::Reject, "revoked"),
                          rule({"signature=broken"}, VerdictAction::Quarantine),
                          rule({"signature!=valid"}, VerdictAction::Label, "unproven")};
  const auto found = [&](const char* signature) {
    auto now = facts();
    now.signature = signature;
    return apply_verdict_rules(rules, now);
  };
  EXPECT_EQ(found("revoked").action, VerdictAction::Reject);
  EXPECT_EQ(found("broken").action, VerdictAction::Quarantine);
  EXPECT_EQ(found("untrusted").labels, std::vector<std::string>{"unproven"});
  EXPECT_TRUE(found("valid").labels.empty());
  EXPECT_TRUE(ask_for_signature(rules));
  EXPECT_FALSE(ask_for_signature(std::vector{rule({"spf=fail"}, VerdictAction::Reject)}));
  auto later = facts();
  later.signature = "temperror";
  EXPECT_TRUE(apply_verdict_rules(std::vector{rule({"signature!=valid"}, VerdictAction::Reject)}, later).temporary);
}

TEST(VerdictRules, OfSeveralSignaturesTheWorstCounts) {
  EXPECT_EQ(worse_signature("valid", "revoked"), "revoked");
  EXPECT_EQ(worse_signature("broken", "revoked"), "revoked") << "or one broken one more would be a way around the rule";
  EXPECT_EQ(worse_signature("none", "valid"), "valid");
  EXPECT_EQ(worse_signature("untrusted", "temperror"), "untrusted");
}

TEST(VerdictRules, WhatMayBeDifferentSoonIsSaid) {
  const std::vector rules{rule({"dkim!=pass", "spf=pass"}, VerdictAction::Reject)};
  auto now = facts();
  EXPECT_FALSE(apply_verdict_rules(rules, now).temporary);
  now.dkim = "temperror";
  EXPECT_TRUE(apply_verdict_rules(rules, now).temporary);
}

}  // namespace
}  // namespace postern::policy
