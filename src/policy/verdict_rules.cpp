#include "policy/verdict_rules.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace postern::policy {
namespace {

constexpr std::string_view kTemporary = "temperror";
constexpr std::string_view kSignature = "signature";
constexpr std::array<std::string_view, 6> kSignatureWeights{"none", "valid", kTemporary, "untrusted", "broken", "revoked"};

struct Method {
  std::string_view name;
  std::string VerdictFacts::* fact;
  std::string_view results;  ///< Each between blanks.
};
constexpr std::array<Method, 6> kMethods{{
    {"spf", &VerdictFacts::spf, " none neutral pass fail softfail temperror permerror "},
    {"dkim", &VerdictFacts::dkim, " none pass fail policy neutral temperror permerror "},
    {"dmarc", &VerdictFacts::dmarc, " none pass fail temperror permerror "},
    {"arc", &VerdictFacts::arc, " none pass fail "},
    {"iprev", &VerdictFacts::iprev, " pass fail temperror permerror "},
    {kSignature, &VerdictFacts::signature, " none valid broken revoked untrusted temperror "},
}};

const Method* method_of(std::string_view name) {
  const auto found = std::ranges::find(kMethods, name, &Method::name);
  return found == kMethods.end() ? nullptr : found;
}

const std::string& fact_of(const VerdictFacts& facts, const VerdictTerm& term) { return facts.*method_of(term.method)->fact; }

bool holds(const VerdictTerm& term, const VerdictFacts& facts) { return (fact_of(facts, term) == term.result) != term.negated; }

bool matches_author(const VerdictRule& rule, const std::vector<std::string>& authors) {
  const auto matches = [&](const std::string& author) { return rule.from.matches(author); };
  if (authors.empty()) return rule.from.matches("");
  return rule.action == VerdictAction::Accept ? std::ranges::all_of(authors, matches) : std::ranges::any_of(authors, matches);
}

bool applies(const VerdictRule& rule, const VerdictFacts& facts) {
  return matches_author(rule, facts.authors) && std::ranges::all_of(rule.when, [&](const VerdictTerm& term) { return holds(term, facts); });
}

/// "dkim!=pass" holds while the key could not be fetched, and may not a minute later.
bool is_temporary(const VerdictRule& rule, const VerdictFacts& facts) {
  return std::ranges::any_of(rule.when, [&](const VerdictTerm& term) { return fact_of(facts, term) == kTemporary; });
}

}  // namespace

Result<VerdictTerm> parse_verdict_term(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fail(ErrorCode::BadInput, "must be METHOD=RESULT or METHOD!=RESULT, like spf=fail or dkim!=pass");
  VerdictTerm out;
  out.negated = text[equals - 1] == '!';
  out.method = to_lower(trim(text.substr(0, equals - (out.negated ? 1 : 0))));
  out.result = to_lower(trim(text.substr(equals + 1)));
  const auto* method = method_of(out.method);
  if (method == nullptr) return fail(ErrorCode::BadInput, "has no such method; there are spf, dkim, dmarc, arc, iprev and signature");
  const bool known = !out.result.empty() && out.result.find(' ') == std::string::npos &&
                     method->results.find(" " + out.result + " ") != std::string_view::npos;
  if (!known) return fail(ErrorCode::BadInput, "has no such result; " + out.method + " is one of" + std::string(method->results));
  return out;
}

std::string_view worse_signature(std::string_view a, std::string_view b) noexcept {
  return std::ranges::find(kSignatureWeights, a) < std::ranges::find(kSignatureWeights, b) ? b : a;
}

bool ask_for_signature(std::span<const VerdictRule> rules) {
  return std::ranges::any_of(rules, [](const VerdictRule& rule) {
    return std::ranges::any_of(rule.when, [](const VerdictTerm& term) { return term.method == kSignature; });
  });
}

VerdictOutcome apply_verdict_rules(std::span<const VerdictRule> rules, const VerdictFacts& facts) {
  VerdictOutcome out;
  for (const VerdictRule& rule : rules) {
    if (!applies(rule, facts)) continue;
    if (rule.action == VerdictAction::Label) {
      out.labels.push_back(rule.text);
      continue;
    }
    out.action = rule.action;
    out.rule = rule.name;
    out.text = rule.text;
    out.temporary = is_temporary(rule, facts);
    break;
  }
  return out;
}

}  // namespace postern::policy
