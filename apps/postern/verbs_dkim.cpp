// postern dkim sign|verify: DKIM on files, without daemon and state, so that any test or other tool can drive it.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/secret.hpp"
#include "base/text.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "crypto/pkey.hpp"
#include "file_input.hpp"
#include "fixture_input.hpp"
#include "key_input.hpp"
#include "live_dns.hpp"
#include "mailauth/dkim.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t kLongest = std::int64_t{100} * 365 * 86'400;

struct SignOptions {
  std::string message = "-";
  std::string domain;
  std::vector<std::string> selectors, keys, algorithms;
  std::string canonicalization = "relaxed/relaxed";
  std::string headers;
  std::string identity;
  std::optional<std::int64_t> time, lifetime;
};

struct VerifyOptions {
  std::string message = "-";
  std::string fixture;
  std::optional<std::int64_t> now;
  bool accept_partial_body = false;
};

Result<DkimAlgorithm> algorithm_of(const SignOptions& options, std::size_t index, const PrivateKey& key) {
  const DkimAlgorithm natural = key.kind() == KeyKind::Ed25519 ? DkimAlgorithm::Ed25519Sha256 : DkimAlgorithm::RsaSha256;
  if (key.kind() != KeyKind::Ed25519 && key.kind() != KeyKind::Rsa)
    return fail(ErrorCode::BadInput, "DKIM signs with RSA or Ed25519", options.keys[index]);
  if (index >= options.algorithms.size()) return natural;
  POSTERN_TRY(const DkimAlgorithm wanted, parse_dkim_algorithm(options.algorithms[index]));
  if (wanted != natural)
    return fail(ErrorCode::BadInput, "the key is not of the kind that " + options.algorithms[index] + " needs", options.keys[index]);
  return wanted;
}

Result<DkimSignOptions> engine_options(const SignOptions& options) {
  DkimSignOptions out;
  POSTERN_TRY(out.canonicalization, CanonicalizationPair::parse(options.canonicalization));
  if (!options.headers.empty()) {
    for (const auto name : split(options.headers, ':')) out.headers.emplace_back(trim(name));
  }
  out.identity = options.identity;
  out.time = time_or_now(options.time);
  if (options.lifetime) out.lifetime = std::chrono::seconds(*options.lifetime);
  return out;
}

/// The DKIM-Signature fields.
Result<std::string> sign(const SignOptions& options, const std::string& raw, std::istream& in) {
  if (options.selectors.size() != options.keys.size()) return fail(ErrorCode::BadInput, "give one --key for each --selector", "--selector");
  POSTERN_TRY(const DkimSignOptions how, engine_options(options));
  POSTERN_TRY(const MessageView view, MessageView::parse(raw));
  std::vector<PrivateKey> keys;
  std::vector<DkimKeyRef> refs;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    POSTERN_TRY(PrivateKey key, read_signing_key(options.keys[i], in));
    POSTERN_TRY(const DkimAlgorithm algorithm, algorithm_of(options, i, key));
    refs.push_back({options.domain, options.selectors[i], algorithm, {}, static_cast<std::uint32_t>(i)});
    keys.push_back(std::move(key));
  }
  return dkim_sign(view, refs, how, [&keys](const DkimKeyRef& ref, ByteView data) {
    const bool rsa = ref.algorithm == DkimAlgorithm::RsaSha256;
    return keys[ref.key_version].sign(rsa ? SignAlgorithm::rsa_pkcs1(HashAlgorithm::Sha256) : SignAlgorithm::ed25519(), data);
  });
}

void run_sign(const SignOptions& options, Context& context) {
  const auto raw = read_message_input(options.message, context.in);
  const auto fields = raw ? sign(options, *raw, context.in) : fail(raw.error());
  if (!fields) return report_input_error(context, "dkim sign", fields.error());
  if (!context.json) {
    context.out << *fields << *raw;
    return;
  }
  json::object out{{"signature", *fields}};
  const std::string message = *fields + *raw;
  if (is_utf8(message)) {
    out["message"] = message;
  } else {
    out["message_base64"] = base64_encode(as_bytes(message));
  }
  context.out << out << '\n';
}

Result<std::vector<DkimSignature>> verify(const VerifyOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string raw, read_message_input(options.message, in));
  POSTERN_TRY(const MessageView view, MessageView::parse(raw));
  DkimVerifyOptions how;
  how.accept_partial_body = options.accept_partial_body;
  const WallTime now = time_or_now(options.now);
  if (!options.fixture.empty()) {
    POSTERN_TRY(const auto fixture, read_fixture(options.fixture, in));
    return dkim_verify(view, *fixture, now, how);
  }
  std::vector<DnsQuestion> questions;
  for (std::string& name : dkim_key_names(view, how)) questions.emplace_back(std::move(name), dns::RecordType::Txt);
  POSTERN_TRY(dns::AnswerTable answers, ask_dns(questions));
  return dkim_verify(view, answers, now, how);
}

json::object signature_json(const DkimSignature& signature) {
  json::object out{{"domain", printable(signature.domain, 255)},
                   {"selector", printable(signature.selector, 255)},
                   {"algorithm", printable(signature.algorithm, 64)},
                   {"result", name_of(signature.result)},
                   {"reason", signature.reason},
                   {"identity", printable(signature.identity, 320)},
                   {"testing", signature.testing},
                   {"partial_body", signature.partial_body},
                   {"key_bits", signature.key_bits}};
  // U-labels are worth showing as they are; anything else unprintable is not.
  for (const auto& [key, value] :
       {std::pair{"domain", &signature.domain}, std::pair{"selector", &signature.selector}, std::pair{"identity", &signature.identity}}) {
    if (is_utf8(*value) && !is_ascii(*value)) out[key] = *value;
  }
  return out;
}

void run_verify(const VerifyOptions& options, Context& context) {
  const auto signatures = verify(options, context.in);
  if (!signatures) return report_input_error(context, "dkim verify", signatures.error());
  if (context.json) {
    json::array list;
    for (const DkimSignature& signature : *signatures) list.push_back(signature_json(signature));
    context.out << json::object{{"signatures", std::move(list)}, {"result", name_of(dkim_overall(*signatures))}} << '\n';
    return;
  }
  if (signatures->empty()) context.out << "none: the message has no DKIM signature\n";
  for (const DkimSignature& signature : *signatures) {
    context.out << name_of(signature.result) << ": " << printable(signature.domain) << " (" << printable(signature.selector) << ", "
                << printable(signature.algorithm) << ")" << (signature.reason.empty() ? "" : ": " + signature.reason) << '\n';
  }
}

void add_sign(CLI::App& dkim, Context& context) {
  CLI::App* verb = dkim.add_subcommand("sign", "Sign a message with one key or several; prints the signed message");
  const auto options = std::make_shared<SignOptions>();
  verb->add_option("--message", options->message, "The message; - is standard input")->capture_default_str();
  verb->add_option("--domain", options->domain, "d=: the signing domain")->required();
  verb->add_option("--selector", options->selectors, "s=: where the public key is published; repeat for more keys")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--key", options->keys, "The private key: PEM, or the base64 seed of Ed25519; one for each selector")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--algorithm", options->algorithms, "rsa-sha256 or ed25519-sha256; the key's own when left out")
      ->allow_extra_args(false);
  verb->add_option("--canon", options->canonicalization, "Canonicalization of header and body")->capture_default_str();
  verb->add_option("--headers", options->headers, "h=: names with colons between them, in place of the default list");
  verb->add_option("--identity", options->identity, "i=: an address at the domain or below");
  add_clock(*verb, "--time,--now", options->time, "t=: seconds since 1970 instead of now");
  verb->add_option("--lifetime", options->lifetime, "x=: seconds until the signature expires")
      ->check(CLI::Range(std::int64_t{1}, kLongest));
  verb->add_flag("--json", context.json, "One JSON object: signature and message");
  verb->footer("Example: postern dkim sign --message a.eml --domain example.org --selector s1 --key rsa.pem > signed.eml");
  verb->callback([options, &context] { run_sign(*options, context); });
}

void add_verify(CLI::App& dkim, Context& context) {
  CLI::App* verb = dkim.add_subcommand("verify", "Check every DKIM signature of a message; exit 0 whatever the verdicts");
  const auto options = std::make_shared<VerifyOptions>();
  verb->add_option("--message", options->message, "The message; - is standard input")->capture_default_str();
  verb->add_option("--dns-fixture", options->fixture, "JSON zone to ask instead of the DNS");
  add_clock(*verb, "--now", options->now, "Judge at this time (seconds since 1970) instead of now");
  verb->add_flag("--accept-partial-body", options->accept_partial_body, "Let signatures pass whose l= is shorter than the body");
  verb->add_flag("--json", context.json, "One JSON object");
  verb->footer("Example: postern dkim verify --message signed.eml --dns-fixture zone.json --json");
  verb->callback([options, &context] { run_verify(*options, context); });
}

}  // namespace

void add_dkim_verbs(CLI::App& app, Context& context);

void add_dkim_verbs(CLI::App& app, Context& context) {
  CLI::App* dkim = app.add_subcommand("dkim", "DKIM on files: sign, verify");
  dkim->require_subcommand(1);
  add_sign(*dkim, context);
  add_verify(*dkim, context);
}

}  // namespace postern::cli
