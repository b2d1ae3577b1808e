// Aggregate reports of the report desk (RFC 9990), and where reports about DMARC may go.
#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "dns/questions.hpp"
#include "gateway/report_desk.hpp"

namespace postern::gateway {
namespace {

constexpr int kRounds = 8;  // a permission that names another place is one more
constexpr std::size_t kMostSeen = 1000;
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

std::vector<DmarcAggregate::Brief> ReportDesk::dmarc_in_the_making() {
  const std::lock_guard lock(m_dmarc_mutex);
  return m_dmarc.briefs();
}

Result<std::vector<DmarcDueReport>> ReportDesk::dmarc_reports(std::int64_t day) {
  std::vector<DmarcDueReport> out;
  ReportStore store(m_parts.store);
  POSTERN_TRY(const auto waiting, store.waiting(WallTime::max(), kMostSeen));
  for (const WaitingReport& one : waiting) {
    if (one.kind != kKind || one.day != day) continue;
    POSTERN_TRY(const std::string body, store.waiting_body(one));
    auto due = load_due(body);
    if (due) out.push_back(*std::move(due));
    if (!due) log::warn("reports.not_read", {{"domain", one.domain}, {"reason", due.error()}});
  }
  std::optional<DmarcAggregate> now;  // the doors count while reports are written
  {
    const std::lock_guard lock(m_dmarc_mutex);
    now.emplace(m_dmarc);
  }
  std::ranges::move(now->look(day_begin(day), day_begin(day + 1)), std::back_inserter(out));
  return out;
}

/// Reports that were taken out are kept in the same commit that keeps the rest without them.
Status ReportDesk::keep_dmarc() {
  const std::lock_guard one_at_a_time(m_keep_mutex);
  std::string body;
  std::vector<WaitingReport> taken;
  {
    const std::lock_guard lock(m_dmarc_mutex);
    if (!std::exchange(m_dmarc_changed, false)) return {};
    body = m_dmarc.save();
    taken = m_dmarc_taken;
  }
  const Status kept = ReportStore(m_parts.store).keep_pending(kKind, body, taken);
  const std::lock_guard lock(m_dmarc_mutex);
  if (!kept) m_dmarc_changed = true;  // not lost: the next one keeps it
  if (kept) m_dmarc_taken.erase(m_dmarc_taken.begin(), m_dmarc_taken.begin() + static_cast<std::ptrdiff_t>(taken.size()));
  return kept;
}

/// From here on nothing is added to them. Whoever gets one a second time, from a daemon that died, knows it by its id (RFC 9990 3.5.1).
void ReportDesk::take_due_dmarc(std::int64_t day) {
  const std::lock_guard one_at_a_time(m_keep_mutex);  // what is taken out and not yet in the list must not be left out of what is kept
  std::vector<DmarcDueReport> all;
  {
    const std::lock_guard lock(m_dmarc_mutex);
    all = m_dmarc.take_due(day_begin(day));
  }
  std::vector<WaitingReport> taken;
  for (const DmarcDueReport& due : all) {
    WaitingReport& one = taken.emplace_back();
    one.kind = kKind;
    one.day = day_of(due.report.begin);
    one.domain = due.report.policy.domain;
    one.id = due.report.report_id;
    one.next = m_parts.clock.now();
    one.body = save_due(due);
  }
  const std::lock_guard lock(m_dmarc_mutex);
  m_dmarc_changed = m_dmarc_changed || !taken.empty();
  std::ranges::move(taken, std::back_inserter(m_dmarc_taken));
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

io::Task<void> ReportDesk::try_dmarc(WaitingReport& report) {
  auto job = [this, &report] { return ReportStore(m_parts.store).waiting_body(report); };
  const auto body = co_await m_parts.workers.run(std::move(job));
  if (!body) co_return report.progress.note("", {body.error().text(), body.error().code != ErrorCode::NotFound});
  const auto due = load_due(*body);
  if (!due) co_return report.progress.note("", {"what was kept of it cannot be read: " + due.error().text(), false});
  const auto destinations = co_await destinations_of(report.domain, due->report_to, DmarcReportKind::Aggregate);
  for (const auto& destination : destinations) {
    if (report.progress.is_settled(destination.uri)) continue;
    if (!destination.usable) report.progress.note(destination.uri, {destination.uri + ": " + destination.reason, destination.try_later});
    for (const auto& target : destination.targets) {
      if (!destination.usable || report.progress.is_settled(target.mailbox)) continue;
      ReportTry result = co_await send_dmarc_report(due->report, target);
      co_await note_place(report, target.mailbox, std::move(result));
    }
  }
}

io::Task<ReportTry> ReportDesk::send_dmarc_report(const DmarcReport& report, const DmarcReportUri& target) {
  const WallTime now = m_parts.clock.now();
  auto content = write_dmarc_report_mail(report, {m_parts.config.reports.from, target.mailbox, submitter(), now}, m_parts.random);
  if (!content) co_return ReportTry{target.mailbox + ": " + content.error().text()};
  if (!target.takes(content->size())) co_return ReportTry{target.mailbox + ": the report is larger than it takes"};
  co_return co_await submit(m_parts.config.reports.from, target.mailbox, *std::move(content), now);
}

}  // namespace postern::gateway
