// What we tell other domains about their mail: TLS reports (RFC 8460) about sessions with their mail hosts, which are counted while mail
// goes out, and DMARC aggregate reports (RFC 9990) about mail in their name that was judged here. Both are kept, and sent after the day's
// end.
//
// A domain that asks for reports in DNS (_smtp._tls, rua) gets one of each kind for each day: between midnight and four o'clock UTC, at a
// time that differs from host to host (4.1). It goes out as mail from reports.from, signed like all mail of that domain, or by HTTPS.
// Without reports.from everything is counted and nothing is sent. Counts and outcomes are kept for a month.
//
// What could not be sent for a reason that may pass (DNS, a host that does not answer, a 4xx) waits in the database and is tried again, for
// 24 hours after the first attempt (RFC 8460 5.5); each place that took or refused it is remembered, so that nobody gets a report twice.
//
// Where reports.failures says so, DMARC failure reports (RFC 9991) go out at once, about single messages and redacted. They are for finding
// faults, not for the record: at most kFailuresWaiting wait, in memory; what reports.failures_per_hour leaves no room for is counted in the
// next (Incidents); what cannot be sent today is not sent. Of a domain's reports of one day the last outcome is kept. None is about a
// report, about mail without a sender, or about an answer to a report of ours, and none has a sender: no failure comes back as another.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/intake.hpp"
#include "reports/dmarc_aggregate.hpp"
#include "reports/dmarc_destinations.hpp"
#include "reports/failure_report.hpp"
#include "store/report_store.hpp"

namespace postern::gateway {

struct ReportDeskParts {
  const config::Config& config;
  Store& store;
  Intake& intake;
  io::Resolver& resolver;
  io::WorkerPool& workers;
  Random& random;
  const Clock& clock;
  io::SslContext tls;                          ///< For HTTPS report hosts.
  io::PeerJudge judge;                         ///< Of their certificates.
  const PublicSuffixList* suffixes = nullptr;  ///< As Judge compares domains.
  io::Executor loop;                           ///< Where failure reports are sent from.
};

class ReportDesk {
 public:
  /// With what was gathered before. Errors: Unavailable for the medium.
  [[nodiscard]] static Result<std::unique_ptr<ReportDesk>> make(ReportDeskParts parts);

  /// Counted at once, kept within a minute. Any thread. The day is put in place here.
  void note(TlsSession session);
  /// `arrival` has its judgement. Any thread.
  void note_judged(const Arrival& arrival, DmarcPolicy done);
  /// A mail that others sent to reports.inbox: read and kept; what is no report is said in the log. On a worker.
  void read_received(const Arrival& arrival);
  /// Keeps what was counted. On a worker.
  [[nodiscard]] Status flush();
  enum class Again { Due, All };  ///< Of the reports that wait: those whose time has come, or also the others.
  /// Reports about days before `day` that did not go out yet, and those that wait. On a loop; minutes, when there are many. Nothing when it
  /// is under way already.
  [[nodiscard]] io::Task<void> send_before(std::int64_t day, Again again = Again::All);
  /// The coroutine that does it all at its time.
  [[nodiscard]] io::Task<void> run();

  /// For people: all TLS reports of a day, as they would go out.
  [[nodiscard]] Result<std::vector<std::pair<std::string, TlsReport>>> reports(std::int64_t day);
  /// The DMARC reports of a day that did not go out yet, or not everywhere. On a worker.
  [[nodiscard]] Result<std::vector<DmarcDueReport>> dmarc_reports(std::int64_t day);
  /// The DMARC reports in the making.
  [[nodiscard]] std::vector<DmarcAggregate::Brief> dmarc_in_the_making();

  static constexpr std::size_t kFailuresWaiting = 100;
  /// Of the original's header in a waiting report, octets.
  static constexpr std::size_t kFailureHeader = std::size_t{32} * 1024;
  /// reports.failures_per_hour is for one domain, in its own name and as a destination; this many times that goes out in all.
  static constexpr std::size_t kFailuresInAll = 10;

 private:
  /// A failure report whose destinations nobody has asked yet.
  struct Failure {
    std::string policy_domain, spf_domain;  ///< spf_domain: whose SPF record belongs into it; empty: none.
    std::vector<std::string> report_to;     ///< ruf as the record has it.
    FeedbackReport report;
  };

  explicit ReportDesk(ReportDeskParts parts);
  [[nodiscard]] DmarcAggregateOptions dmarc_options() const;
  [[nodiscard]] Status keep_dmarc();
  void take_due_dmarc(std::int64_t day);
  [[nodiscard]] io::Task<void> try_dmarc(WaitingReport& report);
  [[nodiscard]] io::Task<ReportTry> send_dmarc_report(const DmarcReport& report, const DmarcReportUri& target);
  [[nodiscard]] io::Task<std::vector<DmarcDestination>> destinations_of(const std::string& policy_domain,
                                                                        const std::vector<std::string>& uris, DmarcReportKind kind);
  void note_failure(const Arrival& arrival, DmarcPolicy done);
  [[nodiscard]] bool keep_failure(const Arrival& arrival, const FailureFacts& facts, DmarcPolicy done);
  [[nodiscard]] bool may_report_failure(const Arrival& arrival) const;
  [[nodiscard]] Failure failure_of(const Arrival& arrival, const FailureFacts& facts, DmarcPolicy done) const;
  [[nodiscard]] std::optional<Failure> next_failure();
  [[nodiscard]] io::Task<void> send_failures();
  [[nodiscard]] io::Task<std::string> send_failure(Failure failure);
  [[nodiscard]] io::Task<std::string> send_failure_to(const DmarcReportUri& target, const FeedbackReport& report);
  [[nodiscard]] io::Task<std::vector<std::string>> spf_records(const std::string& domain);
  [[nodiscard]] io::Task<ReportTry> submit(std::string from, std::string to, std::string content, WallTime now);
  [[nodiscard]] io::Task<void> note_sent(SentReport sent);
  [[nodiscard]] io::Task<void> send_round(std::int64_t day, Again again);
  [[nodiscard]] Result<std::vector<WaitingReport>> reports_to_send(std::int64_t day, Again again);
  [[nodiscard]] io::Task<void> attempt(WaitingReport report);
  [[nodiscard]] io::Task<void> note_attempt(WaitingReport report);
  [[nodiscard]] io::Task<void> note_place(WaitingReport& report, std::string place, ReportTry result);
  [[nodiscard]] io::Task<void> try_tls(WaitingReport& report);
  [[nodiscard]] io::Task<ReportTry> deliver(const TlsReport& report, const std::string& domain, const std::string& uri);
  [[nodiscard]] io::Task<ReportTry> by_mail(const TlsReport& report, const std::string& domain, std::string to);
  [[nodiscard]] io::Task<ReportTry> by_https(const TlsReport& report, std::string url);
  [[nodiscard]] Result<TlsReport> report_of(std::int64_t day, const std::string& domain);
  [[nodiscard]] const std::string& submitter() const { return m_parts.config.server.hostname; }

  ReportDeskParts m_parts;
  TlsTally m_tally;
  std::mutex m_keep_mutex;   ///< What is kept last is the newest. Taken before the next one, and for as long as a commit takes.
  std::mutex m_dmarc_mutex;  ///< Of the three below.
  DmarcAggregate m_dmarc;
  bool m_dmarc_changed = false;
  std::vector<WaitingReport> m_dmarc_taken;  ///< Out of m_dmarc, and not kept yet.
  std::atomic<bool> m_sending{false};        ///< One round at a time: nobody gets the same report twice.

  std::mutex m_failure_mutex;  ///< Of the three below.
  std::deque<Failure> m_failures;
  FailurePace m_failing;        ///< By policy domain.
  bool m_reporting = false;     ///< send_failures() is under way.
  FailurePace m_told;           ///< By the host they go to; on the loop only.
  SecretBytes m_redaction_key;  ///< Of this run of the daemon and nowhere else, so that nobody can undo it later.
};

}  // namespace postern::gateway
