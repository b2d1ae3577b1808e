#include "mhs/outcomes.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace postern::mhs {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

const mts::MessageTransferEnvelope* envelope_of(const Outgoing& item) {
  const auto* message = std::get_if<mts::Message>(&item.apdu().value);
  return message == nullptr ? nullptr : &message->envelope;
}

}  // namespace

mts::NonDeliveryReport report_of(Reason reason, Diagnostic diagnostic) {
  mts::NonDeliveryReport out;
  out.non_delivery_reason_code = reason;
  out.non_delivery_diagnostic_code = diagnostic;
  return out;
}

Outcomes::Outcomes(Parts parts) : m_parts(std::move(parts)), m_reporting{m_parts.mta, m_parts.rules, m_parts.random, m_parts.clock} {}

io::Task<std::optional<Outgoing>> Outcomes::load(Work work) const {
  const auto load = [spool = &m_parts.spool, work] { return Outgoing::load(*spool, work); };
  auto item = work.loaded ? load() : co_await m_parts.workers.run(load);
  if (item) co_return *std::move(item);
  const ErrorCode code = item.error().code;
  if (code == ErrorCode::NotFound || code == ErrorCode::IntegrityFailed) co_return std::nullopt;  // removed, or quarantined
  log::warn("x400.load_failed", {{"route", work.route}, {"reason", item.error()}});
  m_parts.spool.give_back(std::move(work), std::chrono::seconds(1));
  co_return std::nullopt;
}

// ---- time ----------------------------------------------------------------------------------------------------------------------------

std::int64_t Outcomes::expires_at(const Outgoing& item) const {
  const auto* envelope = envelope_of(item);
  const std::int64_t arrived = unix_seconds(item.item().envelope->accepted);
  return envelope != nullptr ? mts::expires_at(*envelope, arrived, m_parts.lifetimes) : arrived + m_parts.lifetimes.normal;
}

bool Outcomes::is_too_late(const Outgoing& item) const { return unix_seconds(m_parts.clock.now()) > expires_at(item); }

std::optional<std::chrono::milliseconds> Outcomes::wait_before(const Outgoing& item) const {
  const auto* envelope = envelope_of(item);
  if (envelope == nullptr || envelope->trace_information.empty()) return std::nullopt;
  if (!mts::same_domain(envelope->trace_information.front().global_domain_identifier, m_parts.mta.domain)) return std::nullopt;
  const auto until = mts::deferred_until(*envelope);
  const std::int64_t now = unix_seconds(m_parts.clock.now());
  if (!until || *until <= now) return std::nullopt;
  return std::chrono::seconds(*until - now);
}

// ---- ends ----------------------------------------------------------------------------------------------------------------------------

void Outcomes::not_delivered(Outgoing& item, const mts::NonDeliveryReport& why, const std::string& words, Outcome outcome) {
  DeliveryReport out = begun(item);
  std::vector<mts::RecipientOutcome> outcomes;
  for (const DueFate& due : item.due()) {
    outcomes.push_back(mts::not_delivered(due.fate.recipient, why, words));
    out.results.push_back({due.index, outcome, mts::words_of(why) + (words.empty() ? "" : " (" + words + ")"), {}});
  }
  add_report(out, item, outcomes);
  ++stats.reported;
  out.audit.push_back(record(item, "x400.not_delivered", out.results.front().reply));
  m_parts.spool.report(std::move(out));
}

void Outcomes::expired(Outgoing& item) {
  not_delivered(item, report_of(Reason::UnableToTransfer, Diagnostic::MaximumTimeExpired), "not delivered in time", Outcome::Expired);
}

void Outcomes::all_deferred(const Outgoing& item, const std::string& why, std::optional<std::chrono::milliseconds> until) {
  DeliveryReport out = begun(item);
  ++stats.deferred;
  // One delay for all of them: they stay one transfer, and the peer sees the same copy again.
  unsigned attempts = 0;
  for (const DueFate& due : item.due()) attempts = std::max(attempts, due.attempts);
  std::uint32_t chance = 0;
  for (const Byte octet : m_parts.random.bytes(4)) chance = chance << 8 | octet;
  // The lifetime is the envelope's (is_too_late), the schedule's own end never comes first.
  const auto planned = next_delay(m_parts.schedule, attempts + 1, std::chrono::milliseconds(0), chance).value_or(std::chrono::minutes(1));
  for (const DueFate& due : item.due()) {
    RecipientResult result{due.index, Outcome::Deferred, why, {}};
    result.delay = until.value_or(planned);
    out.results.push_back(std::move(result));
  }
  m_parts.spool.report(std::move(out));
}

void Outcomes::one_ended(Outgoing& item, const DueFate& due, const mts::RecipientOutcome& what, const std::string& reply) {
  const bool delivered = std::holds_alternative<mts::DeliveryReport>(what.type.value);
  DeliveryReport out = begun(item);
  out.results.push_back({due.index, delivered ? Outcome::Delivered : Outcome::Bounced, reply, {}});
  add_report(out, item, std::span(&what, 1));
  ++(delivered ? stats.delivered : stats.reported);
  out.audit.push_back(record(item, delivered ? "x400.delivered" : "x400.not_delivered", reply));
  m_parts.spool.report(std::move(out));
}

// ---- pieces --------------------------------------------------------------------------------------------------------------------------

DeliveryReport Outcomes::begun(const Outgoing& item) const {
  DeliveryReport out;
  out.item = item.item().item;
  out.message = item.item().message;
  return out;
}

AuditRecord Outcomes::record(const Outgoing& item, std::string kind, const std::string& detail) const {
  AuditRecord out;
  out.time = m_parts.clock.now();
  out.kind = std::move(kind);
  out.correlation = item.item().envelope->correlation;
  out.message = item.item().message;
  out.actor = "x400:mta";
  out.facts = AuditFacts().add("mts_id", item.item().envelope->envid).add("route", item.item().route).add("detail", detail).text();
  return out;
}

void Outcomes::add_report(DeliveryReport& into, Outgoing& item, std::span<const mts::RecipientOutcome> outcomes) const {
  if (auto report = report_on(m_reporting, item, outcomes)) into.follow_ups.push_back(*std::move(report));
}

}  // namespace postern::mhs
