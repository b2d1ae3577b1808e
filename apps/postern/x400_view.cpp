#include "x400_view.hpp"

#include <boost/json.hpp>
#include <fstream>
#include <ostream>

#include "base/text.hpp"
#include "mhs/acceptance.hpp"
#include "mts/reasons.hpp"

namespace postern::cli {

namespace json = boost::json;

Status write_file(const std::filesystem::path& path, ByteView octets) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  if (!out.flush()) return fail(ErrorCode::Unavailable, "cannot be written", path.string());
  return {};
}

void show_view(std::ostream& out, const ipm::MessageView& view) {
  for (const ipm::FieldLine& each : view.fields) out << each.name << ": " << printable(each.text) << '\n';
  for (const ipm::PartView& each : view.parts) {
    out << "\n[" << each.number << "] " << ipm::name_of(each.kind);
    if (!each.file_name.empty()) out << ' ' << each.file_name;
    if (!each.content.empty()) out << ", " << each.content.size() << " octets";
    if (!each.remark.empty()) out << ": " << each.remark;
    out << '\n' << each.text << '\n';
    if (each.message) show_view(out, *each.message);
  }
}

Status save_files(const ipm::MessageView& view, const std::filesystem::path& folder) {
  for (const ipm::PartView& each : view.parts) {
    if (!each.content.empty()) POSTERN_CHECK(write_file(folder / each.file_name, each.content));
    if (each.message) POSTERN_CHECK(save_files(*each.message, folder));
  }
  return {};
}

// ---- reports
namespace {

/// What became of one recipient (X.411 8.3.1.2.1).
struct ReportedRecipient {
  std::string address, text;
  bool delivered = false;
};

std::string outcome(const mts::DeliveryReport& delivery) {
  return "delivered on " + ipm::text_of(delivery.message_delivery_time) + " to a user (" +
         std::string(mts::text_of(delivery.type_of_mts_user)) + ")";
}
std::string outcome(const mts::NonDeliveryReport& report) { return "not delivered: " + mts::words_of(report); }

ReportedRecipient reported(const mts::PerRecipientReportDeliveryFields& recipient) {
  const auto& type = recipient.report_type.value;
  ReportedRecipient out{ipm::text_of(recipient.actual_recipient_name), {}, std::holds_alternative<mts::DeliveryReport>(type)};
  out.text = std::visit([](const auto& each) { return outcome(each); }, type);
  if (recipient.supplementary_information) out.text += " (" + printable(recipient.supplementary_information->octets) + ")";
  if (recipient.originally_intended_recipient_name)
    out.text += ", in place of " + ipm::text_of(*recipient.originally_intended_recipient_name);
  return out;
}

}  // namespace

void add_report(json::object& out, const mts::ReportDeliveryEnvelope& report) {
  json::object about{{"id", mhs::text_of(report.subject_submission_identifier)}};
  if (report.content_identifier) about["content_identifier"] = printable(report.content_identifier->octets);
  out["reported"] = std::move(about);
  json::array recipients;
  for (const auto& field : report.per_recipient_fields) {
    const ReportedRecipient each = reported(field);
    recipients.push_back(json::object{{"recipient", each.address}, {"delivered", each.delivered}, {"text", each.text}});
  }
  out["report"] = std::move(recipients);
}

void show_report(std::ostream& out, const mts::ReportDeliveryEnvelope& report) {
  out << "Report on message " << printable(mhs::text_of(report.subject_submission_identifier));
  if (report.content_identifier) out << " (" << printable(report.content_identifier->octets) << ')';
  out << '\n';
  for (const auto& field : report.per_recipient_fields) {
    const ReportedRecipient each = reported(field);
    out << each.address << ": " << each.text << '\n';
  }
}

}  // namespace postern::cli
