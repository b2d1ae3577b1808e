#include "gateway/verdict_settings.hpp"

#include "base/text.hpp"

namespace postern::gateway {
namespace {

policy::VerdictAction action_of(const std::string& word) {
  if (word == "accept") return policy::VerdictAction::Accept;
  if (word == "label") return policy::VerdictAction::Label;
  return word == "quarantine" ? policy::VerdictAction::Quarantine : policy::VerdictAction::Reject;
}

}  // namespace

Result<policy::VerdictRule> make_verdict_rule(const config::VerdictSetting& setting, const std::string& path) {
  policy::VerdictRule rule;
  rule.name = setting.name.empty() ? path : setting.name;
  rule.action = action_of(setting.action);
  rule.text = setting.text;
  auto from = policy::Pattern::parse(setting.from);
  if (!from) return fail(ErrorCode::BadInput, path + ".from " + from.error().what, path + ".from");
  rule.from = *std::move(from);
  for (const auto& text : setting.when) {
    auto term = policy::parse_verdict_term(text);
    if (!term) return fail(ErrorCode::BadInput, path + ".when: \"" + printable(text) + "\" " + term.error().what, path + ".when");
    rule.when.push_back(*std::move(term));
  }
  return rule;
}

Result<std::vector<policy::VerdictRule>> make_verdict_rules(const std::vector<config::VerdictSetting>& settings) {
  std::vector<policy::VerdictRule> out;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    POSTERN_TRY(auto rule, make_verdict_rule(settings[i], "verdict[" + std::to_string(i) + "]"));
    out.push_back(std::move(rule));
  }
  return out;
}

}  // namespace postern::gateway
