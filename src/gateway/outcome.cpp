#include "gateway/outcome.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "base/log.hpp"
#include "base/text.hpp"
#include "mime/writer.hpp"
#include "smtp/parameters.hpp"

namespace postern::gateway {
namespace {

class Reporter {
 public:
  Reporter(const QueueItem& item, const std::string& host, const std::string& road, const OutcomeContext& context)
      : m_item(item), m_host(host), m_road(road), m_context(context) {
    m_report.item = item.item;
    m_report.message = item.message;
  }

  DeliveryReport make(const std::vector<Fate>& fates) {
    for (std::size_t i = 0; i < m_item.recipients.size(); ++i) add(m_item.recipients[i], fates.at(i));
    add_audit();
    add_dsn();
    return std::move(m_report);
  }

 private:
  std::chrono::milliseconds age() const { return m_context.now - m_item.envelope->accepted; }

  void add(const DueRecipient& recipient, const Fate& fate) {
    RecipientResult result;
    result.index = recipient.index;
    result.reply = fate.reply.text();
    result.road = m_road;
    switch (fate.delivery) {
      case smtp::Delivery::Accepted: delivered(recipient, fate, result); break;
      case smtp::Delivery::PermanentFailure: bounced(recipient, fate, result); break;
      case smtp::Delivery::TemporaryFailure: deferred(recipient, fate, result); break;
    }
    m_report.results.push_back(std::move(result));
  }

  void delivered(const DueRecipient& recipient, const Fate& fate, RecipientResult& result) {
    ++m_delivered;
    result.outcome = Outcome::Delivered;
    // RFC 3461 5.2.1: passed on to a host that promised nothing: "relayed" when success was asked for.
    if ((recipient.notify & kNotifySuccess) != 0 && !fate.dsn_passed)
      note(recipient, fate, fate.final_delivery ? DsnAction::Delivered : DsnAction::Relayed, "2.0.0");
  }

  void bounced(const DueRecipient& recipient, const Fate& fate, RecipientResult& result) {
    ++m_bounced;
    result.outcome = Outcome::Bounced;
    if (wants_failure(recipient)) note(recipient, fate, DsnAction::Failed, status_of(fate.reply, "5.0.0"));
  }

  void deferred(const DueRecipient& recipient, const Fate& fate, RecipientResult& result) {
    std::array<Byte, 4> raw{};
    m_context.random.fill(raw);
    const std::uint32_t random = std::uint32_t{raw[0]} << 24 | std::uint32_t{raw[1]} << 16 | std::uint32_t{raw[2]} << 8 | raw[3];
    const auto delay = next_delay(m_context.schedule, recipient.attempts + 1, age(), random);
    if (!delay) {
      ++m_bounced;
      result.outcome = Outcome::Expired;
      // RFC 3463 4.4.7: delivery time expired; the last reason stays in the diagnostic.
      if (wants_failure(recipient)) note(recipient, fate, DsnAction::Failed, "4.4.7");
      return;
    }
    ++m_deferred;
    result.outcome = Outcome::Deferred;
    result.delay = *delay;
    if (wants_delay_now(recipient)) note(recipient, fate, DsnAction::Delayed, status_of(fate.reply, "4.0.0"));
  }

  static bool wants_failure(const DueRecipient& r) {
    return (r.notify & kNotifyNever) == 0 && (r.notify == 0 || (r.notify & kNotifyFailure) != 0);
  }

  /// Once, at the first attempt after the notice time. The time of the attempt before is reckoned from the schedule with its largest
  /// jitter, so that a notice is never missed; in a narrow window it may come twice.
  bool wants_delay_now(const DueRecipient& r) const {
    if ((r.notify & kNotifyDelay) == 0 || age() < m_context.delay_notice) return false;
    if (r.attempts == 0) return true;
    const auto& delays = m_context.schedule.delays;
    const auto before = delays.empty() ? std::chrono::seconds(60) : delays[std::min<std::size_t>(r.attempts, delays.size()) - 1];
    return age() - before * (100 + m_context.schedule.jitter_percent) / 100 < m_context.delay_notice;
  }

  static std::string status_of(const smtp::Reply& reply, std::string fallback) {
    if (reply.status.present()) return reply.status.text();
    fallback[0] = reply.permanent() ? '5' : reply.transient() ? '4' : fallback[0];
    return fallback;
  }

  /// RFC 3464 2.3.1: the ORCPT of the envelope, its xtext decoded.
  static std::string original_of(const std::string& orcpt) {
    const auto semicolon = orcpt.find(';');
    if (semicolon == std::string::npos) return {};
    const std::string type = orcpt.substr(0, semicolon);
    const std::string encoded = orcpt.substr(semicolon + 1);
    const auto address = type == "utf-8" ? smtp::utf8_addr_decode(encoded) : smtp::xtext_decode(encoded);
    return address ? type + ";" + *address : std::string();
  }

  void note(const DueRecipient& recipient, const Fate& fate, DsnAction action, std::string status) {
    DsnRecipient out;
    out.final_recipient = recipient.address;
    out.original_recipient = original_of(recipient.orcpt);
    out.action = action;
    out.status = std::move(status);
    if (action == DsnAction::Failed || action == DsnAction::Delayed) out.diagnostic = fate.reply.text();
    out.diagnostic_is_smtp = fate.from_peer;
    if (fate.from_peer) out.remote_mta = m_host;
    if (action == DsnAction::Delayed) out.retry_until = m_item.envelope->accepted + m_context.schedule.expire;
    m_notes.push_back(std::move(out));
  }

  void add_audit() {
    AuditRecord record;
    record.time = m_context.now;
    record.kind = m_delivered > 0 && m_bounced + m_deferred == 0 ? "message.delivered"
                  : m_bounced > 0                                ? "message.bounced"
                                                                 : "message.deferred";
    record.correlation = m_item.envelope->correlation;
    record.message = m_item.message;
    record.actor = "system";
    AuditFacts facts;
    facts.add("route", m_item.route.substr(0, 255))
        .add("seal", m_item.seal)
        .add("delivered", m_delivered)
        .add("deferred", m_deferred)
        .add("bounced", m_bounced);
    if (!m_host.empty()) facts.add("host", m_host).add("road", m_road);
    if (m_deferred + m_bounced > 0 && !m_report.results.empty()) facts.add("reply", m_report.results.front().reply);
    record.facts = facts.text();
    m_report.audit.push_back(std::move(record));
  }

  /// Reports go back in the same transaction. RFC 5321 6.1: never for the null path; then the audit record is all there is.
  void add_dsn() {
    if (m_notes.empty() || m_item.envelope->reverse_path.empty()) return;
    DsnRequest request;
    request.hostname = m_context.hostname;
    request.to = m_item.envelope->reverse_path;
    if (auto envid = smtp::xtext_decode(m_item.envelope->envid)) request.envelope_id = *std::move(envid);
    request.message = m_item.message;
    request.arrival = m_item.envelope->accepted;
    request.now = m_context.now;
    request.recipients = std::move(m_notes);
    if (m_item.content) request.original = *m_item.content;
    request.return_full = m_item.envelope->ret == DsnReturn::Full;
    request.opened = m_item.envelope->opened;
    auto text = make_dsn(request, m_context.random);
    if (!text) return log::error("courier.report_failed", {{"id", m_item.message.get()}, {"reason", text.error()}});
    m_report.follow_ups.push_back(submission(*std::move(text)));
  }

  Submission submission(std::string content) const {
    Submission out;
    out.message = make_message_id(m_context.now, m_context.random);
    out.envelope.accepted = m_context.now;
    out.envelope.correlation = m_item.envelope->correlation;
    out.envelope.facts = AuditFacts().add("door", "report").add("about", m_item.message.get()).text();
    // RFC 6531 3.4: the report says itself what it needs, or a sender with a UTF-8 address would never hear of his mail.
    out.envelope.smtputf8 = !is_ascii(m_item.envelope->reverse_path) || !is_ascii(content);
    out.envelope.body = is_7bit(content) ? BodyType::SevenBit : BodyType::EightBitMime;
    Variant variant;
    variant.content = std::move(content);
    variant.seal = "none";
    QueuedRecipient recipient;
    recipient.address = m_item.envelope->reverse_path;
    recipient.notify = kNotifyNever;  // RFC 3461 6.1: a report about a report helps nobody
    variant.recipients.push_back(std::move(recipient));
    out.variants.push_back(std::move(variant));
    return out;
  }

  const QueueItem& m_item;
  const std::string& m_host;
  const std::string& m_road;
  const OutcomeContext& m_context;
  DeliveryReport m_report;
  std::vector<DsnRecipient> m_notes;
  std::size_t m_delivered = 0, m_deferred = 0, m_bounced = 0;
};

}  // namespace

DeliveryReport make_report(const QueueItem& item, const std::vector<Fate>& fates, const std::string& host, const std::string& road,
                           const OutcomeContext& context) {
  return Reporter(item, host, road, context).make(fates);
}

std::vector<RecipientResult> released_results(const QueueItem& item, const Submission& again) {
  std::unordered_map<std::string, std::string> still_held;
  std::set<std::string> on_the_way;
  for (const auto& variant : again.variants) {
    for (const auto& mailbox : variant.mailboxes) on_the_way.insert(mailbox.address);
    for (const auto& r : variant.recipients) {
      if (r.state == RecipientState::Held)
        still_held[to_lower(r.address)] = r.reason;
      else
        on_the_way.insert(to_lower(r.address));
    }
  }
  std::vector<RecipientResult> out;
  for (const auto& r : item.recipients) {
    const std::string address = to_lower(r.address);
    const auto held = still_held.find(address);
    RecipientResult result;
    result.index = r.index;
    result.outcome = Outcome::Held;
    if (held != still_held.end()) {
      result.reply = held->second;
    } else if (on_the_way.count(address) != 0) {
      result.outcome = Outcome::Delivered;
      result.reply = "released as " + again.message.get();
    } else {
      result.reply = "policy gave no answer for this recipient; release it again, and report this";
      log::error("courier.recipient_undecided", {{"id", item.message.get()}, {"index", r.index}});
    }
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace postern::gateway
