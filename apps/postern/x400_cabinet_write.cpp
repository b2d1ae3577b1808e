// postern x400 create, submit, approve, refuse, cancel, resolve, move, archive, delete: acts on the operator's mailbox.
#include <filesystem>
#include <thread>

#include "file_input.hpp"
#include "x400_cabinet.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct DraftOptions {
  std::vector<std::string> to, cc, bcc, attach;
  std::string subject, text, file, importance, priority, defer, latest, reply_to, content, content_type = "22";
  bool report = false, no_report = false, receipt = false, non_receipt = false;
};

void add_draft_options(CLI::App& verb, DraftOptions& options) {
  verb.add_option("--to", options.to, "O/R address of a recipient; several times");
  verb.add_option("--cc", options.cc, "Copy recipient");
  verb.add_option("--bcc", options.bcc, "Blind copy recipient");
  verb.add_option("--subject", options.subject, "Subject");
  verb.add_option("--text", options.text, "Text of the message");
  verb.add_option("--file", options.file, "File with the text; - is standard input");
  verb.add_option("--attach", options.attach, "File that goes along; several times");
  verb.add_option("--importance", options.importance, "low, normal or high")->check(CLI::IsMember({"low", "normal", "high"}));
  verb.add_option("--priority", options.priority, "normal, non_urgent or urgent")->check(CLI::IsMember({"normal", "non_urgent", "urgent"}));
  verb.add_flag("--report", options.report, "Ask for delivery reports, not only for those of non-delivery");
  verb.add_flag("--no-report", options.no_report, "Ask for no reports at all");
  verb.add_flag("--receipt", options.receipt, "Ask for receipt notifications");
  verb.add_flag("--non-receipt", options.non_receipt, "Ask for notifications of those who discard it unread");
  verb.add_option("--latest", options.latest, "Not delivered after it, such as 2026-12-01T08:00:00Z");
  verb.add_option("--reply-to", options.reply_to, "Id of the message that it answers");
  verb.add_option("--content", options.content, "File with a whole content, whose octets stay as they are, in place of subject and text");
  verb.add_option("--content-type", options.content_type, "Of --content: 2, 22, another number, or an object identifier")
      ->capture_default_str();
}

json::array list_json(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

Result<std::string> base64_of(const std::string& path, std::istream& in) {
  POSTERN_TRY(const std::string octets, read_input(path, in));
  return base64_encode(as_bytes(octets));
}

Result<json::array> attachments_of(const DraftOptions& options, std::istream& in) {
  json::array out;
  for (const std::string& path : options.attach) {
    POSTERN_TRY(const std::string octets, base64_of(path, in));
    out.push_back(json::object{{"name", std::filesystem::path(path).filename().string()}, {"base64", octets}});
  }
  return out;
}

void add_text(json::object& out, const char* field, const std::string& text) {
  if (!text.empty()) out[field] = text;
}

Result<json::object> draft_body(const DraftOptions& options, std::istream& in) {
  if (options.to.empty() && options.cc.empty() && options.bcc.empty())
    return fail(ErrorCode::BadInput, "at least one recipient is needed", "--to");
  json::object out{{"to", list_json(options.to)}, {"cc", list_json(options.cc)}, {"bcc", list_json(options.bcc)}};
  add_text(out, "subject", options.subject);
  std::string text = options.text;
  if (!options.file.empty()) {
    POSTERN_TRY(text, read_input(options.file, in));
  }
  add_text(out, "text", text);
  POSTERN_TRY(json::array attachments, attachments_of(options, in));
  if (!attachments.empty()) out["attachments"] = std::move(attachments);
  if (!options.content.empty()) {
    POSTERN_TRY(const std::string octets, base64_of(options.content, in));
    out["content"] = json::object{{"base64", octets}, {"type", options.content_type}};
  }
  add_text(out, "importance", options.importance);
  add_text(out, "priority", options.priority);
  add_text(out, "latest_delivery", options.latest);
  add_text(out, "reply_to", options.reply_to);
  out["report"] = options.report ? "all" : options.no_report ? "none" : "non_delivery";
  out["receipt"] = options.receipt ? "receipt" : options.non_receipt ? "non_receipt" : "none";
  return out;
}

Result<json::value> create(const Remote& remote, const DraftOptions& options, std::istream& in) {
  POSTERN_TRY(const json::object body, draft_body(options, in));
  return remote.call_json("POST", std::string(kCabinetBase) + "/messages", body);
}

// ---- submitting
struct SubmitOptions {
  DraftOptions draft;
  std::string id, defer;
  std::optional<int> strategy;
  bool no_wait = false;
  std::int64_t seconds = 60;
};

bool is_under_way(const json::value& message) {
  const std::string state = text_of(message, "state");
  return state == "queued" || state == "submitting";
}

/// Until the peer has answered, or the time is over.
Result<json::value> wait_for_outcome(const Remote& remote, json::value message, std::int64_t seconds) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  const std::string id = text_of(message, "id");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (is_under_way(message) && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kPause);
    POSTERN_TRY(message, remote.call_json("GET", message_path(id)));
  }
  return message;
}

/// Done: the peer has it, or it waits for somebody's approval as it should.
int status_of(const json::value& message, bool waited) {
  const std::string state = text_of(message, "state");
  const bool good = state == "submitted" || state == "held" || (!waited && is_under_way(message));
  return good ? kDone : kNo;
}

Result<json::value> submit(const Remote& remote, const SubmitOptions& options, Context& context) {
  std::string id = options.id;
  if (id == "new") {
    POSTERN_TRY(const json::value draft, create(remote, options.draft, context.in));
    id = text_of(draft, "id");
  }
  json::object body;
  if (options.strategy) body["strategy"] = *options.strategy;
  add_text(body, "deferred_until", options.defer);
  POSTERN_TRY(json::value message, remote.call_json("POST", message_path(id, "/submit"), body));
  if (!options.no_wait) {
    POSTERN_TRY(message, wait_for_outcome(remote, std::move(message), options.seconds));
  }
  context.exit_status = status_of(message, !options.no_wait);
  return message;
}

void add_create(const Verbs& v, CLI::App* noun) {
  CLI::App* draft = verb(noun, "create", "Composes a message and keeps it in drafts",
                         "postern x400 create --to \"C=DE;A= ;P=ORG;S=Roe\" --subject Hello --text \"How are you?\" --receipt");
  const auto options = std::make_shared<DraftOptions>();
  add_draft_options(*draft, *options);
  draft->add_option("--defer", options->defer, "Delivered at that time, such as 2026-12-01T08:00:00Z");
  draft->callback([v, options] {
    v.run(
        "x400 create",
        [&](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(json::object body, draft_body(*options, v.context.in));
          add_text(body, "deferred_until", options->defer);
          return r.call_json("POST", std::string(kCabinetBase) + "/messages", body);
        },
        [&](const json::value& a) { show_message_line(v.context.out, a); });
  });
}

void add_submit(const Verbs& v, CLI::App* noun) {
  CLI::App* give = verb(noun, "submit", "Submits a draft, or a new message, by one of the strategies",
                        "postern x400 submit new --to \"C=DE;A= ;P=ORG;S=Roe\" --subject Hello --text Hi --strategy 1");
  const auto options = std::make_shared<SubmitOptions>();
  give->add_option("ID", options->id, "Of a draft; \"new\": what the options below say")->required();
  give->add_option("--strategy", options->strategy,
                   "0 immediate, 1 with trace, 2 deferred, 3 with stored copy, 4 quarantine, 5 pass-through; else submit.default_strategy")
      ->check(CLI::Range(0, 5));
  give->add_option("--defer", options->defer, "Of strategy 2: delivered at that time, such as 2026-12-01T08:00:00Z");
  give->add_flag("--no-wait", options->no_wait, "Do not wait for the peer's answer");
  give->add_option("--seconds", options->seconds, "Wait at most so long")->check(CLI::Range(1, 3'600))->capture_default_str();
  add_draft_options(*give, options->draft);
  give->footer(give->get_footer() + "\nWith --peer it talks to a peer itself: postern x400 submit --peer HOST --help");
  give->callback([v, options] {
    v.run(
        "x400 submit", [&](const Remote& r) { return submit(r, *options, v.context); },
        [&](const json::value& a) { show_message(v.context.out, a); });
  });
}

// ---- acts on one message
struct Act {
  const char* name;
  const char* about;
  const char* path;
  const char* option;  ///< Null: none.
  const char* option_about;
  const char* field;  ///< Of the body.
};
constexpr Act kActs[] = {
    {"approve", "Lets a message out of quarantine: it is submitted", "/approve", nullptr, nullptr, nullptr},
    {"refuse", "Refuses a message in quarantine", "/refuse", "--reason", "Why, for its author", "reason"},
    {"cancel", "Takes a deferred message back before its time, where the peer can", "/cancel", nullptr, nullptr, nullptr},
    {"resolve", "Settles a message whose outcome is unknown", "/resolve", "--as", "submitted or failed", "as"},
    {"archive", "Moves a message to the archive", "/archive", nullptr, nullptr, nullptr},
};

void add_act(const Verbs& v, CLI::App* noun, const Act& act) {
  const std::string example = std::string("postern x400 ") + act.name + " 01M88W6S9KY1TVJYDTRKG2AE8C";
  CLI::App* one = verb(noun, act.name, act.about, example.c_str());
  const auto id = std::make_shared<std::string>(), value = std::make_shared<std::string>();
  one->add_option("ID", *id, "Its id")->required();
  if (act.option != nullptr) one->add_option(act.option, *value, act.option_about);
  one->callback([v, &act, id, value] {
    json::object body;
    if (act.field != nullptr) body[act.field] = *value;
    v.run((std::string("x400 ") + act.name).c_str(),
          [&](const Remote& r) { return r.call_json("POST", message_path(*id, act.path), body); },
          [&](const json::value& a) { show_message_line(v.context.out, a); });
  });
}

void add_move(const Verbs& v, CLI::App* noun) {
  CLI::App* move = verb(noun, "move", "Moves a message to another folder", "postern x400 move 01M88W6S9KY1TVJYDTRKG2AE8C Exercises");
  const auto id = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
  move->add_option("ID", *id, "Its id")->required();
  move->add_option("FOLDER", *folder, "Where to")->required();
  move->callback([v, id, folder] {
    v.run(
        "x400 move", [&](const Remote& r) { return r.call_json("POST", message_path(*id, "/move"), json::object{{"folder", *folder}}); },
        [&](const json::value& a) { show_message_line(v.context.out, a); });
  });
}

void add_delete(const Verbs& v, CLI::App* noun) {
  CLI::App* remove = verb(noun, "delete", "Deletes messages; unread ones are answered by the non-receipt notification that they ask for",
                          "postern x400 delete 01M88W6S9KY1TVJYDTRKG2AE8C --store");
  const auto ids = std::make_shared<std::vector<std::string>>();
  const auto store = std::make_shared<bool>(false), no_receipt = std::make_shared<bool>(false);
  remove->add_option("ID", *ids, "Their ids")->required();
  remove->add_flag("--store", *store, "In the message store as well");
  remove->add_flag("--no-receipt", *no_receipt, "No non-receipt notification");
  remove->callback([v, ids, store, no_receipt] {
    v.run(
        "x400 delete",
        [&](const Remote& r) -> Result<json::value> {
          json::array gone;
          for (const std::string& id : *ids) {
            POSTERN_TRY(
                const json::value one,
                r.call_json("DELETE", message_path(id) + query({{"store", *store ? "1" : ""}, {"receipt", *no_receipt ? "0" : ""}})));
            gone.push_back(at(one, "id"));
          }
          return json::object{{"deleted", std::move(gone)}};
        },
        [&](const json::value& a) { v.context.out << list_of(a, "deleted").size() << " deleted\n"; });
  });
}

}  // namespace

void add_cabinet_writing(const Verbs& v, CLI::App* noun) {
  add_create(v, noun);
  for (const Act& act : kActs)
    if (!v.context.peer || act.name != std::string_view("cancel"))
      add_act(v, noun, act);  // with --peer it is the peer's (x400_operations.cpp)
  add_move(v, noun);
  if (v.context.peer) return;
  add_submit(v, noun);
  add_delete(v, noun);
}

}  // namespace postern::cli
