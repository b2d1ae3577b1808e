// What an operator makes of the standards' verdicts on mail from outside (SPF, DKIM, DMARC, ARC, iprev; S/MIME, OpenPGP). Pure.
//
// Rules are tried in order. A rule applies when all its terms hold and its pattern matches an author. `label` writes a word on the message
// and goes on; `accept`, `quarantine` and `reject` end it. `accept` needs all authors to match its pattern, since one of two is easily
// added; the others need one. No rule: the settings [authentication] decide.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

/// "spf=fail", "dkim!=pass"
struct VerdictTerm {
  std::string method;  ///< spf, dkim, dmarc, arc, iprev, signature
  std::string result;
  bool negated = false;
};
/// BadInput: not of that form, a method or a result that there is not (RFC 8601 2.7, RFC 8617 4.4).
[[nodiscard]] Result<VerdictTerm> parse_verdict_term(std::string_view text);

enum class VerdictAction { Nothing, Label, Accept, Quarantine, Reject };

struct VerdictRule {
  std::string name;
  std::vector<VerdictTerm> when;  ///< Empty: always.
  Pattern from;                   ///< Of the author.
  VerdictAction action = VerdictAction::Nothing;
  std::string text;  ///< The label, or what the sender is told.
};

struct VerdictFacts {
  std::vector<std::string> authors;  ///< Addresses of the From fields; none: only "*" matches.
  std::string spf, dkim, dmarc, arc, iprev;
  /// Of S/MIME or OpenPGP, of the copies that local recipients can read. "none"; "valid"; "broken": it does not match the content;
  /// "revoked": its certificate is; "untrusted": whole, of somebody who counts for nothing or is not the author; "temperror": whole, and
  /// nobody says now whether the certificate is revoked (security.smime.revocation = "hard").
  std::string signature = "none";
};
/// Of two results of `signature` the one that says more against a message.
[[nodiscard]] std::string_view worse_signature(std::string_view a, std::string_view b) noexcept;
/// Whether a rule looks at it: finding out costs opening and verifying the message.
[[nodiscard]] bool ask_for_signature(std::span<const VerdictRule> rules);

struct VerdictOutcome {
  VerdictAction action = VerdictAction::Nothing;  ///< Never Label.
  std::string rule, text;                         ///< Of the rule that decided.
  bool temporary = false;                         ///< A result that it needed may be another one soon ("temperror").
  std::vector<std::string> labels;                ///< In order.
};
[[nodiscard]] VerdictOutcome apply_verdict_rules(std::span<const VerdictRule> rules, const VerdictFacts& facts);

}  // namespace postern::policy
