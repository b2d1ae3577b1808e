#include "reports/received.hpp"

#include <boost/json.hpp>

#include "mime/tree.hpp"
#include "reports/dmarc_report.hpp"
#include "reports/dmarc_report_json.hpp"
#include "reports/tls_report.hpp"

namespace postern {
namespace {

/// RFC 8460 5.3, 6.4, 6.5. Not below a forwarded message: that report is about whoever was written to first.
const MimePart* find_tls_report(const MimePart& part) {
  if (part.type == "application/tlsrpt+gzip" || part.type == "application/tlsrpt+json") return &part;
  if (part.type.starts_with("message/")) return nullptr;
  for (const MimePart& child : part.children) {
    if (const MimePart* found = find_tls_report(child)) return found;
  }
  return nullptr;
}

std::string bounded(std::string body) { return body.size() <= kReceivedBody ? std::move(body) : R"({"too_large":true})"; }

DmarcReportLimits dmarc_limits() {
  DmarcReportLimits out;
  out.unpacked_bytes = kReceivedUnpacked;
  out.rows = kReceivedRows;
  return out;
}

Result<ReceivedReport> tls_report_in(const MimePart& part) {
  POSTERN_TRY(const TlsReport report, parse_tls_report(part.content));
  ReceivedReport out{"tls", report.organization, report.id, {}, report.begin, report.end, 0, 0, bounded(write_tls_report(report))};
  for (const auto& policy : report.policies) {
    if (out.domain.empty()) out.domain = policy.domain;
    out.good += policy.successful_sessions;
    out.bad += policy.failed_sessions;
  }
  return out;
}

}  // namespace

Result<ReceivedReport> read_report_mail(std::string_view message, const Limits& limits) {
  POSTERN_TRY(const MimePart tree, parse_mime_tree(message, limits));
  if (const MimePart* part = find_tls_report(tree)) return tls_report_in(*part);
  POSTERN_TRY(const DmarcReport report, read_dmarc_report_mail(message, dmarc_limits(), limits));
  ReceivedReport out{"dmarc", report.org_name, report.report_id, report.policy.domain, report.begin, report.end, 0, 0, {}};
  for (const auto& row : report.rows) (row.dkim_pass || row.spf_pass ? out.good : out.bad) += row.count;
  out.body = bounded(boost::json::serialize(dmarc_report_json(report)));
  return out;
}

}  // namespace postern
