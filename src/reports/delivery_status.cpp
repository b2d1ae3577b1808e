#include "reports/delivery_status.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mime/message.hpp"
#include "mime/tree.hpp"

namespace postern {
namespace {

constexpr std::size_t kMostRecipients = 10'000;
constexpr std::array<std::string_view, 5> kActions{"failed", "delayed", "delivered", "relayed", "expanded"};  // RFC 3464 2.3.3

Error bad(std::string place, std::string_view what) { return {ErrorCode::BadInput, std::string(what), std::move(place)}; }

/// Not below another report: the returned message of this one may hold one of its own.
const MimePart* find_status(const MimePart& part) {
  if (part.type == "message/delivery-status" || part.type == "message/global-delivery-status") return &part;
  if (!part.type.starts_with("multipart/")) return nullptr;
  for (const MimePart& child : part.children) {
    if (const MimePart* found = find_status(child)) return found;
  }
  return nullptr;
}

/// "type; value" of 2.1.2.
std::string typed(const MessageView& group, std::string_view name) {
  const std::string value = group.value(name);
  const auto semicolon = value.find(';');
  return std::string(trim(semicolon == std::string::npos ? std::string_view(value) : std::string_view(value).substr(semicolon + 1)));
}

/// The type of it, in lower case; empty when none is written.
std::string type_of(const MessageView& group, std::string_view name) {
  const std::string value = group.value(name);
  const auto semicolon = value.find(';');
  return semicolon == std::string::npos ? std::string() : to_lower(trim(std::string_view(value).substr(0, semicolon)));
}

std::string plain(const MessageView& group, std::string_view name) { return std::string(trim(group.value(name))); }

/// 2.3.4: class, subject and detail.
bool is_status(std::string_view text) {
  const auto parts = split(text, '.');
  const auto number = [](std::string_view part) { return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, is_digit); };
  return parts.size() == 3 && std::ranges::all_of(parts, number) && (parts[0] == "2" || parts[0] == "4" || parts[0] == "5");
}

Result<DeliveryStatusRecipient> read_recipient(const MessageView& group, std::size_t index) {
  const std::string place = "recipient[" + std::to_string(index) + "]";
  DeliveryStatusRecipient out;
  out.final_recipient = typed(group, "Final-Recipient");
  if (out.final_recipient.empty()) return fail(bad(place + ".Final-Recipient", "is missing"));
  out.final_recipient_type = type_of(group, "Final-Recipient");
  out.original_recipient = typed(group, "Original-Recipient");
  out.original_recipient_type = type_of(group, "Original-Recipient");
  out.action = to_lower(plain(group, "Action"));
  if (std::ranges::find(kActions, out.action) == kActions.end()) return fail(bad(place + ".Action", "is none of RFC 3464 2.3.3"));
  const std::string status = plain(group, "Status");
  out.status = status.substr(0, status.find_first_of(" (\t"));  // comments are in use
  if (!is_status(out.status)) return fail(bad(place + ".Status", "is no status code such as 5.1.1"));
  out.remote_mta = typed(group, "Remote-MTA");
  out.diagnostic_code = plain(group, "Diagnostic-Code");
  out.last_attempt = plain(group, "Last-Attempt-Date");
  out.will_retry_until = plain(group, "Will-Retry-Until");
  return out;
}

std::string_view without_blank_lines(std::string_view text) {
  const auto begin = text.find_first_not_of("\r\n");
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

/// 2.1: groups of fields with blank lines between, the first about the message.
Result<DeliveryStatus> read_groups(std::string_view text, const Limits& limits) {
  DeliveryStatus out;
  bool first = true;
  for (text = without_blank_lines(text); !text.empty(); first = false) {
    POSTERN_TRY(const MessageView group, MessageView::parse(text, limits));
    text = without_blank_lines(group.body());
    if (first) {
      out.reporting_mta = typed(group, "Reporting-MTA");
      out.received_from_mta = typed(group, "Received-From-MTA");
      out.envelope_id = plain(group, "Original-Envelope-Id");
      out.arrival_date = plain(group, "Arrival-Date");
      continue;
    }
    if (out.recipients.size() >= kMostRecipients) return fail(ErrorCode::TooLarge, "has more than 10,000 recipients", "recipient");
    POSTERN_TRY(out.recipients.emplace_back(), read_recipient(group, out.recipients.size()));
  }
  if (out.recipients.empty()) return fail(bad("recipient", "is missing: the report is about nobody"));
  return out;
}

}  // namespace

Result<DeliveryStatus> parse_delivery_status(std::string_view message, const Limits& limits) {
  POSTERN_TRY(const MimePart tree, parse_mime_tree(message, limits));
  const MimePart* part = find_status(tree);
  if (part == nullptr) return fail(bad("Content-Type", "is no report with a delivery-status part"));
  std::string text(as_text(ByteView(part->content)));
  if (text.find("\r\n") == std::string::npos) {  // as some write it
    std::string lines;
    for (const char c : text) lines += c == '\n' ? std::string("\r\n") : std::string(1, c);
    text = std::move(lines);
  }
  return read_groups(text, limits);
}

}  // namespace postern
