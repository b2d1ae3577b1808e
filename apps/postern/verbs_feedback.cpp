// postern dmarc report, postern arf parse: what others say of mail in our name, of standard input, as JSON or for people.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "mime/writer.hpp"
#include "pack/gzip.hpp"
#include "pack/zip.hpp"
#include "reports/arf.hpp"
#include "reports/dmarc_report.hpp"
#include "reports/dmarc_report_json.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kShown = 255;

/// A mail begins with the name of a field; a report with one of these.
bool is_report(std::string_view text) {
  if (is_gzip(as_bytes(text)) || is_zip(as_bytes(text))) return true;
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return true;  // UTF-16
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return trim(text.substr(0, 4096)).starts_with('<');
}

Result<DmarcReport> read_report(const std::string& text) {
  if (is_report(text)) return read_dmarc_report(as_bytes(text));
  return read_dmarc_report_mail(text.find("\r\n") == std::string::npos ? normalize_crlf(text) : text);
}

std::string shown(const std::string& text) { return printable(text, kShown); }

void show_row(std::ostream& out, const DmarcReportRow& row) {
  out << "    " << row.count << " x " << row.source_ip.text() << ": " << name_of(row.disposition) << ", dkim "
      << (row.dkim_pass ? "pass" : "fail") << ", spf " << (row.spf_pass ? "pass" : "fail") << ", from " << shown(row.header_from);
  for (const auto& reason : row.reasons)
    out << " (" << shown(reason.type) << (reason.comment.empty() ? "" : ": " + shown(reason.comment)) << ")";
  for (const auto& dkim : row.dkim)
    out << "; dkim of " << shown(dkim.domain) << (dkim.selector.empty() ? "" : " by " + shown(dkim.selector)) << " " << shown(dkim.result);
  for (const auto& spf : row.spf) out << "; spf of " << shown(spf.domain) << " " << shown(spf.result);
  out << '\n';
}

void show_report(std::ostream& out, const DmarcReport& report) {
  std::uint64_t all = 0, passed = 0;
  for (const auto& row : report.rows) {
    all += row.count;
    if (row.dkim_pass || row.spf_pass) passed += row.count;
  }
  out << shown(report.org_name) << ", report " << shown(report.report_id) << ", " << rfc3339(report.begin) << " to " << rfc3339(report.end)
      << '\n'
      << shown(report.policy.domain) << " (p=" << name_of(report.policy.p) << "): " << all << " messages, " << passed << " passed DMARC\n";
  for (const auto& error : report.errors) out << "    the reporter says: " << shown(error) << '\n';
  for (const auto& row : report.rows) show_row(out, row);
}

void run_dmarc_report(bool xml, Context& context) {
  const auto text = read_input("-", context.in);
  if (!text) return report_input_error(context, "dmarc report", text.error());
  const auto report = read_report(*text);
  if (!report) return report_input_error(context, "dmarc report", report.error());
  if (xml) {
    context.out << write_dmarc_report(*report);
  } else if (context.json) {
    context.out << dmarc_report_json(*report) << '\n';
  } else {
    show_report(context.out, *report);
  }
}

std::string clean(const std::string& text) { return is_utf8(text) ? text : printable(text, text.size()); }

void put(json::object& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = clean(text);
}
void put(json::object& out, const char* name, const std::vector<std::string>& texts) {
  json::array list;
  for (const auto& text : texts) list.emplace_back(clean(text));
  if (!list.empty()) out[name] = std::move(list);
}
void put(json::object& out, const char* name, const std::optional<std::uint32_t>& number) {
  if (number) out[name] = *number;
}

json::object feedback_json(const FeedbackReport& report) {
  json::object out;
  put(out, "feedback_type", report.feedback_type);
  put(out, "user_agent", report.user_agent);
  put(out, "version", report.version);
  put(out, "arrival_date", report.arrival_date);
  put(out, "source_ip", report.source_ip);
  put(out, "source_port", report.source_port);
  put(out, "incidents", report.incidents);
  put(out, "reporting_mta", report.reporting_mta);
  put(out, "original_envelope_id", report.original_envelope_id);
  put(out, "original_mail_from", report.original_mail_from);
  put(out, "original_rcpt_to", report.original_rcpt_to);
  put(out, "reported_domain", report.reported_domain);
  put(out, "reported_uri", report.reported_uri);
  put(out, "authentication_results", report.authentication_results);
  put(out, "auth_failure", report.auth_failure);
  put(out, "delivery_result", report.delivery_result);
  put(out, "identity_alignment", report.identity_alignment);
  put(out, "dkim_domain", report.dkim_domain);
  put(out, "dkim_identity", report.dkim_identity);
  put(out, "dkim_selector", report.dkim_selector);
  put(out, "dkim_selector_dns", report.dkim_selector_dns);
  put(out, "dkim_adsp_dns", report.dkim_adsp_dns);
  put(out, "dkim_canonicalized_header", report.dkim_canonicalized_header);
  put(out, "dkim_canonicalized_body", report.dkim_canonicalized_body);
  put(out, "spf_dns", report.spf_dns);
  json::array other;
  for (const auto& [name, value] : report.other) other.push_back(json::object{{"name", clean(name)}, {"value", clean(value)}});
  if (!other.empty()) out["other"] = std::move(other);
  put(out, "original_header", report.original_header);
  return out;
}

void show_feedback(std::ostream& out, const FeedbackReport& report) {
  out << shown(report.feedback_type) << (report.auth_failure.empty() ? "" : " (" + shown(report.auth_failure) + ")") << " reported by "
      << (report.user_agent.empty() ? "an unnamed program" : shown(report.user_agent)) << '\n';
  const auto line = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out << "    " << name << ": " << shown(value) << '\n';
  };
  line("source", report.source_ip);
  line("arrived", report.arrival_date);
  line("from", report.original_mail_from);
  for (const auto& domain : report.reported_domain) line("domain", domain);
  for (const auto& recipient : report.original_rcpt_to) line("to", recipient);
  line("delivery", report.delivery_result);
  line("signature of", report.dkim_domain);
  for (const auto& result : report.authentication_results) line("checks", result);
}

void run_feedback(Context& context) {
  const auto message = read_message_input("-", context.in);
  if (!message) return report_input_error(context, "arf parse", message.error());
  const auto report = parse_feedback_report(*message);
  if (!report) return report_input_error(context, "arf parse", report.error());
  if (context.json) {
    context.out << feedback_json(*report) << '\n';
  } else {
    show_feedback(context.out, *report);
  }
}

}  // namespace

void add_dmarc_report_verb(CLI::App& dmarc, Context& context);
void add_feedback_verbs(CLI::App& app, Context& context);

void add_dmarc_report_verb(CLI::App& dmarc, Context& context) {
  CLI::App* verb = dmarc.add_subcommand(
      "report", "An aggregate report (RFC 9990, RFC 7489) of standard input: XML, gzip or zip of it, or the mail that carries it");
  const auto xml = std::make_shared<bool>(false);
  CLI::Option* as_xml = verb->add_flag("--xml", *xml, "The report as XML of RFC 9990, also one of RFC 7489");
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "One JSON object with the names of the XML")->excludes(as_xml);
  verb->footer("Example: postern dmarc report --json < 'receiver.example!example.org!1795564800!1795651199.xml.gz'");
  verb->callback([xml, &context] { run_dmarc_report(*xml, context); });
}

void add_feedback_verbs(CLI::App& app, Context& context) {
  CLI::App* arf = app.add_subcommand("arf", "Feedback and failure reports (RFC 5965, 6591, 9991): parse");
  arf->require_subcommand(1);
  CLI::App* verb = arf->add_subcommand("parse", "A report of standard input");
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer("Example: postern arf parse --json < complaint.eml");
  verb->callback([&context] { run_feedback(context); });
}

}  // namespace postern::cli
