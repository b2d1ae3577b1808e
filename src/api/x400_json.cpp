#include "api/x400_json.hpp"

#include <boost/json.hpp>

#include "api/api.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using cabinet::Item;

// ---- out
std::string time_text(std::int64_t millis) { return rfc3339(wall_from_millis(millis)); }
json::value time_of(const std::optional<std::int64_t>& seconds) {
  return seconds ? json::value(time_text(*seconds * 1000)) : json::value(nullptr);
}
json::value or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::object json_of(const cabinet::Recipient& each) {
  return {{"address", each.address},
          {"kind", cabinet::name_of(each.kind)},
          {"report", cabinet::name_of(each.report)},
          {"receipt", each.receipt},
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
  out["deferred_until"] = time_of(item.deferred_until);
  out["mts_identifier"] = or_null(item.mts_identifier);
  out["ipm_identifier"] = or_null(item.ipm_identifier);
  out["sequence"] = item.origin ? json::value(item.origin->sequence) : json::value(nullptr);
}

// ---- in
using Field = const json::value*;

Result<std::string> text_in(const json::object& object, const char* field) {
  const Field found = object.if_contains(field);
  if (found == nullptr || found->is_null()) return std::string();
  if (!found->is_string()) return fail(ErrorCode::BadInput, "must be a text", field);
  return std::string(found->as_string());
}

Result<std::vector<std::string>> texts_in(const json::object& object, const char* field) {
  std::vector<std::string> out;
  const Field found = object.if_contains(field);
  if (found == nullptr || found->is_null()) return out;
  const auto* list = found->if_array();
  if (list == nullptr) return fail(ErrorCode::BadInput, "must be a list of texts", field);
  for (const json::value& each : *list) {
    if (!each.is_string()) return fail(ErrorCode::BadInput, "must be a list of texts", field);
    out.emplace_back(each.as_string());
  }
  return out;
}

Result<std::optional<std::int64_t>> time_in(const json::object& object, const char* field) {
  POSTERN_TRY(const std::string text, text_in(object, field));
  if (text.empty()) return std::optional<std::int64_t>();
  const auto time = parse_rfc3339(text);
  if (!time) return fail(ErrorCode::BadInput, time.error().what, field);
  return std::optional(unix_seconds(*time));
}

Result<Bytes> octets_in(const json::object& object, const char* field) {
  POSTERN_TRY(const std::string text, text_in(object, "base64"));
  auto octets = base64_decode(text);
  if (!octets) return fail(ErrorCode::BadInput, "must be base64: " + octets.error().what, std::string(field) + ".base64");
  return octets;
}

/// One of the names that the values from the first on have; the first one's where nothing is said.
template <class E>
Result<E> choice_in(const json::object& object, const char* field, std::initializer_list<std::pair<std::string_view, E>> names, E usual) {
  POSTERN_TRY(const std::string text, text_in(object, field));
  if (text.empty()) return usual;
  std::string all;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::BadInput, "must be one of " + all, field);
}

Status read_choices(const json::object& body, cabinet::Request& out) {
  using cabinet::ReceiptRequest;
  using ipm::ImportanceField;
  using sdk::Priority;
  using sdk::ReportRequest;
  POSTERN_TRY(out.importance,
              choice_in<ImportanceField>(
                  body, "importance", {{"low", ImportanceField::Low}, {"normal", ImportanceField::Normal}, {"high", ImportanceField::High}},
                  ImportanceField::Normal));
  POSTERN_TRY(out.priority,
              choice_in<Priority>(body, "priority",
                                  {{"normal", Priority::Normal}, {"non_urgent", Priority::NonUrgent}, {"urgent", Priority::Urgent}},
                                  Priority::Normal));
  POSTERN_TRY(out.report, choice_in<ReportRequest>(
                              body, "report",
                              {{"none", ReportRequest::None}, {"non_delivery", ReportRequest::NonDelivery}, {"all", ReportRequest::All}},
                              ReportRequest::NonDelivery));
  POSTERN_TRY(out.receipt,
              choice_in<ReceiptRequest>(
                  body, "receipt",
                  {{"none", ReceiptRequest::None}, {"non_receipt", ReceiptRequest::NonReceipt}, {"receipt", ReceiptRequest::Receipt}},
                  ReceiptRequest::None));
  return {};
}

Status read_attachments(const json::object& body, cabinet::Request& out) {
  const Field found = body.if_contains("attachments");
  if (found == nullptr || found->is_null()) return {};
  if (!found->is_array()) return fail(ErrorCode::BadInput, "must be a list of {\"name\", \"base64\"}", "attachments");
  for (const json::value& each : found->as_array()) {
    if (!each.is_object()) return fail(ErrorCode::BadInput, "must be a list of {\"name\", \"base64\"}", "attachments");
    cabinet::Attachment& one = out.attachments.emplace_back();
    POSTERN_TRY(one.name, text_in(each.as_object(), "name"));
    POSTERN_TRY(one.octets, octets_in(each.as_object(), "attachments"));
  }
  return {};
}

Status read_content(const json::object& body, cabinet::Request& out) {
  const Field found = body.if_contains("content");
  if (found == nullptr || found->is_null()) return {};
  if (!found->is_object()) return fail(ErrorCode::BadInput, "must be {\"base64\", \"type\"}", "content");
  if (!out.subject.empty() || !out.text.empty() || !out.attachments.empty())
    return fail(ErrorCode::BadInput, "stands in place of subject, text and attachments", "content");
  cabinet::GivenContent given;
  POSTERN_TRY(given.octets, octets_in(found->as_object(), "content"));
  POSTERN_TRY(std::string type, text_in(found->as_object(), "type"));
  if (!type.empty()) given.type = std::move(type);
  out.content = std::move(given);
  return {};
}

}  // namespace

json::object json_of(const Item& item, Detail detail) {
  json::object out{{"id", item.id.get()},
                   {"folder", item.folder},
                   {"kind", cabinet::name_of(item.kind)},
                   {"state", cabinet::name_of(item.state)},
                   {"opened", !item.unopened},
                   {"created", time_text(item.created)},
                   {"changed", time_text(item.changed)}};
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

Result<CreateBody> create_body(const http::Request& request) {
  POSTERN_TRY(const json::object body, object_body(request));
  CreateBody out;
  cabinet::Request& wish = out.request;
  POSTERN_TRY(wish.to, texts_in(body, "to"));
  POSTERN_TRY(wish.cc, texts_in(body, "cc"));
  POSTERN_TRY(wish.bcc, texts_in(body, "bcc"));
  POSTERN_TRY(wish.subject, text_in(body, "subject"));
  POSTERN_TRY(wish.text, text_in(body, "text"));
  POSTERN_CHECK(read_choices(body, wish));
  POSTERN_TRY(wish.deferred_until, time_in(body, "deferred_until"));
  POSTERN_TRY(wish.latest_delivery, time_in(body, "latest_delivery"));
  POSTERN_CHECK(read_attachments(body, wish));
  POSTERN_CHECK(read_content(body, wish));
  POSTERN_TRY(const std::string reply_to, text_in(body, "reply_to"));
  if (!reply_to.empty()) {
    POSTERN_TRY(out.reply_to, message_id(reply_to, "reply_to"));
  }
  return out;
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
  return out;
}

Result<MessageId> message_id(std::string_view text, std::string_view field) {
  if (is_ulid(text)) return MessageId(std::string(text));
  return fail(ErrorCode::BadInput, "is not a message id (26 characters, as `postern x400 list` shows)", std::string(field));
}
Result<MessageId> message_id(const http::Request& request) { return message_id(request.param("id"), "id"); }

}  // namespace postern::api
