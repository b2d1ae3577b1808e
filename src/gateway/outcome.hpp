// From what a next hop said to what the queue is told: retry, bounce, give up, and the reports that go back to the sender.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "gateway/dsn.hpp"
#include "smtp/client_session.hpp"
#include "spool/schedule.hpp"
#include "spool/spool.hpp"

namespace postern::gateway {

struct OutcomeContext {
  std::string hostname;
  const RetrySchedule& schedule;
  std::chrono::seconds delay_notice;
  WallTime now;
  Random& random;
};

/// One recipient's fate in an attempt.
struct Fate {
  smtp::Reply reply;
  smtp::Delivery delivery = smtp::Delivery::TemporaryFailure;
  bool from_peer = false;       ///< The next hop's own words, not ours.
  bool final_delivery = false;  ///< In a mailbox or file of ours: "delivered", not "relayed".
  bool dsn_passed = false;      ///< The next hop promised to report success itself (RFC 3461 5.2).
};

/// What became of an item, with retries planned, bounces and notices written, and one audit record. `fates` are in the order of
/// item.recipients. `host` and `road` ("TLSv1.3 verified") are for the record; empty when there was none.
[[nodiscard]] DeliveryReport make_report(const QueueItem& item, const std::vector<Fate>& fates, const std::string& host,
                                         const std::string& road, const OutcomeContext& context);

/// What became of each recipient of a released item: on his way in the new submission, or held still. One of whom the new submission knows
/// nothing is never called released: his mail would be gone without a trace. He stays held, and the log says so.
[[nodiscard]] std::vector<RecipientResult> released_results(const QueueItem& item, const Submission& again);

}  // namespace postern::gateway
