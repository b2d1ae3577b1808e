#include "policy/policy.hpp"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

Rule rule(std::string_view from, std::string_view to, Sign sign, Encrypt encrypt, Preference preference, MissingKey missing) {
  return {"r", Pattern::parse(from).value(), Pattern::parse(to).value(), sign, encrypt, preference, missing};
}

TEST(Pattern, FourForms) {
  const struct {
    const char* pattern;
    const char* address;
    bool matches;
  } cases[] = {
      {"*", "", true},
      {"*", "a@b.example", true},
      {"*@b.example", "a@B.Example", true},
      {"*@b.example", "a@c.b.example", false},
      {"*@*.b.example", "a@c.b.example", true},
      {"*@*.b.example", "a@b.example", false},
      {"*@*.b.example", "a@xb.example", false},
      {"a@b.example", "a@b.example", true},
      {"a@b.example", "A@B.example", true},
      {"A@b.example", "a@b.example", true},
      {"a@b.example", "aa@b.example", false},
      {"*@b.example", "", false},
  };
  for (const auto& c : cases) EXPECT_EQ(Pattern::parse(c.pattern)->matches(c.address), c.matches) << c.pattern << " / " << c.address;
  for (const char* bad : {"", "@", "a@", "@b", "a*@b.example", "*@*", "*@b.*", "ab"}) EXPECT_FALSE(Pattern::parse(bad)) << bad;
}

TEST(Decide, FirstRuleWins) {
  const std::vector<Rule> rules{rule("*", "boss@p.example", Sign::None, Encrypt::Never, Preference::Auto, MissingKey::Send),
                                rule("*", "*@p.example", Sign::None, Encrypt::Must, Preference::Auto, MissingKey::Hold)};
  EXPECT_EQ(decide(rules, {}, "boss@p.example", {true, true}).encrypt, Method::None);
  EXPECT_EQ(decide(rules, {}, "other@p.example", {true, true}).encrypt, Method::Smime);
  EXPECT_EQ(decide(rules, {}, "other@q.example", {true, true}), Decision{});
}

TEST(Decide, MissingKey) {
  const std::pair<MissingKey, Action> cases[] = {
      {MissingKey::Hold, Action::Hold}, {MissingKey::Bounce, Action::Bounce}, {MissingKey::Send, Action::Deliver}};
  for (const auto& [missing, action] : cases) {
    const Decision decision =
        decide({rule("*", "*", Sign::None, Encrypt::Must, Preference::OpenPgp, missing)}, {}, "a@b.example", {true, false});
    EXPECT_EQ(decision.action, action);
    EXPECT_EQ(decision.encrypt, Method::None);
    EXPECT_EQ(decision.reason, "the policy asks for encryption, and no usable OpenPGP certificate of the recipient is known");
  }
}

TEST(Decide, ShouldEncryptsOnlyWhenAKeyIsKnown) {
  const std::vector<Rule> rules{rule("*", "*", Sign::Auto, Encrypt::Should, Preference::Auto, MissingKey::Hold)};
  const Facts facts{"s@x.example", false, false, true, true};
  EXPECT_EQ(decide(rules, facts, "a@b.example", {false, true}).encrypt, Method::OpenPgp);
  EXPECT_EQ(decide(rules, facts, "a@b.example", {false, true}).sign, Method::OpenPgp);
  EXPECT_EQ(decide(rules, facts, "a@b.example", {false, false}).action, Action::Deliver);
  EXPECT_EQ(decide(rules, facts, "a@b.example", {false, false}).sign, Method::Smime);
}

TEST(Decide, EncryptedEntitiesPassUntouched) {
  Facts facts;
  facts.already_encrypted = true;
  const Decision decision =
      decide({rule("*", "*", Sign::Auto, Encrypt::Must, Preference::Auto, MissingKey::Bounce)}, facts, "a@b.example", {});
  EXPECT_EQ(decision.action, Action::Deliver);
  EXPECT_EQ(decision.sign, Method::None);
  EXPECT_EQ(decision.encrypt, Method::None);
}

TEST(Decide, ASignatureIsNoWayAroundEncryption) {
  Facts facts;
  facts.already_signed = true;
  facts.can_sign_smime = facts.can_sign_openpgp = true;
  const Rule must = rule("*", "*", Sign::Auto, Encrypt::Must, Preference::Auto, MissingKey::Bounce);
  EXPECT_EQ(decide({must}, facts, "a@b.example", {}).action, Action::Bounce);
  const Decision wrapped = decide({must}, facts, "a@b.example", {true, false});
  EXPECT_EQ(wrapped.action, Action::Deliver);
  EXPECT_EQ(wrapped.encrypt, Method::Smime);
  EXPECT_EQ(wrapped.sign, Method::None) << "never a signature over a signature";
  const Decision passed =
      decide({rule("*", "*", Sign::Auto, Encrypt::Never, Preference::Auto, MissingKey::Hold)}, facts, "a@b.example", {true, true});
  EXPECT_EQ(passed.sign, Method::None);
  EXPECT_EQ(passed.encrypt, Method::None);
  EXPECT_EQ(passed.reason, "already signed by its sender; not signed again");
}

TEST(Decide, SigningWithoutAKeyIsSaid) {
  EXPECT_EQ(decide({rule("*", "*", Sign::Smime, Encrypt::Never, Preference::Auto, MissingKey::Hold)}, {}, "a@b.example", {}).reason,
            "not signed: the gateway holds no smime key of the sender");
}

}  // namespace
}  // namespace postern::policy
