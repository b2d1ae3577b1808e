#include "reports/report_mail.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "mime/writer.hpp"
#include "pack/gzip.hpp"

namespace postern {
namespace {

Status printable_only(const std::string& text, const char* field) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  return plain ? Status() : fail(ErrorCode::BadInput, "holds what a header field cannot carry", field);
}

std::string for_people(const TlsReport& report, const std::string& domain, const std::string& submitter) {
  std::uint64_t good = 0, bad = 0;
  for (const auto& policy : report.policies) {
    good += policy.successful_sessions;
    bad += policy.failed_sessions;
  }
  return "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is an aggregate TLS report (RFC 8460) of " + submitter +
         " about the SMTP sessions\r\nto the mail hosts of " + domain + " from " + rfc3339(report.begin) + "\r\nto " + rfc3339(report.end) +
         ": " + std::to_string(good) + " were as the policy wants, " + std::to_string(bad) + " were not.\r\n";
}

std::string attachment(const TlsReport& report, const std::string& name) {
  return "Content-Type: application/tlsrpt+gzip; name=\"" + name + "\"\r\nContent-Transfer-Encoding: base64\r\n" +
         "Content-Disposition: attachment; filename=\"" + name + "\"\r\n\r\n" + encode_base64_body(as_text(gzip(write_tls_report(report))));
}

}  // namespace

std::string tls_report_file_name(const TlsReport& report, const std::string& domain, const std::string& submitter) {
  const auto seconds = [](WallTime time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  };
  return submitter + "!" + domain + "!" + seconds(report.begin) + "!" + seconds(report.end) + "!" + report.id + ".json.gz";
}

bool is_tls_report_of(const MessageView& header, std::string_view submitter) {
  const HeaderField* by = header.find("TLS-Report-Submitter");  // RFC 8460 5.3: each report has both fields
  return by != nullptr && iequals(trim(by->unfolded()), submitter) && header.find("TLS-Report-Domain") != nullptr;
}

Result<std::string> tls_report_mail(const TlsReport& report, const std::string& domain, const ReportMail& mail) {
  const std::array checked{std::pair(&mail.from, "from"), std::pair(&mail.to, "to"),   std::pair(&mail.submitter, "submitter"),
                           std::pair(&domain, "domain"),  std::pair(&report.id, "id"), std::pair(&mail.message_id, "message_id")};
  for (const auto& [text, field] : checked) POSTERN_CHECK(printable_only(*text, field));
  const std::string words = for_people(report, domain, mail.submitter);
  const std::string packed = attachment(report, tls_report_file_name(report, domain, mail.submitter));
  const std::array<std::string_view, 2> parts{words, packed};
  POSTERN_TRY(const std::string body, make_multipart_body(parts, mail.boundary));
  // RFC 8460 5.3, and RFC 8689 3 as 8460 3 asks: a report about broken TLS must not be lost to it.
  return "From: <" + mail.from + ">\r\nTo: <" + mail.to + ">\r\nDate: " + rfc5322_date(mail.date) + "\r\nMessage-ID: <" + mail.message_id +
         ">\r\nSubject: Report Domain: " + domain + "\r\n Submitter: " + mail.submitter + "\r\n Report-ID: <" + report.id +
         ">\r\nTLS-Report-Domain: " + domain + "\r\nTLS-Report-Submitter: " + mail.submitter +
         "\r\nTLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
         "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"" +
         mail.boundary + "\"\r\n\r\n" + body;
}

}  // namespace postern
