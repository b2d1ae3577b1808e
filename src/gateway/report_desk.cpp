#include "gateway/report_desk.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "http/client.hpp"
#include "io/mx.hpp"
#include "mime/address.hpp"
#include "mime/writer.hpp"
#include "pack/gzip.hpp"
#include "reports/report_mail.hpp"

namespace postern::gateway {
namespace {

constexpr auto kFlush = std::chrono::minutes(1);
constexpr auto kSpread = std::chrono::hours(4);  ///< RFC 8460 4.1
constexpr std::int64_t kKeptDays = 30;
constexpr std::size_t kAtOnce = 1000;
constexpr auto kHttpsTime = std::chrono::seconds(60);
constexpr std::uint16_t kHttpsPort = 443;
constexpr std::int64_t kNoDay = 0;  ///< Nothing was counted before it.
const std::string kTlsKind = "tls";

/// When a host begins to send, after midnight: the same every day, another one for every host.
std::chrono::seconds offset_of(const std::string& hostname) {
  const auto spread = static_cast<std::size_t>(std::chrono::seconds(kSpread).count());
  return std::chrono::seconds(std::hash<std::string>{}(hostname) % spread);
}

/// RFC 8460 3: one record, or none.
Result<TlsReportRecord> record_of(const dns::Answer& answer) {
  std::optional<TlsReportRecord> found;
  for (const auto& txt : answer.all<dns::TxtData>()) {
    auto record = parse_tls_report_record(txt.joined());
    if (!record) continue;
    if (found) return fail(ErrorCode::BadInput, "there is more than one TLSRPTv1 record");
    found = *std::move(record);
  }
  if (!found) return fail(ErrorCode::NotFound, "nobody asks for reports");
  return *std::move(found);
}

std::string id_of(const TlsReport& report, const std::string& domain) { return std::to_string(day_of(report.begin)) + "." + domain; }

}  // namespace

void ReportDesk::note(TlsSession session) {
  session.day = day_of(m_parts.clock.now());
  m_tally.add(std::move(session));
}

Status ReportDesk::flush() {
  POSTERN_CHECK(keep_dmarc());
  return ReportStore(m_parts.store).add(m_tally.take());
}

void ReportDesk::read_received(const Arrival& arrival) {
  const auto report = read_report_mail(arrival.content, m_parts.config.limits);
  if (!report) {
    log::info("reports.unreadable", {{"id", arrival.id.get()}, {"reason", report.error()}});
    return;
  }
  const bool vouched = arrival.judgement && arrival.judgement->dmarc.result == DmarcResult::Pass;
  const Status kept = ReportStore(m_parts.store).add_received(*report, arrival.received, vouched);
  if (!kept) log::warn("reports.not_kept", {{"reason", kept.error()}});
  log::info("reports.received", {{"kind", report->kind},
                                 {"domain", printable(report->domain, 253)},
                                 {"organization", printable(report->organization, 128)},
                                 {"failed", report->bad}});
}

Result<TlsReport> ReportDesk::report_of(std::int64_t day, const std::string& domain) {
  POSTERN_TRY(const auto counts, ReportStore(m_parts.store).counts(day, domain));
  TlsReport report = make_tls_report(counts);
  const auto& settings = m_parts.config.reports;
  report.organization = settings.organization.empty() ? submitter() : settings.organization;
  report.contact = settings.from;
  report.id = id_of(report, domain);
  return report;
}

Result<std::vector<std::pair<std::string, TlsReport>>> ReportDesk::reports(std::int64_t day) {
  POSTERN_CHECK(flush());
  POSTERN_TRY(const auto all, ReportStore(m_parts.store).summary(kAtOnce));
  std::vector<std::pair<std::string, TlsReport>> out;
  for (const auto& one : all) {
    if (one.day != day) continue;
    POSTERN_TRY(auto report, report_of(day, one.domain));
    out.emplace_back(one.domain, std::move(report));
  }
  return out;
}

io::Task<void> ReportDesk::run() {
  for (;;) {
    co_await io::sleep_for(kFlush);
    auto job = [this]() -> Result<bool> {
      POSTERN_CHECK(flush());
      return true;
    };
    const auto kept = co_await m_parts.workers.run(std::move(job));
    if (!kept) log::warn("reports.not_kept", {{"reason", kept.error()}});
    const WallTime now = m_parts.clock.now();
    const std::int64_t today = day_of(now);
    const bool begins = now - day_begin(today) >= offset_of(submitter());
    co_await send_before(begins ? today : kNoDay, Again::Due);
  }
}

io::Task<void> ReportDesk::send_before(std::int64_t day, Again again) {
  if (m_parts.config.reports.from.empty() || m_sending.exchange(true)) co_return;
  co_await send_round(day, again);
  m_sending = false;
}

io::Task<void> ReportDesk::note_sent(SentReport sent) {
  auto job = [this, sent]() -> Result<bool> {
    POSTERN_CHECK(ReportStore(m_parts.store).note(sent));
    return true;
  };
  if (const auto noted = co_await m_parts.workers.run(std::move(job)); !noted) log::warn("reports.not_noted", {{"reason", noted.error()}});
  log::info("reports.sent", {{"kind", sent.kind}, {"domain", sent.domain}, {"outcome", sent.outcome}});
}

/// Those that wait, and of TLS those that nobody has tried to send. On a worker.
Result<std::vector<WaitingReport>> ReportDesk::reports_to_send(std::int64_t day, Again again) {
  ReportStore store(m_parts.store);
  take_due_dmarc(day);
  POSTERN_CHECK(flush());
  POSTERN_CHECK(store.forget_before(day_of(m_parts.clock.now()) - kKeptDays));
  POSTERN_TRY(auto out, store.waiting(again == Again::All ? WallTime::max() : m_parts.clock.now(), kAtOnce));
  POSTERN_TRY(const auto unsent, store.unsent(day, kAtOnce));
  for (const auto& [of_day, domain] : unsent) {
    WaitingReport& one = out.emplace_back();
    one.kind = kTlsKind;
    one.day = of_day;
    one.domain = domain;
  }
  return out;
}

io::Task<void> ReportDesk::send_round(std::int64_t day, Again again) {
  auto job = [this, day, again] { return reports_to_send(day, again); };
  auto all = co_await m_parts.workers.run(std::move(job));
  if (!all) {
    log::warn("reports.not_read", {{"reason", all.error()}});
    co_return;
  }
  for (WaitingReport& one : *all) co_await attempt(std::move(one));
}

io::Task<void> ReportDesk::attempt(WaitingReport report) {
  const WallTime now = m_parts.clock.now();
  if (report.tries == 0) report.first = now;
  report.next = now;  // a daemon that dies half-way goes on when it is back
  ++report.tries;
  report.progress.begin();
  if (report.kind == kTlsKind)
    co_await try_tls(report);
  else
    co_await try_dmarc(report);
  co_await note_attempt(std::move(report));
}

/// RFC 8460 5.5: what could not be delivered is tried again for 24 hours; then its last reason is noted.
io::Task<void> ReportDesk::note_attempt(WaitingReport report) {
  const WallTime now = m_parts.clock.now();
  SentReport sent{report.kind, report.day, report.domain, now, report.progress.text()};
  if (report.progress.waits()) {
    sent.again = next_report_try(report.first, report.tries, now);
    if (!sent.again) sent.outcome = "given up after 24 hours: " + sent.outcome;
    report.next = sent.again.value_or(now);
  }
  log::info(sent.again ? "reports.waiting" : "reports.sent", {{"kind", sent.kind},
                                                              {"domain", sent.domain},
                                                              {"outcome", sent.outcome},
                                                              {"again", sent.again ? rfc3339(*sent.again) : std::string("no")}});
  auto job = [this, report = std::move(report), sent = std::move(sent)]() -> Result<bool> {
    POSTERN_CHECK(ReportStore(m_parts.store).note_attempt(report, sent));
    return true;
  };
  if (const auto noted = co_await m_parts.workers.run(std::move(job)); !noted) log::warn("reports.not_noted", {{"reason", noted.error()}});
}

/// What a place took is kept at once: the next one may take minutes, and nobody shall get the report again when the daemon ends meanwhile.
io::Task<void> ReportDesk::note_place(WaitingReport& report, std::string place, ReportTry result) {
  const bool settled = !result.passing;
  report.progress.note(place, std::move(result));
  if (!settled) co_return;
  auto job = [this, &report]() -> Result<bool> {
    POSTERN_CHECK(ReportStore(m_parts.store).keep_waiting(report));
    return true;
  };
  if (const auto kept = co_await m_parts.workers.run(std::move(job)); !kept) log::warn("reports.not_noted", {{"reason", kept.error()}});
}

io::Task<void> ReportDesk::try_tls(WaitingReport& report) {
  const auto answer = co_await m_parts.resolver.query("_smtp._tls." + report.domain, dns::RecordType::Txt);
  const bool no_name = !answer && answer.error().code == ErrorCode::BadInput;  // an address literal has no domain that could ask
  if (!no_name && (!answer || answer->is_temporary_failure()))
    co_return report.progress.note("", {"DNS did not say whether reports are wanted", true});
  const auto record = no_name ? Result<TlsReportRecord>(fail(answer.error())) : record_of(*answer);
  if (!record) co_return report.progress.note("", {record.error().what, false});
  auto job = [this, day = report.day, domain = report.domain] { return report_of(day, domain); };
  const auto content = co_await m_parts.workers.run(std::move(job));
  if (!content) co_return report.progress.note("", {content.error().text(), true});
  for (const std::string& uri : record->report_to) {
    if (report.progress.is_settled(uri)) continue;
    ReportTry result = co_await deliver(*content, report.domain, uri);
    co_await note_place(report, uri, std::move(result));
  }
}

io::Task<ReportTry> ReportDesk::deliver(const TlsReport& report, const std::string& domain, const std::string& uri) {
  if (istarts_with(uri, "mailto:")) co_return co_await by_mail(report, domain, uri.substr(7, uri.find('?') - 7));
  co_return co_await by_https(report, uri);
}

io::Task<ReportTry> ReportDesk::by_mail(const TlsReport& report, const std::string& domain, std::string to) {
  const WallTime now = m_parts.clock.now();
  const ReportMail mail{
      m_parts.config.reports.from, to, submitter(), make_boundary(m_parts.random), make_ulid(now, m_parts.random) + "@" + submitter(), now};
  auto content = tls_report_mail(report, domain, mail);
  if (!content) co_return ReportTry{content.error().text()};
  co_return co_await submit(m_parts.config.reports.from, std::move(to), *std::move(content), now);
}

/// As mail of our own: signed, and sealed where policy says so. `from` may be empty: the null path.
io::Task<ReportTry> ReportDesk::submit(std::string from, std::string to, std::string content, WallTime now) {
  const auto recipient = ForwardPath::parse("<" + to + ">");
  const auto sender = ReversePath::parse("<" + from + ">");
  if (!recipient || !sender) co_return ReportTry{printable(to, 128) + " is no address that mail can go to"};
  Arrival arrival;
  arrival.received = now;
  arrival.id = make_message_id(now, m_parts.random);
  arrival.road.door = "reports";
  arrival.road.protocol = "LOCAL";
  arrival.road.trusted = true;
  arrival.road.correlation = CorrelationId(make_ulid(now, m_parts.random));
  arrival.envelope.from = *sender;
  arrival.envelope.recipients.push_back({*recipient, {}});
  arrival.content = std::move(content);
  const auto replies = co_await m_parts.intake.take(std::move(arrival));
  if (replies.empty()) co_return ReportTry{"mail to " + to + ": not taken", true};
  co_return ReportTry{"mail to " + to + ": " + replies.front().text(), replies.front().transient()};
}

/// RFC 8460 5.4; 5.5: any failure is one that is tried again, a status that is no success too.
io::Task<ReportTry> ReportDesk::by_https(const TlsReport& report, std::string url) {
  const auto parsed = http::Url::parse(url);
  // A stranger's record says where to: no further into a network than its hosts' HTTPS.
  if (!parsed || !parsed->tls || parsed->port != kHttpsPort) co_return ReportTry{printable(url, 256) + " is no URL that reports can go to"};
  const auto host = co_await io::resolve_host(m_parts.resolver, parsed->host, {});
  if (!host) co_return ReportTry{url + ": " + host.error().text(), true};
  http::ClientRequest request;
  request.method = "POST";
  request.url = *parsed;
  request.headers.add("Content-Type", "application/tlsrpt+gzip");
  request.body = as_text(gzip(write_tls_report(report)));
  http::ClientOptions options;
  options.timeout = kHttpsTime;
  options.body_limit = 64 * 1024;
  options.tls = m_parts.tls;
  options.judge = m_parts.judge;
  const auto answer = co_await http::fetch(io::endpoints_of(*host, parsed->port), std::move(request), std::move(options));
  if (!answer) co_return ReportTry{url + ": " + answer.error().text(), true};
  co_return ReportTry{url + ": " + std::to_string(answer->status), answer->status < 200 || answer->status > 299};
}

}  // namespace postern::gateway
