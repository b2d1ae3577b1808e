// Aggregate reports of the report desk (RFC 9990), and where reports about DMARC may go.
#include "base/log.hpp"
#include "dns/questions.hpp"
#include "gateway/report_desk.hpp"

namespace postern::gateway {
namespace {

constexpr int kRounds = 8;  // a permission that names another place is one more
const std::string kKind = "dmarc";

}  // namespace

DmarcAggregateOptions ReportDesk::dmarc_options() const {
  const auto& settings = m_parts.config.reports;
  DmarcAggregateOptions out;
  out.org_name = settings.organization.empty() ? submitter() : settings.organization;
  out.email = settings.from;
  out.generator = "Postern " POSTERN_VERSION;
  out.receiver = submitter();
  return out;
}

Result<std::unique_ptr<ReportDesk>> ReportDesk::make(ReportDeskParts parts) {
  std::unique_ptr<ReportDesk> desk(new ReportDesk(std::move(parts)));
  POSTERN_TRY(const std::string kept, ReportStore(desk->m_parts.store).pending(kKind));
  if (kept.empty()) return desk;
  auto loaded = DmarcAggregate::load(desk->dmarc_options(), kept);
  if (loaded)
    desk->m_dmarc = *std::move(loaded);
  else  // statistics of a day are not worth a daemon that does not start
    log::warn("reports.dmarc_lost", {{"reason", loaded.error()}, {"effect", "what was gathered before the start is not reported"}});
  return desk;
}

void ReportDesk::note_judged(const Arrival& arrival, DmarcPolicy done) {
  note_failure(arrival, done);
  const Judgement& judged = *arrival.judgement;
  auto facts = dmarc_facts(judged.dmarc, judged.spf, judged.dkim, done);
  const auto ip = dns::IpAddress::parse(arrival.road.address);
  if (!facts || !ip) return;
  // RFC 8617 7.2.2 has the form of the comment.
  if (judged.arc_trusted && !judged.arc.sealers.empty() && judged.dmarc.result == DmarcResult::Fail)
    facts->reasons = {{"local_policy", "arc=pass as[" + std::to_string(judged.arc.instances) + "].d=" + judged.arc.sealers.back()}};
  facts->by_suffix_list = m_parts.suffixes != nullptr;
  facts->source_ip = *ip;
  facts->header_from = judged.author_domain;
  facts->envelope_from = domain_of(address_of(arrival.envelope.from));
  const std::lock_guard lock(m_dmarc_mutex);
  m_dmarc.add(*facts, m_parts.clock.now());
  m_dmarc_changed = true;
}

Status ReportDesk::keep_dmarc() {
  std::string body;
  {
    const std::lock_guard lock(m_dmarc_mutex);
    if (!std::exchange(m_dmarc_changed, false)) return {};
    body = m_dmarc.save();
  }
  return ReportStore(m_parts.store).keep_pending(kKind, body);
}

/// A report that is under way when the daemon dies is sent again with the same id: its reader knows it (RFC 9990 3.5.1).
io::Task<void> ReportDesk::send_dmarc(std::int64_t day) {
  std::vector<DmarcDueReport> due;
  {
    const std::lock_guard lock(m_dmarc_mutex);
    due = m_dmarc.take_due(day_begin(day));
    m_dmarc_changed = m_dmarc_changed || !due.empty();
  }
  for (auto& one : due) {
    SentReport sent{kKind, day_of(one.report.begin), one.report.policy.domain, m_parts.clock.now(), {}};
    sent.outcome = co_await send_dmarc_report(std::move(one));
    co_await note_sent(std::move(sent));
  }
}

io::Task<std::vector<DmarcDestination>> ReportDesk::destinations_of(const std::string& policy_domain, const std::vector<std::string>& uris,
                                                                    DmarcReportKind kind) {
  dns::QuestionTable table;
  std::vector<DmarcDestination> out;
  for (int round = 0; round < kRounds; ++round) {
    out = dmarc_destinations(policy_domain, uris, kind, table, m_parts.suffixes);
    const auto open = table.take_open();
    if (open.empty()) break;
    for (const auto& question : open) {
      auto answer = co_await m_parts.resolver.query(question.name, question.type);
      table.add(question.name, question.type, answer ? *std::move(answer) : dns::Answer{});
    }
  }
  co_return out;
}

io::Task<std::string> ReportDesk::send_dmarc_report(DmarcDueReport due) {
  const auto destinations = co_await destinations_of(due.report.policy.domain, due.report_to, DmarcReportKind::Aggregate);
  std::string out;
  const auto say = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const auto& destination : destinations) {
    if (!destination.usable) say(destination.uri + ": " + destination.reason);
    for (const auto& target : destination.targets) {
      if (!destination.usable) break;
      const WallTime now = m_parts.clock.now();
      auto content = write_dmarc_report_mail(due.report, {m_parts.config.reports.from, target.mailbox, submitter(), now}, m_parts.random);
      if (!content)
        say(target.mailbox + ": " + content.error().text());
      else if (!target.takes(content->size()))
        say(target.mailbox + ": the report is larger than it takes");
      else
        say(co_await submit(m_parts.config.reports.from, target.mailbox, *std::move(content), now));
    }
  }
  co_return out;
}

}  // namespace postern::gateway
