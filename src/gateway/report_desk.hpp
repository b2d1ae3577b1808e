// What we tell other domains about their mail: TLS reports (RFC 8460) about sessions with their mail hosts, which are counted while mail
// goes out, and DMARC aggregate reports (RFC 9990) about mail in their name that was judged here. Both are kept, and sent after the day's
// end.
//
// A domain that asks for reports in DNS (_smtp._tls, rua) gets one of each kind for each day: between midnight and four o'clock UTC, at a
// time that differs from host to host (4.1). It goes out as mail from reports.from, signed like all mail of that domain, or by HTTPS.
// Without reports.from everything is counted and nothing is sent. Counts and outcomes are kept for a month.
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
  /// Reports about days before `day` that did not go out yet. On a loop; minutes, when there are many. Nothing when it is under way
  /// already.
  [[nodiscard]] io::Task<void> send_before(std::int64_t day);
  /// The coroutine that does it all at its time.
  [[nodiscard]] io::Task<void> run();

  /// For people: all reports of a day, as they would go out.
  [[nodiscard]] Result<std::vector<std::pair<std::string, TlsReport>>> reports(std::int64_t day);

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
  [[nodiscard]] io::Task<void> send_dmarc(std::int64_t day);
  [[nodiscard]] io::Task<std::string> send_dmarc_report(DmarcDueReport due);
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
  [[nodiscard]] io::Task<std::string> submit(std::string from, std::string to, std::string content, WallTime now);
  [[nodiscard]] io::Task<void> note_sent(SentReport sent);
  [[nodiscard]] io::Task<void> send_round(std::int64_t day);
  [[nodiscard]] io::Task<std::string> send(std::int64_t day, std::string domain);
  [[nodiscard]] io::Task<std::string> deliver(const TlsReport& report, const std::string& domain, const std::string& uri);
  [[nodiscard]] io::Task<std::string> by_mail(const TlsReport& report, const std::string& domain, std::string to);
  [[nodiscard]] io::Task<std::string> by_https(const TlsReport& report, std::string url);
  [[nodiscard]] Result<TlsReport> report_of(std::int64_t day, const std::string& domain);
  [[nodiscard]] const std::string& submitter() const { return m_parts.config.server.hostname; }

  ReportDeskParts m_parts;
  TlsTally m_tally;
  std::mutex m_dmarc_mutex;
  DmarcAggregate m_dmarc;
  bool m_dmarc_changed = false;
  std::atomic<bool> m_sending{false};  ///< One round at a time: nobody gets the same report twice.

  std::mutex m_failure_mutex;  ///< Of the three below.
  std::deque<Failure> m_failures;
  FailurePace m_failing;        ///< By policy domain.
  bool m_reporting = false;     ///< send_failures() is under way.
  FailurePace m_told;           ///< By the host they go to; on the loop only.
  SecretBytes m_redaction_key;  ///< Of this run of the daemon and nowhere else, so that nobody can undo it later.
};

}  // namespace postern::gateway
