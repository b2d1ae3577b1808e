// The tables [[verdict]] as rules. The daemon and `postern config check` call the same functions.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "policy/verdict_rules.hpp"

namespace postern::gateway {

/// BadInput names the setting; `path` is that of its table: "verdict[0]".
[[nodiscard]] Result<policy::VerdictRule> make_verdict_rule(const config::VerdictSetting& setting, const std::string& path);
/// The first bad one is the error, as make_verdict_rule() has it.
[[nodiscard]] Result<std::vector<policy::VerdictRule>> make_verdict_rules(const std::vector<config::VerdictSetting>& settings);

}  // namespace postern::gateway
