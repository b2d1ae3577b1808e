#include "mhs/user_deliveries.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace postern::mhs {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

/// How seldom what waits for an absent user is looked at, and how soon at the least.
constexpr std::int64_t kSeldom = 3600, kSoon = 1;

const mts::MessageTransferEnvelope& envelope_of(const Outgoing& item) { return std::get<mts::Message>(item.apdu().value).envelope; }

/// X.411 8.4.1.1: what he registered, and what can be delivered this way at all.
mts::Deliverable deliverable_over_p3(const mts::RegisterArgument88& registered, std::uint64_t content_octets) {
  const auto most = static_cast<std::int64_t>(content_octets);
  mts::Deliverable out = mts::deliverable_of(registered);
  out.maximum_content_length = std::min(out.maximum_content_length.value_or(most), most);
  return out;
}

std::optional<mts::NonDeliveryReport> undeliverable(const Outgoing& item, const mts::RegisterArgument88& registered,
                                                    std::uint64_t content_octets) {
  const std::size_t recipient = item.due().front().fate.recipient;
  const mts::Deliverable deliverable = deliverable_over_p3(registered, content_octets);
  if (const auto* probe = std::get_if<mts::Probe>(&item.apdu().value))
    return mts::undeliverable(*probe, probe->per_recipient_fields.at(recipient), deliverable);
  if (item.kind() != StoredKind::Message) return std::nullopt;
  const mts::MessageTransferEnvelope& envelope = envelope_of(item);
  return mts::undeliverable(envelope, envelope.per_recipient_fields.at(recipient), item.content_size(), deliverable);
}

/// Nothing is to be brought to him, and that is right: a probe is answered as if it had been (X.411 14.4.2), a report of which he asked for
/// nothing ends here.
bool ends_without_him(const Outgoing& item) {
  if (item.kind() == StoredKind::Probe) return true;
  const auto* report = std::get_if<mts::Report>(&item.apdu().value);
  return report != nullptr && !mts::to_report_delivery(*report);
}

mts::Awaiting awaiting_of(const Outgoing& item) {
  return item.kind() == StoredKind::Message ? mts::awaiting_of(envelope_of(item), item.content_size()) : mts::awaiting_report();
}

std::string words_of(const mts::RecipientOutcome& outcome) {
  const auto* refused = std::get_if<mts::NonDeliveryReport>(&outcome.type.value);
  return refused != nullptr ? mts::words_of(*refused) : std::string("answered without the user");
}

/// Reads a message's content. Of a report examine() has seen that there is something in it for the user.
Result<Delivery::Argument> argument_of(Outgoing& item, const mts::Time& now) {
  if (const auto* report = std::get_if<mts::Report>(&item.apdu().value))
    return Delivery::Argument(mts::to_report_delivery(*report).value_or(mts::ReportDeliveryArgument()));
  const mts::MessageTransferEnvelope& envelope = envelope_of(item);
  mts::MessageDeliveryArgument out;
  static_cast<mts::MessageDeliveryEnvelope&>(out) =
      mts::to_delivery(envelope, item.due().front().fate.recipient, {envelope.message_identifier, now});
  POSTERN_TRY(out.content.octets, item.read_front(item.content_size()));
  return Delivery::Argument(std::move(out));
}

}  // namespace

void UserDeliveries::start() {
  m_parts.spool.set_listener(std::string(kUserRoute), this);
  std::vector<std::string> routes = m_parts.spool.ready_routes();
  std::erase_if(routes, [](const std::string& route) { return !route.starts_with(kUserRoute); });
  work_ready(routes);
}

void UserDeliveries::stop() {
  m_stopping = true;
  m_parts.spool.set_listener(std::string(kUserRoute), nullptr);
}

void UserDeliveries::work_ready(const std::vector<std::string>& routes) noexcept {
  for (const std::string& route : routes)
    if (!ring(route)) io::spawn(m_parts.loops.at(0), look(shared_from_this(), route), "x400.look");
}

void UserDeliveries::look_for(const oraddress::ORAddress& user) {
  if (const auto route = route_of(user)) m_parts.spool.hasten(*route);
}

std::optional<std::string> UserDeliveries::route_of(const oraddress::ORAddress& user) const {
  auto route = m_parts.mailboxes.route_to(user);
  if (!route || !route->starts_with(kUserRoute)) return std::nullopt;
  return route;
}

io::Task<Result<std::unique_ptr<DeliveryFeed>>> UserDeliveries::bind(oraddress::ORAddress user) {
  const auto route = route_of(user);
  if (!route) co_return nullptr;
  POSTERN_CO_TRY(mts::RegisterArgument88 registered, co_await registration(user));
  co_return std::make_unique<DeliveryFeed>(shared_from_this(), *route, std::move(user), std::move(registered));
}

io::Task<Result<mts::RegisterArgument88>> UserDeliveries::registration(oraddress::ORAddress user) {
  auto read = [&mailboxes = m_parts.mailboxes, user = std::move(user)] { return mailboxes.registration(user); };
  co_return co_await m_parts.workers.run(std::move(read));
}

// ---- who is there --------------------------------------------------------------------------------------------------------------------

void UserDeliveries::enter(const std::string& route, const std::shared_ptr<News>& news) {
  {
    const std::lock_guard lock(m_mutex);
    m_bound[route].push_back(news);
  }
  m_parts.spool.hasten(route);
}

void UserDeliveries::leave(const std::string& route, const std::shared_ptr<News>& news) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_bound.find(route);
  if (found == m_bound.end()) return;
  std::erase(found->second, news);
  if (!found->second.empty()) return;
  m_bound.erase(found);
  m_parts.spool.rest(route);
}

void UserDeliveries::rest_while_absent(const std::string& route) {
  const std::lock_guard lock(m_mutex);  // whoever enters now, hastens after it
  if (!m_bound.contains(route)) m_parts.spool.rest(route);
}

bool UserDeliveries::ring(const std::string& route) {
  const std::lock_guard lock(m_mutex);
  const auto found = m_bound.find(route);
  if (found == m_bound.end()) return false;
  for (const auto& news : found->second) *news = true;
  return true;
}

// ---- what waits ----------------------------------------------------------------------------------------------------------------------

io::Task<void> UserDeliveries::look(Self self, std::string route) {
  Spool& spool = self->m_parts.spool;
  while (!self->m_stopping) {
    if (self->ring(route)) co_return;  // he came meanwhile: the rest is his
    auto works = spool.take(route, 1);
    if (works.empty()) co_return;
    auto found = co_await self->examine(std::move(works.front()));
    if (!found) continue;
    const oraddress::ORAddress user = found->item.owner(found->item.due().front());
    self->put_off(*std::move(found));
    self->rest_while_absent(route);  // one page is enough to know that something waits
    if (self->m_while_absent) self->m_while_absent(user);
    if (self->ring(route)) spool.hasten(route);  // what was just put off would be missed
  }
}

void UserDeliveries::put_off(ForUser of) {
  of.work.loaded.reset();  // it may be long
  const std::int64_t left = of.expires + 1 - unix_seconds(m_parts.clock.now());
  m_parts.spool.park(std::move(of.work), std::chrono::seconds(std::clamp(left, kSoon, kSeldom)));
}

io::Task<std::optional<ForUser>> UserDeliveries::examine(Work work) {
  Outcomes& outcomes = m_parts.outcomes;
  auto item = co_await outcomes.load(work);
  if (!item) co_return std::nullopt;
  if (outcomes.is_too_late(*item)) {
    outcomes.expired(*item);
    co_return std::nullopt;
  }
  if (const auto wait = outcomes.wait_before(*item)) {
    outcomes.all_deferred(*item, kDeferredDelivery, wait);
    co_return std::nullopt;
  }
  auto job = [this, &item] { return judge(*item); };
  const auto ended = co_await m_parts.workers.run(std::move(job));
  if (!ended) {
    outcomes.all_deferred(*item, ended.error().text());
    co_return std::nullopt;
  }
  if (*ended) {
    outcomes.one_ended(*item, item->due().front(), **ended, words_of(**ended));
    co_return std::nullopt;
  }
  const mts::Awaiting what = awaiting_of(*item);
  const std::int64_t expires = outcomes.expires_at(*item);
  co_return ForUser{std::move(work), *std::move(item), what, expires};
}

/// Why this user can never take it, if so. Whoever was removed is gone with his route: one who has his address now is another user.
Result<std::optional<mts::NonDeliveryReport>> UserDeliveries::reason_against(const Outgoing& item) const {
  const std::optional gone = report_of(Reason::UnableToTransfer, Diagnostic::UnrecognisedORName);
  const oraddress::ORAddress user = item.owner(item.due().front());
  if (m_parts.mailboxes.route_to(user) != item.item().route) return gone;
  const auto registered = m_parts.mailboxes.registration(user);
  if (registered) return undeliverable(item, *registered, m_parts.content_octets);
  if (registered.error().code != ErrorCode::NotFound) return fail(registered.error());
  return gone;
}

/// nullopt: it is to be delivered.
Result<std::optional<mts::RecipientOutcome>> UserDeliveries::judge(const Outgoing& item) const {
  const DueFate& due = item.due().front();
  POSTERN_TRY(const auto refused, reason_against(item));
  if (refused) return mts::not_delivered(due.fate.recipient, *refused);
  if (ends_without_him(item)) return mts::delivered(due.fate.recipient, mts::Time::at(unix_seconds(m_parts.clock.now())));
  return std::nullopt;
}

// ---- a delivery ----------------------------------------------------------------------------------------------------------------------

io::Task<std::optional<Delivery>> UserDeliveries::made(ForUser of) {
  const mts::Time now = mts::Time::at(unix_seconds(m_parts.clock.now()));
  auto job = [&of, now] { return argument_of(of.item, now); };
  auto argument = co_await m_parts.workers.run(std::move(job));
  if (argument) co_return Delivery{std::move(of), now, *std::move(argument)};
  if (argument.error().code == ErrorCode::IntegrityFailed)
    m_parts.spool.quarantine_damaged(of.item.item().item, argument.error().what);
  else
    m_parts.outcomes.all_deferred(of.item, argument.error().text());
  co_return std::nullopt;
}

}  // namespace postern::mhs
