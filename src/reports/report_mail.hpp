// The mail that carries a report to whoever asked for it: multipart/report with words for people and the report packed.
#pragma once

#include <string>
#include <string_view>

#include "mime/message.hpp"
#include "reports/tls_report.hpp"

namespace postern {

struct ReportMail {
  std::string from, to;   ///< Addresses.
  std::string submitter;  ///< The domain that reports.
  std::string boundary;   ///< That occurs in neither part.
  std::string message_id;
  WallTime date{};
};

/// RFC 8460 5.1: "submitter!domain!begin!end!id.json.gz"
[[nodiscard]] std::string tls_report_file_name(const TlsReport& report, const std::string& domain, const std::string& submitter);
/// RFC 8460 5.3, whole, with CRLF. `domain` is the one it is about. BadInput for an address or name that no header can carry.
[[nodiscard]] Result<std::string> tls_report_mail(const TlsReport& report, const std::string& domain, const ReportMail& mail);
/// Whether a header is that of a TLS report of `submitter`: what tls_report_mail() writes, which sealing leaves outside.
[[nodiscard]] bool is_tls_report_of(const MessageView& header, std::string_view submitter);

}  // namespace postern
