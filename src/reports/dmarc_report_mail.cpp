// The mail around a report, both ways, and the URIs that ask for it.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"
#include "dns/name.hpp"
#include "mime/address.hpp"
#include "mime/tree.hpp"
#include "mime/writer.hpp"
#include "pack/gzip.hpp"
#include "reports/dmarc_report.hpp"

namespace postern {
namespace {

constexpr std::size_t kLongestUri = 1024;
constexpr std::array<std::string_view, 7> kReportTypes{"application/gzip",  "application/x-gzip",           "application/zip",
                                                       "application/x-zip", "application/x-zip-compressed", "text/xml",
                                                       "application/xml"};
constexpr std::array<std::string_view, 3> kReportNames{".xml", ".gz", ".zip"};

/// By its type, or by its name where senders call everything a stream of octets.
bool may_be_report(const MimePart& part) {
  if (std::ranges::find(kReportTypes, part.type) != kReportTypes.end()) return true;
  const std::string name = to_lower(part.filename);
  return std::ranges::any_of(kReportNames, [&name](std::string_view end) { return name.ends_with(end); });
}

/// Not below a forwarded message: whoever forwards a report did not send it.
const MimePart* find_report(const MimePart& part) {
  if (!part.type.starts_with("multipart/")) return !part.is_container() && may_be_report(part) ? &part : nullptr;
  for (const MimePart& child : part.children) {
    if (const MimePart* found = find_report(child)) return found;
  }
  return nullptr;
}

std::string letters_and_digits(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), is_alnum);
  return out;
}

std::string period_of(const DmarcReport& report) { return rfc5322_date(report.begin) + " to " + rfc5322_date(report.end); }

Result<std::string> header_of(const DmarcReport& report, const DmarcReportMail& mail, std::string_view boundary) {
  POSTERN_TRY(const Mailbox from, Mailbox::parse(mail.from));
  POSTERN_TRY(const Mailbox to, Mailbox::parse(mail.to));
  std::string out;
  POSTERN_CHECK(append_field(out, "From", from.text()));
  POSTERN_CHECK(append_field(out, "To", to.text()));
  POSTERN_CHECK(append_field(out, "Date", rfc5322_date(mail.date)));
  POSTERN_CHECK(append_field(out, "Subject", dmarc_report_subject(report, mail.submitter)));
  // 3.5.2: the report's id as that of the message, so that a repetition is seen to be one.
  POSTERN_CHECK(append_field(out, "Message-ID", "<" + letters_and_digits(report.report_id) + "@" + from.domain + ">"));
  POSTERN_CHECK(append_field(out, "Auto-Submitted", "auto-generated"));  // RFC 3834 5: no vacation answers
  POSTERN_CHECK(append_field(out, "MIME-Version", "1.0"));
  POSTERN_CHECK(append_field(out, "Content-Type", "multipart/mixed; boundary=\"" + std::string(boundary) + "\""));
  return out;
}

std::string note_entity(const DmarcReport& report, const DmarcReportMail& mail) {
  const std::string text = "This is a DMARC aggregate report (RFC 9990) about mail of " + printable(report.policy.domain, 255) +
                           ",\r\nseen by " + printable(mail.submitter, 255) + " from\r\n" + period_of(report) +
                           ".\r\nThe attached file is for programs.\r\n";
  return make_entity("Content-Type: text/plain; charset=us-ascii\r\n", text);
}

Result<std::string> report_entity(const DmarcReport& report, const DmarcReportMail& mail) {
  const std::string name = dmarc_report_file_name(report, mail.submitter);
  std::string fields;
  POSTERN_CHECK(append_field(fields, "Content-Type", "application/gzip; name=\"" + name + "\""));  // RFC 6713
  POSTERN_CHECK(append_field(fields, "Content-Transfer-Encoding", "base64"));
  POSTERN_CHECK(append_field(fields, "Content-Disposition", "attachment; filename=\"" + name + "\""));
  return make_entity(fields, encode_base64_body(as_text(ByteView(gzip(write_dmarc_report(report))))));
}

/// RFC 3986 2.1. Nothing for a broken escape, and for characters no mailbox of ours has.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto octet = hex_decode(text.substr(i + 1, 2));
    if (!octet || octet->size() != 1 || octet->front() < 0x21 || octet->front() > 0x7e) return std::nullopt;
    out += static_cast<char>(octet->front());
    i += 2;
  }
  return out;
}

/// RFC 7489 6.2: digits and perhaps one of k, m, g, t, powers of 1024.
Result<std::uint64_t> size_of(std::string_view text) {
  unsigned shift = 0;
  constexpr std::string_view kUnits = "kmgt";
  if (const auto unit = text.empty() ? std::string_view::npos : kUnits.find(ascii_lower(text.back())); unit != std::string_view::npos) {
    shift = 10 * (static_cast<unsigned>(unit) + 1);
    text.remove_suffix(1);
  }
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::BadInput, "has a size that is none: write !10m or the like", "uri");
  return out > (UINT64_MAX >> shift) ? UINT64_MAX : out << shift;
}

}  // namespace

Result<DmarcReport> read_dmarc_report_mail(std::string_view message, const DmarcReportLimits& limits, const Limits& mail_limits) {
  POSTERN_TRY(const MimePart tree, parse_mime_tree(message, mail_limits));
  const MimePart* part = find_report(tree);
  if (part == nullptr)
    return fail(ErrorCode::BadInput, "is no mail with a report: it has no part of type application/gzip, application/zip or text/xml",
                "Content-Type");
  return read_dmarc_report(part->content, limits);
}

std::string dmarc_report_file_name(const DmarcReport& report, std::string_view receiver) {
  const std::string id = letters_and_digits(report.report_id);
  return std::string(receiver) + "!" + report.policy.domain + "!" + std::to_string(unix_seconds(report.begin)) + "!" +
         std::to_string(unix_seconds(report.end)) + (id.empty() ? "" : "!" + id) + ".xml.gz";
}

std::string dmarc_report_subject(const DmarcReport& report, std::string_view submitter) {
  return "Report Domain: " + report.policy.domain + " Submitter: " + std::string(submitter) + " Report-ID: <" + report.report_id + ">";
}

Result<std::string> write_dmarc_report_mail(const DmarcReport& report, const DmarcReportMail& mail, Random& random) {
  // Both stand in a file name and in a header: what is no domain name stays out.
  if (!parse_domain(mail.submitter)) return fail(ErrorCode::BadInput, "is no domain name", "submitter");
  if (!parse_domain(report.policy.domain)) return fail(ErrorCode::BadInput, "is no domain name", "policy_published.domain");
  const std::string boundary = make_boundary(random);
  POSTERN_TRY(const std::string header, header_of(report, mail, boundary));
  const std::string note = note_entity(report, mail);
  POSTERN_TRY(const std::string file, report_entity(report, mail));
  const std::array<std::string_view, 2> parts{note, file};
  POSTERN_TRY(const std::string body, make_multipart_body(parts, boundary));
  return make_entity(header, body);
}

Result<DmarcReportUri> parse_dmarc_report_uri(std::string_view uri) {
  if (uri.size() > kLongestUri) return fail(ErrorCode::TooLarge, "is longer than 1024 characters", "uri");
  if (!istarts_with(uri, "mailto:")) return fail(ErrorCode::Unsupported, "is no mailto: address", "uri");
  uri.remove_prefix(std::string_view("mailto:").size());
  DmarcReportUri out;
  if (const auto mark = uri.find('!'); mark != std::string_view::npos) {
    POSTERN_TRY(out.most_bytes, size_of(uri.substr(mark + 1)));
    uri = uri.substr(0, mark);
  }
  const auto text = percent_decoded(uri.substr(0, uri.find('?')));
  const auto mailbox = text ? Mailbox::parse(*text) : Result<Mailbox>(fail(ErrorCode::BadInput, ""));
  if (!mailbox || mailbox->has_address_literal()) return fail(ErrorCode::BadInput, "is no mailto: address of one mailbox", "uri");
  const auto host = dns::normalize_name(mailbox->domain);
  if (!host) return fail(ErrorCode::BadInput, "has no domain name in it", "uri");
  out.mailbox = mailbox->text();
  out.host = *host;
  return out;
}

}  // namespace postern
