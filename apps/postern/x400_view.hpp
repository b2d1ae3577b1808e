// Messages, notifications and reports of the X.400 side as the command shows them: for people, and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <iosfwd>

#include "ipm/view_json.hpp"
#include "mts/envelopes.hpp"

namespace postern::cli {

/// Unavailable: the file cannot be written.
[[nodiscard]] Status write_file(const std::filesystem::path& path, ByteView octets);

void show_view(std::ostream& out, const ipm::MessageView& view);
/// What can be saved, in this folder.
[[nodiscard]] Status save_files(const ipm::MessageView& view, const std::filesystem::path& folder);

/// Which message a report is about, and what became of each recipient: "reported" and "report" of the JSON.
void add_report(boost::json::object& out, const mts::ReportDeliveryEnvelope& report);
void show_report(std::ostream& out, const mts::ReportDeliveryEnvelope& report);

}  // namespace postern::cli
