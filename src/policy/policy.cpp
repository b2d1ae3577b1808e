#include "policy/policy.hpp"

#include "base/text.hpp"

namespace postern::policy {
namespace {

/// The encryption that the rule and the recipient's keys allow.
Method usable_method(Preference preference, const Capabilities& can) {
  switch (preference) {
    case Preference::Smime: return can.smime ? Method::Smime : Method::None;
    case Preference::OpenPgp: return can.openpgp ? Method::OpenPgp : Method::None;
    case Preference::Auto: break;
  }
  if (can.smime) return Method::Smime;
  return can.openpgp ? Method::OpenPgp : Method::None;
}

/// Auto signs with the method of the encryption, else with whatever key the sender has.
Method wanted_signature(Sign sign, Method encrypt, const Facts& facts) {
  switch (sign) {
    case Sign::None: return Method::None;
    case Sign::Smime: return Method::Smime;
    case Sign::OpenPgp: return Method::OpenPgp;
    case Sign::Auto: break;
  }
  if (encrypt != Method::None) return encrypt;
  return facts.can_sign_openpgp && !facts.can_sign_smime ? Method::OpenPgp : Method::Smime;
}

bool can_sign(Method method, const Facts& facts) {
  return method == Method::Smime ? facts.can_sign_smime : method == Method::OpenPgp && facts.can_sign_openpgp;
}

std::string_view words_of(Preference preference) {
  switch (preference) {
    case Preference::Smime: return "S/MIME certificate";
    case Preference::OpenPgp: return "OpenPGP certificate";
    case Preference::Auto: break;
  }
  return "S/MIME or OpenPGP certificate";
}

void refuse_or_send(const Rule& rule, Decision& decision) {
  decision.reason =
      "the policy asks for encryption, and no usable " + std::string(words_of(rule.preference)) + " of the recipient is known";
  switch (rule.missing_key) {
    case MissingKey::Hold: decision.action = Action::Hold; break;
    case MissingKey::Bounce: decision.action = Action::Bounce; break;
    case MissingKey::Send: decision.action = Action::Deliver; break;
  }
}

void decide_encryption(const Rule& rule, const Capabilities& can, Decision& decision) {
  if (rule.encrypt == Encrypt::Never) return;
  decision.encrypt = usable_method(rule.preference, can);
  if (decision.encrypt == Method::None && rule.encrypt == Encrypt::Must) refuse_or_send(rule, decision);
}

void decide_signature(const Rule& rule, const Facts& facts, Decision& decision) {
  const Method wanted = wanted_signature(rule.sign, decision.encrypt, facts);
  if (wanted == Method::None) return;
  if (can_sign(wanted, facts)) {
    decision.sign = wanted;
  } else if (decision.reason.empty()) {
    decision.reason = "not signed: the gateway holds no " + std::string(name_of(wanted)) + " key of the sender";
  }
}

Decision apply(const Rule& rule, const Facts& facts, const Capabilities& can) {
  Decision decision;
  decision.rule = rule.name;
  if (facts.already_encrypted) {
    // An encrypted entity is never rewritten: that would break it, and it says already what a rule could ask for.
    if (rule.encrypt != Encrypt::Never || rule.sign != Sign::None) decision.reason = "already encrypted by its sender; passed on untouched";
    return decision;
  }
  decide_encryption(rule, can, decision);
  if (decision.action != Action::Deliver) return decision;
  if (!facts.already_signed) {
    decide_signature(rule, facts, decision);
  } else if (rule.sign != Sign::None && decision.reason.empty()) {
    decision.reason = "already signed by its sender; not signed again";
  }
  return decision;
}

}  // namespace

std::string_view name_of(Method method) noexcept {
  switch (method) {
    case Method::None: return "none";
    case Method::Smime: return "smime";
    case Method::OpenPgp: return "openpgp";
  }
  return "none";
}

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  if (text == "*") return pattern;
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
    return fail(ErrorCode::BadInput, "is \"" + printable(text) + "\"; must be user@example.com, *@example.com, *@*.example.com or *");
  std::string_view domain = text.substr(at + 1);
  if (text.substr(0, at) != "*") pattern.m_local = to_lower(text.substr(0, at));
  pattern.m_below = domain.substr(0, 2) == "*.";
  if (pattern.m_below) domain.remove_prefix(2);
  if (domain.empty() || domain.find('*') != std::string_view::npos || pattern.m_local.find('*') != std::string::npos)
    return fail(ErrorCode::BadInput,
                "is \"" + printable(text) + "\"; a * may stand only for the whole local part or for *. before the domain");
  pattern.m_domain = to_lower(domain);
  return pattern;
}

bool Pattern::matches(std::string_view address) const {
  if (m_domain.empty()) return true;
  const auto at = address.rfind('@');
  if (at == std::string_view::npos) return false;
  if (!m_local.empty() && !iequals(address.substr(0, at), m_local)) return false;
  const std::string_view domain = address.substr(at + 1);
  if (!m_below) return iequals(domain, m_domain);
  return domain.size() > m_domain.size() + 1 && domain[domain.size() - m_domain.size() - 1] == '.' &&
         iequals(domain.substr(domain.size() - m_domain.size()), m_domain);
}

Decision decide(const std::vector<Rule>& rules, const Facts& facts, std::string_view recipient, const Capabilities& can) {
  for (const Rule& rule : rules) {
    if (rule.from.matches(facts.sender) && rule.to.matches(recipient)) return apply(rule, facts, can);
  }
  return {};
}

}  // namespace postern::policy
