// What is kept over a restart.
#include <boost/json.hpp>

#include "reports/dmarc_aggregate.hpp"
#include "reports/dmarc_report_json.hpp"

namespace postern {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostUris = 16;
constexpr unsigned kDeepest = 16;
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kLargestDue = 1UL << 30;

Error bad(std::string place, std::string_view what) { return {ErrorCode::BadInput, std::string(what), std::move(place)}; }

Result<std::int64_t> count_in(const json::object& object, std::string_view name, const std::string& place) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return fail(bad(place + "." + std::string(name), "is no count"));
  return value->get_int64();
}

Result<const json::array*> list_in(const json::object& object, std::string_view name, const std::string& place) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return fail(bad(place + "." + std::string(name), "is no list"));
  return &value->get_array();
}

Result<std::vector<std::string>> uris_in(const json::object& object, const std::string& place) {
  POSTERN_TRY(const json::array* list, list_in(object, "report_to", place));
  std::vector<std::string> out;
  for (const json::value& uri : *list) {
    if (!uri.is_string()) return fail(bad(place + ".report_to", "has something that is no text"));
    if (out.size() < kMostUris) out.emplace_back(uri.get_string().data(), uri.get_string().size());
  }
  return out;
}

/// One report in the making, as it stands in the file.
struct Stored {
  std::int64_t begin = 0;
  std::uint64_t overflow = 0;
  DmarcPublished policy;
  std::vector<std::string> report_to;
  std::vector<DmarcReportRow> rows;
};

Result<std::vector<DmarcReportRow>> rows_in(const json::object& object, const std::string& place) {
  POSTERN_TRY(const json::array* list, list_in(object, "rows", place));
  std::vector<DmarcReportRow> out;
  for (const json::value& row : *list) {
    const std::string row_place = place + ".rows[" + std::to_string(out.size()) + "]";
    if (!row.is_object()) return fail(bad(row_place, "is no object"));
    POSTERN_TRY(out.emplace_back(), dmarc_row_of(row.get_object(), row_place));
  }
  return out;
}

Result<Stored> stored_of(const json::value& value, const std::string& place) {
  if (!value.is_object()) return fail(bad(place, "is no object"));
  const json::object& object = value.get_object();
  Stored out;
  POSTERN_TRY(out.begin, count_in(object, "begin", place));
  POSTERN_TRY(const std::int64_t overflow, count_in(object, "overflow", place));
  out.overflow = static_cast<std::uint64_t>(overflow);
  const json::value* policy = object.if_contains("policy");
  if (policy == nullptr || !policy->is_object()) return fail(bad(place + ".policy", "is no object"));
  POSTERN_TRY(out.policy, dmarc_published_of(policy->get_object(), place + ".policy"));
  POSTERN_TRY(out.report_to, uris_in(object, place));
  POSTERN_TRY(out.rows, rows_in(object, place));
  return out;
}

json::array uris_json(const std::vector<std::string>& uris) {
  json::array out;
  for (const auto& uri : uris) out.emplace_back(uri);
  return out;
}

}  // namespace

std::string save_due(const DmarcDueReport& due) {
  return json::serialize(
      json::object{{"format", kFormat}, {"report_to", uris_json(due.report_to)}, {"xml", write_dmarc_report(due.report)}});
}

Result<DmarcDueReport> load_due(std::string_view text) {
  boost::system::error_code wrong;
  const json::value root = json::parse(text, wrong);
  if (wrong || !root.is_object()) return fail(bad("due", "is no JSON object: it was damaged"));
  const json::object& object = root.get_object();
  POSTERN_TRY(const std::int64_t format, count_in(object, "format", "due"));
  if (format != kFormat) return fail(ErrorCode::Unsupported, "is of another version", "due.format");
  DmarcDueReport out;
  POSTERN_TRY(out.report_to, uris_in(object, "due"));
  const json::value* xml = object.if_contains("xml");
  if (xml == nullptr || !xml->is_string()) return fail(bad("due.xml", "is no text"));
  DmarcReportLimits ours;  // we wrote it, from no more rows than we count
  ours.unpacked_bytes = kLargestDue;
  POSTERN_TRY(out.report, read_dmarc_report(as_bytes(std::string_view(xml->get_string())), ours));
  return out;
}

std::string DmarcAggregate::save() const {
  json::array reports;
  for (const auto& [key, pending] : m_pending) {
    json::array rows;
    for (const auto& [row, messages] : pending.rows) {
      json::object& one = rows.emplace_back(dmarc_row_json(row)).get_object();
      one["row"].get_object()["count"] = messages;
    }
    reports.push_back(json::object{{"begin", key.first},
                                   {"overflow", pending.overflow},
                                   {"policy", dmarc_published_json(pending.policy)},
                                   {"report_to", uris_json(pending.report_to)},
                                   {"rows", std::move(rows)}});
  }
  return json::serialize(json::object{{"format", kFormat}, {"dropped", m_dropped}, {"reports", std::move(reports)}});
}

Result<DmarcAggregate> DmarcAggregate::load(DmarcAggregateOptions options, std::string_view text) {
  boost::system::error_code wrong;
  json::parse_options parse;
  parse.max_depth = kDeepest;
  const json::value root = json::parse(text, wrong, {}, parse);
  if (wrong || !root.is_object()) return fail(bad("aggregate", "is no JSON object: it was damaged; without it the reports begin anew"));
  const json::object& object = root.get_object();
  POSTERN_TRY(const std::int64_t format, count_in(object, "format", "aggregate"));
  if (format != kFormat) return fail(ErrorCode::Unsupported, "is of another version", "aggregate.format");
  DmarcAggregate out(std::move(options));
  POSTERN_TRY(const std::int64_t dropped, count_in(object, "dropped", "aggregate"));
  out.m_dropped = static_cast<std::uint64_t>(dropped);
  POSTERN_TRY(const json::array* reports, list_in(object, "reports", "aggregate"));
  for (std::size_t i = 0; i < reports->size(); ++i) {
    const std::string place = "reports[" + std::to_string(i) + "]";
    POSTERN_TRY(Stored stored, stored_of((*reports)[i], place));
    // Begun under another interval, it goes on in the one that is in force now.
    Pending* pending = out.pending_of(stored.begin - stored.begin % out.m_options.interval.count(), stored.policy.domain);
    for (DmarcReportRow& row : stored.rows) {
      const std::uint64_t messages = row.count;
      if (pending != nullptr) out.count(*pending, std::move(row), messages);
      if (pending == nullptr) out.m_dropped += messages;
    }
    if (pending == nullptr) continue;
    pending->policy = std::move(stored.policy);
    pending->report_to = std::move(stored.report_to);
    pending->overflow += stored.overflow;
  }
  return out;
}

}  // namespace postern
