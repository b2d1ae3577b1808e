#include "api/x400_draft.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "base/text.hpp"

namespace postern::api {
namespace {

namespace json = boost::json;
using cabinet::Cabinet;
using cabinet::Request;
using Field = const json::value*;

// ---- in: values of fields, of which null and what is missing are empty
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

Result<bool> flag_in(const json::object& object, const char* field) {
  const Field found = object.if_contains(field);
  if (found == nullptr || found->is_null()) return false;
  if (!found->is_bool()) return fail(ErrorCode::BadInput, "must be true or false", field);
  return found->as_bool();
}

Result<std::optional<std::uint32_t>> number_in(const json::object& object, const char* field) {
  const Field found = object.if_contains(field);
  if (found == nullptr || found->is_null()) return std::optional<std::uint32_t>();
  const auto* number = found->if_int64();
  if (number == nullptr || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max())
    return fail(ErrorCode::BadInput, "must be a number", field);
  return std::optional(static_cast<std::uint32_t>(*number));
}

Result<Bytes> octets_in(const json::object& object, const char* field) {
  POSTERN_TRY(const std::string text, text_in(object, "base64"));
  auto octets = base64_decode(text);
  if (!octets) return fail(ErrorCode::BadInput, "must be base64: " + octets.error().what, std::string(field) + ".base64");
  return octets;
}

template <class E>
using Names = std::initializer_list<std::pair<std::string_view, E>>;

/// One of the names; `usual` where nothing is said.
template <class E, class U = E>
Result<U> choice_in(const json::object& object, const char* field, Names<E> names, U usual) {
  POSTERN_TRY(const std::string text, text_in(object, field));
  if (text.empty()) return usual;
  std::string all;
  for (const auto& [name, value] : names) {
    if (name == text) return U(value);
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return fail(ErrorCode::BadInput, "must be one of " + all, field);
}

/// What the body has under that name; else nothing happens.
template <class T, class Read>
Status take(const json::object& body, const char* field, T& out, Read read) {
  if (!body.contains(field)) return {};
  POSTERN_TRY(out, read(body, field));
  return {};
}
template <class E, class U>
Status take_choice(const json::object& body, const char* field, U& out, Names<E> names, U usual) {
  return take(body, field, out, [&](const json::object& object, const char* name) { return choice_in<E, U>(object, name, names, usual); });
}

// ---- in: the parts of a draft
Status read_choices(const json::object& body, Request& out) {
  using ipm::ImportanceField;
  using sdk::Priority;
  using sdk::ReportRequest;
  using enum cabinet::ReceiptRequest;
  POSTERN_CHECK(take_choice<ImportanceField>(
      body, "importance", out.importance,
      {{"low", ImportanceField::Low}, {"normal", ImportanceField::Normal}, {"high", ImportanceField::High}}, ImportanceField::Normal));
  POSTERN_CHECK(take_choice<Priority>(body, "priority", out.priority,
                                      {{"normal", Priority::Normal}, {"non_urgent", Priority::NonUrgent}, {"urgent", Priority::Urgent}},
                                      Priority::Normal));
  POSTERN_CHECK(
      take_choice<ReportRequest>(body, "report", out.recipients.report,
                                 {{"none", ReportRequest::None}, {"non_delivery", ReportRequest::NonDelivery}, {"all", ReportRequest::All}},
                                 ReportRequest::NonDelivery));
  return take_choice<cabinet::ReceiptRequest>(body, "receipt", out.recipients.receipt,
                                              {{"none", None}, {"non_receipt", NonReceipt}, {"receipt", Receipt}}, None);
}

Status read_recipient_options(const json::object& body, cabinet::RecipientOptions& out) {
  POSTERN_CHECK(take(body, "return_message", out.return_message, flag_in));
  POSTERN_CHECK(take(body, "reply_requested", out.reply_requested, flag_in));
  POSTERN_CHECK(take(body, "precedence", out.precedence, number_in));
  return take(body, "alternate", out.alternate, text_in);
}

Result<std::uint32_t> flags_in(const json::object& body, const char* field) {
  POSTERN_TRY(const auto names, texts_in(body, field));
  std::uint32_t out = 0;
  std::string all;
  for (const cabinet::FlagName& known : cabinet::flag_names()) all += (all.empty() ? "" : ", ") + std::string(known.name);
  for (const std::string& each : names) {
    const auto known = std::ranges::find(cabinet::flag_names(), each, &cabinet::FlagName::name);
    if (known == cabinet::flag_names().end()) return fail(ErrorCode::BadInput, "must be of " + all, field);
    out |= known->bit;
  }
  return out;
}

/// X.420 7.2.15 has no number for "none".
Status read_heading_choices(const json::object& body, cabinet::HeadingOptions& out) {
  using ipm::AutoSubmitted;
  using Sensitivity = std::optional<ipm::SensitivityField>;
  using enum ipm::SensitivityField;
  POSTERN_CHECK(take_choice<Sensitivity>(
      body, "sensitivity", out.sensitivity,
      {{"none", std::nullopt}, {"personal", Personal}, {"private", Private}, {"company_confidential", CompanyConfidential}},
      Sensitivity()));
  return take_choice<AutoSubmitted>(body, "auto_submitted", out.auto_submitted,
                                    {{"not_auto_submitted", AutoSubmitted::NotAutoSubmitted},
                                     {"auto_generated", AutoSubmitted::AutoGenerated},
                                     {"auto_replied", AutoSubmitted::AutoReplied}},
                                    std::optional<AutoSubmitted>());
}

/// Identifiers that the draft has already, by the text that it shows for them: not each of them could be written anew (a character outside
/// of PrintableString, no local part), and who changes something else does not mean to lose them.
class References {
 public:
  References(Cabinet& cabinet, const cabinet::HeadingOptions& old) : m_cabinet(cabinet), m_known(old.obsoletes) {
    m_known.insert(m_known.end(), old.related.begin(), old.related.end());
    if (old.replied_to) m_known.push_back(*old.replied_to);
  }
  Result<ipm::IPMIdentifier> operator()(const std::string& text, const char* field) const {
    const auto is_it = [&](const ipm::IPMIdentifier& each) { return trim(ipm::text_of(each)) == trim(text); };
    const auto known = std::ranges::find_if(m_known, is_it);
    return known != m_known.end() ? *known : m_cabinet.reference(text, field);
  }

 private:
  Cabinet& m_cabinet;
  std::vector<ipm::IPMIdentifier> m_known;
};

Status read_references(const json::object& body, Cabinet& cabinet, cabinet::HeadingOptions& out) {
  const References reference(cabinet, out);
  const auto one = [&](const json::object& object, const char* field) -> Result<std::optional<ipm::IPMIdentifier>> {
    POSTERN_TRY(const std::string text, text_in(object, field));
    if (text.empty()) return std::optional<ipm::IPMIdentifier>();
    POSTERN_TRY(ipm::IPMIdentifier found, reference(text, field));
    return std::optional(std::move(found));
  };
  const auto several = [&](const json::object& object, const char* field) -> Result<std::vector<ipm::IPMIdentifier>> {
    POSTERN_TRY(const auto texts, texts_in(object, field));
    std::vector<ipm::IPMIdentifier> found;
    for (const std::string& each : texts) {
      POSTERN_TRY(found.emplace_back(), reference(each, field));
    }
    return found;
  };
  POSTERN_CHECK(take(body, "reply_to", out.replied_to, one));
  POSTERN_CHECK(take(body, "obsoletes", out.obsoletes, several));
  return take(body, "related", out.related, several);
}

Status read_heading(const json::object& body, Cabinet& cabinet, cabinet::HeadingOptions& out) {
  POSTERN_CHECK(read_heading_choices(body, out));
  POSTERN_CHECK(take(body, "expires", out.expires, time_in));
  POSTERN_CHECK(take(body, "reply_by", out.reply_by, time_in));
  POSTERN_CHECK(take(body, "reply_recipients", out.reply_recipients, texts_in));
  POSTERN_CHECK(take(body, "authorizing_users", out.authorizing_users, texts_in));
  POSTERN_CHECK(take(body, "languages", out.languages, texts_in));
  return read_references(body, cabinet, out);
}

/// One that the draft has already, by the number that people see.
Result<ipm::Part> kept_part(const std::vector<ipm::Part>& old, std::size_t before, const std::string& number) {
  std::size_t place = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), place);
  if (error == std::errc{} && end == number.data() + number.size() && place > before && place - before <= old.size())
    return old[place - before - 1];
  return fail(ErrorCode::BadInput, "has no attachment of this number: GET .../draft lists them", "attachments.part");
}

/// In place of those that there were.
Status read_attachments(const json::object& body, std::size_t before, Request& out) {
  const Field found = body.if_contains("attachments");
  if (found == nullptr) return {};
  const auto wrong = [] { return fail(ErrorCode::BadInput, "must be a list of {\"name\", \"base64\"} or {\"part\"}", "attachments"); };
  if (!found->is_array() && !found->is_null()) return wrong();
  const std::vector<ipm::Part> old = std::exchange(out.attachments, {});
  for (const json::value& each : found->is_array() ? found->as_array() : json::array()) {
    if (!each.is_object()) return wrong();
    POSTERN_TRY(const std::string part, text_in(each.as_object(), "part"));
    if (!part.empty()) {
      POSTERN_TRY(out.attachments.emplace_back(), kept_part(old, before, part));
      continue;
    }
    ipm::FilePart file;
    POSTERN_TRY(file.name, text_in(each.as_object(), "name"));
    POSTERN_TRY(file.octets, octets_in(each.as_object(), "attachments"));
    out.attachments.emplace_back(std::move(file));
  }
  return {};
}

/// A content that is given stands in place of what the draft had; what the body says beside it is refused when it is composed.
void make_room_for_content(const json::object& body, Request& out) {
  const Field found = body.if_contains("content");
  if (found == nullptr || found->is_null()) return;
  out.subject.clear(), out.text.clear(), out.attachments.clear();
  out.heading = {};
}

Status read_content(const json::object& body, Request& out) {
  const Field found = body.if_contains("content");
  if (found == nullptr) return {};
  out.content.reset();
  if (found->is_null()) return {};
  if (!found->is_object()) return fail(ErrorCode::BadInput, "must be {\"base64\", \"type\"}", "content");
  cabinet::GivenContent given;
  POSTERN_TRY(given.octets, octets_in(found->as_object(), "content"));
  POSTERN_TRY(std::string type, text_in(found->as_object(), "type"));
  if (!type.empty()) given.type = std::move(type);
  out.content = std::move(given);
  return {};
}

// ---- out
json::array list_of(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

json::array list_of(const std::vector<ipm::IPMIdentifier>& identifiers) {
  json::array out;
  for (const auto& each : identifiers) out.emplace_back(ipm::text_of(each));
  return out;
}

json::array attachments_of(const Request& request, const std::optional<ipm::MessageView>& view) {
  json::array out;
  if (!view || request.content) return out;  // the files in a content that was given are a part of it
  for (std::size_t n = cabinet::parts_before_attachments(request); n < view->parts.size(); ++n) {
    const ipm::PartView& each = view->parts[n];
    out.push_back(json::object{{"part", each.number}, {"name", each.file_name}, {"octets", each.content.size()}});
  }
  return out;
}

std::string_view name_of(cabinet::ReceiptRequest request) {
  using enum cabinet::ReceiptRequest;
  return request == Receipt ? "receipt" : request == NonReceipt ? "non_receipt" : "none";
}

void add_recipient_options(json::object& out, const cabinet::RecipientOptions& options) {
  out["report"] = cabinet::name_of(options.report);
  out["receipt"] = name_of(options.receipt);
  out["return_message"] = options.return_message;
  out["reply_requested"] = options.reply_requested;
  out["precedence"] = options.precedence ? json::value(*options.precedence) : json::value(nullptr);
  out["alternate"] = options.alternate;
}

void add_heading(json::object& out, const cabinet::HeadingOptions& heading) {
  out["sensitivity"] = heading.sensitivity ? cabinet::name_of(*heading.sensitivity) : "none";
  out["expires"] = time_of(heading.expires);
  out["reply_by"] = time_of(heading.reply_by);
  out["reply_to"] = heading.replied_to ? json::value(ipm::text_of(*heading.replied_to)) : json::value(nullptr);
  out["obsoletes"] = list_of(heading.obsoletes);
  out["related"] = list_of(heading.related);
  out["reply_recipients"] = list_of(heading.reply_recipients);
  out["authorizing_users"] = list_of(heading.authorizing_users);
  out["languages"] = list_of(heading.languages);
  out["auto_submitted"] = heading.auto_submitted ? json::value(cabinet::name_of(*heading.auto_submitted)) : json::value(nullptr);
}

}  // namespace

Status read_draft(const json::object& body, Cabinet& cabinet, Request& out) {
  const std::size_t before = cabinet::parts_before_attachments(out);
  make_room_for_content(body, out);
  POSTERN_CHECK(take(body, "to", out.to, texts_in));
  POSTERN_CHECK(take(body, "cc", out.cc, texts_in));
  POSTERN_CHECK(take(body, "bcc", out.bcc, texts_in));
  POSTERN_CHECK(take(body, "subject", out.subject, text_in));
  POSTERN_CHECK(take(body, "text", out.text, text_in));
  POSTERN_CHECK(read_choices(body, out));
  POSTERN_CHECK(read_recipient_options(body, out.recipients));
  POSTERN_CHECK(take(body, "content_identifier", out.content_identifier, text_in));
  POSTERN_CHECK(take(body, "flags", out.flags, flags_in));
  POSTERN_CHECK(take(body, "deferred_until", out.deferred_until, time_in));
  POSTERN_CHECK(take(body, "latest_delivery", out.latest_delivery, time_in));
  POSTERN_CHECK(read_heading(body, cabinet, out.heading));
  POSTERN_CHECK(read_attachments(body, before, out));
  return read_content(body, out);
}

json::object json_of(const Cabinet::Draft& draft, const std::optional<ipm::MessageView>& view) {
  const Request& request = draft.request;
  json::object out{{"id", draft.item.id.get()},
                   {"version", draft.item.version},
                   {"to", list_of(request.to)},
                   {"cc", list_of(request.cc)},
                   {"bcc", list_of(request.bcc)},
                   {"subject", request.subject},
                   {"text", request.text},
                   {"importance", cabinet::name_of(request.importance)},
                   {"priority", cabinet::name_of(request.priority)}};
  add_recipient_options(out, request.recipients);
  out["content_identifier"] = request.content_identifier;
  out["flags"] = flags_of(request.flags);
  out["deferred_until"] = time_of(request.deferred_until);
  out["latest_delivery"] = time_of(request.latest_delivery);
  add_heading(out, request.heading);
  out["attachments"] = attachments_of(request, view);
  out["content"] = request.content ? json::value(json::object{{"type", request.content->type}, {"octets", request.content->octets.size()}})
                                   : json::value(nullptr);
  return out;
}

}  // namespace postern::api
