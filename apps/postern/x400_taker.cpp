#include "x400_taker.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

#include "base/text.hpp"
#include "crypto/hash.hpp"
#include "ipm/notification_submission.hpp"
#include "ipm/read.hpp"
#include "mhs/acceptance.hpp"
#include "oraddress/or_text.hpp"
#include "store/segment_file.hpp"
#include "store/synced_file.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

std::string text_of(const mts::ORName& name) { return printable(oraddress::write(name)); }

// ---- what is shown
/// What people read of a content; nothing where it is none of P2 and P22.
json::object shown(const mts::Content& content) {
  json::object out{{"octets", content.octets.size()}};
  const auto view = ipm::read_content(content.octets);
  if (!view) return out;
  out["subject"] = view->subject;
  json::array texts;
  for (const ipm::PartView& each : view->parts)
    if (!each.text.empty()) texts.emplace_back(each.text);
  out["texts"] = std::move(texts);
  return out;
}

json::object shown(const mts::MessageDeliveryArgument& message) {
  const auto& fields = message.other_fields;
  return {{"kind", "message"},
          {"id", mhs::text_of(message.message_delivery_identifier)},
          {"time", message.message_delivery_time.text},
          {"from", text_of(fields.originator_name)},
          {"to", text_of(fields.this_recipient_name)},
          {"priority", mts::text_of(fields.priority)}};
}

json::object shown(const mts::PerRecipientReportDeliveryFields& recipient) {
  json::object out{{"recipient", text_of(recipient.actual_recipient_name)}};
  const auto* delivered = std::get_if<mts::DeliveryReport>(&recipient.report_type.value);
  out["delivered"] = delivered != nullptr;
  out["text"] = delivered != nullptr ? "delivered " + delivered->message_delivery_time.text
                                     : mts::words_of(std::get<mts::NonDeliveryReport>(recipient.report_type.value));
  return out;
}
json::object shown(const mts::ReportDeliveryArgument& report) {
  json::array recipients;
  for (const auto& each : report.per_recipient_fields) recipients.push_back(shown(each));
  return {{"kind", "report"}, {"id", mhs::text_of(report.subject_submission_identifier)}, {"recipients", std::move(recipients)}};
}

std::string line_of(const json::object& entry, const char* name) { return printable(std::string(entry.at(name).as_string())); }

void show_text(std::ostream& out, const json::object& entry) {
  out << line_of(entry, "kind") << "  " << line_of(entry, "id");
  if (entry.contains("file")) out << "  " << line_of(entry, "file");
  if (const auto* recipients = entry.if_contains("recipients")) {
    for (const json::value& each : recipients->as_array())
      out << "\n  " << line_of(each.as_object(), "recipient") << ": " << line_of(each.as_object(), "text");
  } else {
    out << "\n  " << line_of(entry, "from");
    const auto* content = entry.if_contains("content");
    if (content == nullptr) out << ", discarded";
    if (content != nullptr) out << ", " << content->at("octets") << " octets";
    if (content != nullptr && content->as_object().contains("subject")) out << ": " << line_of(content->as_object(), "subject");
  }
  out << std::endl;  // seen before it is answered
}

void show_notice(std::ostream& out, const json::object& notice) {
  const bool sent = notice.at("sent").as_bool();
  out << "notification for " << line_of(notice, "name") << (sent ? ": sent, " : ": not sent: ") << line_of(notice, sent ? "id" : "error")
      << std::endl;
}

// ---- what is kept
/// The same delivery that comes again, because its answer was lost, has the same name, whatever time it is delivered at.
std::string name_for(const char* kind, std::string_view identity) {
  return std::string(kind) + "-" + hex_encode(ByteView(sha256(as_bytes(identity))).first(12));
}

bool has_controls(const mts::Controls& controls) { return controls != mts::Controls(); }

}  // namespace

json::object Taker::taken() const {
  json::object out{{"received", m_taken}};
  if (!m_notices.empty()) out["notifications"] = m_notices;
  return out;
}

// ---- deliveries
io::Task<Status> Taker::take_message(mts::MessageDeliveryArgument message) {
  if (is_done()) co_return fail(ErrorCode::Exhausted, "as many as were asked for are here");
  const std::string name =
      name_for("message", mhs::text_of(message.message_delivery_identifier) + text_of(message.other_fields.this_recipient_name));
  json::object entry = shown(message);
  Status kept;
  if (m_options.notify != NotifyOf::Discarding) {
    entry["content"] = shown(message.content);
    if (!m_options.save.empty()) entry["file"] = name + ".ber";
    kept = keep(name, asn1::encode_as_taken(message));
  }
  if (kept) kept = owe(name, message);
  co_return note(std::move(kept), std::move(entry));
}

io::Task<Status> Taker::take_report(mts::ReportDeliveryArgument report) {
  if (is_done()) co_return fail(ErrorCode::Exhausted, "as many as were asked for are here");
  json::object entry = shown(report);
  auto octets = asn1::encode_as_taken(report);
  const std::string name = name_for("report", octets ? as_text(*octets) : std::string_view());
  if (!m_options.save.empty()) entry["file"] = name + ".ber";
  co_return note(keep(name, std::move(octets)), std::move(entry));
}

Status Taker::keep(const std::string& name, Result<Bytes> octets) const {
  if (m_options.save.empty()) return {};
  POSTERN_TRY(const Bytes kept, std::move(octets));
  const std::filesystem::path folder = m_options.save;
  POSTERN_CHECK(write_synced_file(folder / (name + ".ber"), as_text(kept)));
  return sync_directory(folder);
}

Status Taker::note(Status kept, json::object entry) {
  if (!kept) {
    m_failure = kept.error();
    return kept;
  }
  if (!m_context.json) show_text(m_context.out, entry);
  m_taken.push_back(std::move(entry));
  return {};
}

// ---- notifications
/// X.420 8.2, 8.3. A content that cannot be read asks for nothing.
Status Taker::owe(const std::string& name, const mts::MessageDeliveryArgument& message) {
  if (m_options.notify == NotifyOf::Nothing) return {};
  const auto content = ipm::delivered_message(message.other_fields, message.content.octets);
  if (!content || !*content) return {};
  const ipm::Subject subject{m_options.user, message.other_fields, **content};
  const std::int64_t now = unix_seconds(SystemClock().now());
  POSTERN_TRY(const auto owed, m_options.notify == NotifyOf::Reading
                                   ? ipm::receipt_submission(subject, {.time = now, .mode = ipm::AcknowledgmentModeField::Automatic})
                                   : ipm::non_receipt_submission(subject, ipm::discarded((*content)->heading, now)));
  if (!owed) return {};
  POSTERN_TRY(const bool is_new, m_owed.owe(name, *owed));
  if (is_new) m_pending.push_back(name);
  return {};
}

Status Taker::find_owed() {
  if (m_options.notify == NotifyOf::Nothing || std::exchange(m_found_owed, true)) return {};
  POSTERN_TRY(const std::vector<std::string> left, m_owed.waiting());
  m_pending.assign(left.begin(), left.end());
  return {};
}

/// Deliveries may come while a notification is submitted.
io::Task<Status> Taker::notify(mhs::P3Client& client) {
  while (!m_pending.empty() && !client.client().over()) {
    std::string name = std::move(m_pending.front());
    m_pending.pop_front();
    POSTERN_CO_CHECK(co_await notify_of(client, std::move(name)));
  }
  co_return Status();
}

/// The error is that of the association, or of this folder. What is damaged or has no encoding does not stop the others: anybody may have
/// sent what it is about. Where the MTS says no, or holds submissions back, the next run tries again.
io::Task<Status> Taker::notify_of(mhs::P3Client& client, std::string name) {
  auto notification = m_owed.begin(name);
  if (!notification) {
    tell(name, fail(notification.error()));
    if (notification.error().code == ErrorCode::IntegrityFailed) co_return Status();
    co_return fail(notification.error());
  }
  const auto result = co_await client.submit(*std::move(notification), io::deadline_in(m_options.each));
  tell(name, result);
  if (result || result.error().code == ErrorCode::BadInput) co_return Status();
  const bool is_refused =
      result.error().code == ErrorCode::Denied || (result.error().code == ErrorCode::Unavailable && !client.client().over());
  if (is_refused) co_return m_owed.put_back(name);
  co_return fail(result.error());
}

void Taker::tell(const std::string& name, const Result<mts::MessageSubmissionResult>& result) {
  json::object notice{{"name", name}, {"sent", result.has_value()}};
  if (result) notice["id"] = mhs::text_of(result->message_submission_identifier);
  if (!result) notice["error"] = result.error().text();
  if (!result) m_context.exit_status = kNo;
  if (!m_context.json) show_notice(m_context.out, notice);
  m_notices.push_back(std::move(notice));
}

// ---- an association
io::Task<Status> Taker::control(mhs::P3Client& client) {
  if (!has_controls(m_options.controls)) co_return Status();
  mts::DeliveryControlArgument asked;
  static_cast<mts::Controls&>(asked) = m_options.controls;
  const auto answer = co_await client.control_delivery(std::move(asked), io::deadline_in(m_options.each));
  if (!answer) co_return fail(answer.error());
  co_return Status();
}

io::Task<Status> Taker::attend(mhs::P3Client& client, SteadyTime until) {
  client.take_deliveries({[this](mts::MessageDeliveryArgument message) { return take_message(std::move(message)); },
                          [this](mts::ReportDeliveryArgument report) { return take_report(std::move(report)); }});
  POSTERN_CO_CHECK(co_await control(client));
  POSTERN_CO_CHECK(find_owed());
  POSTERN_CO_CHECK(co_await notify(client));
  while (!is_done()) {
    const Status came = co_await client.attend(until);
    if (m_failure) co_return fail(*m_failure);
    if (!came && came.error().code == ErrorCode::Timeout) co_return Status();
    POSTERN_CO_CHECK(came);
    POSTERN_CO_CHECK(co_await notify(client));
  }
  co_return Status();
}

}  // namespace postern::cli
