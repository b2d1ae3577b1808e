// postern x400 seal, open: S/MIME on X.400 contents in files (RFC 3854), without daemon and association.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "file_input.hpp"
#include "x400.hpp"
#include "x400_smime.hpp"
#include "x400_view.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct FileOptions {
  SmimeOptions smime;
  std::string content = "-", out, type = "22", originator;
  std::vector<std::string> to;
};

Result<std::optional<mts::ORName>> originator_of(const FileOptions& options) {
  if (options.originator.empty()) return std::optional<mts::ORName>();
  POSTERN_TRY(mts::ORName name, name_of(options.originator, "--originator"));
  return std::optional(std::move(name));
}

/// To the file that is named, else to standard output.
Status put_octets(const FileOptions& options, ByteView octets, Context& context) {
  if (!options.out.empty()) return write_file(options.out, octets);
  if (!context.json) context.out << as_text(octets);
  return {};
}

Result<contentseal::SealedContent> seal(const FileOptions& options, std::istream& in) {
  mts::MessageSubmissionArgument message;
  POSTERN_TRY(const std::string content, read_input(options.content, in));
  POSTERN_TRY(const mts::ContentType type, contentseal::parse_content_type(options.type));
  if (!options.smime.sign && !options.smime.encrypt) return fail(ErrorCode::BadInput, "says what to do, or --encrypt", "--sign");
  if (options.smime.encrypt && options.to.empty()) return fail(ErrorCode::BadInput, "says whom it is encrypted to", "--to");
  std::vector<oraddress::ORAddress> recipients;
  for (const std::string& each : options.to) {
    POSTERN_TRY(mts::ORName name, name_of(each, "--to"));
    recipients.push_back(std::move(name));
  }
  POSTERN_TRY(auto sealed, seal_octets(type, as_bytes(content), recipients, options.smime));
  if (!sealed) return fail(ErrorCode::Conflict, "is an S/MIME object already", "FILE");
  return *std::move(sealed);
}

void run_seal(const FileOptions& options, Context& context) {
  const auto sealed = seal(options, context.in);
  if (!sealed) return report_error(context, "x400 seal", sealed.error());
  if (const Status written = put_octets(options, sealed->octets, context); !written)
    return report_error(context, "x400 seal", written.error());
  if (!context.json) return;
  json::array types;
  for (const asn1::Oid& each : sealed->encoded_types) types.emplace_back(each.text());
  json::object out{{"content_type", contentseal::write_content_type(sealed->content_type)}, {"encoded_types", std::move(types)}};
  if (options.out.empty()) out["octets_base64"] = base64_encode(sealed->octets);
  context.out << out << '\n';
}

Result<ReadContent> open(const FileOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string octets, read_input(options.content, in));
  POSTERN_TRY(const auto originator, originator_of(options));
  POSTERN_TRY(ReadContent read, open_received(to_bytes(octets), originator, options.smime));
  if (read.verdict.empty()) return fail(ErrorCode::BadInput, "is no S/MIME object", "FILE");
  return read;
}

void run_open(const FileOptions& options, Context& context) {
  const auto read = open(options, context.in);
  if (!read) return report_error(context, "x400 open", read.error());
  json::object verdict = json::parse(read->verdict).as_object();
  if (read->content)
    if (const Status written = put_octets(options, *read->content, context); !written)
      return report_error(context, "x400 open", written.error());
  if (!verdict.at("valid").as_bool()) context.exit_status = kNo;
  if (context.json) {
    if (read->content && options.out.empty()) verdict["octets_base64"] = base64_encode(*read->content);
    context.out << verdict << '\n';
  } else if (!options.out.empty() || !read->content) {
    context.out << printable(std::string(verdict.at("text").as_string()), 1000) << '\n';
  }
}

void add_files(CLI::App& verb, FileOptions& options, Context& context) {
  verb.add_option("FILE", options.content, "The content; - is standard input")->capture_default_str();
  verb.add_option("--out", options.out, "File for what comes out; else standard output");
  verb.add_flag("--json", context.json, "One JSON document");
}

}  // namespace

void add_x400_seal_verbs(CLI::App& x400, Context& context) {
  CLI::App* seal = x400.add_subcommand("seal", "Signs and encrypts a content (S/MIME, RFC 3854)");
  const auto closing = std::make_shared<FileOptions>();
  add_files(*seal, *closing, context);
  seal->add_option("--type", closing->type, "Its content type: 22, 2, or an object identifier")->capture_default_str();
  seal->add_option("--to", closing->to, "O/R address of a reader; several times");
  add_sealing_options(*seal, closing->smime);
  seal->callback([closing, &context] { run_seal(*closing, context); });
  seal->footer("Example: postern x400 seal content.ber --sign --certificates profiles/certs --out sealed.p7m");

  CLI::App* open = x400.add_subcommand("open", "Opens and judges an S/MIME content; status 1 where it is not validly signed");
  const auto opening = std::make_shared<FileOptions>();
  add_files(*open, *opening, context);
  open->add_option("--originator", opening->originator, "O/R address of who is said to have sent it");
  add_opening_options(*open, opening->smime);
  open->callback([opening, &context] { run_open(*opening, context); });
  open->footer("Example: postern x400 open sealed.p7m --originator \"C=DE;A= ;P=ACME;S=Doe\" --trust ca.pem --out content.ber");
}

}  // namespace postern::cli
