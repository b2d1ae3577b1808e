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
}  // namespace

io::Task<std::optional<Outgoing>> X400Courier::Impl::due_now(Work work) {
  auto item = co_await outcomes.load(std::move(work));
  if (!item) co_return std::nullopt;
  if (outcomes.is_too_late(*item)) {
    outcomes.expired(*item);
    co_return std::nullopt;
  }
  if (const auto wait = outcomes.wait_before(*item)) {
    outcomes.all_deferred(*item, kDeferredDelivery, wait);
    co_return std::nullopt;
  }
  co_return item;
}

io::Task<void> X400Courier::Impl::handle(Link& link, Work work, std::unique_ptr<P1Caller>& caller) {
  if (link.route == kReportRoute) {
    auto refused = co_await outcomes.load(std::move(work));
    if (refused) report_refusals(*refused);
    co_return;
  }
  auto item = co_await due_now(std::move(work));
  if (!item) co_return;
  if (link.route == kListRoute) co_return co_await at_list(*item);
  if (link.peer == nullptr) co_return co_await into_mailboxes(*item);
  co_await over_p1(link, *item, caller);
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
  ++outcomes.stats.associations;
  caller = *std::move(opened);
  link.failures = 0;
  link.retry_at = {};
  set_trouble(link, {});
  set_road(link, caller->sender().road());
  co_return std::nullopt;
}

void X400Courier::Impl::failed(Link& link, const CallFailure& failure) {
  ++outcomes.stats.call_failures;
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

void X400Courier::Impl::set_road(Link& link, std::string text) {
  const std::lock_guard lock(link.mutex);
  link.road = std::move(text);
}

io::Task<void> X400Courier::Impl::over_p1(Link& link, Outgoing& item, std::unique_ptr<P1Caller>& caller) {
  for (bool again = caller != nullptr;; again = false) {
    const auto failure = co_await ensure_open(link, caller);
    if (failure) co_return outcomes.all_deferred(item, failure->text);
    const bool settled = co_await try_over(link, item, caller->sender(), again);
    if (!caller->alive()) caller.reset();
    if (settled) co_return;
  }
}

io::Task<bool> X400Courier::Impl::try_over(Link& link, Outgoing& item, P1Sender& sender, bool again) {
  using How = TransferOutcome::How;
  const auto broken = link.take_broken(item);
  outcomes.stats.resumed += broken ? 1 : 0;
  const auto outcome = co_await sender.transfer(item, broken ? std::optional(broken->point) : std::nullopt);
  if (!outcome) {
    unsent(link, item, broken, outcome.error());
    co_return true;
  }
  link.keep_broken(item, *outcome, broken, parts.clock.steady());
  // A connection that was kept may have died unseen: that says nothing about the peer, and costs the message no delay.
  if (again && outcome->how == How::Broken && !outcome->damaged) co_return false;
  if (outcome->damaged)
    parts.spool.quarantine_damaged(item.item().item, outcome->text);
  else if (outcome->how == How::Never)
    outcomes.not_delivered(item, outcome->report, outcome->text, Outcome::Bounced);
  else if (outcome->how == How::Refused)
    count_refusal(link, item, outcome->text);
  else if (outcome->how == How::Broken)
    outcomes.all_deferred(item, outcome->text);
  else
    transferred(link, item, outcome->text, sender.road());
  co_return true;
}

/// Only what is wrong with the message itself is its end. Busy workers and a key that is away pass: it goes on where it broke off.
void X400Courier::Impl::unsent(Link& link, Outgoing& item, std::optional<Link::Broken> broken, const Error& why) {
  switch (why.code) {
    case ErrorCode::IntegrityFailed: return parts.spool.quarantine_damaged(item.item().item, why.what);
    case ErrorCode::BadInput:
    case ErrorCode::TooLarge:
    case ErrorCode::Unsupported:
      return outcomes.not_delivered(item, report_of(Reason::UnableToTransfer, Diagnostic::UnableToDowngrade), why.what, Outcome::Bounced);
    default:
      if (broken) link.put_back(item, *std::move(broken));
      return outcomes.all_deferred(item, why.text());
  }
}

void X400Courier::Impl::transferred(Link& link, const Outgoing& item, const std::string& reply, const std::string& road) {
  ++outcomes.stats.transferred;
  link.forget_refusals(item);
  all_delivered(item, reply, road);
}

void X400Courier::Impl::count_refusal(Link& link, Outgoing& item, const std::string& why) {
  if (!link.refused_for_good(item)) return outcomes.all_deferred(item, why);
  outcomes.not_delivered(item, report_of(Reason::TransferFailure, Diagnostic::ProtocolViolation), "the next MTA refuses it",
                         Outcome::Bounced);
}

io::Task<void> X400Courier::Impl::bury(std::shared_ptr<Impl> self, std::string route) {
  for (auto works = self->parts.spool.take(route, 1); !works.empty() && !self->stopping; works = self->parts.spool.take(route, 1)) {
    const Work work = std::move(works.front());
    const auto load = [&spool = self->parts.spool, work] { return Outgoing::load(spool, work); };
    auto item = co_await self->parts.workers.run(load);
    if (item)
      self->outcomes.not_delivered(*item, report_of(Reason::UnableToTransfer, Diagnostic::UnrecognisedORName),
                                   "no route leads there any more", Outcome::Bounced);
    else if (item.error().code != ErrorCode::NotFound && item.error().code != ErrorCode::IntegrityFailed)
      self->parts.spool.give_back(work, std::chrono::seconds(5));
  }
}

// ---- mailboxes, reports --------------------------------------------------------------------------------------------------------------

io::Task<void> X400Courier::Impl::into_mailboxes(Outgoing& item) {
  const mts::Time now = mts::Time::at(unix_seconds(parts.clock.now()));
  struct Done {
    DeliveryReport report;
    std::vector<mts::RecipientOutcome> told;
    std::vector<oraddress::ORAddress> owners;
  };
  auto job = [this, &item, now]() -> Result<Done> {
    Done out{outcomes.begun(item), {}, {}};
    for (const DueFate& due : item.due()) {
      POSTERN_TRY(auto answer, parts.mailboxes.deliver(item, due, now));
      const auto* refused = std::get_if<mts::NonDeliveryReport>(&answer);
      out.told.push_back(refused != nullptr ? mts::not_delivered(due.fate.recipient, *refused) : mts::delivered(due.fate.recipient, now));
      if (refused == nullptr) {
        out.owners.push_back(item.owner(due));
        out.report.steps.push_back(std::get<CommitStep>(std::move(answer)));
      }
      out.report.results.push_back({due.index,
                                    refused != nullptr ? Outcome::Bounced : Outcome::Delivered,
                                    refused != nullptr ? mts::words_of(*refused) : std::string("delivered into the mailbox"),
                                    {}});
    }
    outcomes.add_report(out.report, item, out.told);
    return out;
  };
  auto done = co_await parts.workers.run(std::move(job));
  if (!done && done.error().code == ErrorCode::IntegrityFailed)
    co_return parts.spool.quarantine_damaged(item.item().item, done.error().what);
  if (!done) co_return outcomes.all_deferred(item, done.error().text());
  outcomes.stats.delivered += done->report.steps.size();
  done->report.audit.push_back(outcomes.record(item, "x400.delivered", std::to_string(done->report.steps.size()) + " mailboxes"));
  auto tell = [self = shared_from_this(), owners = std::move(done->owners)](const Status& written) {
    if (!written) return;
    for (const oraddress::ORAddress& owner : owners) self->parts.mailboxes.delivered(owner);
  };
  done->report.patient = true;
  parts.spool.report(std::move(done->report), std::move(tell));
}

io::Task<void> X400Courier::Impl::at_list(Outgoing& item) {
  const auto job = [this, &item] { return lists.serve(item); };
  auto done = co_await parts.workers.run(job);
  if (!done && done.error().code == ErrorCode::IntegrityFailed)
    co_return parts.spool.quarantine_damaged(item.item().item, done.error().what);
  if (!done) co_return outcomes.all_deferred(item, done.error().text());
  ++outcomes.stats.at_lists;
  io::OneShot<Status> written(co_await io::this_executor());
  parts.spool.report(*std::move(done), written.setter());
  static_cast<void>(co_await written.wait());  // the spool tries until it is written
}

/// X.411 14.3.4: each recipient with his own reason, in one report.
void X400Courier::Impl::report_refusals(Outgoing& item) {
  DeliveryReport out = outcomes.begun(item);
  std::vector<mts::RecipientOutcome> told;
  for (const DueFate& due : item.due()) {
    const mts::NonDeliveryReport why = due.fate.report.value_or(mts::NonDeliveryReport());
    told.push_back(mts::not_delivered(due.fate.recipient, why, due.fate.words));
    out.results.push_back({due.index, Outcome::Bounced, mts::words_of(why), {}});
  }
  outcomes.add_report(out, item, told);
  ++outcomes.stats.reported;
  out.audit.push_back(outcomes.record(item, "x400.not_delivered", out.results.front().reply));
  parts.spool.report(std::move(out));
}

// ---- outcomes ------------------------------------------------------------------------------------------------------------------------

void X400Courier::Impl::all_delivered(const Outgoing& item, const std::string& reply, const std::string& road) {
  DeliveryReport out = outcomes.begun(item);
  for (const DueFate& due : item.due()) {
    RecipientResult result{due.index, Outcome::Delivered, reply, {}};
    result.road = road;
    out.results.push_back(std::move(result));
  }
  out.audit.push_back(outcomes.record(item, "x400.transferred", reply + ", " + road));
  parts.spool.report(std::move(out));
}

}  // namespace postern::mhs
