#include "base/log.hpp"
#include "gateway/envelope.hpp"
#include "gateway/pipeline_run.hpp"

namespace postern::gateway {
namespace {

void add_set(AuditFacts& out, std::string_view name, const std::set<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : " | ") + item;
  if (!text.empty()) out.add(name, text);
}

void add_verdicts(AuditFacts& out, const Judgement& judged) {
  out.add("spf", name_of(judged.spf.result)).add("dkim_result", name_of(dkim_overall(judged.dkim)));
  out.add("dmarc", name_of(judged.dmarc.result)).add("author_domain", printable(judged.author_domain, 253));
  out.add("arc", name_of(judged.arc.cv)).add("arc_trusted", judged.arc_trusted);
  out.add("iprev", name_of(judged.iprev.result)).add("reverse_name", printable(judged.iprev.name, 253));
  if (judged.signature != "none") out.add("signature", judged.signature);
  if (!judged.rule.empty()) out.add("verdict_rule", judged.rule);
  add_set(out, "label", {judged.labels.begin(), judged.labels.end()});
}

}  // namespace

std::string Pipeline::Run::facts() const {
  const Road& road = m_arrival.road;
  AuditFacts out;
  out.add("door", road.door)
      .add("protocol", road.protocol)
      .add("peer", road.address)
      .add("tls", road.tls_version)
      .add("user", road.user)
      .add("trusted", road.trusted);
  if (m_detection.protection != Protection::None) out.add("protection", name_of(m_detection.protection));
  std::set<std::string> traces, rules, reasons;
  for (const Case& c : m_cases) {
    if (!c.opened.trace.empty()) traces.insert(c.opened.trace);
    if (!c.decision.rule.empty()) rules.insert(c.decision.rule);
    if (!c.decision.reason.empty()) reasons.insert(c.decision.reason);
  }
  if (m_arrival.judgement) add_verdicts(out, *m_arrival.judgement);
  add_set(out, "opened", traces);
  add_set(out, "rule", rules);
  add_set(out, "reason", reasons);
  add_set(out, "dkim", m_selectors);
  return out.text();
}

void Pipeline::Run::add_audit(Submission& out) const {
  const Road& road = m_arrival.road;
  AuditRecord record;
  record.time = m_arrival.received;
  record.kind = "message.accepted";
  record.correlation = road.correlation;
  record.message = m_arrival.id;
  record.actor = road.user.empty() ? "peer:" + road.address : "user:" + road.user;
  AuditFacts facts;
  facts.add("door", road.door).add("protocol", road.protocol).add("size", m_arrival.content.size()).add("recipients", m_cases.size());
  facts.add("sender", log::redacted_address(address_of(m_arrival.envelope.from)));
  std::set<std::string> seals;
  for (const auto& variant : out.variants) seals.insert(variant.seal);
  add_set(facts, "seal", seals);
  add_set(facts, "dkim", m_selectors);
  // The audit log is all that still knows it once the held message has ended.
  if (released) facts.add("released_from", released_from.get());
  record.facts = facts.text();
  out.audit.push_back(std::move(record));
  for (const Case& c : m_cases) add_decision(out, c);
}

void Pipeline::Run::add_decision(Submission& out, const Case& c) const {
  if (c.decision.rule.empty() && c.decision.reason.empty()) return;
  AuditRecord record;
  record.time = m_arrival.received;
  record.kind = "policy.decision";
  record.correlation = m_arrival.road.correlation;
  record.message = m_arrival.id;
  record.actor = "system";
  constexpr const char* kActions[] = {"deliver", "hold", "bounce"};
  record.facts = AuditFacts()
                     .add("recipient", log::redacted_address(c.address))
                     .add("rule", c.decision.rule)
                     .add("action", kActions[static_cast<int>(c.decision.action)])
                     .add("seal", seal_text(c.decision))
                     .add("reason", c.decision.reason)
                     .text();
  out.audit.push_back(std::move(record));
}

}  // namespace postern::gateway
