// Failure reports of the report desk (RFC 9991).
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/text.hpp"
#include "gateway/report_desk.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

const std::string kFailureKind = "dmarc-failure";
constexpr std::size_t kRedactionKey = 32;

SecretBytes drawn_key(Random& random) {
  SecretBytes out(kRedactionKey);
  random.fill(out.span());
  return out;
}

FailurePace pace_of(const config::Config& config) {
  const auto for_one = static_cast<std::size_t>(config.reports.failures_per_hour);
  return {for_one, ReportDesk::kFailuresInAll * for_one};
}

/// RFC 6591 3.2.2. What became of mail that was not stopped here is not known yet: then nothing is said.
std::string delivery_result(const Judgement& judged, DmarcPolicy done) {
  if (done == DmarcPolicy::Reject || judged.refusal) return "reject";
  return judged.hold.empty() ? std::string() : "policy";
}

/// The value of our own field, without the labels behind it.
std::vector<std::string> authentication_results(const Judgement& judged) {
  const auto fields = MessageView::parse(judged.field);
  if (!fields) return {};
  return {fields->value("Authentication-Results")};
}

bool is_spf_record(std::string_view text) { return iequals(text, "v=spf1") || istarts_with(text, "v=spf1 "); }

}  // namespace

ReportDesk::ReportDesk(ReportDeskParts parts)
    : m_parts(std::move(parts)),
      m_dmarc(dmarc_options()),
      m_failing(pace_of(m_parts.config)),
      m_told(pace_of(m_parts.config)),
      m_redaction_key(drawn_key(m_parts.random)) {}

/// Where an answer to it, or a report about the report, would come from again, none is sent.
bool ReportDesk::may_report_failure(const Arrival& arrival) const {
  if (arrival.envelope.from.is_null() || m_parts.intake.is_for_reports(arrival)) return false;
  const auto is_ours = [&](const auto& recipient) { return iequals(address_of(recipient.path, submitter()), m_parts.config.reports.from); };
  if (std::ranges::any_of(arrival.envelope.recipients, is_ours)) return false;
  const auto header = MessageView::parse(arrival.content, m_parts.config.limits);
  return header && !is_about_mail(*header);
}

/// Recipients are left out: who they are is nobody's business, and how many neither.
ReportDesk::Failure ReportDesk::failure_of(const Arrival& arrival, const FailureFacts& facts, DmarcPolicy done) const {
  const Judgement& judged = *arrival.judgement;
  Failure out;
  out.policy_domain = judged.dmarc.record_domain;
  out.spf_domain = judged.spf.result == SpfResult::Pass ? std::string() : judged.spf.domain;
  out.report_to = judged.dmarc.record->failure_to;
  out.report = failure_report(facts, judged.dkim, judged.author_domain);
  out.report.user_agent = "Postern/" POSTERN_VERSION;
  out.report.authentication_results = authentication_results(judged);
  out.report.delivery_result = delivery_result(judged, done);
  out.report.original_mail_from = arrival.envelope.from.text();
  out.report.arrival_date = rfc5322_date(arrival.received);
  out.report.reporting_mta = "dns; " + submitter();
  out.report.source_ip = arrival.road.address;
  if (const auto header = MessageView::parse(arrival.content, m_parts.config.limits))
    out.report.original_header = header_start(*header, kFailureHeader);
  return out;
}

void ReportDesk::note_failure(const Arrival& arrival, DmarcPolicy done) {
  const auto& settings = m_parts.config.reports;
  const Judgement& judged = *arrival.judgement;
  if (settings.failures == "off" || settings.from.empty()) return;
  const auto facts = failure_facts(judged.dmarc, judged.spf, judged.dkim);
  if (!facts || !wants_failure_report(*judged.dmarc.record, *facts) || !may_report_failure(arrival)) return;
  // Outside the lock: a coroutine that is spawned on its own loop may run at once.
  if (keep_failure(arrival, *facts, done)) io::spawn(m_parts.loop, send_failures(), "gateway.failure_reports");
}

/// True: somebody has to send it, and is not at it yet.
bool ReportDesk::keep_failure(const Arrival& arrival, const FailureFacts& facts, DmarcPolicy done) {
  const std::lock_guard lock(m_failure_mutex);
  const std::uint32_t incidents = m_failing.take(arrival.judgement->dmarc.record_domain, m_parts.clock.steady());
  if (incidents == 0 || m_failures.size() >= kFailuresWaiting) return false;
  m_failures.push_back(failure_of(arrival, facts, done));
  m_failures.back().report.incidents = incidents;
  return !std::exchange(m_reporting, true);
}

std::optional<ReportDesk::Failure> ReportDesk::next_failure() {
  const std::lock_guard lock(m_failure_mutex);
  if (m_failures.empty()) {
    m_reporting = false;
    return std::nullopt;
  }
  auto out = std::optional(std::move(m_failures.front()));
  m_failures.pop_front();
  return out;
}

io::Task<void> ReportDesk::send_failures() {
  while (auto next = next_failure()) {
    const WallTime now = m_parts.clock.now();
    SentReport sent{kFailureKind, day_of(now), next->policy_domain, now, {}};
    sent.outcome = co_await send_failure(*std::move(next));
    co_await note_sent(std::move(sent));
  }
}

/// RFC 9991 2: to each of them.
io::Task<std::string> ReportDesk::send_failure(Failure failure) {
  const auto destinations = co_await destinations_of(failure.policy_domain, failure.report_to, DmarcReportKind::Failure);
  failure.report.spf_dns = co_await spf_records(failure.spf_domain);
  std::string out;
  const auto say = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const auto& destination : destinations) {
    if (!destination.usable) say(printable(destination.uri, 256) + ": " + destination.reason);
    for (const auto& target : destination.targets) {
      if (!destination.usable) break;
      const std::string one = co_await send_failure_to(target, failure.report);
      say(one);
    }
  }
  co_return out;
}

/// Without a sender, as all that must not be answered (RFC 5321 4.5.5): it is the signature of reports.from's domain that DMARC finds.
io::Task<std::string> ReportDesk::send_failure_to(const DmarcReportUri& target, const FeedbackReport& report) {
  if (m_told.take(target.host, m_parts.clock.steady()) == 0)
    co_return target.mailbox + ": more than " + std::to_string(m_parts.config.reports.failures_per_hour) + " in an hour do not go there";
  const FailureReportMail mail{m_parts.config.reports.from, target.mailbox, m_parts.clock.now()};
  auto job = [this, &mail, &report] { return write_failure_report(report, mail, m_redaction_key, m_parts.random); };
  auto content = co_await m_parts.workers.run(std::move(job));
  if (!content) co_return target.mailbox + ": " + content.error().text();
  if (!target.takes(content->size())) co_return target.mailbox + ": the report is larger than it takes";
  std::string nobody;
  co_return (co_await submit(std::move(nobody), target.mailbox, *std::move(content), mail.date)).words;
}

/// RFC 9991 4 wants the record in the report. Judging has just asked for it.
io::Task<std::vector<std::string>> ReportDesk::spf_records(const std::string& domain) {
  std::vector<std::string> out;
  if (domain.empty()) co_return out;
  const auto answer = co_await m_parts.resolver.query(domain, dns::RecordType::Txt);
  if (!answer) co_return out;
  for (const auto& txt : answer->all<dns::TxtData>()) {
    const std::string record = txt.joined();
    if (is_spf_record(record)) out.push_back(spf_dns_field(domain, record));
  }
  co_return out;
}

}  // namespace postern::gateway
