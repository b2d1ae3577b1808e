// postern dane check: a chain of certificates against TLSA records, on files, without daemon or DNS.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/clock.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "tlspolicy/dane.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct DaneOptions {
  std::vector<std::string> records, names;
  std::string chain = "-";
  std::int64_t at = -1;
};

Result<DaneVerdict> judge(const DaneOptions& options, std::istream& in) {
  std::vector<dns::TlsaData> records;
  for (const std::string& text : options.records) {
    auto record = parse_tlsa(text);
    if (!record) return fail(std::move(record).error().context("--tlsa \"" + text + "\""));
    records.push_back(*std::move(record));
  }
  POSTERN_TRY(const std::string pem, read_input(options.chain, in));
  auto chain = certificates_from_pem(pem);
  if (!chain) return fail(std::move(chain).error().context(options.chain));
  const WallTime at = options.at < 0 ? SystemClock().now() : WallTime(std::chrono::seconds(options.at));
  return dane_check({.records = records, .chain = *chain, .names = options.names, .at = at});
}

void show(Context& context, const DaneVerdict& verdict) {
  if (context.json) {
    json::object out{{"result", name_of(verdict.result)}, {"record", nullptr}, {"depth", nullptr}, {"reason", verdict.reason}};
    if (verdict.record) {
      out["record"] = tlsa_text(*verdict.record);
      out["depth"] = verdict.depth;
    }
    context.out << out << '\n';
  } else {
    context.out << name_of(verdict.result) << ": " << (verdict.record ? tlsa_text(*verdict.record) : verdict.reason) << '\n';
  }
  if (verdict.result != DaneResult::Match) context.exit_status = kNo;
}

void run_check(Context& context, const DaneOptions& options) {
  const auto verdict = judge(options, context.in);
  if (!verdict) return report_error(context, "dane check", verdict.error());
  show(context, *verdict);
}

}  // namespace

void add_dane_verbs(CLI::App& app, Context& context);

void add_dane_verbs(CLI::App& app, Context& context) {
  CLI::App* dane = app.add_subcommand("dane", "TLSA records and certificates (RFC 7672)");
  dane->require_subcommand(1);
  CLI::App* verb =
      dane->add_subcommand("check",
                           "Does a server's chain match the TLSA records of its name? \"match\" exits with 0, \"mismatch\" and "
                           "\"unusable\" (no record can be used with SMTP) with 1");
  const auto options = std::make_shared<DaneOptions>();
  verb->add_option("--tlsa", options->records, "\"USAGE SELECTOR MATCHING HEX\"; once for each record")->required();
  verb->add_option("--chain", options->chain, "PEM: the certificates as the server sent them, leaf first; - for standard input");
  verb->add_option("--name", options->names,
                   "A name of the server: TLSA base domain, next-hop domain; one must be in the certificate for usage 2");
  verb->add_option("--at,--now", options->at, "Judge at this time (seconds since 1970) instead of now");
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer("Example: postern dane check --tlsa \"3 1 1 8D02...\" --chain mx.pem --name mx.example.org");
  verb->callback([&context, options] { run_check(context, *options); });
}

}  // namespace postern::cli
