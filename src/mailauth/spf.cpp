#include "mailauth/spf.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mailauth/spf_macro.hpp"
#include "mailauth/spf_record.hpp"

namespace postern {
namespace {

using dns::Answer;
using dns::RecordType;

constexpr std::size_t kLongestExplanation = 512;

/// Ends the evaluation: temperror or permerror, and why.
struct Abort {
  SpfResult result = SpfResult::PermError;
  std::string reason;
};
template <class T>
using Step = tl::expected<T, Abort>;

tl::unexpected<Abort> permerror(std::string why) { return tl::unexpected(Abort{SpfResult::PermError, std::move(why)}); }
tl::unexpected<Abort> temperror(std::string why) { return tl::unexpected(Abort{SpfResult::TempError, std::move(why)}); }

#define SPF_TRY(decl, expr) SPF_TRY_(POSTERN_CONCAT(spf_try_, __COUNTER__), decl, expr)
#define SPF_TRY_(tmp, decl, expr)                                 \
  auto tmp = (expr);                                              \
  if (!tmp) return tl::unexpected<Abort>(std::move(tmp).error()); \
  decl = *std::move(tmp)

SpfResult result_of(SpfQualifier qualifier) {
  switch (qualifier) {
    case SpfQualifier::Pass: return SpfResult::Pass;
    case SpfQualifier::Fail: return SpfResult::Fail;
    case SpfQualifier::SoftFail: return SpfResult::SoftFail;
    case SpfQualifier::Neutral: return SpfResult::Neutral;
  }
  return SpfResult::Neutral;
}

bool asks_dns(SpfMechanismKind kind) {
  return kind != SpfMechanismKind::All && kind != SpfMechanismKind::Ip4 && kind != SpfMechanismKind::Ip6;
}

/// What one check_host() of RFC 7208 4 ends with.
struct Outcome {
  SpfResult result = SpfResult::None;
  std::string matched, reason;
  std::optional<std::string> explain;  ///< The exp= domain-spec of the record that said fail, and
  std::string domain;                  ///< whose record that was.
};

class Evaluation {
 public:
  Evaluation(const SpfQuestion& question, DnsPort& dns, const SpfLimits& limits) : m_question(question), m_dns(dns), m_limits(limits) {
    m_values.ip = question.ip.unmapped();
    m_values.helo = question.helo;
    m_values.receiver = question.receiver;
    m_values.now = question.now;
    m_values.validated_name = [this] { return name_for_macro(); };
  }

  SpfVerdict run();

 private:
  Step<Outcome> check_host(const std::string& domain);
  Step<std::string> fetch_record(const std::string& domain, bool counted);
  Step<Outcome> evaluate(const SpfRecord& record, const std::string& domain);
  Step<Outcome> redirect(const SpfRecord& record, const std::string& domain);
  Step<bool> matches(const SpfMechanism& mechanism, const std::string& domain);
  Step<bool> matches_include(const std::string& target);
  Step<bool> matches_address(const std::string& target, const SpfMechanism& mechanism);
  Step<bool> matches_exchanges(const std::string& target, const SpfMechanism& mechanism);
  Step<bool> matches_pointer(const std::string& target);
  Step<bool> matches_existence(const std::string& target);

  Step<void> count_term(std::string_view what);
  /// An answer whose absence counts (4.6.4) and whose failure ends the evaluation.
  Step<Answer> ask(const std::string& name, RecordType type);
  [[nodiscard]] bool holds(const Answer& answer, const SpfMechanism& mechanism) const;
  [[nodiscard]] RecordType address_type() const { return m_values.ip.is_v4() ? RecordType::A : RecordType::Aaaa; }
  Step<void> count_void(const Answer& answer, const std::string& name);
  Step<std::vector<std::string>> validated_names();
  [[nodiscard]] std::string name_for_macro();
  [[nodiscard]] std::string expand(const std::string& spec, const std::string& domain);
  [[nodiscard]] std::string explain(const Outcome& outcome);
  bool choose_identity(SpfVerdict& out);

  const SpfQuestion& m_question;
  DnsPort& m_dns;
  const SpfLimits& m_limits;
  SpfMacroValues m_values;
  unsigned m_terms = 0, m_voids = 0;
  std::optional<Abort> m_macro_abort;  ///< What a %{p} ran into.
};

// Limits and lookups ------------------------------------------------------------------------------------------------------------------

Step<void> Evaluation::count_term(std::string_view what) {
  if (++m_terms <= m_limits.terms) return {};
  return permerror("more than " + std::to_string(m_limits.terms) + " terms ask DNS, the last of them " + printable(what, 80) +
                   " (RFC 7208 4.6.4)");
}

Step<Answer> Evaluation::ask(const std::string& name, RecordType type) {
  const auto answer = m_dns.query(name, type);
  // A name that macros made and DNS cannot have: as if it did not exist.
  if (!answer) return Answer{dns::AnswerStatus::NxDomain, false, {}, name};
  if (answer->is_temporary_failure())
    return temperror("DNS could not be asked for " + printable(name, 253) + " " + std::string(dns::name_of(type)));
  if (const auto counted = count_void(*answer, name); !counted) return tl::unexpected(counted.error());
  return *answer;
}

Step<void> Evaluation::count_void(const Answer& answer, const std::string& name) {
  if (answer.is_temporary_failure() || !answer.records.empty() || ++m_voids <= m_limits.voids) return {};
  return permerror("more than " + std::to_string(m_limits.voids) + " lookups had no answer, the last of them " + printable(name, 253) +
                   " (RFC 7208 4.6.4)");
}

bool Evaluation::holds(const Answer& answer, const SpfMechanism& mechanism) const {
  const unsigned prefix = m_values.ip.is_v4() ? mechanism.prefix4 : mechanism.prefix6;
  bool out = false;
  answer.each<dns::AddressData>([&](const dns::AddressData& at) { out = out || m_values.ip.in_network(at.address, prefix); });
  return out;
}

std::string Evaluation::expand(const std::string& spec, const std::string& domain) {
  if (spec.empty()) return domain;
  m_values.domain = domain;
  return expand_spf_domain(spec, m_values);
}

/// RFC 7208 5.5: names that point to the address and that the address answers for. Failures here only make fewer of them; lookups without
/// an answer count as everywhere.
Step<std::vector<std::string>> Evaluation::validated_names() {
  std::vector<std::string> out;
  const std::string reverse = m_values.ip.reverse_name();
  const auto pointers = m_dns.query(reverse, RecordType::Ptr);
  if (!pointers) return out;
  if (const auto counted = count_void(*pointers, reverse); !counted) return tl::unexpected(counted.error());
  unsigned looked = 0;
  for (const auto& pointer : pointers->all<dns::NameData>()) {
    if (++looked > m_limits.pointers) break;
    const auto back = m_dns.query(pointer.name, address_type());
    if (!back) continue;
    if (const auto counted = count_void(*back, pointer.name); !counted) return tl::unexpected(counted.error());
    const auto addresses = back->all<dns::AddressData>();
    if (std::ranges::any_of(addresses, [&](const auto& at) { return at.address == m_values.ip; })) out.push_back(pointer.name);
  }
  return out;
}

/// 7.3: the name that is the domain, else one below it, else any.
std::string Evaluation::name_for_macro() {
  const auto validated = validated_names();
  if (!validated) m_macro_abort = validated.error();
  const auto names = validated ? *validated : std::vector<std::string>();
  const auto domain = dns::normalize_name(m_values.domain);
  if (!domain || names.empty()) return names.empty() ? "unknown" : names.front();
  if (std::ranges::find(names, *domain) != names.end()) return *domain;
  const auto below = std::ranges::find_if(names, [&](const auto& name) { return dns::is_same_or_below(name, *domain); });
  return below != names.end() ? *below : names.front();
}

// Mechanisms ----------------------------------------------------------------------------------------------------------------------------

Step<bool> Evaluation::matches_include(const std::string& target) {
  SPF_TRY(const Outcome inner, check_host(target));
  switch (inner.result) {
    case SpfResult::Pass: return true;
    case SpfResult::None: return permerror("include:" + printable(target, 253) + " has no SPF record");
    case SpfResult::Fail:
    case SpfResult::SoftFail:
    case SpfResult::Neutral: return false;
    case SpfResult::TempError:
    case SpfResult::PermError: break;  // those are Aborts
  }
  return tl::unexpected(Abort{inner.result, inner.reason});
}

Step<bool> Evaluation::matches_address(const std::string& target, const SpfMechanism& mechanism) {
  SPF_TRY(const Answer answer, ask(target, address_type()));
  return holds(answer, mechanism);
}

Step<bool> Evaluation::matches_exchanges(const std::string& target, const SpfMechanism& mechanism) {
  SPF_TRY(const Answer answer, ask(target, RecordType::Mx));
  auto exchanges = answer.all<dns::MxData>();
  if (exchanges.size() > m_limits.exchanges)
    return permerror(printable(target, 253) + " has more than " + std::to_string(m_limits.exchanges) + " MX records (RFC 7208 4.6.4)");
  // 5.4: "in order of MX preference"; of equal ones by name, so that each round asks the same.
  std::ranges::sort(exchanges, {}, [](const dns::MxData& at) { return std::tie(at.preference, at.exchange); });
  for (const auto& exchange : exchanges) {
    if (exchange.exchange.empty()) continue;  // RFC 7505
    SPF_TRY(const Answer addresses, ask(exchange.exchange, address_type()));
    if (holds(addresses, mechanism)) return true;
  }
  return false;
}

Step<bool> Evaluation::matches_pointer(const std::string& target) {
  const auto wanted = dns::normalize_name(target);
  if (!wanted) return false;
  SPF_TRY(const auto names, validated_names());
  return std::ranges::any_of(names, [&](const auto& name) { return dns::is_same_or_below(name, *wanted); });
}

/// 5.7: an A record, whatever the family of the client.
Step<bool> Evaluation::matches_existence(const std::string& target) {
  SPF_TRY(const Answer answer, ask(target, RecordType::A));
  return !answer.records.empty();
}

Step<bool> Evaluation::matches(const SpfMechanism& mechanism, const std::string& domain) {
  if (mechanism.kind == SpfMechanismKind::All) return true;
  if (mechanism.kind == SpfMechanismKind::Ip4) return m_values.ip.in_network(mechanism.network, mechanism.prefix4);
  if (mechanism.kind == SpfMechanismKind::Ip6) return m_values.ip.in_network(mechanism.network, mechanism.prefix6);
  const std::string target = expand(mechanism.domain, domain);
  if (m_macro_abort) return tl::unexpected(*m_macro_abort);
  switch (mechanism.kind) {
    case SpfMechanismKind::Include: return matches_include(target);
    case SpfMechanismKind::A: return matches_address(target, mechanism);
    case SpfMechanismKind::Mx: return matches_exchanges(target, mechanism);
    case SpfMechanismKind::Ptr: return matches_pointer(target);
    default: return matches_existence(target);
  }
}

// Records -------------------------------------------------------------------------------------------------------------------------------

/// 4.4, 4.5: the one record; empty: there is none. The first lookup of all is not one of those that may be void.
Step<std::string> Evaluation::fetch_record(const std::string& domain, bool counted) {
  const auto answer = m_dns.query(domain, RecordType::Txt);
  if (!answer) return std::string();
  if (answer->is_temporary_failure()) return temperror("DNS could not be asked for " + printable(domain, 253) + " TXT");
  if (counted) {
    if (const auto enough = count_void(*answer, domain); !enough) return tl::unexpected(enough.error());
  }
  std::vector<std::string> found;
  answer->each<dns::TxtData>([&](const dns::TxtData& text) {
    if (std::string joined = text.joined(); is_spf_record(joined)) found.push_back(std::move(joined));
  });
  if (found.size() > 1) return permerror(printable(domain, 253) + " has " + std::to_string(found.size()) + " SPF records");
  return found.empty() ? std::string() : std::move(found.front());
}

/// 4.3: what cannot be asked has no policy.
bool is_askable(const std::string& domain) {
  const auto name = dns::normalize_name(domain);
  return name && name->find('.') != std::string::npos;
}

Step<Outcome> Evaluation::check_host(const std::string& domain) {
  const auto none = [&] { return Outcome{SpfResult::None, {}, printable(domain, 253) + " has no SPF record", {}, domain}; };
  if (!is_askable(domain)) return none();
  SPF_TRY(const std::string text, fetch_record(domain, m_terms != 0));
  if (text.empty()) return none();
  const auto record = parse_spf_record(text);
  if (!record) return permerror("the SPF record of " + printable(domain, 253) + ": " + record.error().what);
  return evaluate(*record, domain);
}

Step<Outcome> Evaluation::evaluate(const SpfRecord& record, const std::string& domain) {
  for (const auto& mechanism : record.mechanisms) {
    if (asks_dns(mechanism.kind)) {
      if (const auto counted = count_term(mechanism.text); !counted) return tl::unexpected(counted.error());
    }
    SPF_TRY(const bool match, matches(mechanism, domain));
    if (!match) continue;
    return Outcome{result_of(mechanism.qualifier), mechanism.text, {}, record.explanation, domain};
  }
  if (record.redirect) return redirect(record, domain);
  return Outcome{SpfResult::Neutral, {}, {}, {}, domain};  // 4.7
}

/// 6.1: the other record speaks for this one, with its own exp=.
Step<Outcome> Evaluation::redirect(const SpfRecord& record, const std::string& domain) {
  if (const auto counted = count_term("redirect=" + *record.redirect); !counted) return tl::unexpected(counted.error());
  const std::string target = expand(*record.redirect, domain);
  if (m_macro_abort) return tl::unexpected(*m_macro_abort);
  SPF_TRY(Outcome outcome, check_host(target));
  if (outcome.result == SpfResult::None) return permerror("redirect=" + printable(target, 253) + " has no SPF record");
  return outcome;
}

// The whole -----------------------------------------------------------------------------------------------------------------------------

/// 6.2: whatever goes wrong, there is no explanation then.
std::string Evaluation::explain(const Outcome& outcome) {
  if (outcome.result != SpfResult::Fail || !outcome.explain) return {};
  const std::string name = expand(*outcome.explain, outcome.domain);
  const auto answer = m_dns.query(name, RecordType::Txt);
  if (!answer || answer->status != dns::AnswerStatus::NoError) return {};
  const auto texts = answer->all<dns::TxtData>();
  if (texts.size() != 1) return {};
  const std::string text = texts.front().joined();
  if (!check_spf_macros(text, SpfMacroUse::Explanation)) return {};
  m_values.domain = outcome.domain;
  return printable(expand_spf_explanation(text, m_values), kLongestExplanation - 3);  // and the mark of a cut
}

/// 2.4, 4.3: false when there is no domain to ask.
bool Evaluation::choose_identity(SpfVerdict& out) {
  out.helo_identity = m_question.mail_from.empty();
  const auto at = m_question.mail_from.rfind('@');
  m_values.local = "postmaster";  // also for a sender without a local part
  if (at != std::string::npos && at != 0) m_values.local = m_question.mail_from.substr(0, at);
  const std::string domain = out.helo_identity         ? m_question.helo
                             : at == std::string::npos ? m_question.mail_from
                                                       : m_question.mail_from.substr(at + 1);
  const auto name = dns::normalize_name(domain);
  out.domain = name ? *name : domain;
  m_values.sender_domain = out.domain;
  if (name && name->find('.') != std::string::npos) return true;
  out.reason = printable(domain, 253) + " is no domain that could have a policy";
  return false;
}

SpfVerdict Evaluation::run() {
  SpfVerdict out;
  if (!choose_identity(out)) return out;
  const auto outcome = check_host(out.domain);
  out.terms = std::min(m_terms, m_limits.terms);
  if (!outcome) {
    out.result = outcome.error().result;
    out.reason = outcome.error().reason;
    return out;
  }
  out.result = outcome->result;
  out.matched = outcome->matched;
  if (outcome->result == SpfResult::None) out.reason = outcome->reason;
  out.explanation = explain(*outcome);
  return out;
}

}  // namespace

std::string_view name_of(SpfResult result) noexcept {
  switch (result) {
    case SpfResult::None: return "none";
    case SpfResult::Neutral: return "neutral";
    case SpfResult::Pass: return "pass";
    case SpfResult::Fail: return "fail";
    case SpfResult::SoftFail: return "softfail";
    case SpfResult::TempError: return "temperror";
    case SpfResult::PermError: return "permerror";
  }
  return "permerror";
}

SpfVerdict spf_check(const SpfQuestion& question, DnsPort& dns, const SpfLimits& limits) { return Evaluation(question, dns, limits).run(); }

}  // namespace postern
