#include "x400_smime.hpp"

#include <CLI/CLI.hpp>

namespace postern::cli {
namespace {

constexpr std::size_t kMostOctets = 64UL * 1024 * 1024;  // as much as an association of these verbs carries

void add_places(CLI::App& verb, SmimeOptions& options) {
  verb.add_option("--certificates", options.certificates, "Folder of certificates and keys, as security.smime.certificates_dir")
      ->capture_default_str();
}

transport::SealingOptions wish_of(const SmimeOptions& options) {
  using transport::SealingNeed;
  transport::SealingOptions out;
  out.sign = options.sign ? SealingNeed::Must : SealingNeed::Never;
  out.encrypt = options.encrypt ? SealingNeed::Must : SealingNeed::Never;
  out.profile.cipher = options.profile == "cbc" ? ContentCipher::Aes256Cbc : ContentCipher::Aes256Gcm;
  return out;
}

void put(mts::MessageSubmissionEnvelope& envelope, const contentseal::SealedContent& sealed) {
  envelope.content_type.value = sealed.content_type.value;
  mts::OriginalEncodedInformationTypes types;
  types.extended_encoded_information_types.emplace();
  for (const asn1::Oid& each : sealed.encoded_types) types.extended_encoded_information_types->push_back(each);
  envelope.original_encoded_information_types = std::move(types);
  envelope.per_message_indicators.set(mts::PerMessageIndicator::ImplicitConversionProhibited);  // RFC 3855 2.6
}

}  // namespace

void add_sealing_options(CLI::App& verb, SmimeOptions& options) {
  verb.add_flag("--sign", options.sign, "Sign the content (S/MIME) with signing.pem and signing.key of the folder");
  verb.add_flag("--encrypt", options.encrypt, "Encrypt it to the certificates of all recipients in the folder");
  verb.add_option("--smime-profile", options.profile, "gcm, or cbc for old readers")
      ->check(CLI::IsMember({"gcm", "cbc"}))
      ->capture_default_str();
  add_places(verb, options);
}

void add_opening_options(CLI::App& verb, SmimeOptions& options) {
  verb.add_option("--trust", options.trust, "PEM file of the authorities that signers must lead to; several times");
  add_places(verb, options);
}

Result<std::shared_ptr<const transport::SmimeMaterial>> material_of(const SmimeOptions& options) {
  CertificateChain roots;
  for (const std::string& path : options.trust) {
    auto some = certificates_from_file(path);
    if (!some) return fail(ErrorCode::BadInput, some.error().text(), "--trust");
    roots.insert(roots.end(), some->begin(), some->end());
  }
  auto out = transport::load_smime(options.certificates, std::move(roots));
  if (!out) return fail(ErrorCode::BadInput, out.error().text(), "--certificates");
  return out;
}

Result<std::optional<contentseal::SealedContent>> seal_octets(const mts::ContentType& type, ByteView content,
                                                              std::span<const oraddress::ORAddress> recipients,
                                                              const SmimeOptions& options) {
  POSTERN_TRY(const auto material, material_of(options));
  return transport::seal_content(type, content, recipients, *material, wish_of(options), SystemClock().now());
}

Status seal_submission(mts::MessageSubmissionArgument& message, const SmimeOptions& options) {
  if (!options.sign && !options.encrypt) return {};
  std::vector<oraddress::ORAddress> recipients;
  for (const auto& each : message.envelope.per_recipient_fields) recipients.push_back(each.recipient_name);
  POSTERN_TRY(auto sealed, seal_octets(message.envelope.content_type, message.content.octets, recipients, options));
  if (!sealed) return {};
  put(message.envelope, *sealed);
  message.content.octets = std::move(sealed->octets);
  return {};
}

Result<ReadContent> open_received(Bytes content, const std::optional<mts::ORName>& originator, const SmimeOptions& options) {
  if (!contentseal::is_sealed(content)) return ReadContent{std::move(content), {}};
  POSTERN_TRY(const auto material, material_of(options));
  auto opened = transport::open_with(*material, content, originator, SystemClock().now(), kMostOctets);
  if (!opened) return ReadContent{std::nullopt, transport::verdict_json(opened.error())};
  return ReadContent{std::move(opened->content), transport::verdict_json(opened->verdict)};
}

}  // namespace postern::cli
