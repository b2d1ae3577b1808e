#include "transport/native_news.hpp"

#include "ms/oids.hpp"
#include "transport/native_entries.hpp"

namespace postern::transport {
namespace {

constexpr std::int64_t kStep = 1000;

ms::SummarizeArgument question(ms::SequenceNumber from, std::optional<ms::SequenceNumber> to, std::int64_t limit,
                               const asn1::Oid& counted) {
  ms::SummarizeArgument out;
  out.selector.range.emplace().value = ms::NumberRange{from, to};
  out.selector.limit = limit;
  out.summary_requests = std::vector<ms::AttributeType>{counted};
  return out;
}

std::int64_t number_of(auto value) { return static_cast<std::int64_t>(value); }

sdk::Event event_of(const ms::AlertArgument& alert) {
  sdk::Event out;
  out.kind = sdk::EventKind::Alert;
  if (alert.new_entry) out.sequence = static_cast<std::uint64_t>(alert.new_entry->sequence_number);
  out.words = "auto-alert " + std::to_string(alert.alert_registration_identifier);
  return out;
}

}  // namespace

tl::unexpected<Trouble> News::failed(const Error& error) {
  return tl::unexpected<Trouble>(trouble_of_retrieval(error, m_client.client(), {}));
}

io::Task<Outcome<sdk::Event>> News::next(std::optional<SteadyTime> ask_until, SteadyTime deadline) {
  if (ask_until) {
    auto found = co_await look(*ask_until);
    if (!found || found->kind != sdk::EventKind::Nothing) co_return found;
  }
  const auto alert = co_await m_client.wait_for_alert(deadline);
  if (alert) co_return event_of(*alert);
  if (alert.error().code == ErrorCode::Timeout) co_return sdk::Event();
  co_return sdk::Event{sdk::EventKind::PeerLeft, 0, std::nullopt, alert.error().what};
}

io::Task<Outcome<sdk::Event>> News::look(SteadyTime deadline) {
  for (;;) {
    auto span = co_await span_with_new(deadline);
    if (!span) co_return tl::unexpected<Trouble>(span.error());
    if (!*span) co_return sdk::Event();
    auto event = co_await first_new(**span, deadline);
    if (!event || event->kind != sdk::EventKind::Nothing) co_return event;
  }
}

/// The next step of the mailbox that has something new in it; nullopt: there is none to its end.
io::Task<Outcome<std::optional<ms::Span>>> News::span_with_new(SteadyTime deadline) {
  while (m_from <= ms::ub::messages) {
    ms::SummarizeArgument argument = question(m_from, std::nullopt, kStep, ms::att::retrieval_status);
    const auto step = co_await m_client.summarize(std::move(argument), deadline);
    if (!step) co_return failed(step.error());
    if (step->count == 0 || !step->span) break;
    if (count_of(*step, number_of(ms::RetrievalStatus::New)) > 0) co_return step->span;
    m_from = step->span->highest + 1;
  }
  co_return std::nullopt;
}

io::Task<Outcome<sdk::Event>> News::first_new(ms::Span within, SteadyTime deadline) {
  ms::SummarizeArgument argument = question(m_from, within.highest, 1, ms::att::entry_type);
  sdk::Filter only_new;
  only_new.statuses = 1U << static_cast<std::uint32_t>(sdk::EntryStatus::New);
  argument.selector.filter = filter_of(only_new).value();
  const auto found = co_await m_client.summarize(std::move(argument), deadline);
  if (!found) co_return failed(found.error());
  if (found->count == 0 || !found->span) {  // listed meanwhile, by another association
    m_from = within.highest + 1;
    co_return sdk::Event();
  }
  const ms::SequenceNumber number = found->span->lowest;
  if (count_of(*found, number_of(ms::EntryType::DeliveredReport)) > 0) {
    auto reported = co_await report(number, deadline);
    co_return reported;
  }
  m_from = number + 1;
  co_return sdk::Event{sdk::EventKind::Message, static_cast<std::uint64_t>(number), std::nullopt, {}};
}

/// In full, and listed afterwards, as X.413 has it. One that is gone meanwhile is nothing.
io::Task<Outcome<sdk::Event>> News::report(ms::SequenceNumber number, SteadyTime deadline) {
  ms::FetchArgument argument;
  argument.item.value.emplace<ms::SequenceNumber>(number);
  argument.requested_attributes = report_selection();
  const auto fetched = co_await m_client.fetch(std::move(argument), deadline);
  if (!fetched) {
    const auto why = failed(fetched.error());
    if (why.value().status != POSTERN_X400_NOT_FOUND) co_return why;
    m_from = number + 1;
    co_return sdk::Event();
  }
  m_from = number + 1;
  if (!fetched->entry_information) co_return sdk::Event();
  auto report = report_of_attributes(*fetched->entry_information);
  if (!report) co_return trouble(POSTERN_X400_PROTOCOL, "the store's report cannot be read: " + report.error().text());
  co_return sdk::Event{sdk::EventKind::Reported, static_cast<std::uint64_t>(number), *std::move(report), {}};
}

}  // namespace postern::transport
