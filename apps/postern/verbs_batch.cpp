// postern batch: many commands in one process, for harnesses with thousands of cases.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <sstream>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "batch.hpp"
#include "file_input.hpp"
#include "line_input.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLine = 64UL * 1024 * 1024;
constexpr std::size_t kWords = 1000;

struct Command {
  json::value id;
  std::vector<std::string> words;
  std::string input;
};

/// What is written to standard error goes into a text for a while. One thread.
class CapturedErrors {
 public:
  CapturedErrors() : m_before(std::cerr.rdbuf(m_text.rdbuf())) {}
  ~CapturedErrors() { std::cerr.rdbuf(m_before); }
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;
  [[nodiscard]] std::string text() const { return m_text.str(); }

 private:
  std::ostringstream m_text;
  std::streambuf* m_before;
};

std::string text_in(const json::value& value) { return {value.get_string().data(), value.get_string().size()}; }

Status read_input_of(const json::object& object, Command& out) {
  if (const json::value* text = object.if_contains("stdin")) {
    if (!text->is_string()) return fail(ErrorCode::BadInput, "give a text", "stdin");
    out.input = text_in(*text);
  }
  if (const json::value* text = object.if_contains("stdin_base64")) {
    const auto bytes = text->is_string() ? base64_decode(text_in(*text)) : Result<Bytes>(fail(ErrorCode::BadInput, ""));
    if (!bytes) return fail(ErrorCode::BadInput, "give base64", "stdin_base64");
    out.input = std::string(as_text(*bytes));
  }
  return {};
}

/// `out.id` also of a line that is refused for something else.
Status read_command(std::string_view line, Command& out) {
  boost::system::error_code error;
  const json::value root = json::parse(line, error, {}, {.max_depth = 8});
  const json::object* object = error ? nullptr : root.if_object();
  if (object == nullptr) return fail(ErrorCode::BadInput, "is not one JSON object: give {\"argv\":[...]}");
  if (const json::value* id = object->if_contains("id"); id != nullptr && !id->is_structured()) out.id = *id;
  const json::value* argv = object->if_contains("argv");
  if (argv == nullptr || !argv->is_array() || argv->get_array().empty() || argv->get_array().size() > kWords)
    return fail(ErrorCode::BadInput, "give 1 to 1000 texts", "argv");
  for (const json::value& word : argv->get_array()) {
    if (!word.is_string() || word.get_string().find('\0') != json::string::npos)
      return fail(ErrorCode::BadInput, "give texts without NUL", "argv");
    out.words.push_back(text_in(word));
  }
  if (std::ranges::find(out.words, "batch") != out.words.end()) return fail(ErrorCode::BadInput, "a batch does not run batches", "argv");
  return read_input_of(*object, out);
}

/// As JSON where the command was asked for it and answered one document; else as text, or base64 where it is none.
void put_output(json::object& out, const std::string& text, bool asked_json) {
  boost::system::error_code error;
  if (asked_json) {
    json::value document = json::parse(text, error);
    if (!error && !text.empty()) {
      out["json"] = std::move(document);
      return;
    }
  }
  if (is_utf8(text)) {
    out["stdout"] = text;
  } else {
    out["stdout_base64"] = base64_encode(as_bytes(text));
  }
}

json::object run_command(const Command& command, const RunCommand& run) {
  std::istringstream input(command.input);
  std::ostringstream output;
  const CapturedErrors errors;
  const int status = run(command.words, input, output);
  json::object out{{"id", command.id}, {"status", status}};
  put_output(out, output.str(), std::ranges::find(command.words, "--json") != command.words.end());
  if (!errors.text().empty()) out["stderr"] = is_utf8(errors.text()) ? errors.text() : printable(errors.text(), errors.text().size());
  return out;
}

void run_batch(Context& context, const RunCommand& run) {
  LineInput input(context.in, kLine);
  while (input.next()) {
    if (trim(input.line()).empty() && !input.too_long()) continue;
    Command command;
    const Status read =
        input.too_long() ? fail(ErrorCode::TooLarge, "the line is larger than 64 MiB") : read_command(input.line(), command);
    if (read) {
      context.out << run_command(command, run);
    } else {
      context.exit_status = kUsage;
      const json::object error{{"code", name_of(read.error().code)}, {"field", read.error().field}, {"what", read.error().what}};
      context.out << json::object{{"id", command.id}, {"line", input.number()}, {"error", error}};
    }
    context.out << '\n';
    if (context.in.rdbuf()->in_avail() <= 0) context.out << std::flush;  // whoever waits for this answer before he asks again gets it
  }
}

}  // namespace

void add_batch_verb(CLI::App& app, Context& context, RunCommand run) {
  CLI::App* verb = app.add_subcommand(
      "batch",
      "JSON lines in, {\"id\",\"argv\":[...],\"stdin\" or \"stdin_base64\"}; for each one line out, {\"id\",\"status\",\"stdout\" or "
      "\"json\" or "
      "\"stdout_base64\",\"stderr\"}. A line that is no command is answered with its number and what is wrong; the exit status is then 2.");
  verb->add_flag("--json", context.json, "What it does anyway");
  verb->footer("Example: echo '{\"argv\":[\"address\",\"check\",\"a@example.org\"]}' | postern batch");
  verb->callback([&context, run = std::move(run)] { run_batch(context, run); });
}

}  // namespace postern::cli
