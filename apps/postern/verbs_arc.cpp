// postern arc verify|seal and postern authres parse: on files, without daemon and state.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "fixture_input.hpp"
#include "key_input.hpp"
#include "live_dns.hpp"
#include "mailauth/arc.hpp"
#include "mailauth/authres.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct VerifyOptions {
  std::string message = "-", fixture;
};

Result<ArcVerdict> verdict_of(const MessageView& view, const std::string& fixture_file, std::istream& in) {
  if (!fixture_file.empty()) {
    POSTERN_TRY(const auto fixture, read_fixture(fixture_file, in));
    return arc_verify(view, *fixture);
  }
  std::vector<DnsQuestion> questions;
  for (std::string& name : arc_key_names(view)) questions.emplace_back(std::move(name), dns::RecordType::Txt);
  POSTERN_TRY(dns::AnswerTable answers, ask_dns(questions));
  return arc_verify(view, answers);
}

Result<ArcVerdict> verify(const VerifyOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string text, read_message_input(options.message, in));
  POSTERN_TRY(const MessageView view, MessageView::parse(text));
  return verdict_of(view, options.fixture, in);
}

void run_verify(const VerifyOptions& options, Context& context) {
  const auto verdict = verify(options, context.in);
  if (!verdict) return report_input_error(context, "arc verify", verdict.error());
  if (context.json) {
    json::array sealers;
    for (const auto& domain : verdict->sealers) sealers.emplace_back(printable(domain, 255));
    context.out << json::object{{"cv", name_of(verdict->cv)},
                                {"reason", verdict->reason},
                                {"instances", verdict->instances},
                                {"sealers", std::move(sealers)}}
                << '\n';
    return;
  }
  context.out << name_of(verdict->cv) << ": " << verdict->instances << (verdict->instances == 1 ? " set" : " sets");
  if (!verdict->reason.empty()) context.out << " (" << verdict->reason << ")";
  context.out << '\n';
}

struct SealOptions {
  std::string message = "-", domain, selector, key, authserv_id, headers, fixture;
  std::optional<std::int64_t> time;
  bool standardize = false;
};

Result<ArcSet> seal(const SealOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string text, read_message_input(options.message, in));
  POSTERN_TRY(const MessageView view, MessageView::parse(text));
  POSTERN_TRY(const PrivateKey key, read_signing_key(options.key, in));
  if (key.kind() != KeyKind::Ed25519 && key.kind() != KeyKind::Rsa)
    return fail(ErrorCode::BadInput, "ARC signs with RSA or Ed25519", options.key);
  const bool rsa = key.kind() == KeyKind::Rsa;
  ArcSealOptions out;
  out.authserv_id = options.authserv_id;
  out.time = time_or_now(options.time);
  out.standardize = options.standardize;
  if (!options.headers.empty()) {
    for (const auto name : split(options.headers, ':')) out.headers.emplace_back(trim(name));
  }
  POSTERN_TRY(const ArcVerdict chain, verdict_of(view, options.fixture, in));
  const DkimKeyRef ref{options.domain, options.selector, rsa ? DkimAlgorithm::RsaSha256 : DkimAlgorithm::Ed25519Sha256, {}, 0};
  return arc_seal(view, chain.cv, ref, out, [&](const DkimKeyRef&, ByteView data) {
    return key.sign(rsa ? SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256) : SignAlgorithm::ed25519(), data);
  });
}

std::string_view value_of(std::string_view field) {
  std::string_view out = field.substr(field.find(':') + 1);
  while (out.starts_with(' ')) out.remove_prefix(1);
  return out.substr(0, out.size() - 2);
}

void run_seal(const SealOptions& options, Context& context) {
  const auto set = seal(options, context.in);
  if (!set) return report_input_error(context, "arc seal", set.error());
  if (context.json) {
    context.out << json::object{{"AAR", value_of(set->authentication_results)},
                                {"AMS", value_of(set->message_signature)},
                                {"AS", value_of(set->seal)}}
                << '\n';
    return;
  }
  context.out << set->seal << set->message_signature << set->authentication_results;
}

json::object result_json(const AuthResult& result) {
  json::array properties;
  for (const auto& property : result.properties)
    properties.push_back({{"type", property.type}, {"name", property.name}, {"value", printable(property.value, 1024)}});
  return {{"method", result.method},
          {"version", result.version},
          {"result", result.result},
          {"reason", printable(result.reason, 1024)},
          {"properties", std::move(properties)}};
}

void run_authres(Context& context) {
  const auto text = read_input("-", context.in);
  if (!text) return report_input_error(context, "authres parse", text.error());
  std::string_view value = *text;
  if (istarts_with(value, "Authentication-Results:")) value.remove_prefix(std::string_view("Authentication-Results:").size());
  const auto results = parse_authres(value);
  if (!results) return report_input_error(context, "authres parse", results.error());
  json::array list;
  for (const auto& one : results->results) list.push_back(result_json(one));
  context.out << json::object{{"authserv_id", printable(results->authserv_id, 255)},
                              {"version", results->version},
                              {"results", std::move(list)}}
              << '\n';
}

}  // namespace

void add_arc_verbs(CLI::App& app, Context& context);

void add_arc_verbs(CLI::App& app, Context& context) {
  CLI::App* arc = app.add_subcommand("arc", "ARC chains on files: verify, seal");
  arc->require_subcommand(1);
  CLI::App* check = arc->add_subcommand("verify", "Check the chain of a message (RFC 8617); exit 0 whatever the verdict");
  const auto verify_options = std::make_shared<VerifyOptions>();
  check->add_option("--message", verify_options->message, "The message; - is standard input")->capture_default_str();
  check->add_option("--dns-fixture", verify_options->fixture, "JSON zone to ask instead of the DNS");
  accept_clock(*check);
  check->add_flag("--json", context.json, "One JSON object");
  check->footer("Example: postern arc verify --message forwarded.eml --dns-fixture zone.json --json");
  check->callback([verify_options, &context] { run_verify(*verify_options, context); });

  CLI::App* make = arc->add_subcommand("seal", "The next set of a chain: three fields to put in front of the message");
  const auto options = std::make_shared<SealOptions>();
  make->add_option("--message", options->message, "The message; - is standard input")->required();
  make->add_option("--domain", options->domain, "d=: the sealing domain")->required();
  make->add_option("--selector", options->selector, "s=: where the public key is published")->required();
  make->add_option("--key", options->key, "The private key: PEM, or the base64 seed of Ed25519")->required();
  make->add_option("--authserv-id", options->authserv_id, "Whose Authentication-Results in the message go into the set")->required();
  make->add_option("--headers", options->headers, "h=: names with colons between them, in place of the default list");
  add_clock(*make, "--time,--now", options->time, "t=: seconds since 1970 instead of now");
  make->add_option("--dns-fixture", options->fixture, "JSON zone to check the chain so far with, instead of the DNS");
  make->add_flag("--standardize", options->standardize, "Tags in the order of the alphabet, unfolded");
  make->add_flag("--json", context.json, "One JSON object: AAR, AMS, AS");
  make->footer("Example: postern arc seal --message a.eml --domain example.org --selector s1 --key rsa.pem --authserv-id mx.example.org");
  make->callback([options, &context] { run_seal(*options, context); });

  CLI::App* authres = app.add_subcommand("authres", "Authentication-Results fields: parse");
  authres->require_subcommand(1);
  CLI::App* parse = authres->add_subcommand("parse", "A field of standard input, with or without its name, as JSON");
  accept_clock(*parse);
  parse->add_flag("--json", context.json, "What it does anyway");
  parse->footer("Example: echo 'mx.example.org; spf=pass smtp.mailfrom=a@b.example' | postern authres parse");
  parse->callback([&context] { run_authres(context); });
}

}  // namespace postern::cli
