// postern x400 list, message, wait, access, health, folder, trace-bundle: looking into the operator's mailbox.
#include "x400_cabinet.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <thread>

#include "base/text.hpp"
#include "file_input.hpp"
#include "x400_view.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kPiece = std::uint64_t{4} << 20;

std::uint64_t number_of(const json::value& value, std::string_view field) {
  const json::value found = at(value, field);
  return found.is_int64() && found.as_int64() > 0 ? static_cast<std::uint64_t>(found.as_int64()) : 0;
}

std::string joined(const json::value& value, std::string_view field) {
  std::string out;
  for (const json::value& each : list_of(value, field))
    if (each.is_string()) out += (out.empty() ? "" : ", ") + std::string(each.as_string());
  return out;
}

}  // namespace

void show_message_line(std::ostream& out, const json::value& message) {
  const std::string outcome = text_of(message, "outcome");
  out << text_of(message, "id") << "  " << text_of(message, "folder") << "  " << text_of(message, "kind") << "  "
      << text_of(message, "state");
  if (!outcome.empty()) out << " (" << outcome << ')';
  if (text_of(message, "opened") == "false") out << " new";
  out << "  " << text_of(message, "created") << "  " << printable(text_of(message, "from")) << "  "
      << printable(text_of(message, "subject")) << '\n';
}

namespace {

void show_part(std::ostream& out, const json::value& part);
void show_view_of(std::ostream& out, const json::value& view) {
  for (const json::value& each : list_of(view, "fields"))
    out << text_of(each, "name") << ": " << printable(text_of(each, "text"), 512) << '\n';
  for (const json::value& each : list_of(view, "parts")) show_part(out, each);
}
void show_part(std::ostream& out, const json::value& part) {
  out << "\n[" << text_of(part, "number") << "] " << text_of(part, "kind");
  if (const std::string file = text_of(part, "file"); !file.empty()) out << ' ' << file << ", " << text_of(part, "octets") << " octets";
  if (const std::string remark = text_of(part, "remark"); !remark.empty()) out << ": " << remark;
  out << '\n' << text_of(part, "text") << '\n';
  if (const json::value inner = at(part, "message"); inner.is_object()) show_view_of(out, inner);
}

void show_field(std::ostream& out, const char* name, const std::string& text) {
  if (!text.empty()) out << name << ": " << printable(text, 512) << '\n';
}

/// What is as usual is not said.
void show_unusual(std::ostream& out, const char* name, const std::string& text, std::string_view usual) {
  if (text != usual) show_field(out, name, text);
}

/// What the submission says beside its recipients (X.411 8.2.1.1.1, X.420 7.2).
void show_options(std::ostream& out, const json::value& message) {
  show_unusual(out, "Priority", text_of(message, "priority"), "normal");
  show_unusual(out, "Importance", text_of(message, "importance"), "normal");
  show_unusual(out, "Sensitivity", text_of(message, "sensitivity"), "none");
  show_field(out, "Expires", text_of(message, "expires"));
  show_field(out, "Reply by", text_of(message, "reply_by"));
  show_field(out, "Deferred until", text_of(message, "deferred_until"));
  show_field(out, "Latest delivery", text_of(message, "latest_delivery"));
  show_field(out, "Content identifier", text_of(message, "content_identifier"));
  show_field(out, "Flags", joined(message, "flags"));
}

/// What is asked of a recipient, and for him.
std::string wishes_of(const json::value& recipient) {
  std::string out;
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : ", ") + words; };
  if (const std::string report = text_of(recipient, "report"); report == "all" || report == "none")
    add(report == "all" ? "reports" : "no reports");
  if (text_of(recipient, "receipt") == "true")
    add("receipt");
  else if (text_of(recipient, "non_receipt") == "true")
    add("non-receipt");
  if (text_of(recipient, "return_message") == "true") add("the message back");
  if (text_of(recipient, "reply_requested") == "true") add("an answer");
  if (const std::string precedence = text_of(recipient, "precedence"); !precedence.empty()) add("precedence " + precedence);
  if (const std::string alternate = text_of(recipient, "alternate"); !alternate.empty()) add("else to " + printable(alternate));
  return out.empty() ? out : "  [" + out + ']';
}

/// "read on …", and not "read read on …".
std::string outcome_words(const json::value& recipient) {
  const std::string outcome = printable(text_of(recipient, "outcome")), words = printable(text_of(recipient, "words"), 256);
  if (words.starts_with(outcome)) return words;
  return words.empty() ? outcome : outcome + ' ' + words;
}

/// What opening the content came to, where it was an S/MIME object: the transport's verdict, in words.
std::string smime_of(const json::value& message) {
  boost::system::error_code none;
  const json::value verdict = json::parse(text_of(at(message, "attributes"), "postern.smime"), none);
  return none ? std::string() : text_of(verdict, "text");
}

}  // namespace

void show_message(std::ostream& out, const json::value& message) {
  show_message_line(out, message);
  show_field(out, "To", joined(message, "to"));
  show_field(out, "MTS identifier", text_of(message, "mts_identifier"));
  show_field(out, "About", text_of(message, "subject_message"));
  show_field(out, "Reason", text_of(message, "reason"));
  show_field(out, "S/MIME", smime_of(message));
  show_options(out, message);
  for (const json::value& each : list_of(message, "recipients"))
    out << "  " << printable(text_of(each, "address")) << ": " << outcome_words(each) << wishes_of(each) << '\n';
  if (const json::value view = at(message, "view"); view.is_object()) show_view_of(out << '\n', view);
}

namespace {

// ---- list
/// Parameters of GET /messages, by the options that say them.
struct FilterRow {
  const char* option;
  const char* parameter;
  const char* about;
};
constexpr FilterRow kFilters[] = {
    {"--folder", "folder", "Only this folder"},
    {"--kind", "kind", "message, report or notification; several with commas"},
    {"--state", "state", "Such as draft, held, failed, unknown, submitted or received; several with commas"},
    {"--opened", "opened", "1: only opened ones; 0: only new ones"},
    {"--priority", "priority", "normal, non_urgent or urgent; several with commas"},
    {"--from", "from", "In the sender's address: pieces with semicolons between them, such as \"P=NORTH;S=Doe\""},
    {"--to", "to", "In the address of one of the recipients"},
    {"--subject", "subject", "In the subject; case does not count"},
    {"--content-identifier", "content_identifier", "The content identifier"},
    {"--since", "since", "Written or delivered at that time or later, such as 2026-12-01T08:00:00Z"},
    {"--until", "until", "Written or delivered before that time"},
    {"--outcome", "outcome", "Of one of the recipients: waiting, delivered, not_delivered, read or not_read; several with commas"},
    {"--reports", "reports", "1: a report or notification came; 0: none did"},
};
struct Filters {
  std::array<std::string, std::size(kFilters)> values;
};

void add_filters(CLI::App& verb, Filters& filters) {
  for (std::size_t n = 0; n < std::size(kFilters); ++n) verb.add_option(kFilters[n].option, filters.values.at(n), kFilters[n].about);
}

using Parameters = std::vector<std::pair<const char*, std::string>>;
Parameters parameters_of(const Filters& filters) {
  Parameters out;
  for (std::size_t n = 0; n < std::size(kFilters); ++n) out.emplace_back(kFilters[n].parameter, filters.values.at(n));
  return out;
}

struct ListOptions {
  Filters filters;
  std::string before;
  std::size_t limit = 50;
};

/// A page of the daemon's may be short, with more behind it: it looks at so many only.
Result<json::value> full_page(const Remote& remote, const Parameters& filters, std::string before, std::size_t limit) {
  json::array all;
  for (;;) {
    Parameters parameters = filters;
    parameters.emplace_back("before", before);
    parameters.emplace_back("limit", std::to_string(limit - all.size()));
    POSTERN_TRY(const json::value page, remote.call_json("GET", std::string(kCabinetBase) + "/messages" + query(parameters)));
    for (const json::value& each : list_of(page, "messages")) all.push_back(each);
    before = text_of(page, "next");
    if (before.empty() || all.size() >= limit) return json::object{{"messages", std::move(all)}, {"next", at(page, "next")}};
  }
}

void run_list(const Verbs& v, const ListOptions& options) {
  v.run(
      "x400 list", [&](const Remote& r) { return full_page(r, parameters_of(options.filters), options.before, options.limit); },
      [&](const json::value& a) {
        for (const json::value& each : list_of(a, "messages")) show_message_line(v.context.out, each);
        if (const std::string next = text_of(a, "next"); !next.empty()) v.context.out << "more with --before " << next << '\n';
      });
}

// ---- message
struct MessageOptions {
  std::string id, save, raw;
  std::size_t copy = 0;
  bool trace = false, no_receipt = false, peek = false;
};

/// In pieces, so that neither side holds a large content at once.
Status save_raw(const Remote& remote, const MessageOptions& options, const json::value& message) {
  const json::array copies = at(message, "copies").is_array() ? at(message, "copies").as_array() : json::array();
  if (options.copy >= copies.size()) return fail(ErrorCode::NotFound, "the message has no such content", "--copy");
  const std::uint64_t size = number_of(copies[options.copy], "size");
  std::ofstream out(options.raw, std::ios::binary | std::ios::trunc);
  for (std::uint64_t from = 0; from < size && out; from += kPiece) {
    POSTERN_TRY(const std::string piece,
                remote.call("GET", message_path(options.id, "/content") + query({{"copy", std::to_string(options.copy)},
                                                                                 {"from", std::to_string(from)},
                                                                                 {"limit", std::to_string(kPiece)}})));
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  }
  if (!out.flush()) return fail(ErrorCode::Unavailable, "cannot be written", options.raw);
  return {};
}

/// The names in the view are safe as names of files in one folder (ipm/read.hpp).
Status save_parts(const Remote& remote, const MessageOptions& options, const json::value& view) {
  for (const json::value& part : list_of(view, "parts")) {
    if (number_of(part, "octets") > 0) {
      POSTERN_TRY(const std::string octets, remote.call("GET", message_path(options.id, "/parts/") + text_of(part, "number")));
      POSTERN_CHECK(write_file(std::filesystem::path(options.save) / text_of(part, "file"), as_bytes(octets)));
    }
    if (const json::value inner = at(part, "message"); inner.is_object()) POSTERN_CHECK(save_parts(remote, options, inner));
  }
  return {};
}

Result<json::value> fetch_message(const Remote& remote, const MessageOptions& options) {
  if (options.trace) {
    POSTERN_TRY(json::value message, remote.call_json("GET", message_path(options.id)));
    POSTERN_TRY(const json::value trace, remote.call_json("GET", message_path(options.id, "/trace")));
    message.as_object()["trace"] = at(trace, "trace");
    return message;
  }
  auto message = options.peek ? remote.call_json("GET", message_path(options.id, "/view"))
                              : remote.call_json("POST", message_path(options.id, "/open"), json::object{{"receipt", !options.no_receipt}});
  if (!message) return message;
  if (!options.raw.empty()) POSTERN_CHECK(save_raw(remote, options, *message));
  if (!options.save.empty()) POSTERN_CHECK(save_parts(remote, options, at(*message, "view")));
  return message;
}

void show_trace(std::ostream& out, const json::value& message) {
  Table table({"TIME", "STEP", "", "MS", ""});
  for (const json::value& each : list_of(message, "trace"))
    table.add({text_of(each, "time"), text_of(each, "step"), text_of(each, "ok") == "true" ? "ok" : "failed", text_of(each, "ms"),
               printable(text_of(each, "text"), 256)});
  table.print(out);
}

void run_message(const Verbs& v, const MessageOptions& options) {
  v.run(
      "x400 message", [&](const Remote& r) { return fetch_message(r, options); },
      [&](const json::value& a) {
        show_message(v.context.out, a);
        if (options.trace) show_trace(v.context.out, a);
      });
}

// ---- access and wait
/// "1 message", "2 messages"; `field` is the word of several.
std::string counted(const json::value& report, std::string_view field) {
  const std::uint64_t number = number_of(report, field);
  return std::to_string(number) + ' ' + std::string(number == 1 ? field.substr(0, field.size() - 1) : field);
}

Result<json::value> access(const Remote& remote, std::int64_t seconds) {
  return remote.call_json("POST", std::string(kCabinetBase) + "/access", json::object{{"wait", seconds}});
}

void run_access(const Verbs& v, std::int64_t seconds) {
  v.run(
      "x400 access",
      [&](const Remote& r) -> Result<json::value> {
        POSTERN_TRY(const json::value report, access(r, seconds));
        if (text_of(report, "done") != "true" || number_of(report, "damaged") > 0) v.context.exit_status = kNo;
        return report;
      },
      [&](const json::value& a) {
        v.context.out << counted(a, "messages") << ", " << counted(a, "reports") << ", " << counted(a, "notifications");
        if (number_of(a, "damaged") > 0) v.context.out << ", " << text_of(a, "damaged") << " damaged";
        v.context.out << '\n';
        show_field(v.context.out, "Note", text_of(a, "text"));
      });
}

struct WaitOptions {
  Filters filters;
  std::int64_t seconds = 300;
};

/// What comes later has a greater id.
Result<std::string> newest_id(const Remote& remote, const std::string& folder) {
  POSTERN_TRY(const json::value newest, full_page(remote, {{"folder", folder}}, {}, 1));
  const json::array& messages = list_of(newest, "messages");
  return messages.empty() ? std::string() : text_of(messages.front(), "id");
}

/// Whoever brings it in: another access may be under way.
Result<json::value> wait_for_news(const Remote& remote, const WaitOptions& options) {
  constexpr auto kPause = std::chrono::seconds(2);
  constexpr std::int64_t kEach = 30;
  constexpr std::size_t kMost = 500;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  Parameters wanted = parameters_of(options.filters);
  std::string& folder = wanted.front().second;
  if (folder.empty()) folder = "inbox";
  POSTERN_TRY(std::string known, newest_id(remote, folder));
  wanted.emplace_back("after", std::move(known));
  for (;;) {
    if (const auto report = access(remote, std::min(options.seconds, kEach)); !report) return report;
    POSTERN_TRY(json::value news, full_page(remote, wanted, {}, kMost));
    if (!list_of(news, "messages").empty()) return news;
    if (std::chrono::steady_clock::now() + kPause >= end) return fail(ErrorCode::NotFound, "nothing came in that time");
    std::this_thread::sleep_for(kPause);
  }
}

void run_wait(const Verbs& v, const WaitOptions& options) {
  v.run(
      "x400 wait", [&](const Remote& r) { return wait_for_news(r, options); },
      [&](const json::value& a) {
        for (const json::value& each : list_of(a, "messages")) show_message_line(v.context.out, each);
      });
}

// ---- health, folders, bundle
void show_health(std::ostream& out, const json::value& a) {
  out << "mode " << text_of(a, "mode") << ", profile " << text_of(a, "profile") << ", " << printable(text_of(a, "user")) << " at "
      << printable(text_of(a, "peer")) << '\n';
  if (text_of(a, "ok") != "true") out << "trouble: " << printable(text_of(a, "text"), 512) << '\n';
  if (const std::string last = text_of(a, "last_access"); !last.empty()) out << "last access " << last << '\n';
  Table table({"CHECK", "STATE", ""});
  for (const json::value& each : list_of(a, "findings")) table.add({text_of(each, "name"), text_of(each, "state"), text_of(each, "text")});
  table.print(out);
}

bool is_well(const json::value& mailbox) {
  for (const json::value& each : list_of(mailbox, "findings"))
    if (text_of(each, "state") == "failed") return false;
  return text_of(mailbox, "ok") == "true";
}

void add_health(const Verbs& v, CLI::App* noun) {
  verb(noun, "health", "The mailbox's mode, profile and checks; exit status 1 when something failed", "postern x400 health")->callback([v] {
    v.run(
        "x400 health",
        [v](const Remote& r) -> Result<json::value> {
          POSTERN_TRY(const json::value mailbox, r.call_json("GET", std::string(kCabinetBase) + "/mailbox"));
          if (!is_well(mailbox)) v.context.exit_status = kNo;
          return mailbox;
        },
        [v](const json::value& a) { show_health(v.context.out, a); });
  });
}

void add_folder_verbs(const Verbs& v, CLI::App* noun) {
  CLI::App* folder = noun->add_subcommand("folder", "Folders: list, add, remove");
  folder->require_subcommand(1);
  const auto name = std::make_shared<std::string>();
  const std::string path = std::string(kCabinetBase) + "/folders";
  verb(folder, "list", "All folders and how much is in them", "postern x400 folder list")->callback([v, path] {
    v.run(
        "x400 folder list", [&](const Remote& r) { return r.call_json("GET", path); },
        [&](const json::value& a) {
          Table table({"FOLDER", "MESSAGES", "NEW"});
          for (const json::value& each : list_of(a, "folders"))
            table.add({text_of(each, "name"), text_of(each, "messages"), text_of(each, "unopened")});
          table.print(v.context.out);
        });
  });
  const auto said = [v](const json::value& a) { v.context.out << text_of(a, "name") << '\n'; };
  CLI::App* add = verb(folder, "add", "Makes a folder", "postern x400 folder add Exercises");
  add->add_option("NAME", *name, "Its name")->required();
  add->callback([v, path, name, said] {
    v.run("x400 folder add", [&](const Remote& r) { return r.call_json("POST", path, json::object{{"name", *name}}); }, said);
  });
  CLI::App* remove = verb(folder, "remove", "Removes an empty folder", "postern x400 folder remove Exercises");
  remove->add_option("NAME", *name, "Its name")->required();
  remove->callback([v, path, name, said] {
    v.run("x400 folder remove", [&](const Remote& r) { return r.call_json("DELETE", path + "/" + http::percent_encode(*name)); }, said);
  });
}

void add_bundle(const Verbs& v, CLI::App* noun) {
  const auto write = std::make_shared<bool>(false);
  CLI::App* bundle =
      verb(noun, "trace-bundle", "JSON lines for support, without names, addresses or texts", "postern x400 trace-bundle > bundle.jsonl");
  bundle->add_flag("--write", *write, "Let the daemon write it to tracing.trace_bundle_path");
  bundle->callback([v, write] {
    if (*write)
      return v.run(
          "x400 trace-bundle", [](const Remote& r) { return r.call_json("POST", std::string(kCabinetBase) + "/trace/bundle"); },
          [v](const json::value& a) { v.context.out << text_of(a, "path") << ": " << text_of(a, "lines") << " lines\n"; });
    const auto remote = Remote::find(v.global);
    if (!remote) return report_error(v.context, "x400 trace-bundle", remote.error());
    const auto lines = remote->call("GET", "/trace/bundle");
    if (!lines) return report_error(v.context, "x400 trace-bundle", lines.error());
    v.context.out << *lines;
  });
}

constexpr const char* kOnePeer = "With --peer it talks to a peer itself: postern x400 VERB --peer HOST --help";

}  // namespace

void add_cabinet_reading(const Verbs& v, CLI::App* noun) {
  if (!v.context.peer) {
    CLI::App* list = verb(noun, "list", "What is in the mailbox, newest first", "postern x400 list --folder inbox");
    const auto listing = std::make_shared<ListOptions>();
    add_filters(*list, listing->filters);
    list->add_option("--before", listing->before, "Older than this message");
    list->add_option("--limit", listing->limit, "At most so many")->check(CLI::Range(1, 500))->capture_default_str();
    list->footer(list->get_footer() + "\n" + kOnePeer);
    list->callback([v, listing] { run_list(v, *listing); });

    CLI::App* message = verb(noun, "message", "Opens a message: shows it, and sends the receipt notification that it asks for",
                             "postern x400 message 01M88W6S9KY1TVJYDTRKG2AE8C --save folder");
    const auto one = std::make_shared<MessageOptions>();
    message->add_option("ID", one->id, "Its id")->required();
    message->add_option("--save", one->save, "Folder for its files")->check(CLI::ExistingDirectory);
    message->add_option("--raw", one->raw, "File for its content as it came");
    message->add_option("--copy", one->copy, "Which of its contents --raw is about: those of blind copies stand behind the first")
        ->capture_default_str();
    message->add_flag("--trace", one->trace, "The steps of its submission (strategy 1); opens nothing");
    message->add_flag("--no-receipt", one->no_receipt, "No receipt notification, for good");
    message->add_flag("--peek", one->peek, "Shows it without opening it");
    message->footer(message->get_footer() + "\n" + kOnePeer);
    message->callback([v, one] { run_message(v, *one); });

    CLI::App* wait = verb(noun, "wait", "Brings in what is new until something is, in the inbox unless a folder is named",
                          "postern x400 wait --seconds 600 --priority urgent");
    const auto waiting = std::make_shared<WaitOptions>();
    add_filters(*wait, waiting->filters);
    wait->add_option("--seconds", waiting->seconds, "At most so long")->check(CLI::Range(1, 86'400))->capture_default_str();
    wait->callback([v, waiting] { run_wait(v, *waiting); });
  }
  CLI::App* bring = verb(noun, "access", "Binds to the message store and brings in what is new", "postern x400 access");
  const auto limit = std::make_shared<std::int64_t>(60);
  bring->add_option("--seconds", *limit, "Wait at most so long; it goes on by itself")->check(CLI::Range(1, 600))->capture_default_str();
  bring->callback([v, limit] { run_access(v, *limit); });
  add_health(v, noun);
  add_folder_verbs(v, noun);
  add_bundle(v, noun);
}

void add_x400_cabinet_verbs(const Verbs& verbs, CLI::App* noun) {
  add_cabinet_reading(verbs, noun);
  add_cabinet_writing(verbs, noun);
}

}  // namespace postern::cli
