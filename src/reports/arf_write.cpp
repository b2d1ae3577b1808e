#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "crypto/hmac.hpp"
#include "mime/address.hpp"
#include "mime/message.hpp"
#include "mime/writer.hpp"
#include "reports/arf.hpp"

namespace postern {
namespace {

constexpr std::size_t kShortestKey = 16;
constexpr std::size_t kTagOctets = 16;  // of the HMAC: local parts do not meet by chance
constexpr std::size_t kMostFields = 100;
constexpr std::size_t kMostBytes = 64UL * 1024;  // of a part; hashes can be longer than what they stand for

// What tells the domain's owner where his mail went wrong. Everything else stays here (RFC 9991 7.1).
constexpr std::array<std::string_view, 8> kAddressFields{"From", "Sender",      "Reply-To",      "To",
                                                         "Cc",   "Resent-From", "Resent-Sender", "Resent-To"};
constexpr std::array<std::string_view, 9> kTraceFields{
    "Received", "Return-Path", "DKIM-Signature",        "Authentication-Results",    "Received-SPF",
    "ARC-Seal", "List-Id",     "ARC-Message-Signature", "ARC-Authentication-Results"};
constexpr std::array<std::string_view, 2> kPlainFields{"Date", "MIME-Version"};
// Names with "=" in front of an address, which by its grammar could belong to it. Longest first.
constexpr std::array<std::string_view, 8> kProperties{
    "smtp.mailfrom=", "smtp.rcptto=", "envelope-from=", "header.from=", "smtp.mail=", "smtp.auth=", "header.i=", "i="};

bool is_one_of(const HeaderField& field, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&field](std::string_view name) { return field.is(name); });
}

/// RFC 5322 3.2.3 atext, the dot, and UTF-8 (RFC 6532).
bool is_local(char c) {
  return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 || std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

/// The quote that opens the string which ends at `end`, or npos.
std::size_t opening_quote(std::string_view text, std::size_t end) {
  bool open = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= end; ++i) {
    if (open && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      if (open && i == end) return begin;
      open = !open;
      begin = i;
    }
  }
  return std::string_view::npos;
}

/// Where the local part in front of the "@" at `at` begins, not before `from`; nothing when it cannot be told.
std::optional<std::size_t> local_begin(std::string_view text, std::size_t from, std::size_t at) {
  if (at == from) return at;
  if (text[at - 1] == '"') {
    const auto quote = opening_quote(text.substr(from), at - 1 - from);
    return quote == std::string_view::npos ? std::nullopt : std::optional(from + quote);
  }
  std::size_t begin = at;
  while (begin > from && is_local(text[begin - 1])) --begin;
  // RFC 5322 4.4 has white space and comments in front of "@": such a local part has no end that can be trusted.
  if (begin == at && std::string_view("<,:;=@(").find(text[at - 1]) == std::string_view::npos) return std::nullopt;
  const auto* property =
      std::ranges::find_if(kProperties, [&](std::string_view one) { return istarts_with(text.substr(begin, at - begin), one); });
  return property == kProperties.end() ? begin : begin + property->size();
}

/// Mailboxes only: names are what the reader is not to learn.
std::optional<std::string> redact_list(std::string_view value, const SecretBytes& key) {
  const auto list = parse_address_list(value);
  if (!list) return std::nullopt;
  std::string out;
  for (const NamedMailbox& one : list->mailboxes())
    out += (out.empty() ? "<" : ", <") + redact_local_part(one.mailbox.local, key) + "@" + one.mailbox.domain + ">";
  return out.empty() ? std::nullopt : std::optional(out);
}

/// One identifier and nothing else: by it the sender finds his message, and it is of a program's making (RFC 5322 3.6.4).
bool is_message_id(std::string_view value) {
  return value.starts_with('<') && value.find('>') == value.size() - 1 && std::ranges::count(value, '@') == 1;
}

std::optional<std::string> redacted_value(const HeaderField& field, const SecretBytes& key) {
  std::string value = field.unfolded();
  if (is_one_of(field, kAddressFields)) return redact_list(value, key);
  if (is_one_of(field, kTraceFields)) return redact_addresses(value, key);
  if (is_one_of(field, kPlainFields) && value.find('@') == std::string::npos) return value;
  if (field.is("Message-ID") && is_message_id(trim(value))) return value;
  return std::nullopt;
}

/// 7bit, whatever came; a field that cannot be so is left out.
Result<std::string> redacted_header(std::string_view original, const SecretBytes& key) {
  const std::string text = normalize_crlf(original);
  POSTERN_TRY(const MessageView header, MessageView::parse(text));
  std::string out;
  std::size_t written = 0;
  for (const HeaderField& field : header.fields()) {
    const auto value = redacted_value(field, key);
    if (!value || !is_ascii(*value)) continue;
    const auto folded = fold_field(field.name, *value);
    if (folded && ++written <= kMostFields && out.size() + folded->size() <= kMostBytes) out += *folded;
  }
  return out;
}

/// A field that is there, with its addresses redacted or not at all.
void put(std::string& out, std::string_view name, const std::string& value, const SecretBytes& key) {
  const auto redacted = redact_addresses(value, key);
  if (trim(value).empty() || !redacted || !is_ascii(*redacted)) return;
  const auto folded = fold_field(name, *redacted);
  if (folded && out.size() + folded->size() <= kMostBytes) out += *folded;
}
void put_all(std::string& out, std::string_view name, const std::vector<std::string>& values, const SecretBytes& key) {
  for (std::size_t i = 0; i < std::min(values.size(), kMostFields); ++i) put(out, name, values[i], key);
}

std::string alignment_text(const FeedbackReport& report) {
  std::string out;
  for (const auto& word : report.identity_alignment) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? "none" : out;
}

/// RFC 5965 3, RFC 6591 3, RFC 9991 4.
std::string feedback_fields(const FeedbackReport& report, const SecretBytes& key) {
  std::string out = "Feedback-Type: auth-failure\r\nVersion: 1\r\n";
  put(out, "User-Agent", report.user_agent.empty() ? "Postern" : report.user_agent, key);
  out += "Auth-Failure: dmarc\r\n";
  put_all(out, "Authentication-Results", report.authentication_results, key);
  put(out, "Identity-Alignment", alignment_text(report), key);
  put(out, "Delivery-Result", report.delivery_result, key);
  put(out, "DKIM-Domain", report.dkim_domain, key);
  put(out, "DKIM-Identity", report.dkim_identity, key);
  put(out, "DKIM-Selector", report.dkim_selector, key);
  put(out, "DKIM-Selector-DNS", report.dkim_selector_dns, key);
  put_all(out, "SPF-DNS", report.spf_dns, key);
  put(out, "Original-Envelope-Id", report.original_envelope_id, key);
  put(out, "Original-Mail-From", report.original_mail_from, key);
  put_all(out, "Original-Rcpt-To", report.original_rcpt_to, key);
  put(out, "Arrival-Date", report.arrival_date, key);
  put(out, "Reporting-MTA", report.reporting_mta, key);
  put(out, "Source-IP", report.source_ip, key);
  if (report.source_port) put(out, "Source-Port", std::to_string(*report.source_port), key);
  put_all(out, "Reported-Domain", report.reported_domain, key);
  if (report.incidents) put(out, "Incidents", std::to_string(*report.incidents), key);
  return out;
}

Result<std::string> mail_header(const FeedbackReport& report, const FailureReportMail& mail, std::string_view boundary, Random& random) {
  POSTERN_TRY(const Mailbox from, Mailbox::parse(mail.from));
  POSTERN_TRY(const Mailbox to, Mailbox::parse(mail.to));
  const std::string domain = report.reported_domain.empty() ? std::string() : " for " + printable(report.reported_domain.front(), 255);
  std::string out;
  POSTERN_CHECK(append_field(out, "From", from.text()));
  POSTERN_CHECK(append_field(out, "To", to.text()));
  POSTERN_CHECK(append_field(out, "Date", rfc5322_date(mail.date)));
  POSTERN_CHECK(append_field(out, "Subject", "DMARC failure report" + domain));
  POSTERN_CHECK(append_field(out, "Message-ID", "<" + hex_encode(random.bytes(16)) + "@" + from.domain + ">"));
  POSTERN_CHECK(append_field(out, "Auto-Submitted", "auto-generated"));  // RFC 3834 5
  POSTERN_CHECK(append_field(out, "MIME-Version", "1.0"));
  POSTERN_CHECK(
      append_field(out, "Content-Type", "multipart/report; report-type=feedback-report; boundary=\"" + std::string(boundary) + "\""));
  return out;
}

constexpr std::string_view kNote =
    "This is a report about mail in your name that did not pass a check\r\n"
    "which your DMARC record asks to hear about (RFC 9991). Who wrote it and\r\n"
    "to whom is left out, and so is what it said.\r\n";

}  // namespace

std::string redact_local_part(std::string_view local, const SecretBytes& key) {
  const Sha256 tag = hmac_sha256(key.view(), as_bytes(local));
  return base64url_encode(ByteView(tag).first(kTagOctets));
}

std::optional<std::string> redact_addresses(std::string_view text, const SecretBytes& key) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    const auto begin = local_begin(text, done, at);
    if (!begin) return std::nullopt;
    out += text.substr(done, *begin - done);
    if (*begin < at) out += redact_local_part(text.substr(*begin, at - *begin), key);
    out += '@';
    done = at + 1;
  }
  return out += text.substr(done);
}

Result<std::string> write_failure_report(const FeedbackReport& report, const FailureReportMail& mail, const SecretBytes& key,
                                         Random& random) {
  if (key.size() < kShortestKey) return fail(ErrorCode::BadInput, "is shorter than 16 octets", "key");
  const std::string boundary = make_boundary(random);
  POSTERN_TRY(const std::string header, mail_header(report, mail, boundary, random));
  POSTERN_TRY(const std::string original, redacted_header(report.original_header, key));
  const std::string note = make_entity("Content-Type: text/plain; charset=us-ascii\r\n", kNote);
  const std::string feedback = make_entity("Content-Type: message/feedback-report\r\n", feedback_fields(report, key));
  const std::string fields = make_entity("Content-Type: text/rfc822-headers\r\n", original);
  const std::array<std::string_view, 3> parts{note, feedback, fields};
  POSTERN_TRY(const std::string body, make_multipart_body(parts, boundary));
  return make_entity(header, body);
}

bool wants_failure_report(const DmarcRecord& record, const FailureFacts& facts) noexcept {
  if (record.failure_to.empty() || record.public_suffix == true) return false;
  const auto asks = [&record](char option) { return std::ranges::find(record.failure_options, option) != record.failure_options.end(); };
  const bool nothing_passed = !facts.dkim_aligned && !facts.spf_aligned;
  if (nothing_passed && (asks('0') || record.failure_options.empty())) return true;  // 0 is the default
  if (asks('1') && (!facts.dkim_aligned || !facts.spf_aligned)) return true;
  return (asks('d') && facts.dkim_failed) || (asks('s') && facts.spf_failed);
}

}  // namespace postern
