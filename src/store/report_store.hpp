// What reports to other domains are made of, and which went out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reports/received.hpp"
#include "reports/report_progress.hpp"
#include "reports/tls_tally.hpp"
#include "store/store.hpp"

namespace postern {

struct SentReport {
  std::string kind;  ///< "tls", "dmarc", "dmarc-failure"
  std::int64_t day = 0;
  std::string domain;
  WallTime time{};
  std::string outcome;                           ///< In words: where it went, or why nowhere.
  std::optional<WallTime> again = std::nullopt;  ///< When it is tried again, in lists.
};

/// A report on its way: not every place that it goes to has taken or refused it.
struct WaitingReport {
  std::string kind;  ///< "tls", "dmarc"
  std::int64_t day = 0;
  std::string domain, id;  ///< id: where there may be more than one of a day; else empty.
  WallTime first{};        ///< Of the attempts; the epoch: there was none.
  WallTime next{};
  unsigned tries = 0;
  ReportProgress progress = {};
  std::string body = {};  ///< As its gatherer wrote it; not in lists.
};

/// Thread safe; waits for the commit (not on an event loop). Errors: Unavailable for the medium.
class ReportStore {
 public:
  explicit ReportStore(Store& store) : m_store(store) {}
  /// Adds to what is counted already.
  [[nodiscard]] Status add(const std::vector<TlsCount>& counts);
  /// The domains of days before `day` that no report went out or waits about; oldest first, at most `most`.
  [[nodiscard]] Result<std::vector<std::pair<std::int64_t, std::string>>> unsent(std::int64_t day, std::size_t most);
  [[nodiscard]] Result<std::vector<TlsCount>> counts(std::int64_t day, const std::string& domain);
  /// In place of what was noted for the same kind, day and domain.
  [[nodiscard]] Status note(const SentReport& sent);
  /// Newest first.
  [[nodiscard]] Result<std::vector<SentReport>> sent(std::size_t most);
  /// Domains and what was counted, newest day first: for people.
  struct Summary {
    std::int64_t day = 0;
    std::string domain;
    std::uint64_t successful = 0, failed = 0;
  };
  [[nodiscard]] Result<std::vector<Summary>> summary(std::size_t most);
  /// Our sessions by day and kind of policy ("tlsa", "sts", "no-policy-found"), over all domains; days included, oldest first.
  struct PolicySummary {
    std::int64_t day = 0;
    std::string policy;
    std::uint64_t successful = 0, failed = 0;
  };
  [[nodiscard]] Result<std::vector<PolicySummary>> policy_summary(std::int64_t first, std::int64_t last);
  /// What is gathered for reports of a kind, as its gatherer wrote it; empty when there is nothing.
  [[nodiscard]] Result<std::string> pending(const std::string& kind);
  /// With the reports that were taken out of it, which wait from now on: both or nothing. Those that wait already stay as they are.
  [[nodiscard]] Status keep_pending(const std::string& kind, const std::string& body, const std::vector<WaitingReport>& taken = {});
  /// Reports that are due at `until`, without their bodies; those that have waited longest first.
  [[nodiscard]] Result<std::vector<WaitingReport>> waiting(WallTime until, std::size_t most);
  /// NotFound.
  [[nodiscard]] Result<std::string> waiting_body(const WaitingReport& report);
  /// In place of what was kept of it, but for its body, which never changes.
  [[nodiscard]] Status keep_waiting(const WaitingReport& report);
  /// An attempt, with what was noted of it: `report` waits on when `sent.again` says so, and is forgotten otherwise.
  [[nodiscard]] Status note_attempt(const WaitingReport& report, const SentReport& sent);
  /// A report of others; the same one again replaces it. Of more than kMostReceived the oldest go.
  static constexpr std::size_t kMostReceived = 10'000;
  struct Received {
    std::int64_t number = 0;
    ReceivedReport report;  ///< Without its body in lists.
    WallTime received{};
    bool vouched = false;  ///< DMARC passed for the mail that brought it.
  };
  [[nodiscard]] Status add_received(const ReceivedReport& report, WallTime now, bool vouched);
  /// Newest first.
  [[nodiscard]] Result<std::vector<Received>> received(std::size_t most);
  /// The body. NotFound.
  [[nodiscard]] Result<std::string> received_body(std::int64_t number);
  /// Which of them: those that tell of days from `first` to `last`, both included (reports/received_tally.hpp).
  struct ReceivedQuery {
    std::int64_t first = 0, last = 0;
    std::string domain;         ///< What they are about, case aside; empty: all.
    bool only_vouched = false;  ///< Without those that anybody may have sent.
  };
  /// Each with its body, newest first, as long as `see` says true. It runs while a read connection is borrowed.
  [[nodiscard]] Status visit_received(const ReceivedQuery& query, const std::function<bool(const Received&)>& see);
  [[nodiscard]] Status forget_before(std::int64_t day);

 private:
  [[nodiscard]] static Status note(Database& database, const SentReport& sent);
  [[nodiscard]] static Status keep_waiting(Database& database, const WaitingReport& report);
  Store& m_store;
};

}  // namespace postern
