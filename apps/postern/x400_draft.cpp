#include "x400_draft.hpp"

#include <filesystem>

#include "file_input.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

void add_body_options(CLI::App& verb, DraftOptions& options) {
  verb.add_option("--subject", options.subject, "Subject");
  verb.add_option("--text", options.text, "Text of the message");
  verb.add_option("--file", options.file, "File with the text; - is standard input");
  verb.add_option("--attach", options.attach, "File that goes along; several times");
  verb.add_option("--content", options.content, "File with a whole content, whose octets stay as they are, in place of subject and text");
  verb.add_option("--content-type", options.content_type, "Of --content: 2, 22, another number, or an object identifier")
      ->capture_default_str();
}

void add_heading_options(CLI::App& verb, DraftOptions& options) {
  verb.add_option("--importance", options.importance, "low, normal or high")->check(CLI::IsMember({"low", "normal", "high"}));
  verb.add_option("--sensitivity", options.sensitivity, "none, personal, private or company_confidential")
      ->check(CLI::IsMember({"none", "personal", "private", "company_confidential"}));
  verb.add_option("--expires", options.expires, "Of no use after it, such as 2026-12-01T08:00:00Z");
  verb.add_option("--reply-by", options.reply_by, "An answer is wanted by then");
  verb.add_option("--reply-recipient", options.reply_recipients, "O/R address that answers go to; several times");
  verb.add_option("--authorizing", options.authorizing, "O/R address of who authorized it; several times");
  verb.add_option("--reply-to", options.reply_to, "The message that it answers: an id, or \"LOCAL of ADDRESS\" of an IPM identifier");
  verb.add_option("--obsoletes", options.obsoletes, "A message that it takes the place of; several times");
  verb.add_option("--related", options.related, "A message that it has to do with; several times");
  verb.add_option("--language", options.languages, "Its language, such as de or de-CH; several times");
  verb.add_option("--auto-submitted", options.auto_submitted, "not_auto_submitted, auto_generated or auto_replied")
      ->check(CLI::IsMember({"not_auto_submitted", "auto_generated", "auto_replied"}));
}

void add_recipient_options(CLI::App& verb, DraftOptions& options) {
  verb.add_flag("--report", options.report, "Ask for delivery reports, not only for those of non-delivery");
  verb.add_flag("--no-report", options.no_report, "Ask for no reports at all");
  verb.add_flag("--receipt", options.receipt, "Ask for receipt notifications");
  verb.add_flag("--non-receipt", options.non_receipt, "Ask for notifications of those who discard it unread");
  verb.add_flag("--return-message", options.return_message, "Ask for the message back with such a notification");
  verb.add_flag("--reply-requested", options.reply_requested, "Ask for an answer");
  verb.add_option("--precedence", options.precedence, "Of the recipients, 0 to 127 (X.420 B.2.2)")->check(CLI::Range(0, 127));
  verb.add_option("--alternate", options.alternate, "O/R address of who gets it where a recipient cannot");
}

/// X.411 8.2.1.1.1. A flag's name is that of the API.
struct FlagRow {
  const char* option;
  const char* name;
  const char* about;
};
constexpr FlagRow kFlags[] = {
    {"--disclose-recipients", "disclose_recipients", "Each recipient is told of the others"},
    {"--conversion-prohibited", "conversion_prohibited", "Nobody on the way converts it"},
    {"--alternate-allowed", "alternate_allowed", "A recipient's domain may give it to an alternate recipient"},
    {"--return-content", "return_content", "Reports of non-delivery bring the content back"},
    {"--expansion-prohibited", "expansion_prohibited", "It is not sent on to the members of distribution lists"},
    {"--reassignment-prohibited", "reassignment_prohibited", "It is not redirected to whom a recipient named in his place"},
};

void add_envelope_options(CLI::App& verb, DraftOptions& options) {
  verb.add_option("--priority", options.priority, "normal, non_urgent or urgent")->check(CLI::IsMember({"normal", "non_urgent", "urgent"}));
  verb.add_option("--latest", options.latest, "Not delivered after it, such as 2026-12-01T08:00:00Z");
  verb.add_option("--content-identifier", options.content_identifier,
                  "At most 16 characters that reports name it by; a unique one, or none, and the mailbox makes one up");
  for (const FlagRow& each : kFlags)
    verb.add_flag_callback(each.option, [&options, &each] { options.flags.emplace_back(each.name); }, each.about);
}

// ---- the body
Result<std::string> base64_of(const std::string& path, std::istream& in) {
  POSTERN_TRY(const std::string octets, read_input(path, in));
  return base64_encode(as_bytes(octets));
}

void add_text(json::object& out, const char* field, const std::string& text) {
  if (!text.empty()) out[field] = text;
}
void add_list(json::object& out, const char* field, const std::vector<std::string>& texts) {
  if (!texts.empty()) out[field] = json::array(texts.begin(), texts.end());
}
void add_true(json::object& out, const char* field, bool flag) {
  if (flag) out[field] = true;
}

Status add_body(json::object& out, const DraftOptions& options, std::istream& in) {
  if (options.subject) out["subject"] = *options.subject;
  if (options.text) out["text"] = *options.text;
  if (!options.file.empty()) {
    POSTERN_TRY(const std::string text, read_input(options.file, in));
    out["text"] = text;
  }
  json::array attachments;
  for (const std::string& number : options.keep) attachments.push_back(json::object{{"part", number}});
  for (const std::string& path : options.attach) {
    POSTERN_TRY(const std::string octets, base64_of(path, in));
    attachments.push_back(json::object{{"name", std::filesystem::path(path).filename().string()}, {"base64", octets}});
  }
  if (!attachments.empty()) out["attachments"] = std::move(attachments);
  if (options.content.empty()) return {};
  POSTERN_TRY(const std::string octets, base64_of(options.content, in));
  out["content"] = json::object{{"base64", octets}, {"type", options.content_type}};
  return {};
}

void add_heading(json::object& out, const DraftOptions& options) {
  add_text(out, "importance", options.importance);
  add_text(out, "sensitivity", options.sensitivity);
  add_text(out, "expires", options.expires);
  add_text(out, "reply_by", options.reply_by);
  add_text(out, "reply_to", options.reply_to);
  add_text(out, "auto_submitted", options.auto_submitted);
  add_list(out, "reply_recipients", options.reply_recipients);
  add_list(out, "authorizing_users", options.authorizing);
  add_list(out, "obsoletes", options.obsoletes);
  add_list(out, "related", options.related);
  add_list(out, "languages", options.languages);
}

void add_envelope(json::object& out, const DraftOptions& options) {
  add_text(out, "priority", options.priority);
  add_text(out, "deferred_until", options.defer);
  add_text(out, "latest_delivery", options.latest);
  add_text(out, "content_identifier", options.content_identifier);
  add_text(out, "alternate", options.alternate);
  add_list(out, "flags", options.flags);
  if (options.report || options.no_report) out["report"] = options.report ? "all" : "none";
  if (options.receipt || options.non_receipt) out["receipt"] = options.receipt ? "receipt" : "non_receipt";
  add_true(out, "return_message", options.return_message);
  add_true(out, "reply_requested", options.reply_requested);
  if (options.precedence) out["precedence"] = *options.precedence;
}

}  // namespace

void add_draft_options(CLI::App& verb, DraftOptions& options) {
  verb.add_option("--to", options.to, "O/R address of a recipient; several times");
  verb.add_option("--cc", options.cc, "Copy recipient");
  verb.add_option("--bcc", options.bcc, "Blind copy recipient");
  add_body_options(verb, options);
  add_heading_options(verb, options);
  add_recipient_options(verb, options);
  add_envelope_options(verb, options);
}

void add_change_options(CLI::App& verb, DraftOptions& options) {
  static const std::vector<std::string> kFields{"to",
                                                "cc",
                                                "bcc",
                                                "subject",
                                                "text",
                                                "attachments",
                                                "content",
                                                "importance",
                                                "priority",
                                                "report",
                                                "receipt",
                                                "sensitivity",
                                                "expires",
                                                "reply_by",
                                                "reply_to",
                                                "obsoletes",
                                                "related",
                                                "languages",
                                                "flags",
                                                "reply_recipients",
                                                "authorizing_users",
                                                "auto_submitted",
                                                "alternate",
                                                "content_identifier",
                                                "precedence",
                                                "return_message",
                                                "reply_requested",
                                                "deferred_until",
                                                "latest_delivery"};
  verb.add_option("--keep", options.keep,
                  "Number of an attachment that stays beside those of --attach, which else stand in the place of all");
  verb.add_option("--clear", options.clear, "A field that goes back to the usual, such as cc or expires; several times")
      ->check(CLI::IsMember(kFields));
}

Result<json::object> draft_body(const DraftOptions& options, std::istream& in) {
  json::object out;
  for (const std::string& each : options.clear) out[each] = nullptr;
  add_list(out, "to", options.to);
  add_list(out, "cc", options.cc);
  add_list(out, "bcc", options.bcc);
  POSTERN_CHECK(add_body(out, options, in));
  add_heading(out, options);
  add_envelope(out, options);
  return out;
}

}  // namespace postern::cli
