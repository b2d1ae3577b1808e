#include "transport/mock_mts.hpp"

#include <postern/x400_sdk.h>

#include <algorithm>

#include "asn1/ber.hpp"
#include "ipm/read.hpp"
#include "mts/bounds.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/routing.hpp"

namespace postern::transport {
namespace {

using mts::NonDeliveryDiagnosticCode;
using mts::NonDeliveryReasonCode;

std::int64_t seconds_of(WallTime time) { return unix_seconds(time); }

/// What an interpersonal message says of itself (X.420 19.6); of anything else, and of what cannot be read, nothing.
void describe(sdk::Entry& entry, ByteView content) {
  const auto object = asn1::decode<ipm::InformationObject>(content);
  if (!object) return;
  const ipm::IPM* const message = object->ipm();
  if (message == nullptr) return;
  entry.subject = ipm::subject_of(message->heading);
  entry.ipm_identifier = ipm::text_of(message->heading.this_ipm);
}

sdk::ReportRecipient delivered(const MockName& name, WallTime now) {
  return {.address = name.text, .information = {}, .delivered = true, .time = seconds_of(now)};
}

sdk::ReportRecipient not_delivered(const MockName& name, NonDeliveryDiagnosticCode diagnostic, std::string why) {
  return {.address = name.text,
          .information = std::move(why),
          .delivered = false,
          .reason = static_cast<std::int32_t>(NonDeliveryReasonCode::UnableToTransfer),
          .diagnostic = static_cast<std::int32_t>(diagnostic),
          .time = std::nullopt};
}

bool is_asked_for(sdk::ReportRequest asked, const sdk::ReportRecipient& outcome, bool is_probe) {
  return is_probe || asked == sdk::ReportRequest::All || (asked == sdk::ReportRequest::NonDelivery && !outcome.delivered);
}

}  // namespace

MockMts::MockMts(std::string domain) : m_domain(std::move(domain)) {
  if (const auto attributes = oraddress::parse_attributes(m_domain)) m_prefix = oraddress::components_of(*attributes);
}

Result<MockName> MockMts::name_of(const std::string& address, const std::string& field) const {
  const auto parsed = oraddress::parse(address);
  if (!parsed) return fail(ErrorCode::BadInput, "is no O/R address (" + parsed.error().text() + ")", field);
  const auto components = oraddress::components_of(*parsed);
  return MockName{oraddress::write(*parsed), oraddress::comparison_key(*parsed), oraddress::routes(m_prefix, components)};
}

Result<MockMailbox*> MockMts::mailbox(const MockName& name) {
  if (!name.is_ours) return fail(ErrorCode::NotFound, "is not of " + m_domain + ", which is all that the mock serves", "name");
  if (const auto found = m_mailboxes.find(name.key); found != m_mailboxes.end()) return &found->second;
  if (m_mailboxes.size() >= kMostMailboxes)
    return fail(ErrorCode::Exhausted, "the mock has " + std::to_string(kMostMailboxes) + " mailboxes, and no more", "name");
  return &m_mailboxes[name.key];
}

// X.411 8.2.1.1.1.1: who is bound is who submits.
Result<MockMts::Message> MockMts::read(const MockName& from, const sdk::Submission& submission) const {
  if (!submission.originator.empty()) {
    POSTERN_TRY(const MockName originator, name_of(submission.originator, "originator"));
    if (originator.key != from.key) return fail(ErrorCode::Denied, "is not who is bound, " + from.text, "originator");
  }
  if (submission.recipients.empty()) return fail(ErrorCode::BadInput, "are missing; name one at least", "recipients");
  if (submission.recipients.size() > sdk::kMostRecipients)
    return fail(ErrorCode::TooLarge, "are more than " + std::to_string(sdk::kMostRecipients), "recipients");
  if (submission.content_identifier.size() > static_cast<std::size_t>(mts::ub::content_id_length))
    return fail(ErrorCode::BadInput, "has more than 16 characters (X.411 ub-content-id-length)", "content_identifier");
  Message out;
  out.from = from;
  out.submission = submission;
  for (std::size_t i = 0; i < submission.recipients.size(); ++i) {
    const sdk::Recipient& one = submission.recipients[i];
    const std::string field = "recipients[" + std::to_string(i) + "].";
    Recipient recipient;
    recipient.report = one.report;
    POSTERN_TRY(recipient.name, name_of(one.address, field + "address"));
    if (!one.alternate.empty()) {
      POSTERN_TRY(recipient.alternate, name_of(one.alternate, field + "alternate"));
    }
    out.recipients.push_back(std::move(recipient));
  }
  return out;
}

/// Counted until the last entry that has it is gone.
Result<std::shared_ptr<const Bytes>> MockMts::keep(ByteView content) const {
  if (content.size() > kMostOctets - *m_octets)
    return fail(ErrorCode::TooLarge, "the mock keeps " + std::to_string(kMostOctets) + " octets in memory; delete what is not needed",
                "content");
  *m_octets += content.size();
  return std::shared_ptr<const Bytes>(new Bytes(content.begin(), content.end()), [octets = m_octets](const Bytes* gone) {
    *octets -= gone->size();
    delete gone;
  });
}

std::string MockMts::new_identifier(char kind) { return "[" + m_domain + ";" + kind + std::to_string(++m_last) + "]"; }

Result<sdk::Submitted> MockMts::submit(const MockName& from, const sdk::Submission& submission, ByteView content, WallTime now) {
  if (m_waiting.size() >= kMostWaiting)
    return fail(ErrorCode::Exhausted, "the mock has " + std::to_string(kMostWaiting) + " deferred messages; submit when they are due",
                "deferred_until");
  POSTERN_TRY(Message message, read(from, submission));
  POSTERN_TRY(message.content, keep(content));
  message.entry.content_size = content.size();
  describe(message.entry, content);
  return accept(std::move(message), now);
}

Result<sdk::Submitted> MockMts::probe(const MockName& from, const sdk::Submission& submission, WallTime now) {
  POSTERN_TRY(Message message, read(from, submission));
  message.is_probe = true;
  message.submission.deferred_until.reset();
  return accept(std::move(message), now);
}

sdk::Submitted MockMts::accept(Message message, WallTime now) {
  const sdk::Submission& submission = message.submission;
  message.entry.entry_class = sdk::EntryClass::DeliveredMessage;
  message.entry.priority = submission.priority;
  message.entry.originator = message.from.text;
  message.entry.content_type = submission.content_type;
  message.entry.mts_identifier = new_identifier(message.is_probe ? 'p' : 'm');
  sdk::Submitted out{*message.entry.mts_identifier, submission.content_identifier, seconds_of(now)};
  const auto due = submission.deferred_until ? WallTime(std::chrono::seconds(*submission.deferred_until)) : now;
  if (due > now)
    m_waiting.emplace(due, std::move(message));
  else
    deliver(message, now);
  return out;
}

bool MockMts::deliver_due(WallTime now) {
  const auto end = m_waiting.upper_bound(now);
  const bool any = end != m_waiting.begin();
  for (auto at = m_waiting.begin(); at != end; at = m_waiting.erase(at)) deliver(at->second, now);
  return any;
}

Status MockMts::cancel(const MockName& from, const std::string& identifier) {
  const auto found = std::ranges::find_if(
      m_waiting, [&](const auto& each) { return each.second.entry.mts_identifier == identifier && each.second.from.key == from.key; });
  if (found == m_waiting.end()) return fail(ErrorCode::NotFound, "nothing of this identifier waits for its time", "mts_identifier");
  m_waiting.erase(found);
  return {};
}

std::optional<WallTime> MockMts::next_due() const { return m_waiting.empty() ? std::nullopt : std::optional(m_waiting.begin()->first); }

void MockMts::deliver(const Message& message, WallTime now) {
  sdk::Report about{*message.entry.mts_identifier, message.submission.content_identifier, {}};
  for (const Recipient& recipient : message.recipients) {
    sdk::ReportRecipient outcome = deliver_to(message, recipient, now);
    if (is_asked_for(recipient.report, outcome, message.is_probe)) about.recipients.push_back(std::move(outcome));
  }
  if (!about.recipients.empty()) report(message, std::move(about), now);
}

sdk::ReportRecipient MockMts::deliver_to(const Message& message, const Recipient& recipient, WallTime now) {
  const sdk::Time latest = message.submission.latest_delivery;
  if (latest && *latest < seconds_of(now))
    return not_delivered(recipient.name, NonDeliveryDiagnosticCode::MaximumTimeExpired, "the latest delivery time has passed");
  const bool to_alternate = !recipient.name.is_ours && recipient.alternate && recipient.alternate->is_ours;
  const MockName& to = to_alternate ? *recipient.alternate : recipient.name;
  if (!to.is_ours)
    return not_delivered(recipient.name, NonDeliveryDiagnosticCode::UnrecognisedORName, "the mock serves " + m_domain + " only");
  const auto box = mailbox(to);
  if (!box || (*box)->is_full())
    return not_delivered(recipient.name, NonDeliveryDiagnosticCode::RecipientUnavailable, "the mailbox of the mock is full");
  if (!message.is_probe) {
    MockEntry entry{message.entry, message.content, std::nullopt};
    entry.entry.time = seconds_of(now);
    (*box)->add(std::move(entry));
  }
  return delivered(to, now);
}

/// A report finds its way whatever the mailbox holds: there are no more of them than messages that were submitted from it.
void MockMts::report(const Message& message, sdk::Report report, WallTime now) {
  const auto box = mailbox(message.from);
  if (!box) return;
  const bool failed = std::ranges::any_of(report.recipients, [](const auto& one) { return !one.delivered; });
  const bool returns = failed && (message.submission.flags & POSTERN_X400_RETURN_CONTENT) != 0 && message.content;
  MockEntry entry;
  entry.entry.entry_class = sdk::EntryClass::DeliveredReport;
  entry.entry.time = seconds_of(now);
  entry.entry.mts_identifier = new_identifier('r');
  entry.report = std::move(report);
  (*box)->add(std::move(entry));
  if (!returns) return;
  MockEntry content{message.entry, message.content, std::nullopt};
  content.entry.entry_class = sdk::EntryClass::ReturnedContent;
  content.entry.time = seconds_of(now);
  (*box)->add(std::move(content));
}

}  // namespace postern::transport
