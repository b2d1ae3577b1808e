// postern cert verify|show: certificates, their paths and their revocation, on files, without daemon or network.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/clock.hpp"
#include "clock_input.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "host_input.hpp"
#include "pki/path_revocation.hpp"
#include "pki/verify.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t kMostCertificates = 1000;
constexpr std::size_t kMostLists = 1000;

struct VerifyOptions {
  std::string leaf, intermediates, roots, crls, ocsp, at, name, purpose;
  bool lenient = false;
};

/// PEM text, or one certificate in DER.
Result<CertificateChain> read_certificates(const std::string& path, std::istream& in) {
  POSTERN_TRY(const std::string text, read_input(path, in));
  if (text.find("-----BEGIN") != std::string::npos) {
    auto out = certificates_from_pem(text, kMostCertificates);
    if (!out) return fail(std::move(out).error().context(path));
    return out;
  }
  auto one = Certificate::from_der(as_bytes(text));
  if (!one) return fail(std::move(one).error().context(path));
  return CertificateChain{*std::move(one)};
}

/// Seconds since 1970, or RFC 3339; empty: now.
Result<WallTime> time_of(const std::string& text) {
  if (text.empty()) return SystemClock().now();
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, seconds); error == std::errc() && at == end) {
    constexpr std::int64_t kYear10000 = 253402300800;
    if (seconds < -kYear10000 || seconds >= kYear10000) return fail(ErrorCode::BadInput, "is no time that a certificate can name", "--at");
    return wall_from_millis(seconds * 1000);
  }
  const auto out = parse_rfc3339(text);
  if (!out) return fail(ErrorCode::BadInput, "give seconds since 1970, or a time like 2026-01-31T12:00:00Z", "--at");
  return *out;
}

/// Every file of the folder, in the order of their names, each PEM or DER.
Result<std::vector<Crl>> read_lists(const std::string& folder) {
  std::vector<Crl> out;
  if (folder.empty()) return out;
  std::error_code error;
  std::vector<std::string> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error)) paths.push_back(it->path().string());
    if (paths.size() > kMostLists) return fail(ErrorCode::TooLarge, "holds more than 1000 files", "--crls");
  }
  if (error) return fail(ErrorCode::BadInput, "cannot be read: " + error.message(), "--crls");
  std::ranges::sort(paths);
  std::istringstream nothing;
  for (const std::string& path : paths) {
    POSTERN_TRY(const std::string text, read_input(path, nothing));
    auto lists = Crl::from_text(text);
    if (!lists) return fail(std::move(lists).error().context(path));
    std::ranges::move(*lists, std::back_inserter(out));
  }
  return out;
}

Status take_name(const std::string& text, VerifyRequest& out) {
  if (text.empty()) return {};
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string name = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  const bool mail = kind == "email";
  if (name.empty() || (kind != "dns" && kind != "ip" && !mail))
    return fail(ErrorCode::BadInput, "give dns:NAME, ip:ADDRESS or email:ADDRESS", "--name");
  (mail ? out.email : kind == "ip" ? out.ip_address : out.dns_name) = kind == "dns" ? host_of(name) : name;
  out.purpose = mail ? CertificatePurpose::Email : CertificatePurpose::TlsServer;
  return {};
}

void take_purpose(const std::string& text, VerifyRequest& out) {
  if (text == "any") out.purpose = CertificatePurpose::Any;
  if (text == "server") out.purpose = CertificatePurpose::TlsServer;
  if (text == "client") out.purpose = CertificatePurpose::TlsClient;
  if (text == "email") out.purpose = CertificatePurpose::Email;
}

/// What was given must answer: lists for every certificate of the path, an OCSP response alone for the leaf.
PathRevocation judge_revocation(const VerifyOptions& options, const CertificateChain& path, std::span<const Crl> lists,
                                const std::string& answer, WallTime at) {
  PathRevocationRequest request{.path = path, .policy = RevocationPolicy::Hard, .at = at, .crls = lists, .ocsp = as_bytes(answer)};
  if (options.crls.empty()) request.path = request.path.first(std::min<std::size_t>(request.path.size(), 2));
  if (options.crls.empty() && options.ocsp.empty()) request.policy = RevocationPolicy::Off;
  return check_path_revocation(request);
}

/// Why the certificate does not hold; empty when it does.
Result<std::string> judge(const VerifyOptions& options, std::istream& in) {
  POSTERN_TRY(const CertificateChain leaf, read_certificates(options.leaf, in));
  CertificateChain others(leaf.begin() + 1, leaf.end());  // a leaf's file may bring its chain along
  if (!options.intermediates.empty()) {
    POSTERN_TRY(const CertificateChain more, read_certificates(options.intermediates, in));
    others.insert(others.end(), more.begin(), more.end());
  }
  POSTERN_TRY(const CertificateChain roots, read_certificates(options.roots, in));
  POSTERN_TRY(const std::vector<Crl> lists, read_lists(options.crls));
  std::string answer;
  if (!options.ocsp.empty()) {
    POSTERN_TRY(answer, read_input(options.ocsp, in));
  }
  VerifyRequest request{.leaf = &leaf.front(), .intermediates = others, .roots = roots, .strict = !options.lenient};
  POSTERN_TRY(request.at, time_of(options.at));
  POSTERN_CHECK(take_name(options.name, request));
  take_purpose(options.purpose, request);
  const ChainVerdict verdict = verify_chain(request);
  if (!verdict.ok) return verdict.reason;
  return judge_revocation(options, verdict.chain, lists, answer, request.at).reason;
}

void run_verify(Context& context, const VerifyOptions& options) {
  const auto fault = judge(options, context.in);
  if (!fault) {
    report_input_error(context, "cert verify", fault.error());
    return;
  }
  if (context.json) {
    context.out << json::object{{"ok", fault->empty()}, {"error", *fault}} << '\n';
  } else {
    context.out << (fault->empty() ? "ok" : "not ok: " + *fault) << '\n';
  }
}

json::object facts_of(const Certificate& certificate) {
  const auto key = certificate.public_key();
  return {{"subject", certificate.subject()},
          {"issuer", certificate.issuer()},
          {"serial", certificate.serial()},
          {"not_before", rfc3339(certificate.not_before())},
          {"not_after", rfc3339(certificate.not_after())},
          {"dns", json::value_from(certificate.dns_names())},
          {"ip", json::value_from(certificate.ip_addresses())},
          {"email", json::value_from(certificate.emails())},
          {"ca", certificate.is_ca()},
          {"key", key ? name_of(key->kind()) : "unknown"},
          {"sha256", hex_encode(certificate.fingerprint())},
          {"key_sha256", hex_encode(certificate.spki_fingerprint())},
          {"ocsp", json::value_from(ocsp_urls(certificate))},
          {"crls", json::value_from(crl_urls(certificate))},
          {"must_staple", must_staple(certificate)}};
}

std::string text_of(const Certificate& certificate) {
  std::string out = certificate.describe();
  for (const std::string& url : ocsp_urls(certificate)) out += "OCSP         " + url + "\n";
  for (const std::string& url : crl_urls(certificate)) out += "CRL          " + url + "\n";
  if (must_staple(certificate)) out += "stapling     asked for (RFC 7633)\n";
  return out;
}

void run_show(Context& context, const std::string& path) {
  const auto chain = read_certificates(path, context.in);
  if (!chain) return report_input_error(context, "cert show", chain.error());
  json::array all;
  for (const Certificate& certificate : *chain) {
    if (context.json) {
      all.push_back(facts_of(certificate));
    } else {
      context.out << (&certificate == chain->data() ? "" : "\n") << text_of(certificate);
    }
  }
  if (context.json) context.out << json::object{{"certificates", std::move(all)}} << '\n';
}

void add_verify(CLI::App& noun, Context& context) {
  CLI::App* verb = noun.add_subcommand(
      "verify",
      "Does a path lead from the certificate to a root (RFC 5280), for this name, at this time, and is nothing on it revoked? Exits with 0 "
      "once it was judged: the verdict is in the answer. With --crls every certificate of the path but the root must be on none of the "
      "lists and covered by one; with --ocsp alone the response must say good of the leaf");
  const auto options = std::make_shared<VerifyOptions>();
  verb->add_option("--leaf", options->leaf, "The certificate, PEM or DER; further ones behind it count as intermediates")->required();
  verb->add_option("--intermediates", options->intermediates, "Certificates that may stand in between, in any order");
  verb->add_option("--roots", options->roots, "What is trusted; need not be self-signed")->required();
  verb->add_option("--crls", options->crls, "Folder of certificate revocation lists, PEM or DER");
  verb->add_option("--ocsp", options->ocsp, "OCSP response about the certificate (RFC 6960), DER");
  verb->add_option("--at,--now", options->at, "Judge at this time, seconds since 1970 or RFC 3339, instead of now");
  verb->add_option("--name", options->name, "dns:NAME, ip:ADDRESS (both: as a TLS server) or email:ADDRESS (S/MIME)");
  verb->add_option("--purpose", options->purpose, "any, server, client or email, instead of what the name implies")
      ->check(CLI::IsMember({"any", "server", "client", "email"}));
  verb->add_flag("--lenient", options->lenient,
                 "As connections are judged: without the rules of RFC 5280 4 for those who issue, and without certificate policies");
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer(
      "Example: postern cert verify --leaf mx.pem --intermediates chain.pem --roots ca.pem --crls lists --name dns:mx.example.org");
  verb->callback([&context, options] { run_verify(context, *options); });
}

void add_show(CLI::App& noun, Context& context) {
  CLI::App* verb =
      noun.add_subcommand("show", "What certificates say: names, times, key, fingerprints for pins, where their revocation is told");
  const auto path = std::make_shared<std::string>("-");
  accept_clock(*verb);
  verb->add_option("file", *path, "Certificates, PEM or DER; - for standard input");
  verb->add_flag("--json", context.json, "One JSON document on standard output");
  verb->footer("Example: postern cert show mx.pem");
  verb->callback([&context, path] { run_show(context, *path); });
}

}  // namespace

void add_cert_verbs(CLI::App& app, Context& context);

void add_cert_verbs(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("cert", "Certificates (RFC 5280) and their revocation (RFC 6960)");
  noun->require_subcommand(1);
  add_verify(*noun, context);
  add_show(*noun, context);
}

}  // namespace postern::cli
