#include "gateway/judge.hpp"

#include <algorithm>
#include <fstream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "io/sync.hpp"
#include "mailauth/authres.hpp"
#include "mime/address.hpp"

namespace postern::gateway {
namespace {

constexpr int kRounds = 32;  // an SPF record of ten terms, each with its MX, is far below
constexpr std::size_t kAuthorDomains = 5;
/// Verified where it stands: the way to a worker and back would take as long.
constexpr std::size_t kSmall = 32U * 1024, kFewSignatures = 2;

/// Answers of one round; the tasks that wait for them may outlive who asked.
struct Round {
  explicit Round(const io::Executor& where, std::size_t count) : answers(count), left(count), all(where) {}
  std::vector<std::optional<dns::Answer>> answers;
  std::size_t left;
  io::Signal all;
};

io::Task<void> ask(io::Resolver& resolver, dns::Question question, std::shared_ptr<Round> round, std::size_t at) {
  auto answer = co_await resolver.query(std::move(question.name), question.type);
  // A question that cannot be asked, or one too many at once: as if nobody had answered.
  round->answers[at] = answer ? *std::move(answer) : dns::Answer{};
  if (--round->left == 0) round->all.set();
}

Result<PublicSuffixList> read_suffixes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path", "authentication.public_suffix_list");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto list = PublicSuffixList::parse(text);
  if (!list) return fail(ErrorCode::BadInput, path + " " + list.error().what, "authentication.public_suffix_list");
  return list;
}

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
  if (domains.empty() || domains.size() > kAuthorDomains) return worst;
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

policy::VerdictAction action_of(const std::string& word) {
  if (word == "accept") return policy::VerdictAction::Accept;
  if (word == "label") return policy::VerdictAction::Label;
  return word == "quarantine" ? policy::VerdictAction::Quarantine : policy::VerdictAction::Reject;
}

Result<std::vector<policy::VerdictRule>> verdict_rules(const std::vector<config::VerdictSetting>& settings) {
  std::vector<policy::VerdictRule> out;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& setting = settings[i];
    const std::string path = "verdict[" + std::to_string(i) + "]";
    policy::VerdictRule& rule = out.emplace_back();
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
  }
  return out;
}

std::vector<std::string> author_addresses(const MessageView& view) {
  std::vector<std::string> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) return {};
    for (const auto& named : list->mailboxes()) out.push_back(named.mailbox.text());
  }
  return out;
}

smtp::Reply not_yet() { return {451, {4, 4, 3}, "what authenticates this mail could not be asked; try again later"}; }

/// A failure to which an unanswered question contributed is no reason to refuse for good (RFC 7489 6.6.2 leaves it to the receiver).
bool could_still_pass(const Judgement& judged) {
  return judged.spf.result == SpfResult::TempError ||
         std::ranges::any_of(judged.dkim, [](const DkimSignature& signature) { return signature.result == DkimResult::TempError; });
}

}  // namespace

std::vector<std::string> author_domains(const MessageView& view) {
  std::vector<std::string> out;
  for (const HeaderField& field : view.fields()) {
    if (!field.is("From")) continue;
    const auto list = parse_address_list(field.unfolded());
    if (!list) return {};
    for (const auto& named : list->mailboxes()) {
      const auto ascii = to_a_labels(named.mailbox.domain);
      std::string domain = to_lower(ascii ? *ascii : named.mailbox.domain);
      if (std::ranges::find(out, domain) == out.end()) out.push_back(std::move(domain));
    }
  }
  return out;
}

Judge::Judge(JudgeParts parts)
    : m_parts(parts),
      m_id(m_parts.config.authentication.authserv_id.empty() ? m_parts.config.server.hostname : m_parts.config.authentication.authserv_id) {
}

Result<std::unique_ptr<Judge>> Judge::make(JudgeParts parts) {
  const auto& config = parts.config;
  std::unique_ptr<Judge> judge(new Judge(parts));
  if (const auto& list = config.authentication.public_suffix_list; !list.empty()) {
    POSTERN_TRY(judge->m_suffixes, read_suffixes(config.beside_config(list)));
  }
  POSTERN_TRY(judge->m_rules, verdict_rules(config.verdicts));
  judge->m_asks_for_signature = policy::ask_for_signature(judge->m_rules);
  return judge;
}

bool Judge::judges(const Road& road) const {
  return m_parts.config.authentication.enabled && !road.trusted && road.user.empty() && road.protocol.find("LMTP") == std::string::npos;
}

io::Task<void> Judge::fetch(dns::QuestionTable& table, std::vector<dns::Question> questions, SteadyTime deadline) const {
  const io::Executor here = co_await io::this_executor();
  auto round = std::make_shared<Round>(here, questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) io::spawn(here, ask(m_parts.resolver, questions[i], round, i), "judge.ask");
  (void)co_await round->all.wait(deadline);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    dns::Answer late{dns::AnswerStatus::Timeout, false, {}, questions[i].name};
    table.add(questions[i].name, questions[i].type, round->answers[i] ? *std::move(round->answers[i]) : std::move(late));
  }
}

io::Task<std::shared_ptr<const Judgement>> Judge::judge(const Arrival& arrival) const {
  const auto parsed = MessageView::parse(arrival.content, m_parts.config.limits);
  if (!parsed || !parsed->refuse_unsafe_header()) co_return nullptr;
  const MessageView& view = *parsed;
  const auto out = std::make_shared<Judgement>();
  const SpfQuestion question = spf_question(arrival, m_parts.config.server.hostname);
  const auto authors = author_domains(view);
  const SteadyTime deadline = io::deadline_in(m_parts.config.authentication.dns_timeout);
  dns::QuestionTable table([this](const std::string& name, dns::RecordType type) { return m_parts.resolver.at_hand(name, type); });
  for (const std::string& name : dkim_key_names(view)) (void)table.query(name, dns::RecordType::Txt);
  for (const std::string& name : arc_key_names(view)) (void)table.query(name, dns::RecordType::Txt);
  const std::size_t signatures = view.count("DKIM-Signature") + view.count("ARC-Seal");
  bool looked = signatures == 0;
  for (int round = 0; round < kRounds; ++round) {
    // Once the keys are there, at the latest the second time; what they say can change what DMARC asks.
    if (!looked && (round > 0 || table.is_settled())) {
      looked = true;
      auto job = [&] { return verify(*out, view, table, arrival.received); };
      Status verified;
      if (arrival.content.size() <= kSmall && signatures <= kFewSignatures)
        verified = job();
      else
        verified = co_await m_parts.workers.run(std::move(job));
      if (!verified) {  // a good signature that nobody looked at must not turn into a refusal for good
        out->refusal = smtp::Reply{452, {4, 3, 1}, "too many messages are being judged right now; try again in a moment"};
        co_return out;
      }
      (void)table.take_open();
    }
    out->spf = spf_check(question, table);
    out->iprev = iprev_check(question.ip, table);
    out->dmarc = judge_authors(*out, authors, table, m_suffixes ? &*m_suffixes : nullptr);
    auto open = table.take_open();
    if (open.empty()) break;
    co_await fetch(table, std::move(open), deadline);
  }
  conclude(*out, arrival, view);
  co_return out;
}

Status Judge::verify(Judgement& out, const MessageView& view, DnsPort& dns, WallTime now) const {
  out.dkim = dkim_verify(view, dns, now);
  if (view.find("ARC-Seal") == nullptr) return {};
  out.arc = arc_verify(view, dns);
  return {};
}

/// RFC 8617 7.2.1 leaves it to the receiver whom he believes. Here: nobody in the chain but those named, and the first of them saw the
/// author's domain pass.
bool Judge::trusts_chain(const Judgement& judged, const MessageView& view) const {
  const auto& trusted = m_parts.config.authentication.arc_trusted;
  if (judged.arc.cv != ArcResult::Pass || trusted.empty()) return false;
  const auto is_named = [&](const std::string& sealer) {
    return std::ranges::any_of(trusted, [&](const std::string& one) { return iequals(one, sealer); });
  };
  if (judged.arc.sealers.size() != judged.arc.instances || !std::ranges::all_of(judged.arc.sealers, is_named)) return false;
  const auto seen = arc_results(view, 1);
  return seen && std::ranges::any_of(seen->results, [&](const AuthResult& one) {
           return iequals(one.method, "dmarc") && iequals(one.result, "pass") &&
                  std::ranges::any_of(one.properties, [&](const AuthProperty& property) {
                    return iequals(property.type, "header") && iequals(property.name, "from") &&
                           iequals(property.value, judged.author_domain);
                  });
         });
}

void Judge::conclude(Judgement& out, const Arrival& arrival, const MessageView& view) const {
  out.field = field_of(out, arrival, m_id);
  out.arc_trusted = trusts_chain(out, view);
  out.signature = arrival.signature;
  if (!apply_rules(out, view)) apply(out);
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
bool Judge::apply_rules(Judgement& out, const MessageView& view) const {
  if (m_rules.empty()) return false;
  auto outcome =
      policy::apply_verdict_rules(m_rules, {author_addresses(view), std::string(name_of(out.spf.result)),
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
