// postern spf check: SPF on an envelope, without daemon and state; the answers are those of the daemon.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "fixture_input.hpp"
#include "host_input.hpp"
#include "live_dns.hpp"
#include "mailauth/spf.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct Options {
  std::string ip, helo, mail_from, receiver, fixture;
  std::optional<std::int64_t> now;
};

/// RFC 7208 4.3, RFC 8616: domains are asked as A-labels.
Result<SpfQuestion> question_of(const Options& options) {
  SpfQuestion out;
  POSTERN_TRY(out.ip, dns::IpAddress::parse(options.ip));
  out.helo = host_of(options.helo);
  std::string from = options.mail_from;
  if (from.starts_with('<') && from.ends_with('>')) from = from.substr(1, from.size() - 2);
  const auto domain = from.rfind('@') + 1;  // 0 where there is none
  out.mail_from = from.substr(0, domain) + host_of(from.substr(domain));
  out.receiver = options.receiver;
  out.now = time_or_now(options.now);
  return out;
}

Result<SpfVerdict> check(const Options& options, std::istream& in) {
  POSTERN_TRY(const SpfQuestion question, question_of(options));
  if (!options.fixture.empty()) {
    POSTERN_TRY(const auto fixture, read_fixture(options.fixture, in));
    return spf_check(question, *fixture);
  }
  SpfVerdict verdict;
  POSTERN_CHECK(ask_dns_in_rounds([&](DnsPort& dns) { verdict = spf_check(question, dns); }));
  return verdict;
}

void run_check(const Options& options, Context& context) {
  const auto verdict = check(options, context.in);
  if (!verdict) return report_input_error(context, "spf check", verdict.error());
  if (context.json) {
    context.out << json::object{{"result", name_of(verdict->result)},
                                {"explanation", verdict->explanation},
                                {"domain", printable(verdict->domain, 255)},
                                {"identity", verdict->helo_identity ? "helo" : "mailfrom"},
                                {"mechanism", printable(verdict->matched, 255)},
                                {"reason", verdict->reason}}
                << '\n';
    return;
  }
  context.out << name_of(verdict->result) << ": " << printable(verdict->domain, 255);
  if (!verdict->matched.empty()) context.out << " by " << printable(verdict->matched, 255);
  if (!verdict->reason.empty()) context.out << " (" << verdict->reason << ")";
  if (!verdict->explanation.empty()) context.out << "; the domain says: " << verdict->explanation;
  context.out << '\n';
}

}  // namespace

void add_spf_verbs(CLI::App& app, Context& context);

void add_spf_verbs(CLI::App& app, Context& context) {
  CLI::App* spf = app.add_subcommand("spf", "SPF of an envelope: check");
  spf->require_subcommand(1);
  CLI::App* verb = spf->add_subcommand("check", "Whether a client may send for a domain (RFC 7208); exit 0 whatever the result");
  const auto options = std::make_shared<Options>();
  verb->add_option("--ip", options->ip, "The client's address")->required();
  verb->add_option("--helo", options->helo, "What it said in HELO or EHLO")->required();
  verb->add_option("--mail-from", options->mail_from, "MAIL FROM; empty or <>: the HELO name is checked")->required();
  verb->add_option("--receiver", options->receiver, "Our name, for the macro r");
  verb->add_option("--dns-fixture", options->fixture, "JSON zone to ask instead of the DNS");
  add_clock(*verb, "--now", options->now, "The time for the macro t (seconds since 1970) instead of now");
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer("Example: postern spf check --ip 192.0.2.1 --helo mx.example.org --mail-from alice@example.org");
  verb->callback([options, &context] { run_check(*options, context); });
}

}  // namespace postern::cli
