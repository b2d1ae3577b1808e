// postern mime parse, postern address check: what the codecs see, as JSON.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "crypto/hash.hpp"
#include "file_input.hpp"
#include "mime/address.hpp"
#include "mime/message.hpp"
#include "mime/tree.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return is_utf8(text) ? json::value(text) : json::value(printable(text, 1024));
}

json::object defect_json(const MimeDefect& defect) { return {{"code", defect.code}, {"offset", defect.offset}, {"detail", defect.detail}}; }

json::object part_json(const MimePart& part) {
  json::array children;
  for (const MimePart& child : part.children) children.push_back(part_json(child));
  json::array defects;
  for (const MimeDefect& defect : part.defects) defects.push_back(defect_json(defect));
  json::object out{{"type", part.type},
                   {"charset", text_or_null(part.charset)},
                   {"disposition", text_or_null(part.disposition)},
                   {"filename", text_or_null(part.filename)}};
  if (part.is_container()) {
    out["size"] = nullptr;
    out["sha256"] = nullptr;
  } else {
    out["size"] = part.content.size();
    out["sha256"] = hex_encode(sha256(part.content));
  }
  out["children"] = std::move(children);
  out["defects"] = std::move(defects);
  return out;
}

/// What is wrong in the message's own header, beside what the tree found. A file with LF line ends throughout is not blamed for them.
json::array header_defects(const MessageView& view) {
  const bool crlf = view.raw().find("\r\n") != std::string_view::npos;
  json::array out;
  for (const HeaderDefect& defect : view.defects()) {
    if (defect.kind == HeaderDefectKind::BareLf && !crlf) continue;
    out.push_back(json::object{{"code", name_of(defect.kind)}, {"offset", defect.offset}, {"detail", defect.text()}});
  }
  return out;
}

Result<json::object> parse(const std::string& path, std::istream& in) {
  POSTERN_TRY(const std::string raw, read_input(path, in));
  POSTERN_TRY(const MessageView view, MessageView::parse(raw));
  POSTERN_TRY(const MimePart tree, parse_mime_tree(raw));
  json::object out = part_json(tree);
  json::array& defects = out["defects"].as_array();
  for (json::value& defect : header_defects(view)) defects.push_back(std::move(defect));
  return out;
}

void run_parse(const std::string& path, Context& context) {
  const auto tree = parse(path, context.in);
  if (!tree) {
    context.json = true;  // this verb speaks JSON in any case
    return report_input_error(context, "mime parse", tree.error());
  }
  context.out << *tree << '\n';
}

void run_check(const std::string& address, Context& context) {
  const auto box = Mailbox::parse(address, Utf8::Allow);
  if (!box) {
    context.out << json::object{{"valid", false}, {"reason", box.error().text()}} << '\n';
    return;
  }
  context.out << json::object{{"valid", true},
                              {"address", box->text()},
                              {"local", box->local},
                              {"domain", box->domain},
                              {"smtputf8", box->needs_utf8()}}
              << '\n';
}

}  // namespace

void add_mime_verbs(CLI::App& app, Context& context);

void add_mime_verbs(CLI::App& app, Context& context) {
  CLI::App* mime = app.add_subcommand("mime", "MIME on files: parse");
  mime->require_subcommand(1);
  CLI::App* parse_verb = mime->add_subcommand("parse", "The tree of a message as JSON: types, sizes, SHA-256 of decoded content, defects");
  const auto path = std::make_shared<std::string>("-");
  parse_verb->add_option("--message", *path, "The message; - is standard input")->capture_default_str();
  accept_clock(*parse_verb);
  parse_verb->add_flag("--json", context.json, "Always on for this verb");
  parse_verb->footer("Example: postern mime parse < message.eml");
  parse_verb->callback([path, &context] { run_parse(*path, context); });

  CLI::App* address = app.add_subcommand("address", "Mail addresses: check");
  address->require_subcommand(1);
  CLI::App* check = address->add_subcommand("check", "Whether this is a mailbox of RFC 5321 (RFC 6531), as JSON");
  const auto text = std::make_shared<std::string>();
  check->add_option("ADDR", *text, "local@domain")->required();
  accept_clock(*check);
  check->add_flag("--json", context.json, "Always on for this verb");
  check->footer("Example: postern address check '\"john doe\"@example.org'");
  check->callback([text, &context] { run_check(*text, context); });
}

}  // namespace postern::cli
