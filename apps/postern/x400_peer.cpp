#include "x400_peer.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "file_input.hpp"
#include "mhs/own_proof.hpp"
#include "oraddress/or_text.hpp"
#include "pki/certificate.hpp"
#include "tlspolicy/profile.hpp"

namespace postern::cli {
namespace {

Result<io::SslContext> tls_context(const PeerOptions& options) {
  TlsClientProfile profile;
  profile.system_roots = options.ca.empty();
  if (!options.ca.empty()) {
    auto roots = certificates_from_file(options.ca);
    if (!roots) return fail(std::move(roots).error().context("--ca " + options.ca));
    profile.roots = *std::move(roots);
  }
  POSTERN_TRY(const TlsContext context, client_context(std::move(profile)));
  return context.shared();
}

Result<mhs::PeerTls> tls_of(const PeerOptions& options, const std::string& host) {
  mhs::PeerTls out;
  out.required = options.tls == "required";
  if (!out.required) return out;
  POSTERN_TRY(io::SslContext context, tls_context(options));
  out.context = [context = std::move(context)] { return context; };
  out.options.server_name = host;
  // A pin says who it is; without one the chain and the name must.
  if (!options.pins.empty()) out.options.verify = io::TlsClientOptions::Verify::Report;
  POSTERN_TRY(out.pins, pins_of(options));
  return out;
}

// ---- strong credentials
/// The setting's name as that of its option.
std::string option_of(std::string field) {
  std::ranges::replace(field, '_', '-');
  if (field.ends_with("pins")) field.pop_back();
  return "--" + field;
}

Result<std::optional<mhs::StrongCall>> strong_of(const PeerOptions& options) {
  if (options.strong.certificate.empty()) return std::optional<mhs::StrongCall>();
  auto made = mhs::strong_call(options.strong, options.protocol == "p3");
  if (!made) return fail(Error{made.error().code, made.error().what, option_of(made.error().field)});
  return std::optional(*std::move(made));
}

void add_strong_options(CLI::App& verb, PeerOptions& options) {
  CLI::Option* certificate =
      verb.add_option("--certificate", options.strong.certificate, "PEM chain for strong credentials, in place of a password");
  CLI::Option* key = verb.add_option("--key", options.strong.key, "PEM private key of --certificate");
  certificate->needs(key);
  certificate->excludes("--password-ref");
  const auto belongs = [&](const char* name, auto& value, const char* help) { verb.add_option(name, value, help)->needs(certificate); };
  key->needs(certificate);
  belongs("--responder-name", options.strong.responder_name, "With --certificate by P3: name of the MTA");
  belongs("--responder-pin", options.strong.responder_pins, "sha256:HEX of the certificate or key with which the responder must answer");
  belongs("--responder-ca", options.strong.responder_ca, "Certificates that the responder's must lead to; with --responder-subject");
  belongs("--responder-subject", options.strong.responder_subject,
          "Subject of the responder's certificate, as postern cert show writes it");
}

}  // namespace

Result<std::vector<Bytes>> pins_of(const PeerOptions& options) {
  std::vector<Bytes> out;
  for (const std::string& text : options.pins) {
    const auto pin = parse_fingerprint(text);
    if (!pin) return fail(ErrorCode::BadInput, pin.error().what, "--pin");
    out.emplace_back(pin->begin(), pin->end());
  }
  return out;
}

osi::AssociationLimits user_limits() {
  osi::AssociationLimits out;
  out.max_ssdu = 64U * 1024 * 1024;
  out.max_apdu = 64U * 1024 * 1024;
  return out;
}

void add_connection_options(CLI::App& verb, PeerOptions& options, Context& context) {
  verb.add_option("--peer", options.peer, "Where it listens: tsel/ssel/psel@host:port")->required();
  verb.add_option("--tls", options.tls, "required, or none: everything in clear, the password too")
      ->check(CLI::IsMember({"required", "none"}))
      ->capture_default_str();
  verb.add_option("--ca", options.ca, "Certificates that are trusted; else those of this system");
  verb.add_option("--pin", options.pins, "sha256:HEX of the peer's certificate or key, instead of chain and name");
  verb.add_option("--timeout", options.timeout, "Seconds, for each thing that the peer is asked")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  verb.add_flag("--json", context.json, "One JSON document");
}

void add_peer_options(CLI::App& verb, PeerOptions& options, Context& context, const char* protocol) {
  options.protocol = protocol;
  add_connection_options(verb, options, context);
  verb.add_option("--user", options.user, "O/R address that binds, such as \"C=DE;A= ;P=ACME;S=Doe\"")->required();
  verb.add_option("--password-ref", options.password_ref, "Where its password is: env:NAME or file:PATH");
  verb.add_option("--protocol", options.protocol, "p3: an MTA; p7: a message store")
      ->check(CLI::IsMember({"p3", "p7"}))
      ->capture_default_str();
  verb.add_flag("--reliable", options.reliable, "Over RTSE");
  add_strong_options(verb, options);
}

Result<mts::ORName> name_of(const std::string& address, const char* option) {
  auto parsed = oraddress::parse(address);
  if (!parsed) return fail(ErrorCode::BadInput, parsed.error().text(), option);
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = *std::move(parsed);
  return out;
}

Result<SecretBytes> password_of(const std::string& reference, const char* option, std::istream& in) {
  if (reference.empty()) return SecretBytes();
  if (reference.starts_with("env:")) {
    const char* value = std::getenv(reference.c_str() + 4);
    if (value == nullptr) return fail(ErrorCode::NotFound, "there is no variable " + printable(reference.substr(4)), option);
    return SecretBytes::from_text(value);
  }
  if (!reference.starts_with("file:")) return fail(ErrorCode::BadInput, "must be env:NAME or file:PATH", option);
  POSTERN_TRY(const std::string text, read_input(reference.substr(5), in));
  return SecretBytes::from_text(trim(text));
}

std::optional<mts::Priority> priority_named(const std::string& name) {
  for (const mts::Priority each : {mts::Priority::Normal, mts::Priority::NonUrgent, mts::Priority::Urgent})
    if (name == mts::text_of(each)) return each;
  return std::nullopt;
}

Result<mhs::UserCall> connection_of(const PeerOptions& options) {
  mhs::UserCall out;
  auto address = osi::parse_presentation_address(options.peer);
  if (!address) return fail(ErrorCode::BadInput, address.error().text(), "--peer");
  out.address = *std::move(address);
  POSTERN_TRY(out.tls, tls_of(options, out.address.host));
  out.limits = user_limits();
  return out;
}

Result<mhs::UserCall> call_of(const PeerOptions& options, std::istream& in) {
  POSTERN_TRY(mhs::UserCall out, connection_of(options));
  POSTERN_TRY(out.user, name_of(options.user, "--user"));
  POSTERN_TRY(out.password, password_of(options.password_ref, "--password-ref", in));
  POSTERN_TRY(out.strong, strong_of(options));
  out.reliable = options.reliable;
  return out;
}

Error error_of(const mhs::CallFailure& failure) { return {failure.refused ? ErrorCode::Denied : ErrorCode::Unavailable, failure.text, {}}; }

Status UserLoop::open() {
  io::UnboundOptions options;
  options.use_resolv_conf = true;
  POSTERN_TRY(m_resolver, io::UnboundResolver::open(options));
  m_loops.start();
  return {};
}

UserLoop::~UserLoop() {
  m_loops.stop();
  m_loops.join();
  m_loops.clear();
}

}  // namespace postern::cli
