#include "mhs/list_expansion.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

using Reason = mts::NonDeliveryReasonCode;
using Diagnostic = mts::NonDeliveryDiagnosticCode;

constexpr std::uint64_t kInMemory = 512U * 1024;  ///< Contents above it are copied on disk.
constexpr std::size_t kPiece = 256U * 1024;

/// The same message for parts of its recipients.
std::vector<mts::MessageTransferEnvelope> parts_of(mts::MessageTransferEnvelope envelope, std::size_t together) {
  auto recipients = std::exchange(envelope.per_recipient_fields, {});
  std::vector<mts::MessageTransferEnvelope> out;
  for (std::size_t at = 0; at < recipients.size(); at += together) {
    const auto first = recipients.begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = static_cast<std::ptrdiff_t>(std::min(together, recipients.size() - at));
    out.push_back(envelope);
    out.back().per_recipient_fields.assign(std::move_iterator(first), std::move_iterator(first + size));
  }
  return out;
}

std::string counted(std::size_t count, const char* what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

}  // namespace

/// One list in one item.
struct ListExpander::Visit {
  Outgoing& item;
  const DueFate& due;
  const DistributionList* list;  ///< Null: the settings have it no more.
  mts::Time now;
};

Result<DeliveryReport> ListExpander::serve(Outgoing& item) const {
  DeliveryReport out = m_parts.outcomes.begun(item);
  const DueFate& due = item.due().front();
  const Visit visit{item, due, m_parts.mta.lists.find(item.owner(due)), mts::Time::at(unix_seconds(m_parts.clock.now()))};
  if (visit.list == nullptr)
    end(visit, mts::not_delivered(due.fate.recipient, report_of(Reason::UnableToTransfer, Diagnostic::UnrecognisedORName)),
        "the list is no more", out);
  else if (item.kind() == StoredKind::Message)
    POSTERN_CHECK(take_message(visit, out));
  else if (item.kind() == StoredKind::Probe)
    take_probe(visit, out);
  else
    POSTERN_CHECK(pass_on(visit, out));
  return out;
}

void ListExpander::end(const Visit& visit, const mts::RecipientOutcome& what, const std::string& words, DeliveryReport& into) const {
  const bool done = std::holds_alternative<mts::DeliveryReport>(what.type.value);
  into.results.push_back({visit.due.index, done ? Outcome::Delivered : Outcome::Bounced, words, {}});
  into.audit.push_back(m_parts.outcomes.record(visit.item, done ? "x400.expanded" : "x400.not_delivered", words));
  m_parts.outcomes.add_report(into, visit.item, std::span(&what, 1));
}

/// X.411 14.3.10.
Status ListExpander::take_message(const Visit& visit, DeliveryReport& into) const {
  const auto& envelope = std::get<mts::Message>(visit.item.apdu().value).envelope;
  const std::string key = mts::expansion_key(envelope.message_identifier, visit.list->name);
  POSTERN_TRY(const bool before, was_seen(m_parts.store, key));
  auto expansion = mts::expand_list(envelope, visit.due.fate.recipient, visit.list->policy, visit.now);
  if (before) expansion.outcome = mts::ListOutcome::Recursion;
  switch (expansion.outcome) {
    case mts::ListOutcome::NotDone:
      end(visit, mts::not_delivered(visit.due.fate.recipient, expansion.report), mts::words_of(expansion.report), into);
      return {};
    case mts::ListOutcome::Recursion:
      into.results.push_back({visit.due.index, Outcome::Delivered, "the list had the message before", {}});
      into.audit.push_back(m_parts.outcomes.record(visit.item, "x400.expanded", "ends here: the list had the message before"));
      return {};
    case mts::ListOutcome::Expanded:
    case mts::ListOutcome::Empty: break;
  }
  into.steps.push_back(mark_seen(key, m_parts.clock.now()));
  return expand(visit, std::move(expansion), into);
}

Status ListExpander::expand(const Visit& visit, mts::ListExpansion expansion, DeliveryReport& into) const {
  const std::size_t members = expansion.envelope.per_recipient_fields.size();
  for (auto& part : parts_of(std::move(expansion.envelope), expansion.together)) {
    auto copy = copy_for(visit.item, std::move(part));
    // An envelope that cannot be written for the members is no reason to try again.
    if (!copy && (copy.error().code == ErrorCode::BadInput || copy.error().code == ErrorCode::TooLarge)) {
      into.follow_ups.clear();
      end(visit, mts::not_delivered(visit.due.fate.recipient, report_of(Reason::UnableToTransfer, Diagnostic::DlExpansionFailure)),
          copy.error().text(), into);
      return {};
    }
    if (!copy) return fail(copy.error());
    POSTERN_CHECK(queue(*std::move(copy), into));
  }
  const std::string words = "expanded to " + counted(members, "member") + " in " + counted(into.follow_ups.size(), "message");
  into.results.push_back({visit.due.index, Outcome::Delivered, words, {}});
  into.audit.push_back(m_parts.outcomes.record(visit.item, "x400.expanded", words));
  if (!expansion.delivery_report_due) return {};
  // X.411 14.3.10: "delivered", of type dl, to an originator who will not hear from the members.
  const auto told = mts::delivered(visit.due.fate.recipient, visit.now, mts::TypeOfMTSUser::DistributionList);
  m_parts.outcomes.add_report(into, visit.item, std::span(&told, 1));
  return {};
}

/// X.411 14.4.2: the list answers for its members, of whom nobody is asked.
void ListExpander::take_probe(const Visit& visit, DeliveryReport& into) const {
  const auto refused = mts::list_refusal(std::get<mts::Probe>(visit.item.apdu().value), visit.list->policy);
  if (refused) return end(visit, mts::not_delivered(visit.due.fate.recipient, *refused), mts::words_of(*refused), into);
  end(visit, mts::delivered(visit.due.fate.recipient, visit.now, mts::TypeOfMTSUser::DistributionList), "would be expanded", into);
}

/// X.411 14.3.11.
Status ListExpander::pass_on(const Visit& visit, DeliveryReport& into) const {
  const auto& report = std::get<mts::Report>(visit.item.apdu().value);
  for (const mts::Report& copy : mts::report_onward(report, visit.list->reports)) {
    const Fate fate = m_parts.rules.route_of(copy.envelope.report_destination_name, 0);
    if (fate.report) {
      log::warn("x400.report_undeliverable", {{"id", visit.item.item().message.get()}, {"reason", mts::words_of(*fate.report)}});
      continue;
    }
    const WallTime now = m_parts.clock.now();
    POSTERN_TRY(Submission onward,
                submission_of(copy, fate, make_message_id(now, m_parts.random), visit.item.item().envelope->correlation, now));
    POSTERN_CHECK(queue(std::move(onward), into));
  }
  const std::string words = "passed on to " + counted(into.follow_ups.size(), "destination");
  into.results.push_back({visit.due.index, Outcome::Delivered, words, {}});
  into.audit.push_back(m_parts.outcomes.record(visit.item, "x400.report_passed_on", words));
  return {};
}

// ---- copies --------------------------------------------------------------------------------------------------------------------------

Result<Submission> ListExpander::copy_for(Outgoing& item, mts::MessageTransferEnvelope envelope) const {
  const WallTime now = m_parts.clock.now();
  Incoming copy;
  copy.id = make_message_id(now, m_parts.random);
  copy.content_size = item.content_size();
  POSTERN_TRY(const std::vector<Fate> fates, m_parts.rules.submitted(envelope, {mts::ArrivalFrom::User, mts::Time::at(unix_seconds(now))}));
  if (item.content_size() <= kInMemory) {
    Bytes content(static_cast<std::size_t>(item.content_size()));
    POSTERN_TRY(const std::size_t got, content.empty() ? Result<std::size_t>(0) : item.read(0, content));
    if (got != content.size()) return fail(ErrorCode::IntegrityFailed, "the stored content ends too early");
    copy.content = as_text(content);
  } else {
    POSTERN_TRY(copy.staged, staged_copy(item, envelope, copy.id));
  }
  copy.apdu.value.emplace<mts::Message>().envelope = std::move(envelope);
  POSTERN_TRY(Submission out,
              expanded_submission_of(std::move(copy), fates, {"x400:mta", item.item().envelope->correlation, "distribution list"}, now));
  out.envelope.accepted = item.item().envelope->accepted;  // an expansion gives no second lifetime
  return out;
}

Result<std::shared_ptr<StagedContent>> ListExpander::staged_copy(Outgoing& item, const mts::MessageTransferEnvelope& envelope,
                                                                 const MessageId& id) const {
  POSTERN_TRY(const Bytes head, asn1::encode_as_taken(envelope));
  POSTERN_TRY(const Bytes front, stored_front(StoredKind::Message, head));
  POSTERN_TRY(std::shared_ptr<StagedContent> out, m_parts.staging.begin(id));
  POSTERN_CHECK(out->append(front));
  Bytes piece(kPiece);
  for (std::uint64_t at = 0; at < item.content_size();) {
    POSTERN_TRY(const std::size_t got, item.read(at, piece));
    if (got == 0) return fail(ErrorCode::IntegrityFailed, "the stored content ends too early");
    POSTERN_CHECK(out->append(ByteView(piece).first(got)));
    at += got;
  }
  POSTERN_CHECK(out->finish());
  return out;
}

/// Sealed here: an outcome is written without a follow-up that cannot be, and these are no mere bounces.
Status ListExpander::queue(Submission submission, DeliveryReport& into) const {
  POSTERN_CHECK(m_parts.spool.seal(submission.message, submission.variants));
  into.follow_ups.push_back(std::move(submission));
  return {};
}

}  // namespace postern::mhs
