#include "gateway/judge.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/asking.hpp"
#include "gateway/authors.hpp"
#include "gateway/setting_files.hpp"
#include "gateway/verdict_settings.hpp"
#include "mailauth/authres.hpp"

namespace postern::gateway {
namespace {

constexpr int kTurns = 500;  // each has one answer more; SPF, DMARC and alignment ask for some two hundred at most
/// Then answers are gathered for a while before the engines run over them: whoever publishes many pays with his own time.
constexpr int kQuickTurns = 24;
constexpr auto kPause = std::chrono::milliseconds(50);
constexpr auto kPatience = std::chrono::seconds(1);
constexpr int kEarlyLooks = 2;
constexpr std::size_t kAuthorDomains = 5;
/// Verified where it stands: the way to a worker and back would take as long.
constexpr std::size_t kSmall = 32U * 1024, kFewSignatures = 2;

/// The signatures of one message: verified when all their keys are there, and before where only keys are missing or nothing has come for a
/// while, as what passes may have DMARC ask more.
class Signatures {
 public:
  explicit Signatures(const MessageView& view) : m_any(view.count("DKIM-Signature") + view.count("ARC-Seal") > 0) {
    for (auto names : {dkim_key_names(view), arc_key_names(view)}) {
      for (std::string& name : names) {
        if (std::ranges::find(m_keys, name) == m_keys.end()) m_keys.push_back(std::move(name));
      }
    }
  }

  /// Questions for the keys that are not at hand.
  [[nodiscard]] std::vector<dns::Question> open(dns::QuestionTable& table) const {
    for (const std::string& name : m_keys) (void)table.query(name, dns::RecordType::Txt);
    return table.take_open();
  }
  /// Counts them as looked at.
  [[nodiscard]] bool are_to_be_looked_at(const dns::QuestionTable& table, const Asking& asking, bool stalled) {
    const auto known = std::ranges::count_if(m_keys, [&](const std::string& name) { return table.knows(name, dns::RecordType::Txt); });
    if (!m_any || known == m_known) return false;
    const auto is_other = [&](const dns::Question& one) {
      return one.type != dns::RecordType::Txt || std::ranges::find(m_keys, one.name) == m_keys.end();
    };
    const bool all = known == std::ssize(m_keys);
    const bool early = known > 0 && m_early < kEarlyLooks && asking.is_waiting() && (stalled || !asking.waits_for(is_other));
    if (!all && !early) return false;
    m_known = known;
    if (!all) ++m_early;
    return true;
  }
  [[nodiscard]] bool are_done() const noexcept { return !m_any || m_known == std::ssize(m_keys); }

 private:
  bool m_any;
  std::vector<std::string> m_keys;
  std::ptrdiff_t m_known = -1;  ///< Keys that were there when they were looked at.
  int m_early = 0;
};

SpfQuestion spf_question(const Arrival& arrival, const std::string& hostname) {
  SpfQuestion out;
  if (const auto ip = dns::IpAddress::parse(arrival.road.address)) out.ip = *ip;
  out.helo = arrival.road.helo;
  out.mail_from = address_of(arrival.envelope.from);
  // RFC 7208 4.3: domains are asked as A-labels.
  const std::string_view domain = domain_of(out.mail_from);
  if (const auto ascii = to_a_labels(domain); ascii && *ascii != domain)
    out.mail_from = out.mail_from.substr(0, out.mail_from.size() - domain.size()) + *ascii;
  out.receiver = hostname;
  out.now = arrival.received;
  return out;
}

/// Which of two outcomes says more against a message.
int weight(const DmarcVerdict& verdict) {
  switch (verdict.result) {
    case DmarcResult::Fail: return 10 + static_cast<int>(verdict.disposition);
    case DmarcResult::TempError: return 4;
    case DmarcResult::PermError: return 3;
    case DmarcResult::Pass: return 2;
    case DmarcResult::None: return 1;
  }
  return 0;
}

/// RFC 9989 5.3.1: of several authors the strictest answer counts.
DmarcVerdict judge_authors(Judgement& out, const std::vector<std::string>& domains, DnsPort& dns, const PublicSuffixList* suffixes) {
  DmarcVerdict worst;
  worst.result = DmarcResult::PermError;
  worst.reason = domains.empty() ? "no From field names an author" : "the From fields name too many domains";
  const bool crowd = domains.size() > kAuthorDomains;
  out.author_hidden = crowd || out.authors.hidden;
  if (domains.empty() || crowd) return worst;
  DmarcInput input;
  input.spf = {out.spf.result, out.spf.domain};
  for (const auto& signature : out.dkim) input.dkim.push_back({signature.result, signature.domain});
  out.author_domain.clear();
  for (const auto& domain : domains) {
    input.from_domain = domain;
    DmarcVerdict verdict = dmarc_check(input, dns, suffixes);
    if (!out.author_domain.empty() && weight(verdict) <= weight(worst)) continue;
    worst = std::move(verdict);
    out.author_domain = domain;
  }
  return worst;
}

AuthResult spf_result(const Judgement& judged, const Arrival& arrival) {
  AuthResult out{"spf", {}, std::string(name_of(judged.spf.result)), judged.spf.reason, {}};
  if (judged.spf.helo_identity)
    out.properties.push_back({"smtp", "helo", arrival.road.helo});
  else
    out.properties.push_back({"smtp", "mailfrom", address_of(arrival.envelope.from)});
  return out;
}

AuthResult dkim_result(const DkimSignature& signature) {
  return {"dkim",
          {},
          std::string(name_of(signature.result)),
          signature.reason,
          {{"header", "d", signature.domain},
           {"header", "s", signature.selector},
           {"header", "a", signature.algorithm},
           {"header", "b", signature.signature_head}}};
}

AuthResult arc_result(const Judgement& judged, const Arrival& arrival) {
  return {"arc", {}, std::string(name_of(judged.arc.cv)), judged.arc.reason, {{"smtp", "remote-ip", arrival.road.address}}};
}

std::string field_of(const Judgement& judged, const Arrival& arrival, const std::string& id) {
  AuthResults out;
  out.authserv_id = id;
  out.results.push_back({"iprev", {}, std::string(name_of(judged.iprev.result)), {}, {{"policy", "iprev", arrival.road.address}}});
  out.results.push_back(spf_result(judged, arrival));
  if (judged.dkim.empty()) out.results.push_back({"dkim", {}, "none", {}, {}});
  for (const auto& signature : judged.dkim) out.results.push_back(dkim_result(signature));
  const bool published = judged.dmarc.record.has_value();
  out.results.push_back({"dmarc",
                         {},
                         std::string(name_of(judged.dmarc.result)),
                         judged.dmarc.result == DmarcResult::Pass ? std::string() : judged.dmarc.reason,
                         {{"header", "from", judged.author_domain},
                          {"policy", "dmarc", published ? std::string(name_of(judged.dmarc.policy)) : std::string()}}});
  if (judged.arc.instances > 0 || judged.arc.cv != ArcResult::None) out.results.push_back(arc_result(judged, arrival));
  return write_authres(out);
}

std::vector<std::string> addresses_of(const std::vector<Mailbox>& authors) {
  std::vector<std::string> out;
  out.reserve(authors.size());
  for (const Mailbox& author : authors) out.push_back(author.text());
  return out;
}

smtp::Reply not_yet() { return {451, {4, 4, 3}, "what authenticates this mail could not be asked; try again later"}; }

/// A failure to which an unanswered question contributed is no reason to refuse for good (RFC 7489 6.6.2 leaves it to the receiver).
bool could_still_pass(const Judgement& judged) {
  return judged.spf.result == SpfResult::TempError ||
         std::ranges::any_of(judged.dkim, [](const DkimSignature& signature) { return signature.result == DkimResult::TempError; });
}

/// header.from of a dmarc=pass.
bool saw_pass(const AuthResults& seen, std::string_view domain) {
  return std::ranges::any_of(seen.results, [&](const AuthResult& one) {
    return iequals(one.method, "dmarc") && iequals(one.result, "pass") &&
           std::ranges::any_of(one.properties, [&](const AuthProperty& property) {
             return iequals(property.type, "header") && iequals(property.name, "from") && iequals(property.value, domain);
           });
  });
}

}  // namespace

Judge::Judge(JudgeParts parts)
    : m_parts(parts),
      m_id(m_parts.config.authentication.authserv_id.empty() ? m_parts.config.server.hostname : m_parts.config.authentication.authserv_id) {
}

Result<std::unique_ptr<Judge>> Judge::make(JudgeParts parts) {
  std::unique_ptr<Judge> judge(new Judge(parts));
  POSTERN_TRY(judge->m_suffixes, read_public_suffixes(parts.config));
  POSTERN_TRY(judge->m_rules, make_verdict_rules(parts.config.verdicts));
  judge->m_asks_for_signature = policy::ask_for_signature(judge->m_rules);
  return judge;
}

bool Judge::judges(const Road& road) const {
  return m_parts.config.authentication.enabled && !road.trusted && road.user.empty() && road.protocol.find("LMTP") == std::string::npos;
}

/// The engines run again over every answer that comes, and what they ask then is asked at once: a name whose servers are silent holds up
/// nothing but what depends on it.
io::Task<std::shared_ptr<const Judgement>> Judge::judge(const Arrival& arrival) const {
  const auto parsed = MessageView::parse(arrival.content, m_parts.config.limits);
  if (!parsed || !parsed->refuse_unsafe_header()) co_return nullptr;
  const MessageView& view = *parsed;
  const auto out = std::make_shared<Judgement>();
  const SpfQuestion question = spf_question(arrival, m_parts.config.server.hostname);
  out->authors = claimed_authors(view);
  const auto authors = author_domains(out->authors.mailboxes);
  const SteadyTime deadline = io::deadline_in(m_parts.config.authentication.dns_timeout);
  dns::QuestionTable table([this](const std::string& name, dns::RecordType type) { return m_parts.resolver.at_hand(name, type); });
  Asking asking(m_parts.resolver, co_await io::this_executor(), table);
  Signatures signatures(view);
  asking.ask(signatures.open(table));
  bool late = false, stalled = false;
  for (int turn = 1; turn <= kTurns; ++turn) {
    if (signatures.are_to_be_looked_at(table, asking, stalled)) {
      const Status verified = co_await verify(*out, arrival, view, table);
      if (!verified && signatures.are_done()) {  // a good one that nobody looked at must not turn into a refusal for good
        out->refusal = smtp::Reply{452, {4, 3, 1}, "too many messages are being judged right now; try again in a moment"};
        co_return out;
      }
    }
    out->spf = spf_check(question, table);
    out->iprev = iprev_check(question.ip, table);
    out->dmarc = judge_authors(*out, authors, table, m_suffixes ? &*m_suffixes : nullptr);
    auto open = table.take_open();
    if (late || (open.empty() && signatures.are_done())) break;
    asking.ask(std::move(open));
    if (turn > kQuickTurns) co_await io::sleep_for(kPause);
    const bool come = co_await asking.wait(std::min(deadline, io::deadline_in(kPatience)));
    stalled = !come;
    late = m_parts.clock.steady() >= deadline || turn + 1 >= kTurns || (stalled && !asking.is_waiting());
    if (late) asking.give_up();
  }
  conclude(*out, arrival, view);
  co_return out;
}

/// On a worker where that takes longer than the way there and back. Unavailable: no worker has time.
io::Task<Status> Judge::verify(Judgement& out, const Arrival& arrival, const MessageView& view, DnsPort& dns) const {
  auto job = [&]() -> Status {
    out.dkim = dkim_verify(view, dns, arrival.received);
    if (view.find("ARC-Seal") != nullptr) out.arc = arc_verify(view, dns);
    return {};
  };
  const bool here = arrival.content.size() <= kSmall && view.count("DKIM-Signature") + view.count("ARC-Seal") <= kFewSignatures;
  if (here) co_return job();
  co_return co_await m_parts.workers.run(std::move(job));
}

/// RFC 8617 7.2.1 leaves it to the receiver whom he believes. Here: nobody in the chain but those named, and the first of them saw every
/// author's domain pass.
bool Judge::trusts_chain(const Judgement& judged, const MessageView& view) const {
  const auto& trusted = m_parts.config.authentication.arc_trusted;
  if (judged.arc.cv != ArcResult::Pass || trusted.empty()) return false;
  const auto is_named = [&](const std::string& sealer) {
    return std::ranges::any_of(trusted, [&](const std::string& one) { return iequals(one, sealer); });
  };
  if (judged.arc.sealers.size() != judged.arc.instances || !std::ranges::all_of(judged.arc.sealers, is_named)) return false;
  const auto seen = arc_results(view, 1);
  const auto domains = author_domains(judged.authors.mailboxes);
  return seen && !domains.empty() && !judged.authors.hidden &&
         std::ranges::all_of(domains, [&](const std::string& domain) { return saw_pass(*seen, domain); });
}

void Judge::conclude(Judgement& out, const Arrival& arrival, const MessageView& view) const {
  out.field = field_of(out, arrival, m_id);
  out.arc_trusted = trusts_chain(out, view);
  out.signature = arrival.signature;
  if (!apply_rules(out)) apply(out);
  log::info("message.judged", {{"id", arrival.id.get()},
                               {"peer", arrival.road.address},
                               {"spf", name_of(out.spf.result)},
                               {"dkim", name_of(dkim_overall(out.dkim))},
                               {"dmarc", name_of(out.dmarc.result)},
                               {"arc", name_of(out.arc.cv)},
                               {"from", printable(out.author_domain, 253)},
                               {"policy", name_of(out.dmarc.disposition)}});
}

/// The operator's own rules; true when one of them decided.
bool Judge::apply_rules(Judgement& out) const {
  if (m_rules.empty()) return false;
  auto outcome =
      policy::apply_verdict_rules(m_rules, {addresses_of(out.authors.mailboxes), std::string(name_of(out.spf.result)),
                                            std::string(name_of(dkim_overall(out.dkim))), std::string(name_of(out.dmarc.result)),
                                            std::string(name_of(out.arc.cv)), std::string(name_of(out.iprev.result)), out.signature});
  for (const std::string& label : outcome.labels) out.field += std::string(kLabelField) + ": " + label + "\r\n";
  const std::string why = outcome.text.empty() ? "refused by the rule " + outcome.rule : outcome.text;
  switch (outcome.action) {
    case policy::VerdictAction::Reject: out.refusal = outcome.temporary ? not_yet() : smtp::Reply{550, {5, 7, 1}, why}; break;
    case policy::VerdictAction::Quarantine: out.hold = outcome.text.empty() ? "held by the rule " + outcome.rule : outcome.text; break;
    default: break;
  }
  out.labels = std::move(outcome.labels);
  out.by_rule = outcome.action != policy::VerdictAction::Nothing;
  if (out.by_rule) out.rule = std::move(outcome.rule);
  return out.by_rule;
}

/// RFC 7372 has the enhanced codes: 5.7.23 SPF, 5.7.26 several checks at once.
void Judge::apply(Judgement& out) const {
  const auto& wanted = m_parts.config.authentication;
  // RFC 7489 6.6.1: such mail is refused, or a crowd of authors, or one who cannot be read, would hide him whose domain asks for it.
  if (wanted.dmarc == "enforce" && out.author_hidden)
    out.refusal = smtp::Reply{
        550,
        {5, 7, 1},
        "the From fields name more than " + std::to_string(kAuthorDomains) + " domains, or an author who cannot be made out (DMARC)"};
  if (wanted.dmarc == "enforce" && out.dmarc.result == DmarcResult::Fail && out.dmarc.disposition != DmarcPolicy::None &&
      !out.arc_trusted) {
    if (could_still_pass(out)) {
      out.refusal = not_yet();
      return;
    }
    const std::string why = "the policy of " + out.dmarc.record_domain + " for mail that is not authenticated as " +
                            printable(out.author_domain, 253) + " is " + std::string(name_of(out.dmarc.disposition)) + " (DMARC)";
    if (out.dmarc.disposition == DmarcPolicy::Reject) out.refusal = smtp::Reply{550, {5, 7, 26}, why};
    if (out.dmarc.disposition == DmarcPolicy::Quarantine) out.hold = why;
  }
  if (!out.refusal && wanted.spf_fail == "reject" && out.spf.result == SpfResult::Fail && out.dmarc.result != DmarcResult::Pass) {
    std::string why = "this host may not send mail of " + printable(out.spf.domain, 253) + " (SPF)";
    if (!out.spf.explanation.empty()) why += "; that domain says: " + out.spf.explanation;
    out.refusal = smtp::Reply{550, {5, 7, 23}, why};
  }
  const bool unsure = out.spf.result == SpfResult::TempError || out.dmarc.result == DmarcResult::TempError;
  if (!out.refusal && unsure && wanted.on_temperror == "defer") out.refusal = not_yet();
}

}  // namespace postern::gateway
