// postern dmarc check (and report, verbs_feedback.cpp): what DMARC makes of results of SPF and DKIM, without daemon and state.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "fixture_input.hpp"
#include "live_dns.hpp"
#include "mailauth/dmarc.hpp"
#include "mime/address.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string from, spf, fixture, suffixes;
  std::vector<std::string> dkim;
};

template <class E, std::size_t N>
Result<std::pair<E, std::string>> result_and_domain(const std::string& text, const std::array<E, N>& known, const char* option) {
  const auto colon = text.find(':');
  const auto* found = std::ranges::find_if(known, [&](E one) { return iequals(name_of(one), text.substr(0, colon)); });
  if (found == known.end()) return fail(ErrorCode::BadInput, "give RESULT:DOMAIN, such as pass:example.org", option);
  return std::pair(*found, colon == std::string::npos ? std::string() : text.substr(colon + 1));
}

Result<DmarcInput> input_of(const Options& options) {
  constexpr std::array spf{SpfResult::None,     SpfResult::Neutral,   SpfResult::Pass,     SpfResult::Fail,
                           SpfResult::SoftFail, SpfResult::TempError, SpfResult::PermError};
  constexpr std::array dkim{DkimResult::None,    DkimResult::Pass,      DkimResult::Fail,     DkimResult::Policy,
                            DkimResult::Neutral, DkimResult::TempError, DkimResult::PermError};
  DmarcInput out;
  if (options.from.find('@') != std::string::npos)
    return fail(ErrorCode::BadInput, "give the domain alone, what stands behind the @, such as example.org", "--from");
  out.from_domain = options.from;
  if (const auto ascii = to_a_labels(options.from)) out.from_domain = *ascii;
  if (!options.spf.empty()) {
    POSTERN_TRY(const auto one, result_and_domain(options.spf, spf, "--spf"));
    out.spf = {one.first, one.second};
  }
  for (const auto& text : options.dkim) {
    POSTERN_TRY(const auto one, result_and_domain(text, dkim, "--dkim"));
    out.dkim.push_back({one.first, one.second});
  }
  return out;
}

Result<DmarcVerdict> check(const Options& options, std::istream& in) {
  POSTERN_TRY(const DmarcInput input, input_of(options));
  std::optional<PublicSuffixList> suffixes;
  if (!options.suffixes.empty()) {
    POSTERN_TRY(const std::string text, read_input(options.suffixes, in));
    POSTERN_TRY(suffixes, PublicSuffixList::parse(text));
  }
  const PublicSuffixList* list = suffixes ? &*suffixes : nullptr;
  if (!options.fixture.empty()) {
    POSTERN_TRY(const auto fixture, read_fixture(options.fixture, in));
    return dmarc_check(input, *fixture, list);
  }
  DmarcVerdict verdict;
  POSTERN_CHECK(ask_dns_in_rounds([&](DnsPort& dns) { verdict = dmarc_check(input, dns, list); }));
  return verdict;
}

json::object verdict_json(const DmarcVerdict& verdict) {
  return {{"result", name_of(verdict.result)},      {"policy", name_of(verdict.policy)},
          {"org_domain", verdict.org_domain},       {"disposition", name_of(verdict.disposition)},
          {"record_domain", verdict.record_domain}, {"spf_aligned", verdict.spf_aligned},
          {"dkim_aligned", verdict.dkim_aligned},   {"reason", verdict.reason}};
}

void run_check(const Options& options, Context& context) {
  const auto verdict = check(options, context.in);
  if (!verdict) return report_input_error(context, "dmarc check", verdict.error());
  if (context.json) {
    context.out << verdict_json(*verdict) << '\n';
    return;
  }
  context.out << name_of(verdict->result) << ": policy " << name_of(verdict->policy);
  if (!verdict->record_domain.empty()) context.out << " of " << verdict->record_domain;
  if (!verdict->org_domain.empty()) context.out << ", organizational domain " << verdict->org_domain;
  if (!verdict->reason.empty()) context.out << " (" << verdict->reason << ")";
  context.out << '\n';
}

}  // namespace

void add_dmarc_report_verb(CLI::App& dmarc, Context& context);
void add_dmarc_verbs(CLI::App& app, Context& context);

void add_dmarc_verbs(CLI::App& app, Context& context) {
  CLI::App* dmarc = app.add_subcommand("dmarc", "DMARC of results, and reports about it: check, report");
  dmarc->require_subcommand(1);
  CLI::App* verb = dmarc->add_subcommand("check", "What DMARC says of an author's domain (RFC 9989); exit 0 whatever the result");
  const auto options = std::make_shared<Options>();
  verb->add_option("--from", options->from, "The domain of the author's address (From)")->required();
  verb->add_option("--spf", options->spf, "RESULT:DOMAIN of SPF, such as pass:example.org");
  verb->add_option("--dkim", options->dkim, "RESULT:DOMAIN of a signature; repeat for more")->allow_extra_args(false);
  verb->add_option("--dns-fixture", options->fixture, "JSON zone to ask instead of the DNS");
  verb->add_option("--psl", options->suffixes, "Public suffix list: organizational domains as RFC 7489 has them, instead of the tree walk");
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer("Example: postern dmarc check --from example.org --spf pass:mail.example.org --dkim fail:example.org");
  verb->callback([options, &context] { run_check(*options, context); });
  add_dmarc_report_verb(*dmarc, context);
}

}  // namespace postern::cli
