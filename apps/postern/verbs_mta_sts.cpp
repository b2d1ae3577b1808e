// postern mta-sts check: a policy file, and whether a host is one of its MX hosts, without daemon or network.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "host_input.hpp"
#include "tlspolicy/mta_sts.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct MtaStsOptions {
  std::string policy = "-";
  std::string mx;
};

void show(Context& context, const MtaStsPolicy& policy, const std::string& mx) {
  const bool match = policy.allows(mx);
  if (context.json) {
    context.out << json::object{{"mode", name_of(policy.mode)},
                                {"max_age", policy.max_age.count()},
                                {"mx", json::value_from(policy.mx)},
                                {"match", match}}
                << '\n';
  } else {
    context.out << (match ? "match" : "no match") << ", mode " << name_of(policy.mode) << '\n';
  }
}

/// RFC 8461 3.2, 3.3: a file that is no policy names no host, and senders go on as if there were none. That is a verdict too.
void show_invalid(Context& context, const Error& fault) {
  if (!context.json) {
    context.out << "no match, the policy is not valid, so senders have none: " << fault.text() << '\n';
    return;
  }
  const json::object error{{"code", name_of(fault.code)}, {"field", fault.field}, {"what", fault.what}};
  context.out << json::object{{"mode", nullptr}, {"max_age", nullptr}, {"mx", json::array()}, {"match", false}, {"error", error}} << '\n';
}

void run_check(Context& context, const MtaStsOptions& options) {
  const auto text = read_input(options.policy, context.in);
  if (!text) return report_input_error(context, "mta-sts check", text.error());
  const auto policy = parse_mta_sts_policy(*text);
  if (!policy) return show_invalid(context, policy.error());
  show(context, *policy, host_of(options.mx));
}

}  // namespace

void add_mta_sts_verbs(CLI::App& app, Context& context);

void add_mta_sts_verbs(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("mta-sts", "MTA-STS policies (RFC 8461)");
  noun->require_subcommand(1);
  CLI::App* verb = noun->add_subcommand("check", "Is the host one of the policy's, and is the policy valid? Exit 0 whatever the verdict");
  const auto options = std::make_shared<MtaStsOptions>();
  verb->add_option("--policy", options->policy, "The policy file; - for standard input");
  verb->add_option("--mx", options->mx, "Host name of the MX")->required();
  accept_clock(*verb);
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer("Example: postern mta-sts check --policy mta-sts.txt --mx mx.example.org");
  verb->callback([&context, options] { run_check(context, *options); });
}

}  // namespace postern::cli
