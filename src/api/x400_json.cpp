#include "api/x400_json.hpp"

#include <boost/json.hpp>

#include "api/api.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using cabinet::Item;

// ---- out
std::string time_text(std::int64_t millis) { return rfc3339(wall_from_millis(millis)); }
json::value or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::object json_of(const cabinet::Recipient& each) {
  return {{"address", each.address},
          {"kind", cabinet::name_of(each.kind)},
          {"report", cabinet::name_of(each.report)},
          {"receipt", each.receipt},
          {"non_receipt", each.non_receipt},
          {"return_message", each.return_message},
          {"reply_requested", each.reply_requested},
          {"precedence", each.precedence ? json::value(*each.precedence) : json::value(nullptr)},
          {"alternate", each.alternate},
          {"outcome", ipm::name_of(each.stage)},
          {"words", each.words},
          {"delivered_at", time_of(each.delivered_at)},
          {"read_at", time_of(each.read_at)},
          {"actual", each.actual}};
}

json::object json_of(const cabinet::Copy& copy, const Item& item) {
  json::array recipients;
  for (const std::uint32_t n : copy.recipients) recipients.emplace_back(item.recipients.at(n).address);
  return {{"state", cabinet::name_of(copy.state)},
          {"mts_identifier", or_null(copy.mts_identifier)},
          {"size", copy.size},
          {"sha256", copy.sha256},
          {"recipients", std::move(recipients)}};
}

void add_details(json::object& out, const Item& item) {
  json::array recipients, copies, history;
  for (const auto& each : item.recipients) recipients.push_back(json_of(each));
  for (const auto& each : item.copies) copies.push_back(json_of(each, item));
  for (const auto& each : item.history)
    history.push_back(json::object{{"time", time_text(each.time)}, {"what", each.what}, {"who", each.who}, {"text", each.text}});
  out["recipients"] = std::move(recipients);
  out["copies"] = std::move(copies);
  out["history"] = std::move(history);
}

void add_envelope(json::object& out, const Item& item) {
  json::array to;
  for (const std::string& each : item.to) to.emplace_back(each);
  out["from"] = item.from;
  out["to"] = std::move(to);
  out["subject"] = item.subject;
  out["size"] = item.copies.empty() ? 0 : item.copies.front().size;
  out["sha256"] = item.copies.empty() ? json::value(nullptr) : json::value(item.copies.front().sha256);
  out["content_type"] = item.content_type;
  out["priority"] = cabinet::name_of(item.priority);
  out["importance"] = cabinet::name_of(item.importance);
  out["strategy"] = item.strategy ? json::value(static_cast<int>(*item.strategy)) : json::value(nullptr);
  out["sensitivity"] = item.sensitivity ? cabinet::name_of(*item.sensitivity) : "none";
  out["expires"] = time_of(item.expires);
  out["reply_by"] = time_of(item.reply_by);
  out["content_identifier"] = or_null(item.content_identifier);
  out["flags"] = flags_of(item.flags);
  out["deferred_until"] = time_of(item.deferred_until);
  out["latest_delivery"] = time_of(item.latest_delivery);
  out["mts_identifier"] = or_null(item.mts_identifier);
  out["ipm_identifier"] = or_null(item.ipm_identifier);
  out["sequence"] = item.origin ? json::value(item.origin->sequence) : json::value(nullptr);
}

}  // namespace

json::value time_of(const std::optional<std::int64_t>& seconds) {
  return seconds ? json::value(time_text(*seconds * 1000)) : json::value(nullptr);
}

json::array flags_of(std::uint32_t flags) {
  json::array out;
  for (const cabinet::FlagName& each : cabinet::flag_names())
    if ((flags & each.bit) != 0) out.emplace_back(each.name);
  return out;
}

json::object json_of(const Item& item, Detail detail) {
  json::object out{{"id", item.id.get()},
                   {"folder", item.folder},
                   {"kind", cabinet::name_of(item.kind)},
                   {"state", cabinet::name_of(item.state)},
                   {"opened", !item.unopened},
                   {"created", time_text(item.created)},
                   {"changed", time_text(item.changed)},
                   {"version", item.version}};
  add_envelope(out, item);
  const auto outcome = cabinet::outcome_of(item);
  out["reason"] = item.reason;
  out["subject_message"] = or_null(item.subject_message);
  out["outcome"] = outcome ? json::value(ipm::name_of(*outcome)) : json::value(nullptr);
  out["receipt_requested"] = item.receipt_requested;
  json::object attributes;
  for (const auto& [name, value] : item.attributes) attributes[name] = value;
  out["attributes"] = std::move(attributes);
  if (detail == Detail::Whole) add_details(out, item);
  return out;
}

json::object json_of(const cabinet::Step& step) {
  return {{"time", time_text(step.time)}, {"step", step.name}, {"ok", step.ok}, {"ms", step.millis}, {"text", step.text}};
}

json::object json_of(const cabinet::FolderState& folder) {
  return {{"name", folder.name}, {"own", folder.own}, {"messages", folder.messages}, {"unopened", folder.unopened}};
}

json::object json_of(const cabinet::AccessReport& report) {
  return {{"messages", report.messages}, {"reports", report.reports}, {"notifications", report.notifications},
          {"known", report.known},       {"damaged", report.damaged}, {"done", report.done},
          {"text", report.text}};
}

using Field = const json::value*;

Result<std::string> text_in(const json::object& object, const char* field) {
  const Field found = object.if_contains(field);
  if (found == nullptr || found->is_null()) return std::string();
  if (!found->is_string()) return fail(ErrorCode::BadInput, "must be a text", field);
  return std::string(found->as_string());
}

Result<std::optional<std::int64_t>> time_in(const json::object& object, const char* field) {
  POSTERN_TRY(const std::string text, text_in(object, field));
  if (text.empty()) return std::optional<std::int64_t>();
  const auto time = parse_rfc3339(text);
  if (!time) return fail(ErrorCode::BadInput, time.error().what, field);
  return std::optional(unix_seconds(*time));
}

Result<json::object> optional_body(const http::Request& request) {
  return request.body.empty() ? Result<json::object>(json::object()) : object_body(request);
}

Result<cabinet::Wish> submit_body(const http::Request& request) {
  POSTERN_TRY(const json::object body, optional_body(request));
  cabinet::Wish out;
  if (const Field strategy = body.if_contains("strategy"); strategy != nullptr && !strategy->is_null()) {
    const auto* number = strategy->if_int64();
    if (number == nullptr || *number < 0 || *number > static_cast<std::int64_t>(range_of(sdk::Strategy{}).last))
      return fail(ErrorCode::BadInput, "must be a number from 0 to 5", "strategy");
    out.strategy = static_cast<sdk::Strategy>(*number);
  }
  POSTERN_TRY(out.deferred_until, time_in(body, "deferred_until"));
  POSTERN_TRY(out.version, seen_version_if_any(body));
  return out;
}

Result<std::uint64_t> seen_version(const json::object& body) {
  const Field found = body.if_contains("version");
  const auto* number = found == nullptr ? nullptr : found->if_int64();
  if (number != nullptr && *number >= 0) return static_cast<std::uint64_t>(*number);
  return fail(ErrorCode::BadInput, "must be the version of the message that was read, so that nobody's change is undone", "version");
}

Result<std::optional<std::uint64_t>> seen_version_if_any(const json::object& body) {
  if (!body.contains("version")) return std::optional<std::uint64_t>();
  return seen_version(body);
}

Result<MessageId> message_id(std::string_view text, std::string_view field) {
  if (is_ulid(text)) return MessageId(std::string(text));
  return fail(ErrorCode::BadInput, "is not a message id (26 characters, as `postern x400 list` shows)", std::string(field));
}
Result<MessageId> message_id(const http::Request& request) { return message_id(request.param("id"), "id"); }

}  // namespace postern::api
