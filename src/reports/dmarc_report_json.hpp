// DMARC aggregate reports as JSON, with the names of the XML: for people's tools, and for what is kept over a restart.
#pragma once

#include <boost/json/object.hpp>

#include "reports/dmarc_report.hpp"

namespace postern {

/// {"report_metadata", "policy_published", "record": [...]}. Empty fields are left out; times are seconds since 1970 as in the XML.
[[nodiscard]] boost::json::object dmarc_report_json(const DmarcReport& report);
[[nodiscard]] boost::json::object dmarc_published_json(const DmarcPublished& policy);
[[nodiscard]] boost::json::object dmarc_row_json(const DmarcReportRow& row);

/// What the two above wrote. BadInput names the field; `place` stands in front of it.
[[nodiscard]] Result<DmarcPublished> dmarc_published_of(const boost::json::object& json, const std::string& place);
[[nodiscard]] Result<DmarcReportRow> dmarc_row_of(const boost::json::object& json, const std::string& place);

}  // namespace postern
