// postern tlsrpt parse, postern dsn parse: reports of standard input, as JSON.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <ostream>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "reports/delivery_status.hpp"
#include "reports/tls_report.hpp"
#include "smtp/parameters.hpp"

namespace postern::cli {
namespace {

void run_tls_report(Context& context) {
  const auto bytes = read_input("-", context.in);
  if (!bytes) return report_input_error(context, "tlsrpt parse", bytes.error());
  const auto report = parse_tls_report(as_bytes(*bytes));
  if (!report) return report_input_error(context, "tlsrpt parse", report.error());
  if (context.json) {
    context.out << write_tls_report(*report) << '\n';
    return;
  }
  context.out << report->organization << ", report " << report->id << ", " << rfc3339(report->begin) << " to " << rfc3339(report->end)
              << '\n';
  for (const auto& policy : report->policies) {
    context.out << policy.domain << " (" << policy.type << "): " << policy.successful_sessions << " sessions well, "
                << policy.failed_sessions << " failed\n";
    for (const auto& failure : policy.failures)
      context.out << "    " << failure.failed_sessions << " x " << failure.result_type
                  << (failure.receiving_mx_hostname.empty() ? "" : " at " + failure.receiving_mx_hostname)
                  << (failure.additional_information.empty() ? "" : ": " + failure.additional_information) << '\n';
  }
}

/// RFC 6533 3: of type utf-8 both encoded forms; what is neither, such as an address in plain UTF-8, stays as it is written.
std::string address_of(const std::string& type, const std::string& written) {
  return type == "utf-8" ? smtp::utf8_addr_decode(written).value_or(written) : written;
}

boost::json::object recipient_json(const DeliveryStatusRecipient& recipient) {
  boost::json::object out;
  const auto put = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out[name] = is_utf8(value) ? value : printable(value, 1024);
  };
  put("final_recipient", address_of(recipient.final_recipient_type, recipient.final_recipient));
  put("final_recipient_type", recipient.final_recipient_type);
  put("original_recipient", address_of(recipient.original_recipient_type, recipient.original_recipient));
  put("original_recipient_type", recipient.original_recipient_type);
  put("action", recipient.action);
  put("status", recipient.status);
  put("remote_mta", recipient.remote_mta);
  put("diagnostic_code", recipient.diagnostic_code);
  put("last_attempt", recipient.last_attempt);
  put("will_retry_until", recipient.will_retry_until);
  return out;
}

void run_delivery_status(Context& context) {
  const auto message = read_message_input("-", context.in);
  if (!message) return report_input_error(context, "dsn parse", message.error());
  const auto status = parse_delivery_status(*message);
  if (!status) return report_input_error(context, "dsn parse", status.error());
  boost::json::array recipients;
  for (const auto& recipient : status->recipients) recipients.push_back(recipient_json(recipient));
  context.out << boost::json::object{{"reporting_mta", printable(status->reporting_mta, 255)},
                                     {"received_from_mta", printable(status->received_from_mta, 255)},
                                     {"envelope_id", printable(status->envelope_id, 255)},
                                     {"arrival_date", printable(status->arrival_date, 255)},
                                     {"recipients", std::move(recipients)}}
              << '\n';
}

}  // namespace

void add_report_verbs(CLI::App& app, Context& context);

void add_report_verbs(CLI::App& app, Context& context) {
  CLI::App* reports = app.add_subcommand("tlsrpt", "TLS reports (RFC 8460): parse");
  reports->require_subcommand(1);
  CLI::App* parse = reports->add_subcommand("parse", "A report of standard input, JSON or gzip of it");
  accept_clock(*parse);
  parse->add_flag("--json", context.json, "One JSON object in the form of the RFC");
  parse->footer("Example: postern tlsrpt parse --json < report.json.gz");
  parse->callback([&context] { run_tls_report(context); });

  CLI::App* dsn = app.add_subcommand("dsn", "Delivery status notifications (RFC 3464): parse");
  dsn->require_subcommand(1);
  CLI::App* status = dsn->add_subcommand("parse", "A report of standard input, as JSON");
  accept_clock(*status);
  status->add_flag("--json", context.json, "What it does anyway");
  status->footer("Example: postern dsn parse < bounce.eml");
  status->callback([&context] { run_delivery_status(context); });
}

}  // namespace postern::cli
