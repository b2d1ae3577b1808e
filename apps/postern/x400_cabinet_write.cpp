// postern x400 create, edit, submit, approve, refuse, cancel, resolve, move, archive, delete: acts on the operator's mailbox.
#include <algorithm>
#include <thread>

#include "x400_cabinet.hpp"
#include "x400_draft.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

Result<json::value> create(const Remote& remote, const DraftOptions& options, std::istream& in) {
  POSTERN_TRY(const json::object body, draft_body(options, in));
  if (!body.contains("to") && !body.contains("cc") && !body.contains("bcc"))
    return fail(ErrorCode::BadInput, "at least one recipient is needed", "--to");
  return remote.call_json("POST", std::string(kCabinetBase) + "/messages", body);
}

/// An option for each flag says that it is set, and none of the others that it is not.
void keep_flags(json::object& body, const json::value& now) {
  json::array& flags = body["flags"].as_array();
  for (const json::value& each : list_of(now, "flags"))
    if (std::ranges::find(flags, each) == flags.end()) flags.push_back(each);
}

/// The version that is there when nobody says which one was seen.
Result<json::value> edit(const Remote& remote, const std::string& id, std::optional<std::uint64_t> version, const DraftOptions& options,
                         std::istream& in) {
  POSTERN_TRY(json::object body, draft_body(options, in));
  if (body.empty()) return fail(ErrorCode::BadInput, "say what is to be changed, such as --subject", "ID");
  const bool keeps_flags = !options.flags.empty() && std::ranges::find(options.clear, "flags") == options.clear.end();
  if (!version || keeps_flags) {
    POSTERN_TRY(const json::value now, remote.call_json("GET", message_path(id)));
    body["version"] = at(now, "version");
    if (keeps_flags) keep_flags(body, now);
  }
  if (version) body["version"] = *version;
  return remote.call_json("PATCH", message_path(id), body);
}

using Version = std::optional<std::uint64_t>;
/// Of an act that lets out, or keeps back, what somebody has read.
void add_seen(CLI::App& verb, Version& version) {
  verb.add_option("--version", version, "The version that you have read: in another one nothing is done; else the one that is there");
}

// ---- submitting
struct SubmitOptions {
  DraftOptions draft;
  std::string id, defer;
  Version version;
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
  if (!options.defer.empty()) body["deferred_until"] = options.defer;
  if (options.version) body["version"] = *options.version;
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
        "x400 create", [&](const Remote& r) { return create(r, *options, v.context.in); },
        [&](const json::value& a) { show_message_line(v.context.out, a); });
  });
}

void add_edit(const Verbs& v, CLI::App* noun) {
  CLI::App* change = verb(noun, "edit", "Changes what the options say of a message that has not gone out; the rest of it stays",
                          "postern x400 edit 01M88W6S9KY1TVJYDTRKG2AE8C --subject \"Another subject\" --clear cc");
  const auto options = std::make_shared<DraftOptions>();
  const auto id = std::make_shared<std::string>();
  const auto version = std::make_shared<std::optional<std::uint64_t>>();
  change->add_option("ID", *id, "Its id")->required();
  change->add_option("--version", *version, "The version that you have seen: another one is not changed; else the one that is there");
  add_draft_options(*change, *options);
  change->add_option("--defer", options->defer, "Delivered at that time, such as 2026-12-01T08:00:00Z");
  add_change_options(*change, *options);
  change->callback([v, id, version, options] {
    v.run(
        "x400 edit", [&](const Remote& r) { return edit(r, *id, *version, *options, v.context.in); },
        [&](const json::value& a) { show_message(v.context.out, a); });
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
  add_seen(*give, options->version);
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
  const char* field;   ///< Of the body.
  bool takes_version;  ///< It decides about a content.
};
constexpr Act kActs[] = {
    {"approve", "Lets a message out of quarantine: it is submitted", "/approve", nullptr, nullptr, nullptr, true},
    {"refuse", "Refuses a message in quarantine", "/refuse", "--reason", "Why, for its author", "reason", true},
    {"cancel", "Takes a deferred message back before its time, where the peer can", "/cancel", nullptr, nullptr, nullptr, false},
    {"resolve", "Settles a message whose outcome is unknown", "/resolve", "--as", "submitted or failed", "as", false},
    {"archive", "Moves a message to the archive", "/archive", nullptr, nullptr, nullptr, false},
};

void add_act(const Verbs& v, CLI::App* noun, const Act& act) {
  const std::string example = std::string("postern x400 ") + act.name + " 01M88W6S9KY1TVJYDTRKG2AE8C";
  CLI::App* one = verb(noun, act.name, act.about, example.c_str());
  const auto id = std::make_shared<std::string>(), value = std::make_shared<std::string>();
  one->add_option("ID", *id, "Its id")->required();
  const auto version = std::make_shared<Version>();
  if (act.option != nullptr) one->add_option(act.option, *value, act.option_about);
  if (act.takes_version) add_seen(*one, *version);
  one->callback([v, &act, id, value, version] {
    json::object body;
    if (*version) body["version"] = **version;
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
  add_edit(v, noun);
  for (const Act& act : kActs)
    if (!v.context.peer || act.name != std::string_view("cancel"))
      add_act(v, noun, act);  // with --peer it is the peer's (x400_operations.cpp)
  add_move(v, noun);
  if (v.context.peer) return;
  add_submit(v, noun);
  add_delete(v, noun);
}

}  // namespace postern::cli
