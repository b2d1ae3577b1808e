// Who may issue certificates: CAA, for the domain and for the MX host.
#include <algorithm>

#include "base/text.hpp"
#include "dnszone/caa.hpp"
#include "dnszone/comparing.hpp"
#include "dnszone/zone_text.hpp"

namespace postern::dnszone {
namespace {

using dns::CaaData;
using dns::RecordType;

constexpr std::string_view kIssue = "issue";

/// RFC 8659 3: of a name and the names above it, the nearest that has CAA records decides.
struct CaaSet {
  std::string at;  ///< Empty: no name has any.
  dns::Answer answer;

  [[nodiscard]] bool is_unknown() const { return !at.empty() && answer.is_temporary_failure(); }
  [[nodiscard]] bool is_none() const noexcept { return at.empty(); }
};

CaaSet deciding_set(const Comparing& c, std::string name) {
  while (c.is_in_scope(name)) {
    dns::Answer answer = c.ask(name, RecordType::Caa);
    if (answer.is_temporary_failure() || !answer.records.empty()) return {std::move(name), std::move(answer)};
    const auto dot = name.find('.');
    if (dot == std::string::npos) break;
    name.erase(0, dot + 1);
  }
  return {};
}

/// An issuer that a set names; what cannot be read names nobody (RFC 8659 4.2).
struct Named {
  dns::Record record;
  CaaIssuer issuer;
};

std::vector<Named> named_in(const CaaSet& set, std::string_view tag) {
  std::vector<Named> out;
  for (const dns::Record& record : set.answer.records) {
    const auto* property = std::get_if<CaaData>(&record.data);
    if (property != nullptr && iequals(property->tag, tag))
      out.push_back({record, parse_caa_issuer(property->value).value_or(CaaIssuer{})});
  }
  return out;
}

std::string list_of(const std::vector<Named>& named) {
  std::string out;
  for (const Named& one : named) {
    if (!one.issuer.domain.empty()) out += (out.empty() ? "" : ", ") + one.issuer.domain;
  }
  return out.empty() ? "nobody" : out;
}

/// A choice without parameters is content with any that the record has; parameters that were chosen must be there.
bool does_for(const CaaIssuer& found, const CaaIssuer& chosen) {
  return found.domain == chosen.domain && (chosen.parameters.empty() || found.parameters == chosen.parameters);
}

CaaIssuer chosen_issuer(const WantedRecord& wanted) {
  return parse_caa_issuer(std::get<CaaData>(wanted.record.data).value).value_or(CaaIssuer{});
}

std::vector<CaaIssuer> chosen_for(const Comparing& c, std::string_view tag) {
  std::vector<CaaIssuer> out;
  for (const WantedRecord* wanted : c.of(RecordKind::Caa)) {
    if (std::get<CaaData>(wanted->record.data).tag == tag) out.push_back(chosen_issuer(*wanted));
  }
  return out;
}

/// One choice, and what the deciding records say of its tag.
struct Choice {
  CaaIssuer issuer;
  std::vector<CaaIssuer> all;  ///< With the others of the tag.
  std::vector<Named> named;

  [[nodiscard]] bool nobody() const noexcept { return issuer.domain.empty(); }
  [[nodiscard]] bool is_chosen(const Named& one) const {
    return std::ranges::any_of(all, [&](const CaaIssuer& other) { return does_for(one.issuer, other); });
  }
  /// What would undo the choice, since one record that allows is enough (RFC 8659 4.2): the CA under other conditions; where nobody is to
  /// issue, every CA.
  [[nodiscard]] bool is_in_the_way(const Named& one) const { return !is_chosen(one) && (nobody() || one.issuer.domain == issuer.domain); }
  [[nodiscard]] bool is_there() const {
    return std::ranges::any_of(named, [&](const Named& one) { return does_for(one.issuer, issuer); });
  }
  [[nodiscard]] bool is_satisfied() const {
    return is_there() && std::ranges::none_of(named, [&](const Named& one) { return is_in_the_way(one); });
  }
  /// Issuers that nobody chose and that stay.
  [[nodiscard]] std::vector<Named> others() const {
    std::vector<Named> out;
    const auto is_other = [&](const Named& one) { return !one.issuer.domain.empty() && !is_chosen(one) && !is_in_the_way(one); };
    std::ranges::copy_if(named, std::back_inserter(out), is_other);
    return out;
  }
};

std::string remark_of(const CaaSet& set, const Choice& choice, const std::string& name) {
  if (std::ranges::any_of(set.answer.all<CaaData>(), stops_every_issuer))
    return "a critical property of an unknown kind is beside it, so that no CA issues (RFC 8659 4.1); remove it";
  if (set.at != name) return "the records of " + set.at + " say so (RFC 8659 3)";
  const auto others = choice.others();
  return others.empty() ? std::string() : list_of(others) + " may issue too";
}

std::string why_not(const Choice& choice, const std::string& at) {
  const auto is_same_ca = [&](const Named& one) { return one.issuer.domain == choice.issuer.domain; };
  if (choice.named.empty()) return "any CA may issue certificates; publish it";
  if (choice.nobody()) return "at " + at + " " + list_of(choice.named) + " may issue, and nobody is to; publish it";
  if (std::ranges::any_of(choice.named, is_same_ca))
    return "at " + at + " the CA is allowed under other conditions than those chosen (RFC 8657); publish it";
  return "at " + at + " only " + list_of(choice.named) + " may issue, so that " + choice.issuer.domain +
         " refuses (RFC 8659 4.2); publish it";
}

/// The records of the domain itself are put right; those above it are somebody else's, and count no more once the domain has its own.
void plan_choice(const WantedRecord& wanted, const CaaSet& set, const Choice& choice, Finding& out) {
  const std::string& name = wanted.record.name;
  if (set.at != name) {
    if (!set.is_none()) out.message += " (what " + set.at + " says counts no more for the domain then)";
    out.add.push_back(wanted.record);
    return;
  }
  if (is_delegated(set.answer, name)) {
    out.message += "; " + delegation_text(set.answer);
    return;
  }
  for (const Named& one : choice.named) {
    if (choice.is_in_the_way(one)) out.remove.push_back(one.record);
  }
  if (!choice.is_there()) out.add.push_back(wanted.record);
}

Finding judge_choice(const Comparing& c, const WantedRecord& wanted, const CaaSet& set) {
  if (set.is_unknown())
    return finding_of(wanted, Standing::Unreachable, true, unreachable_text(set.answer, set.at) + "; meanwhile a CA may refuse to issue");
  const std::string& tag = std::get<CaaData>(wanted.record.data).tag;
  const Choice choice{chosen_issuer(wanted), chosen_for(c, tag), named_in(set, tag)};
  if (choice.is_satisfied()) return finding_of(wanted, Standing::Ok, false, remark_of(set, choice, wanted.record.name));
  Finding out = finding_of(wanted, choice.named.empty() ? Standing::Missing : Standing::Differs, true, why_not(choice, set.at));
  plan_choice(wanted, set, choice, out);
  return out;
}

/// Whether a CA that was chosen may issue by this set.
bool one_may_issue(const std::vector<CaaIssuer>& chosen, const std::vector<Named>& named) {
  return named.empty() || std::ranges::any_of(chosen, [&](const CaaIssuer& issuer) {
           return std::ranges::any_of(named, [&](const Named& one) { return does_for(one.issuer, issuer); });
         });
}

/// The certificate that the doors show is for the MX host, whose own records, or those above it, decide about it.
void judge_mx_host(const Comparing& c, const CaaSet& of_domain) {
  const std::string& host = c.facts.hostname;
  auto chosen = chosen_for(c, kIssue);
  std::erase_if(chosen, [](const CaaIssuer& one) { return one.domain.empty(); });
  const CaaSet set = deciding_set(c, host);
  if (chosen.empty() || set.is_none() || (!of_domain.is_none() && set.at == of_domain.at)) return;
  Finding out = plain_finding(RecordKind::Caa, set.at, RecordType::Caa);
  out.fatal = true;
  const auto named = named_in(set, kIssue);
  out.found = texts_of(set.answer.records);
  if (set.is_unknown()) {
    out.standing = Standing::Unreachable;
    out.message = unreachable_text(set.answer, set.at) + "; meanwhile a CA may refuse to issue the certificate of " + host;
  } else if (!one_may_issue(chosen, named)) {
    out.standing = Standing::Differs;
    out.message = "these records decide about the certificate of " + host + " and allow " + list_of(named) +
                  " only (RFC 8659 3); whoever has this name changes them, or choose another CA";
  } else {
    return;
  }
  c.out.push_back(std::move(out));
}

/// Nothing was chosen, so that whatever is there is right; it is good to know before the next certificate is asked for.
void show_mx_host(const Comparing& c) {
  const CaaSet set = deciding_set(c, c.facts.hostname);
  if (set.is_none() || set.is_unknown()) return;
  Finding out = plain_finding(RecordKind::Caa, set.at, RecordType::Caa);
  out.found = texts_of(set.answer.records);
  const auto named = named_in(set, kIssue);
  out.message = std::ranges::any_of(set.answer.all<CaaData>(), stops_every_issuer)
                    ? "a critical property of an unknown kind is there, so that no CA issues (RFC 8659 4.1)"
                : named.empty()
                    ? ""
                    : list_of(named) + " may issue the certificate of " + c.facts.hostname + "; give yours with --caa to have it checked";
  c.out.push_back(std::move(out));
}

}  // namespace

void compare_caa(const Comparing& c) {
  if (c.facts.caa.empty()) return show_mx_host(c);
  const auto wanted = c.of(RecordKind::Caa);
  if (wanted.empty()) return;  // the domain is in another zone
  const CaaSet set = deciding_set(c, c.facts.domain);
  for (const WantedRecord* one : wanted) {
    Finding out = judge_choice(c, *one, set);
    out.found = texts_of(set.answer.records);
    c.out.push_back(std::move(out));
  }
  judge_mx_host(c, set);
}

}  // namespace postern::dnszone
