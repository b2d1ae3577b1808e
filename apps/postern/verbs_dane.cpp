// postern dane check: a chain of certificates against TLSA records, on files, without daemon or DNS.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "base/clock.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "host_input.hpp"
#include "tlspolicy/dane.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct DaneOptions {
  std::vector<std::string> records, names;
  std::string chain = "-";
  std::optional<std::int64_t> at;
};

struct Judged {
  DaneVerdict verdict;
  std::vector<std::pair<std::string, std::string>> set_aside;  ///< Records that do not count, and why.
};

/// RFC 7672 3.1.3: those that cannot be used; RFC 7671 9: those beside a stronger digest.
std::vector<std::pair<std::string, std::string>> set_aside(std::span<const dns::TlsaData> records) {
  const auto counting = dane_effective(records);
  std::vector<std::pair<std::string, std::string>> out;
  for (const dns::TlsaData& record : records) {
    const std::string text = tlsa_text(record);
    const std::string_view fault = dane_unusable_reason(record);
    if (!fault.empty()) out.emplace_back(text, fault);
    if (fault.empty() && std::ranges::none_of(counting, [&](const auto& one) { return tlsa_text(one) == text; }))
      out.emplace_back(text, "another record of its usage and selector has a stronger digest");
  }
  return out;
}

Result<std::vector<dns::TlsaData>> records_of(const DaneOptions& options) {
  std::vector<dns::TlsaData> out;
  for (const std::string& text : options.records) {
    auto record = parse_tlsa(text);
    if (!record) return fail(std::move(record).error().context("--tlsa \"" + text + "\""));
    out.push_back(*std::move(record));
  }
  return out;
}

Result<Judged> judge(const DaneOptions& options, std::istream& in) {
  POSTERN_TRY(const auto records, records_of(options));
  POSTERN_TRY(const std::string pem, read_input(options.chain, in));
  auto chain = certificates_from_pem(pem);
  if (!chain) return fail(std::move(chain).error().context(options.chain));
  std::vector<std::string> names;
  for (const std::string& name : options.names) names.push_back(host_of(name));
  return Judged{dane_check({.records = records, .chain = *chain, .names = names, .at = time_or_now(options.at)}), set_aside(records)};
}

void show_json(std::ostream& out, const Judged& judged) {
  const DaneVerdict& verdict = judged.verdict;
  json::object all{{"result", name_of(verdict.result)}, {"record", nullptr}, {"depth", nullptr}, {"reason", verdict.reason}};
  if (verdict.record) {
    all["record"] = tlsa_text(*verdict.record);
    all["depth"] = verdict.depth;
  }
  json::array aside;
  for (const auto& [record, reason] : judged.set_aside) aside.push_back(json::object{{"record", record}, {"reason", reason}});
  all["set_aside"] = std::move(aside);
  out << all << '\n';
}

void show(Context& context, const Judged& judged) {
  if (context.json) return show_json(context.out, judged);
  const DaneVerdict& verdict = judged.verdict;
  context.out << name_of(verdict.result) << ": " << (verdict.record ? tlsa_text(*verdict.record) : verdict.reason) << '\n';
  for (const auto& [record, reason] : judged.set_aside) context.out << "    " << record << " does not count: " << reason << '\n';
}

void run_check(Context& context, const DaneOptions& options) {
  const auto judged = judge(options, context.in);
  if (!judged) return report_input_error(context, "dane check", judged.error());
  show(context, *judged);
}

}  // namespace

void add_dane_verbs(CLI::App& app, Context& context);

void add_dane_verbs(CLI::App& app, Context& context) {
  CLI::App* dane = app.add_subcommand("dane", "TLSA records and certificates (RFC 7672)");
  dane->require_subcommand(1);
  CLI::App* verb =
      dane->add_subcommand("check",
                           "Does a server's chain match the TLSA records of its name? \"match\", \"mismatch\" or \"unusable\" (no record "
                           "can be used with SMTP); exit 0 whatever the verdict");
  const auto options = std::make_shared<DaneOptions>();
  verb->add_option("--tlsa", options->records, "\"USAGE SELECTOR MATCHING HEX\"; once for each record")->required();
  verb->add_option("--chain", options->chain, "PEM: the certificates as the server sent them, leaf first; - for standard input");
  verb->add_option("--name", options->names,
                   "A name of the server: TLSA base domain, next-hop domain; one must be in the certificate for usage 2");
  add_clock(*verb, "--at,--now", options->at, "Judge at this time (seconds since 1970) instead of now");
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer("Example: postern dane check --tlsa \"3 1 1 8D02...\" --chain mx.pem --name mx.example.org");
  verb->callback([&context, options] { run_check(context, *options); });
}

}  // namespace postern::cli
