// From judged messages to the DMARC aggregate reports that are due, RFC 9990: equal messages become one row with a count, rows are kept by
// policy domain and interval of UTC.
//
//   DmarcAggregate aggregate(options);
//   aggregate.add(facts, now);                              // for each judged message
//   for (auto& due : aggregate.take_due(now)) send(due);    // now and then: dmarc_destinations.hpp says where to
//   store(aggregate.save());                                // and DmarcAggregate::load() after a restart
//
// Pure: time is an input. Bounded: what has no place is counted, and the report says so. One thread.
// Does not: look up DNS, send, decide which mail is reported (all that was judged, refused mail too: RFC 9990 3.1).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reports/dmarc_report.hpp"

namespace postern {

/// What is known of one judged message.
struct DmarcFacts {
  std::string policy_domain;  ///< Where the record was found (DmarcVerdict::record_domain).
  DmarcRecord record;
  bool by_suffix_list = false;  ///< Else by tree walk.
  dns::IpAddress source_ip;
  DmarcDisposition disposition = DmarcDisposition::None;  ///< What was done with it.
  bool dkim_pass = false, spf_pass = false;               ///< Passed and aligned.
  std::vector<DmarcOverride> reasons;                     ///< Needed where the disposition of a failure is not the policy's (3.1.1.9).
  std::string header_from;                                ///< The author's domain.
  std::string envelope_from;                              ///< Domain of MAIL FROM; empty: the null reverse-path.
  std::string envelope_to;                                ///< Domain of the recipient; empty: not said.
  std::vector<DmarcDkimResult> dkim;
  SpfVerdict spf;
};

/// The facts that the checks themselves know; source_ip, header_from and the envelope are the caller's. `done`: what was done with the
/// message because of DMARC. Where that is less than the policy wants, the reason is the record's t=y or local policy (3.1.6). Nothing for
/// a message whose author publishes no policy, or that could not be judged.
[[nodiscard]] std::optional<DmarcFacts> dmarc_facts(const DmarcVerdict& verdict, const SpfVerdict& spf, std::span<const DkimSignature> dkim,
                                                    DmarcPolicy done);

struct DmarcAggregateOptions {
  std::string org_name, email, extra_contact_info, generator;
  std::string receiver;                  ///< Our domain, the submitter of reports.
  std::chrono::seconds interval{86400};  ///< Taken to divide a day and no longer than one; other values count as a day.
  std::size_t domains = 10'000;          ///< Reports in the making, over all intervals.
  std::size_t rows_per_domain = 10'000;
  std::size_t rows = 100'000;            ///< In all.
  std::size_t signatures_per_row = 100;  ///< 3.1.3: those that passed come first.
};

struct DmarcDueReport {
  DmarcReport report;
  std::vector<std::string> report_to;  ///< rua as the record has it: not verified, see dmarc_destinations().
};
/// Kept until it is sent, as JSON around the XML; and back. BadInput for what save_due() did not write.
[[nodiscard]] std::string save_due(const DmarcDueReport& due);
[[nodiscard]] Result<DmarcDueReport> load_due(std::string_view json);

class DmarcAggregate {
 public:
  explicit DmarcAggregate(DmarcAggregateOptions options);

  /// One message that was judged at `now`. Without rua in the record, or without a domain of its author, nothing is kept.
  void add(const DmarcFacts& facts, WallTime now);

  /// The reports whose interval ended before `now`, which are forgotten here. The same messages give the same report with the same id, so
  /// that one that is sent again is seen to be the same (3.5.1).
  [[nodiscard]] std::vector<DmarcDueReport> take_due(WallTime now);
  /// For people: those whose interval begins from `from` on and before `to`, as take_due() would have them; nothing is forgotten.
  [[nodiscard]] std::vector<DmarcDueReport> look(WallTime from, WallTime to) const;
  /// What is in the making, oldest first.
  struct Brief {
    WallTime begin{};
    std::string domain;
    std::vector<std::string> report_to;
    std::uint64_t messages = 0;
  };
  [[nodiscard]] std::vector<Brief> briefs() const;
  /// The end of the oldest interval that has something; nothing when there is none.
  [[nodiscard]] std::optional<WallTime> next_due() const;

  /// Everything that is kept, as JSON.
  [[nodiscard]] std::string save() const;
  /// BadInput names what is wrong in `json`; more than the options have room for is dropped and counted as overflow.
  [[nodiscard]] static Result<DmarcAggregate> load(DmarcAggregateOptions options, std::string_view json);

  [[nodiscard]] std::size_t rows() const noexcept { return m_rows; }
  [[nodiscard]] std::size_t domains() const noexcept { return m_pending.size(); }
  /// Messages of policy domains for which there was no place at all.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return m_dropped; }

 private:
  using Key = std::pair<std::int64_t, std::string>;  // begin of the interval, policy domain
  struct Pending {
    DmarcPublished policy;  // the last one seen (3.3)
    std::vector<std::string> report_to;
    std::map<DmarcReportRow, std::uint64_t> rows;  // without their counts
    std::uint64_t overflow = 0;                    // messages without a place
  };
  [[nodiscard]] Pending* pending_of(std::int64_t begin, const std::string& domain);
  void count(Pending& pending, DmarcReportRow row, std::uint64_t messages);
  [[nodiscard]] DmarcReportRow row_of(const DmarcFacts& facts) const;
  [[nodiscard]] DmarcReport report_of(std::int64_t begin, Pending& pending) const;

  DmarcAggregateOptions m_options;
  std::map<Key, Pending> m_pending;
  std::size_t m_rows = 0;
  std::uint64_t m_dropped = 0;
};

}  // namespace postern
