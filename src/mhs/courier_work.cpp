// What the courier of X.400 does with one queue item, and what the queue is told of it.
#include <algorithm>

#include "base/log.hpp"
#include "mhs/acceptance.hpp"
#include "mhs/courier_impl.hpp"

namespace postern::mhs {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

constexpr auto kCallTime = std::chrono::seconds(60);
constexpr auto kLongestWait = std::chrono::seconds(300);
constexpr std::size_t kPoints = 32;
constexpr std::size_t kRefused = 1000;
/// A peer that discards an APDU so often will not take it.
constexpr unsigned kRefusals = 3;

std::vector<std::uint32_t> indexes_of(const Outgoing& item) {
  std::vector<std::uint32_t> out;
  for (const DueFate& due : item.due()) out.push_back(due.index);
  return out;
}

mts::NonDeliveryReport report_of(Reason reason, Diagnostic diagnostic) {
  mts::NonDeliveryReport out;
  out.non_delivery_reason_code = reason;
  out.non_delivery_diagnostic_code = diagnostic;
  return out;
}

/// Whose mailbox it is: the recipient's, or of a report where it goes.
oraddress::ORAddress owner_of(const Outgoing& item, const DueFate& due) {
  if (const auto* message = std::get_if<mts::Message>(&item.apdu().value))
    return message->envelope.per_recipient_fields.at(due.fate.recipient).recipient_name;
  if (const auto* report = std::get_if<mts::Report>(&item.apdu().value)) return report->envelope.report_destination_name;
  return std::get<mts::Probe>(item.apdu().value).per_recipient_fields.at(due.fate.recipient).recipient_name;
}

const mts::MessageTransferEnvelope* envelope_of(const Outgoing& item) {
  const auto* message = std::get_if<mts::Message>(&item.apdu().value);
  return message == nullptr ? nullptr : &message->envelope;
}

}  // namespace

io::Task<void> X400Courier::Impl::handle(Link& link, Work work, std::unique_ptr<P1Caller>& caller) {
  const auto load = [spool = &parts.spool, work] { return Outgoing::load(*spool, work); };
  auto item = work.loaded ? load() : co_await parts.workers.run(load);
  if (!item) {
    const ErrorCode code = item.error().code;
    if (code == ErrorCode::NotFound || code == ErrorCode::IntegrityFailed) co_return;  // removed, or quarantined
    log::warn("x400.load_failed", {{"route", work.route}, {"reason", item.error()}});
    parts.spool.give_back(std::move(work), std::chrono::seconds(1));
    co_return;
  }
  if (link.route == kReportRoute) co_return report_refusals(*item);
  if (is_too_late(*item))
    co_return not_delivered(*item, report_of(Reason::UnableToTransfer, Diagnostic::MaximumTimeExpired), "not delivered in time",
                            Outcome::Expired);
  if (const auto wait = wait_before(*item)) co_return all_deferred(*item, "deferred delivery was asked for", wait);
  if (link.peer == nullptr) co_return co_await into_mailboxes(*item);
  co_await over_p1(link, *item, caller);
}

// ---- time ----------------------------------------------------------------------------------------------------------------------------

bool X400Courier::Impl::is_too_late(Outgoing& item) const {
  const auto* envelope = envelope_of(item);
  const std::int64_t arrived = unix_seconds(item.item().envelope->accepted);
  const std::int64_t until = envelope != nullptr ? mts::expires_at(*envelope, arrived, parts.lifetimes) : arrived + parts.lifetimes.normal;
  return unix_seconds(parts.clock.now()) > until;
}

/// X.411 8.2.1.1.1.12: held back where it was submitted.
std::optional<std::chrono::milliseconds> X400Courier::Impl::wait_before(const Outgoing& item) const {
  const auto* envelope = envelope_of(item);
  if (envelope == nullptr || envelope->trace_information.empty()) return std::nullopt;
  if (!mts::same_domain(envelope->trace_information.front().global_domain_identifier, parts.mta.domain)) return std::nullopt;
  const auto until = mts::deferred_until(*envelope);
  const std::int64_t now = unix_seconds(parts.clock.now());
  if (!until || *until <= now) return std::nullopt;
  return std::chrono::seconds(*until - now);
}

// ---- P1 ------------------------------------------------------------------------------------------------------------------------------

io::Task<std::optional<CallFailure>> X400Courier::Impl::ensure_open(Link& link, std::unique_ptr<P1Caller>& caller) {
  if (caller) co_return std::nullopt;
  if (parts.clock.steady() < link.retry_at) {
    const std::lock_guard lock(link.mutex);
    co_return CallFailure{link.trouble, false};
  }
  auto opened = co_await P1Caller::open(call, *link.peer, io::deadline_in(kCallTime));
  if (!opened) {
    failed(link, opened.error());
    co_return opened.error();
  }
  ++stats.associations;
  caller = *std::move(opened);
  link.failures = 0;
  link.retry_at = {};
  set_trouble(link, {});
  co_return std::nullopt;
}

void X400Courier::Impl::failed(Link& link, const CallFailure& failure) {
  ++stats.call_failures;
  link.failures = std::min(link.failures + 1, 16U);
  const auto longest =
      std::min<std::chrono::seconds>(kLongestWait, parts.schedule.delays.empty() ? kLongestWait : std::ranges::max(parts.schedule.delays));
  const auto wait = std::min<std::chrono::seconds>(longest, std::chrono::seconds(1U << std::min(link.failures, 9U)));
  link.retry_at = parts.clock.steady() + wait;
  set_trouble(link, failure.text);
  log::warn("x400.call_failed", {{"peer", link.peer->name}, {"reason", failure.text}});
}

void X400Courier::Impl::set_trouble(Link& link, std::string text) {
  const std::lock_guard lock(link.mutex);
  link.trouble = std::move(text);
}

io::Task<void> X400Courier::Impl::over_p1(Link& link, Outgoing& item, std::unique_ptr<P1Caller>& caller) {
  using How = TransferOutcome::How;
  for (bool again = caller != nullptr;; again = false) {
    const auto failure = co_await ensure_open(link, caller);
    if (failure) co_return all_deferred(item, failure->text);
    std::optional<osi::ResumePoint> from;
    if (const auto known = link.points.find(item.item().item); known != link.points.end() && known->second.recipients == indexes_of(item))
      from = known->second.point;
    stats.resumed += from ? 1 : 0;
    const auto outcome = co_await caller->transfer(item, from);
    link.points.erase(item.item().item);
    if (!outcome)
      co_return not_delivered(item, report_of(Reason::UnableToTransfer, Diagnostic::UnableToDowngrade), outcome.error().what,
                              Outcome::Bounced);
    if (outcome->how == How::Done) {
      ++stats.transferred;
      link.refusals.erase(item.item().item);
      co_return all_delivered(item, outcome->text, caller->road());
    }
    if (outcome->point && link.points.size() < kPoints) link.points[item.item().item] = {*outcome->point, indexes_of(item)};
    if (!caller->alive()) caller.reset();
    if (outcome->damaged) co_return parts.spool.quarantine_damaged(item.item().item, outcome->text);
    // A connection that was kept may have died unseen: that says nothing about the peer, and costs the message no delay.
    if (again && outcome->how == How::Broken) continue;
    if (outcome->how == How::Refused) co_return count_refusal(link, item, outcome->text);
    co_return all_deferred(item, outcome->text);
  }
}

void X400Courier::Impl::count_refusal(Link& link, Outgoing& item, const std::string& why) {
  if (link.refusals.size() >= kRefused) link.refusals.clear();  // forgetting costs a refused message some more tries
  if (++link.refusals[item.item().item] < kRefusals) return all_deferred(item, why);
  link.refusals.erase(item.item().item);
  not_delivered(item, report_of(Reason::TransferFailure, Diagnostic::ProtocolViolation), "the next MTA refuses it", Outcome::Bounced);
}

io::Task<void> X400Courier::Impl::bury(std::shared_ptr<Impl> self, std::string route) {
  for (auto works = self->parts.spool.take(route, 1); !works.empty() && !self->stopping; works = self->parts.spool.take(route, 1)) {
    const Work work = std::move(works.front());
    const auto load = [&spool = self->parts.spool, work] { return Outgoing::load(spool, work); };
    auto item = co_await self->parts.workers.run(load);
    if (item)
      self->not_delivered(*item, report_of(Reason::UnableToTransfer, Diagnostic::UnrecognisedORName), "no route leads there any more",
                          Outcome::Bounced);
    else if (item.error().code != ErrorCode::NotFound && item.error().code != ErrorCode::IntegrityFailed)
      self->parts.spool.give_back(work, std::chrono::seconds(5));
  }
}

// ---- mailboxes, reports --------------------------------------------------------------------------------------------------------------

io::Task<void> X400Courier::Impl::into_mailboxes(Outgoing& item) {
  const mts::Time now = mts::Time::at(unix_seconds(parts.clock.now()));
  struct Done {
    DeliveryReport report;
    std::vector<mts::RecipientOutcome> outcomes;
    std::vector<oraddress::ORAddress> owners;
  };
  auto job = [this, &item, now]() -> Result<Done> {
    Done out{begun(item), {}, {}};
    for (const DueFate& due : item.due()) {
      POSTERN_TRY(auto answer, parts.mailboxes.deliver(item, due, now));
      const auto* refused = std::get_if<mts::NonDeliveryReport>(&answer);
      out.outcomes.push_back(refused != nullptr ? mts::not_delivered(due.fate.recipient, *refused)
                                                : mts::delivered(due.fate.recipient, now));
      if (refused == nullptr) {
        out.owners.push_back(owner_of(item, due));
        out.report.steps.push_back(std::get<CommitStep>(std::move(answer)));
      }
      out.report.results.push_back({due.index,
                                    refused != nullptr ? Outcome::Bounced : Outcome::Delivered,
                                    refused != nullptr ? mts::words_of(*refused) : std::string("delivered into the mailbox"),
                                    {}});
    }
    if (auto report = report_on(reporting, item, out.outcomes)) out.report.follow_ups.push_back(*std::move(report));
    return out;
  };
  auto done = co_await parts.workers.run(std::move(job));
  if (!done && done.error().code == ErrorCode::IntegrityFailed)
    co_return parts.spool.quarantine_damaged(item.item().item, done.error().what);
  if (!done) co_return all_deferred(item, done.error().text());
  stats.delivered += done->report.steps.size();
  done->report.audit.push_back(record(item, "x400.delivered", std::to_string(done->report.steps.size()) + " mailboxes"));
  auto tell = [self = shared_from_this(), owners = std::move(done->owners)](const Status& written) {
    if (!written) return;
    for (const oraddress::ORAddress& owner : owners) self->parts.mailboxes.delivered(owner);
  };
  parts.spool.report(std::move(done->report), std::move(tell));
}

/// X.411 14.3.4: each recipient with his own reason, in one report.
void X400Courier::Impl::report_refusals(Outgoing& item) {
  DeliveryReport out = begun(item);
  std::vector<mts::RecipientOutcome> outcomes;
  for (const DueFate& due : item.due()) {
    const mts::NonDeliveryReport why = due.fate.report.value_or(mts::NonDeliveryReport());
    outcomes.push_back(mts::not_delivered(due.fate.recipient, why, due.fate.words));
    out.results.push_back({due.index, Outcome::Bounced, mts::words_of(why), {}});
  }
  if (auto report = report_on(reporting, item, outcomes)) out.follow_ups.push_back(*std::move(report));
  ++stats.reported;
  out.audit.push_back(record(item, "x400.not_delivered", out.results.front().reply));
  parts.spool.report(std::move(out));
}

void X400Courier::Impl::not_delivered(Outgoing& item, const mts::NonDeliveryReport& why, const std::string& words, Outcome outcome) {
  DeliveryReport out = begun(item);
  std::vector<mts::RecipientOutcome> outcomes;
  for (const DueFate& due : item.due()) {
    outcomes.push_back(mts::not_delivered(due.fate.recipient, why, words));
    out.results.push_back({due.index, outcome, mts::words_of(why) + (words.empty() ? "" : " (" + words + ")"), {}});
  }
  if (auto report = report_on(reporting, item, outcomes)) out.follow_ups.push_back(*std::move(report));
  ++stats.reported;
  out.audit.push_back(record(item, "x400.not_delivered", out.results.front().reply));
  parts.spool.report(std::move(out));
}

// ---- outcomes ------------------------------------------------------------------------------------------------------------------------

DeliveryReport X400Courier::Impl::begun(const Outgoing& item) const {
  DeliveryReport out;
  out.item = item.item().item;
  out.message = item.item().message;
  return out;
}

AuditRecord X400Courier::Impl::record(const Outgoing& item, std::string kind, const std::string& detail) const {
  AuditRecord out;
  out.time = parts.clock.now();
  out.kind = std::move(kind);
  out.correlation = item.item().envelope->correlation;
  out.message = item.item().message;
  out.actor = "x400:mta";
  out.facts = AuditFacts().add("mts_id", item.item().envelope->envid).add("route", item.item().route).add("detail", detail).text();
  return out;
}

void X400Courier::Impl::all_delivered(const Outgoing& item, const std::string& reply, const std::string& road) {
  DeliveryReport out = begun(item);
  for (const DueFate& due : item.due()) {
    RecipientResult result{due.index, Outcome::Delivered, reply, {}};
    result.road = road;
    out.results.push_back(std::move(result));
  }
  out.audit.push_back(record(item, "x400.transferred", reply + ", " + road));
  parts.spool.report(std::move(out));
}

void X400Courier::Impl::all_deferred(const Outgoing& item, const std::string& why, std::optional<std::chrono::milliseconds> until) {
  DeliveryReport out = begun(item);
  ++stats.deferred;
  // One delay for all of them: they stay one transfer, and the peer sees the same copy again.
  unsigned attempts = 0;
  for (const DueFate& due : item.due()) attempts = std::max(attempts, due.attempts);
  std::uint32_t chance = 0;
  for (const Byte octet : parts.random.bytes(4)) chance = chance << 8 | octet;
  // The lifetime is the envelope's (is_too_late), the schedule's own end never comes first.
  const auto planned = next_delay(parts.schedule, attempts + 1, std::chrono::milliseconds(0), chance).value_or(std::chrono::minutes(1));
  for (const DueFate& due : item.due()) {
    RecipientResult result{due.index, Outcome::Deferred, why, {}};
    result.delay = until.value_or(planned);
    out.results.push_back(std::move(result));
  }
  parts.spool.report(std::move(out));
}

}  // namespace postern::mhs
