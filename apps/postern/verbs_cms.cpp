// postern cms sign|verify|encrypt|decrypt: S/MIME on files, without daemon and state, so that any test or other tool can drive it.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <ostream>

#include "base/secret.hpp"
#include "base/text.hpp"
#include "context.hpp"
#include "file_input.hpp"
#include "seal/signer_json.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

struct CmsOptions {
  std::string message = "-";
  std::string signer_cert, signer_key, recipient_key;
  std::vector<std::string> recipients, trust, intermediates;
  std::string profile = "gcm";
  std::string rsa = "oaep";
  std::int64_t at = -1;
  bool opaque = false;
  bool hide_subject = false;
  bool plain_header = false;
};

constexpr std::size_t kBundleLimit = 1000;

Result<CertificateChain> read_certificates(const std::vector<std::string>& paths, std::istream& in) {
  CertificateChain out;
  for (const std::string& path : paths) {
    POSTERN_TRY(const std::string pem, read_input(path, in));
    auto some = certificates_from_pem(pem, kBundleLimit);
    if (!some) return fail(std::move(some).error().context(path));
    out.insert(out.end(), some->begin(), some->end());
  }
  return out;
}

Result<SmimeIdentity> read_identity(const std::string& certificate, const std::string& key, std::istream& in) {
  POSTERN_TRY(CertificateChain chain, read_certificates({certificate}, in));
  POSTERN_TRY(std::string pem, read_input(key, in));
  auto read = PrivateKey::from_pem(as_bytes(pem));
  wipe(pem);
  if (!read) return fail(std::move(read).error().context(key));
  return SmimeIdentity{std::move(chain), std::shared_ptr<EVP_PKEY>(share(read->native()))};
}

WallTime time_of(const CmsOptions& options) { return options.at < 0 ? SystemClock().now() : WallTime(std::chrono::seconds(options.at)); }

HeaderProtection header_of(const CmsOptions& options) {
  return {.copy_fields = !options.plain_header, .hide_subject = options.hide_subject};
}

SmimeEncryptOptions encrypt_options(const CmsOptions& options) {
  SmimeEncryptOptions out;
  out.profile.cipher = options.profile == "cbc" ? ContentCipher::Aes256Cbc : ContentCipher::Aes256Gcm;
  out.profile.rsa = options.rsa == "pkcs1" ? RsaTransport::Pkcs1 : RsaTransport::Oaep;
  out.header = header_of(options);
  return out;
}

/// JSON is UTF-8; a message need not be.
void put_message(json::object& out, const std::string& message) {
  if (is_utf8(message))
    out["message"] = message;
  else
    out["message_base64"] = base64_encode(as_bytes(message));
}

json::object header_json(const HeaderFacts& facts) {
  return {{"hp", facts.hp}, {"altered", json::value_from(facts.altered)}, {"restored", json::value_from(facts.restored)}};
}

json::object verification_json(const SmimeVerification& verification) {
  json::array signers;
  for (const SmimeSigner& signer : verification.signers) signers.push_back(signer_json(signer, "matches_from"));
  json::object out{{"protection", name_of(verification.protection)},
                   {"valid", verification.valid()},
                   {"reason", verification.reason()},
                   {"signers", std::move(signers)},
                   {"header", header_json(verification.header)}};
  if (!verification.message.empty()) put_message(out, verification.message);
  return out;
}

json::object opened_json(const SmimeOpened& opened) {
  json::object out{{"cipher", opened.cipher},
                   {"key_transport", opened.key_transport},
                   {"authenticated", opened.authenticated},
                   {"inner", name_of(opened.inner)},
                   {"header", header_json(opened.header)}};
  put_message(out, opened.message);
  return out;
}

void print_message(Context& context, const char* verb, const Result<std::string>& message) {
  if (!message) return report_error(context, verb, message.error());
  if (!context.json) {
    context.out << *message;
    return;
  }
  json::object out;
  put_message(out, *message);
  context.out << out << '\n';
}

Result<std::string> sign(const CmsOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string message, read_message_input(options.message, in));
  POSTERN_TRY(const SmimeIdentity signer, read_identity(options.signer_cert, options.signer_key, in));
  SystemRandom random;
  const Limits limits;
  return smime_sign(message, signer, {.opaque = options.opaque, .header = header_of(options)}, {time_of(options), random, limits});
}

Result<std::string> encrypt(const CmsOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string message, read_message_input(options.message, in));
  POSTERN_TRY(const CertificateChain recipients, read_certificates(options.recipients, in));
  SystemRandom random;
  const Limits limits;
  const SealContext context{time_of(options), random, limits};
  if (options.signer_cert.empty()) return smime_encrypt(message, recipients, encrypt_options(options), context);
  POSTERN_TRY(const SmimeIdentity signer, read_identity(options.signer_cert, options.signer_key, in));
  return smime_sign_encrypt(message, signer, recipients, encrypt_options(options), context);
}

Result<SmimeOpened> decrypt(const CmsOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string message, read_message_input(options.message, in));
  POSTERN_TRY(const SmimeIdentity identity, read_identity(options.recipients.front(), options.recipient_key, in));
  SystemRandom random;
  const Limits limits;
  return smime_decrypt(message, std::span(&identity, 1), {time_of(options), random, limits});
}

Result<SmimeVerification> verify(const CmsOptions& options, std::istream& in) {
  POSTERN_TRY(const std::string message, read_message_input(options.message, in));
  POSTERN_TRY(const CertificateChain roots, read_certificates(options.trust, in));
  POSTERN_TRY(const CertificateChain intermediates, read_certificates(options.intermediates, in));
  SystemRandom random;
  const Limits limits;
  return smime_verify(message, {.roots = roots, .intermediates = intermediates}, {time_of(options), random, limits});
}

void print_opened(Context& context, const Result<SmimeOpened>& opened) {
  if (!opened) return report_error(context, "cms decrypt", opened.error());
  if (context.json)
    context.out << opened_json(*opened) << '\n';
  else
    context.out << opened->message;
}

void print_verification(Context& context, const Result<SmimeVerification>& verification) {
  if (!verification) return report_error(context, "cms verify", verification.error());
  if (context.json) {
    context.out << verification_json(*verification) << '\n';
    return;
  }
  context.out << name_of(verification->protection) << ": " << (verification->valid() ? "valid" : "not valid: " + verification->reason())
              << '\n';
  for (const SmimeSigner& signer : verification->signers) {
    if (signer.certificate)
      context.out << "  " << signer.certificate->subject() << ", " << signer.algorithm << " with " << signer.digest << '\n';
  }
}

void common(CLI::App& verb, CmsOptions& options) {
  verb.add_option("--message", options.message, "The message; - is standard input")->capture_default_str();
  verb.add_option("--at,--now", options.at, "Judge at this time (seconds since 1970) instead of now");
}

void signer(CLI::App& verb, CmsOptions& options, bool required) {
  auto* certificate =
      verb.add_option("--signer-cert", options.signer_cert, "PEM: the signer's certificate, then its chain")->required(required);
  auto* key = verb.add_option("--signer-key", options.signer_key, "PEM: the signer's private key")->required(required);
  certificate->needs(key);
  key->needs(certificate);
  verb.add_flag("--plain-header", options.plain_header, "Do not copy header fields into the protected part (RFC 9788)");
}

using Options = std::shared_ptr<CmsOptions>;

void add_sign(CLI::App& cms, Context& context) {
  CLI::App* verb = cms.add_subcommand("sign", "Sign a message: multipart/signed, or opaque");
  const auto options = std::make_shared<CmsOptions>();
  common(*verb, *options);
  signer(*verb, *options, true);
  verb->add_flag("--opaque", options->opaque, "application/pkcs7-mime signed-data");
  verb->footer("Example: postern cms sign --message a.eml --signer-cert alice.pem --signer-key alice.key > signed.eml");
  verb->callback([options, &context] { print_message(context, "cms sign", sign(*options, context.in)); });
}

void add_encrypt(CLI::App& cms, Context& context) {
  CLI::App* verb = cms.add_subcommand("encrypt", "Encrypt a message to certificates; sign it first when a signer is given");
  const auto options = std::make_shared<CmsOptions>();
  common(*verb, *options);
  signer(*verb, *options, false);
  verb->add_option("--recipient", options->recipients, "PEM: a recipient's certificate; repeat for more")->required();
  verb->add_option("--profile", options->profile, "gcm: AuthEnvelopedData; cbc: EnvelopedData")->check(CLI::IsMember({"gcm", "cbc"}));
  verb->add_option("--rsa", options->rsa, "Key transport to RSA certificates")->check(CLI::IsMember({"oaep", "pkcs1"}));
  verb->add_flag("--hide-subject", options->hide_subject, "Leave \"[...]\" outside and the subject inside (RFC 9788)");
  verb->footer("Example: postern cms encrypt --message a.eml --recipient bob.pem --recipient carol.pem > sealed.eml");
  verb->callback([options, &context] { print_message(context, "cms encrypt", encrypt(*options, context.in)); });
}

void add_decrypt(CLI::App& cms, Context& context) {
  CLI::App* verb = cms.add_subcommand("decrypt", "Open a message that is encrypted to a certificate of ours");
  const auto options = std::make_shared<CmsOptions>();
  common(*verb, *options);
  verb->add_option("--recipient", options->recipients, "PEM: our certificate")->required()->expected(1);
  verb->add_option("--recipient-key", options->recipient_key, "PEM: its private key")->required();
  verb->footer("Example: postern cms decrypt --message sealed.eml --recipient bob.pem --recipient-key bob.key > a.eml");
  verb->callback([options, &context] { print_opened(context, decrypt(*options, context.in)); });
}

void add_verify(CLI::App& cms, Context& context) {
  CLI::App* verb = cms.add_subcommand("verify", "Check the S/MIME signature of a message; exit 0 whatever the verdict");
  const auto options = std::make_shared<CmsOptions>();
  common(*verb, *options);
  verb->add_option("--trust", options->trust, "PEM: roots; repeat for more");
  verb->add_option("--intermediates", options->intermediates, "PEM: further certificates for the path");
  verb->footer("Example: postern cms verify --message signed.eml --trust ca.pem --json");
  verb->callback([options, &context] { print_verification(context, verify(*options, context.in)); });
}

}  // namespace

void add_cms_verbs(CLI::App& app, Context& context);

void add_cms_verbs(CLI::App& app, Context& context) {
  CLI::App* cms = app.add_subcommand("cms", "S/MIME on files: sign, verify, encrypt, decrypt");
  cms->require_subcommand(1);
  add_sign(*cms, context);
  add_encrypt(*cms, context);
  add_decrypt(*cms, context);
  add_verify(*cms, context);
}

}  // namespace postern::cli
