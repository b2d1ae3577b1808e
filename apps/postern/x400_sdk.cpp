// postern x400 sdk-test: the conformance kit for vendors' X.400 libraries. No daemon; the library runs in processes of its own.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "sdk/conformance.hpp"
#include "x400.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct SdkTestOptions {
  std::string library, settings_file, password_ref;
  std::int64_t limit_ms = 30'000;
  sdk::KitOptions kit;
};

const std::map<std::string, std::uint32_t> kRoles{{"p3", 1}, {"p7", 2}, {"p1", 3}};

Result<Bytes> password_from(const std::string& reference, std::istream& in) {
  if (reference.empty()) return to_bytes("postern");
  if (reference.starts_with("env:")) {
    const char* value = std::getenv(reference.c_str() + 4);
    if (value == nullptr) return fail(ErrorCode::NotFound, "there is no variable " + printable(reference.substr(4)), "--password-ref");
    return to_bytes(value);
  }
  if (!reference.starts_with("file:")) return fail(ErrorCode::BadInput, "must be env:NAME or file:PATH", "--password-ref");
  POSTERN_TRY(const std::string text, read_input(reference.substr(5), in));
  return to_bytes(trim(text));
}

Result<sdk::KitOptions> kit_of(const SdkTestOptions& options, std::istream& in) {
  sdk::KitOptions out = options.kit;
  std::error_code failed;
  out.library = std::filesystem::absolute(options.library, failed).lexically_normal().string();
  out.limit = std::chrono::milliseconds(options.limit_ms);
  POSTERN_TRY(out.user.password, password_from(options.password_ref, in));
  if (!options.settings_file.empty()) {
    POSTERN_TRY(out.settings, read_input(options.settings_file, in));
    boost::system::error_code bad;
    if (const auto parsed = json::parse(out.settings, bad); bad || !parsed.is_object())
      return fail(ErrorCode::BadInput, "must hold a JSON object", "--settings");
  }
  return out;
}

void show(std::ostream& out, const sdk::CheckResult& result) {
  constexpr std::size_t outcome_width = 9, name_width = 26;
  std::string outcome = name_of(result.outcome), name = result.check.name;
  outcome.resize(std::max(outcome.size(), outcome_width), ' ');
  name.resize(std::max(name.size(), name_width), ' ');
  out << outcome << name << result.check.proves << '\n';
  if (!result.why.empty()) out << std::string(outcome_width, ' ') << "-> " << result.why << '\n';
  out.flush();
}

std::size_t count_of(const std::vector<sdk::CheckResult>& results, sdk::CheckOutcome outcome) {
  return static_cast<std::size_t>(std::ranges::count(results, outcome, &sdk::CheckResult::outcome));
}

json::object document(const std::string& library, const std::vector<sdk::CheckResult>& results) {
  json::array checks;
  for (const auto& one : results)
    checks.push_back({{"name", one.check.name}, {"proves", one.check.proves}, {"outcome", name_of(one.outcome)}, {"why", one.why}});
  return {{"library", library},
          {"passed", count_of(results, sdk::CheckOutcome::Passed)},
          {"failed", count_of(results, sdk::CheckOutcome::Failed)},
          {"skipped", count_of(results, sdk::CheckOutcome::Skipped)},
          {"checks", std::move(checks)}};
}

void run_sdk_test(Context& context, const SdkTestOptions& options) {
  const auto kit = kit_of(options, context.in);
  if (!kit) return report_error(context, "x400 sdk-test", kit.error());
  const auto results = sdk::run_kit(*kit, [&](const sdk::CheckResult& result) {
    if (!context.json) show(context.out, result);
  });
  if (!results) return report_error(context, "x400 sdk-test", results.error());
  const std::size_t failed = count_of(*results, sdk::CheckOutcome::Failed);
  if (context.json)
    context.out << document(kit->library, *results) << '\n';
  else
    context.out << count_of(*results, sdk::CheckOutcome::Passed) << " passed, " << failed << " failed, "
                << count_of(*results, sdk::CheckOutcome::Skipped) << " skipped\n";
  if (failed > 0) context.exit_status = kNo;
}

}  // namespace

void add_x400_sdk_verbs(CLI::App& noun, Context& context) {
  CLI::App* verb = noun.add_subcommand(
      "sdk-test",
      "Does a vendor's library keep the rules of postern/x400_sdk.h? Named checks; exits with 1 when one fails (docs/x400-sdk.md)");
  const auto options = std::make_shared<SdkTestOptions>();
  verb->add_option("--library", options->library, "The shared object")->required();
  verb->add_option("--profile", options->kit.profile, "Profile to open it with");
  verb->add_option("--settings", options->settings_file, "File with the JSON object for open()");
  verb->add_option("--peer", options->kit.user.peer, "Presentation address of a store with a mailbox for tests");
  verb->add_option("--unreachable", options->kit.user.unreachable, "Presentation address where nobody answers");
  verb->add_option("--user", options->kit.user.name, "O/R address of that mailbox; it must be able to write to itself");
  verb->add_option("--password-ref", options->password_ref, "Where its password is: env:NAME or file:PATH; else it is \"postern\"");
  verb->add_option("--role", options->kit.user.role, "p3, p7 or p1")->transform(CLI::CheckedTransformer(kRoles, CLI::ignore_case));
  verb->add_option("--check", options->kit.only, "Only this check; may be given again");
  verb->add_option("--limit-ms", options->limit_ms, "Milliseconds that one check may take")->check(CLI::Range(100, 600'000));
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer(
      "Example: postern x400 sdk-test --library ./vendor.so --profile test --peer host:102 --user \"C=DE;A=;P=ORG;S=Test\" --password-ref "
      "env:PW");
  verb->callback([&context, options] { run_sdk_test(context, *options); });
}

}  // namespace postern::cli
