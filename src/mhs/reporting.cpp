#include "mhs/reporting.hpp"

#include "base/log.hpp"
#include "mhs/acceptance.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

constexpr std::uint64_t kReturned = 64U * 1024;

/// X.411 8.2.1.1.1.25: the content, where it may be asked back and is small.
std::optional<mts::Content> returnable(Outgoing& subject) {
  if (subject.kind() != StoredKind::Message || subject.content_size() > kReturned) return std::nullopt;
  mts::Content out;
  out.octets.resize(static_cast<std::size_t>(subject.content_size()));
  const auto read = subject.read(0, out.octets);
  if (!read || *read != out.octets.size()) return std::nullopt;
  return out;
}

std::optional<mts::Report> made(const ReportingParts& parts, Outgoing& subject, std::span<const mts::RecipientOutcome> outcomes) {
  const WallTime now = parts.clock.now();
  mts::Reporting reporting;
  reporting.identifier = new_identifier(parts.mta, parts.random, now);
  reporting.now = mts::Time::at(unix_seconds(now));
  reporting.arrival_time = mts::Time::at(unix_seconds(subject.item().envelope->accepted));
  reporting.here = here_of(parts.mta);
  reporting.largest_returned_content = kReturned;
  if (const auto* message = std::get_if<mts::Message>(&subject.apdu().value)) {
    const auto content = returnable(subject);
    return mts::make_report(message->envelope, outcomes, reporting, content ? &*content : nullptr);
  }
  if (const auto* probe = std::get_if<mts::Probe>(&subject.apdu().value)) return mts::make_report(*probe, outcomes, reporting);
  return std::nullopt;
}

}  // namespace

mts::MTSIdentifier new_identifier(const Mta& mta, Random& random, WallTime now) {
  const Bytes number = random.bytes(4);
  std::uint32_t value = 0;
  for (const Byte octet : number) value = value << 8 | octet;
  mts::MTSIdentifier out;
  out.global_domain_identifier = mta.domain;
  out.local_identifier = mts::local_identifier(mta.name, unix_seconds(now), value);
  return out;
}

std::optional<Submission> report_on(const ReportingParts& parts, Outgoing& subject, std::span<const mts::RecipientOutcome> outcomes) {
  const auto report = made(parts, subject, outcomes);
  if (!report) return std::nullopt;
  const WallTime now = parts.clock.now();
  const Fate fate = parts.rules.route_of(report->envelope.report_destination_name, 0);
  if (fate.report) {
    log::warn("x400.report_undeliverable", {{"id", subject.item().message.get()}, {"reason", mts::words_of(*fate.report)}});
    return std::nullopt;
  }
  auto submission = submission_of(*report, fate, make_message_id(now, parts.random), subject.item().envelope->correlation, now);
  if (submission) return *std::move(submission);
  log::error("x400.report_unwritten", {{"id", subject.item().message.get()}, {"error", submission.error()}});
  return std::nullopt;
}

}  // namespace postern::mhs
