// What becomes of queue items of the MTS, and what the queue is told of it: reports, delays, audit records. For everything that takes work
// out of the queue: the courier, and deliveries that users take themselves.
#pragma once

#include <atomic>

#include "io/loops.hpp"
#include "mhs/reporting.hpp"
#include "mts/rules_envelope.hpp"
#include "spool/schedule.hpp"

namespace postern::mhs {

struct CourierStats {
  std::atomic<std::uint64_t> associations{0}, call_failures{0}, transferred{0}, delivered{0}, reported{0}, deferred{0}, resumed{0};
  std::atomic<std::uint64_t> at_lists{0};  ///< Messages, probes and reports that a distribution list dealt with.
};

/// Why something that was submitted for later waits.
inline constexpr const char* kDeferredDelivery = "deferred delivery was asked for";

class Outcomes {
 public:
  /// All must outlive it.
  struct Parts {
    const Mta& mta;
    const MtaRules& rules;
    Spool& spool;
    io::WorkerPool& workers;
    Random& random;
    const Clock& clock;
    mts::Lifetimes lifetimes;
    RetrySchedule schedule;
  };
  explicit Outcomes(Parts parts);

  /// nullopt: there is nothing to do with this work any more, or not now; the queue knows.
  [[nodiscard]] io::Task<std::optional<Outgoing>> load(Work work) const;

  // ---- time
  /// Unix seconds after which it is reported instead of delivered.
  [[nodiscard]] std::int64_t expires_at(const Outgoing& item) const;
  [[nodiscard]] bool is_too_late(const Outgoing& item) const;
  /// X.411 8.2.1.1.1.12: held back where it was submitted.
  [[nodiscard]] std::optional<std::chrono::milliseconds> wait_before(const Outgoing& item) const;

  // ---- ends of everybody who is due
  void not_delivered(Outgoing& item, const mts::NonDeliveryReport& why, const std::string& words, Outcome outcome);
  /// It was too late.
  void expired(Outgoing& item);
  void all_deferred(const Outgoing& item, const std::string& why, std::optional<std::chrono::milliseconds> until = std::nullopt);

  /// The end of one: the others who are due go on. `reply` is for operators; a delivery or non-delivery report where one is due.
  void one_ended(Outgoing& item, const DueFate& due, const mts::RecipientOutcome& what, const std::string& reply);

  // ---- pieces of others
  [[nodiscard]] DeliveryReport begun(const Outgoing& item) const;
  [[nodiscard]] AuditRecord record(const Outgoing& item, std::string kind, const std::string& detail) const;
  /// The report about these recipients, as one more thing that `into` does; reads a content that is to be returned.
  void add_report(DeliveryReport& into, Outgoing& item, std::span<const mts::RecipientOutcome> outcomes) const;

  CourierStats stats;

 private:
  Parts m_parts;
  ReportingParts m_reporting;
};

[[nodiscard]] mts::NonDeliveryReport report_of(mts::NonDeliveryReasonCode reason, mts::NonDeliveryDiagnosticCode diagnostic);

}  // namespace postern::mhs
