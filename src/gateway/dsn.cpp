#include "gateway/dsn.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "gateway/stages.hpp"
#include "mime/writer.hpp"

namespace postern::gateway {
namespace {

constexpr std::size_t kMostReturned = 64 * 1024;

bool any(const DsnRequest& request, DsnAction action) {
  return std::any_of(request.recipients.begin(), request.recipients.end(), [&](const DsnRecipient& r) { return r.action == action; });
}

std::string_view subject_of(const DsnRequest& request) {
  if (any(request, DsnAction::Failed)) return "Undelivered mail returned to sender";
  if (any(request, DsnAction::Delayed)) return "Delayed mail (still being retried)";
  return "Mail delivery report";
}

std::string_view sentence_of(DsnAction action) {
  switch (action) {
    case DsnAction::Failed: return "could not be delivered, and will not be tried again";
    case DsnAction::Delayed: return "has not been delivered yet; delivery is still being tried and you need not send it again";
    case DsnAction::Delivered: return "was delivered";
    case DsnAction::Relayed: return "was passed on to a system that gives no delivery reports";
  }
  return "";
}

/// One field's text on one line: what a next hop said may hold anything.
std::string on_one_line(std::string_view text) { return printable(text, 900); }

std::string for_people(const DsnRequest& request) {
  std::string out = "This is the mail gateway " + request.hostname + ".\r\n\r\nYour message of " + rfc5322_date(request.arrival) + " (id " +
                    request.message.get() + "):\r\n";
  for (const auto& r : request.recipients) {
    out += "\r\n<" + r.final_recipient + ">\r\n  " + std::string(sentence_of(r.action)) + ".\r\n";
    if (!r.diagnostic.empty())
      out += "  " + (r.remote_mta.empty() ? std::string("Reason") : r.remote_mta + " said") + ": " + on_one_line(r.diagnostic) + "\r\n";
  }
  return out;
}

Status append_recipient(std::string& out, const DsnRequest& request, const DsnRecipient& r) {
  out += "\r\n";
  if (!r.original_recipient.empty()) POSTERN_CHECK(append_field(out, "Original-Recipient", r.original_recipient));  // RFC 3464 2.3.1
  // RFC 6533 3: a UTF-8 address needs the utf-8 address type.
  POSTERN_CHECK(append_field(out, "Final-Recipient", (is_ascii(r.final_recipient) ? "rfc822; " : "utf-8; ") + r.final_recipient));
  POSTERN_CHECK(append_field(out, "Action", name_of(r.action)));
  POSTERN_CHECK(append_field(out, "Status", r.status));
  if (!r.remote_mta.empty()) POSTERN_CHECK(append_field(out, "Remote-MTA", "dns; " + r.remote_mta));
  if (!r.diagnostic.empty())
    POSTERN_CHECK(append_field(out, "Diagnostic-Code", (r.diagnostic_is_smtp ? "smtp; " : "X-Postern; ") + on_one_line(r.diagnostic)));
  POSTERN_CHECK(append_field(out, "Last-Attempt-Date", rfc5322_date(request.now)));
  if (r.action == DsnAction::Delayed && r.retry_until)
    POSTERN_CHECK(append_field(out, "Will-Retry-Until", rfc5322_date(*r.retry_until)));  // RFC 3464 2.3.9
  return {};
}

Result<std::string> for_machines(const DsnRequest& request) {
  std::string out;
  if (!request.envelope_id.empty()) POSTERN_CHECK(append_field(out, "Original-Envelope-Id", request.envelope_id));
  POSTERN_CHECK(append_field(out, "Reporting-MTA", "dns; " + request.hostname));
  POSTERN_CHECK(append_field(out, "Arrival-Date", rfc5322_date(request.arrival)));
  for (const auto& r : request.recipients) POSTERN_CHECK(append_recipient(out, request, r));
  return out;
}

std::string_view header_section(std::string_view message) {
  const auto end = message.find("\r\n\r\n");
  return message.substr(0, end == std::string_view::npos ? message.size() : end + 2);
}

/// Fields that opening never restores from inside the encryption (From), or that no author hides (trace, Message-ID).
bool is_harmless(const HeaderField& field) { return field.is("Received") || field.is("From") || field.is("Message-ID"); }

/// Our verdict about the content stays here, as does all of an opened message that came from inside.
bool goes_back(const HeaderField& field, bool opened) { return !field.is(kTraceField) && (!opened || is_harmless(field)); }

/// The header section, or the whole message, as far as the sender may have it. Lines that could not be sent on are not returned either.
std::string returned_text(const DsnRequest& request, bool full) {
  const std::string_view original = full ? request.original : header_section(request.original);
  const auto view = MessageView::parse(original);
  if (!view) return {};
  std::string out;
  for (const HeaderField& field : view->fields()) {
    if (goes_back(field, request.opened) && !find_long_line(field.raw, Limits{}.line_emitted)) out += field.raw;
  }
  if (full) out.append("\r\n").append(view->body());
  return out;
}

/// The third part of the report.
std::string returned_part(const DsnRequest& request) {
  const bool full = request.return_full && !request.opened && any(request, DsnAction::Failed) && request.original.size() <= kMostReturned &&
                    !find_long_line(request.original, Limits{}.line_emitted);
  const std::string what = returned_text(request, full);
  const bool ascii = is_ascii(what);
  std::string fields = "Content-Description: Undelivered message\r\nContent-Type: ";
  // RFC 6522 4; RFC 6533 5 for header sections that are UTF-8.
  fields += full ? (ascii ? "message/rfc822" : "message/global") : (ascii ? "text/rfc822-headers" : "message/global-headers");
  fields += ascii ? "\r\n" : "\r\nContent-Transfer-Encoding: 8bit\r\n";
  return make_entity(fields, what);
}

}  // namespace

std::string_view name_of(DsnAction action) noexcept {
  switch (action) {
    case DsnAction::Failed: return "failed";
    case DsnAction::Delayed: return "delayed";
    case DsnAction::Delivered: return "delivered";
    case DsnAction::Relayed: return "relayed";
  }
  return "failed";
}

Result<std::string> make_dsn(const DsnRequest& request, Random& random) {
  if (request.recipients.empty()) return fail(ErrorCode::BadInput, "a report needs at least one recipient", "recipients");
  if (request.to.empty()) return fail(ErrorCode::BadInput, "the null reverse path gets no reports (RFC 5321 6.1)", "to");
  POSTERN_TRY(const std::string status, for_machines(request));
  const bool ascii = is_ascii(status);
  const std::string boundary = make_boundary(random);
  std::string fields;
  POSTERN_CHECK(append_field(fields, "From", "Mail gateway <postmaster@" + request.hostname + ">"));
  POSTERN_CHECK(append_field(fields, "To", "<" + request.to + ">"));
  POSTERN_CHECK(append_field(fields, "Subject", subject_of(request)));
  POSTERN_CHECK(append_field(fields, "Date", rfc5322_date(request.now)));
  POSTERN_CHECK(append_field(fields, "Message-ID", "<" + make_ulid(request.now, random) + "@" + request.hostname + ">"));
  POSTERN_CHECK(append_field(fields, "Auto-Submitted", "auto-replied"));  // RFC 3834 2
  POSTERN_CHECK(append_field(fields, "MIME-Version", "1.0"));
  POSTERN_CHECK(append_field(fields, "Content-Type", "multipart/report; report-type=delivery-status; boundary=\"" + boundary + "\""));
  const std::string people = for_people(request);
  const std::string first = make_entity(is_ascii(people) ? "Content-Type: text/plain; charset=us-ascii\r\n"
                                                         : "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
                                        people);
  const std::string second = make_entity(ascii ? "Content-Type: message/delivery-status\r\n"
                                               : "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n",
                                         status);
  const std::string third = returned_part(request);
  const std::string_view parts[] = {first, second, third};
  POSTERN_TRY(const std::string body, make_multipart_body(parts, boundary));
  return make_entity(fields, body);
}

}  // namespace postern::gateway
