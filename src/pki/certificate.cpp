#include "pki/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <iterator>

#include "base/text.hpp"

namespace postern {
namespace {

constexpr std::size_t kBundleLimit = 1000;
constexpr std::size_t kBundleBytes = 16U * 1024 * 1024;

std::shared_ptr<X509> shared(X509Ptr certificate) { return {certificate.release(), X509_free}; }

std::string text_of_name(const X509_NAME* name) {
  const BioPtr out = bio_buffer();
  // RFC 4514, but UTF-8 as it stands rather than escaped.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return std::string(as_text(bio_bytes(out.get())));
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return wall_from_millis(static_cast<std::int64_t>(::timegm(&parts)) * 1000);
}

struct NamesFree {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};
using NamesPtr = std::unique_ptr<GENERAL_NAMES, NamesFree>;

NamesPtr alternative_names(const X509* x509) {
  return NamesPtr(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
}

ByteView bytes_of(const ASN1_STRING* text) { return {ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))}; }

// Every alternative name of one type. One with a NUL inside is not a name but an attack on C strings.
template <class Convert>
std::vector<std::string> names_of_type(const X509* x509, int type, Convert convert) {
  std::vector<std::string> out;
  const NamesPtr names = alternative_names(x509);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != type) continue;
    std::string text = convert(name);
    if (!text.empty() && text.find('\0') == std::string::npos) out.push_back(std::move(text));
  }
  return out;
}

std::string address_text(ByteView raw) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = raw.size() == 4 ? AF_INET : raw.size() == 16 ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC || ::inet_ntop(family, raw.data(), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::vector<std::string> subject_texts(const X509* x509, int nid) {
  std::vector<std::string> out;
  const X509_NAME* name = X509_get_subject_name(x509);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* utf8 = nullptr;
    const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size > 0) out.emplace_back(as_text({utf8, static_cast<std::size_t>(size)}));
    OPENSSL_free(utf8);
  }
  openssl_clear_errors();
  return out;
}

bool has_usage(const X509* x509, std::uint32_t bits) { return (X509_get_key_usage(const_cast<X509*>(x509)) & bits) != 0; }

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

std::string usage_text(const X509* x509) {
  const std::uint32_t usage = X509_get_extended_key_usage(const_cast<X509*>(x509));
  if (usage == UINT32_MAX) return "any";
  std::vector<std::string> out;
  if ((usage & XKU_SSL_SERVER) != 0) out.emplace_back("TLS server");
  if ((usage & XKU_SSL_CLIENT) != 0) out.emplace_back("TLS client");
  if ((usage & XKU_SMIME) != 0) out.emplace_back("e-mail");
  return out.empty() ? "other" : joined(out);
}

void add_line(std::string& out, std::string_view label, const std::string& value) {
  if (!value.empty()) out.append(label).append(value).append("\n");
}

}  // namespace

// Making -----------------------------------------------------------------------------------------------------------------------------

Result<Certificate> Certificate::from_native(X509* certificate) {
  if (certificate == nullptr) return fail(ErrorCode::BadInput, "no certificate");
  return Certificate(shared(share(certificate)));
}

Result<Certificate> Certificate::from_der(ByteView der) {
  const unsigned char* at = der.data();
  X509Ptr read(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!read || at != der.data() + der.size()) return fail(openssl_error(ErrorCode::BadInput, "not a certificate"));
  return Certificate(shared(std::move(read)));
}

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  POSTERN_TRY(const BioPtr bio, bio_over(as_bytes(pem)));
  X509Ptr read(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!read) return fail(openssl_error(ErrorCode::BadInput, "not a certificate in PEM"));
  return Certificate(shared(std::move(read)));
}

std::string Certificate::to_pem() const {
  const BioPtr out = bio_buffer();
  PEM_write_bio_X509(out.get(), native());
  return std::string(as_text(bio_bytes(out.get())));
}

Bytes Certificate::to_der() const {
  Bytes out(static_cast<std::size_t>(std::max(i2d_X509(native(), nullptr), 0)));
  unsigned char* to = out.data();
  i2d_X509(native(), &to);
  return out;
}

// Reading ----------------------------------------------------------------------------------------------------------------------------

std::string Certificate::subject() const { return text_of_name(X509_get_subject_name(native())); }
std::string Certificate::issuer() const { return text_of_name(X509_get_issuer_name(native())); }

std::string Certificate::common_name() const {
  const auto names = subject_texts(native(), NID_commonName);
  return names.empty() ? std::string() : names.back();
}

std::string Certificate::serial() const { return hex_encode(bytes_of(X509_get0_serialNumber(native()))); }
WallTime Certificate::not_before() const { return time_of(X509_get0_notBefore(native())); }
WallTime Certificate::not_after() const { return time_of(X509_get0_notAfter(native())); }

std::vector<std::string> Certificate::dns_names() const {
  return names_of_type(native(), GEN_DNS, [](const GENERAL_NAME* name) { return to_lower(as_text(bytes_of(name->d.dNSName))); });
}

std::vector<std::string> Certificate::ip_addresses() const {
  return names_of_type(native(), GEN_IPADD, [](const GENERAL_NAME* name) { return address_text(bytes_of(name->d.iPAddress)); });
}

std::vector<std::string> Certificate::emails() const {
  auto out = names_of_type(native(), GEN_EMAIL, [](const GENERAL_NAME* name) { return to_lower(as_text(bytes_of(name->d.rfc822Name))); });
  // RFC 8550 3: receiving agents must recognise addresses in the subject's emailAddress too
  for (const std::string& text : subject_texts(native(), NID_pkcs9_emailAddress)) {
    const std::string address = to_lower(text);
    if (address.find('\0') == std::string::npos && std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

bool Certificate::has_email(std::string_view address) const {
  const auto all = emails();
  return std::ranges::find(all, to_lower(address)) != all.end();
}

bool Certificate::is_ca() const { return X509_check_ca(native()) == 1; }
bool Certificate::is_self_signed() const { return X509_self_signed(native(), 1) == 1; }
bool Certificate::may_sign() const { return has_usage(native(), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION); }

bool Certificate::may_receive_keys() const {
  const EVP_PKEY* key = X509_get0_pubkey(native());
  return key != nullptr && has_usage(native(), EVP_PKEY_is_a(key, "RSA") == 1 ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT);
}

bool Certificate::may_protect_email() const {
  return (X509_get_extended_key_usage(native()) & (XKU_SMIME | XKU_ANYEKU)) != 0;  // all bits are set when the extension is absent
}

Sha256 Certificate::fingerprint() const { return sha256(to_der()); }

Sha256 Certificate::spki_fingerprint() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(native()), &der);
  const Sha256 out = sha256({der, static_cast<std::size_t>(std::max(size, 0))});
  OPENSSL_free(der);
  return out;
}

Result<PublicKey> Certificate::public_key() const { return PublicKey::from_native(X509_get0_pubkey(native())); }

std::string Certificate::describe() const {
  std::string out;
  add_line(out, "subject      ", subject());
  add_line(out, "issuer       ", issuer());
  add_line(out, "serial       ", serial());
  add_line(out, "valid        ", rfc3339(not_before()) + " to " + rfc3339(not_after()));
  add_line(out, "host names   ", joined(dns_names()));
  add_line(out, "addresses    ", joined(ip_addresses()));
  add_line(out, "e-mail       ", joined(emails()));
  const auto key = public_key();
  add_line(out, "key          ",
           key ? std::string(name_of(key->kind())) + (key->kind() == KeyKind::Rsa ? "-" + std::to_string(key->bits()) : "") : "unknown");
  add_line(out, "usage        ", std::string(is_ca() ? "certification authority" : usage_text(native())));
  add_line(out, "fingerprint  ", fingerprint_text(fingerprint()));
  add_line(out, "key pin      ", fingerprint_text(spki_fingerprint()));
  return out;
}

bool Certificate::operator==(const Certificate& other) const { return m_x509 == other.m_x509 || X509_cmp(native(), other.native()) == 0; }

// Collections ------------------------------------------------------------------------------------------------------------------------

Result<CertificateChain> certificates_from_pem(std::string_view pem, std::size_t limit) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  CertificateChain out;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at + 1)) {
    if (out.size() == limit) return fail(ErrorCode::TooLarge, "more than " + std::to_string(limit) + " certificates in one text");
    POSTERN_TRY(Certificate certificate, Certificate::from_pem(pem.substr(at)));
    out.push_back(std::move(certificate));
  }
  if (out.empty()) return fail(ErrorCode::BadInput, "no certificate in PEM");
  return out;
}

Result<CertificateChain> certificates_from_der(std::span<const Bytes> chain, std::size_t limit) {
  CertificateChain out;
  for (const Bytes& der : chain.first(std::min(chain.size(), limit))) {
    POSTERN_TRY(Certificate one, Certificate::from_der(der));
    out.push_back(std::move(one));
  }
  return out;
}

Result<CertificateChain> certificates_from_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::NotFound, "cannot open the certificate file " + path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.size() > kBundleBytes) return fail(ErrorCode::TooLarge, "the certificate file " + path + " has more than 16 MiB");
  auto out = certificates_from_pem(text, kBundleLimit);
  if (!out) return fail(std::move(out).error().context("reading " + path));
  return out;
}

std::string to_pem(std::span<const Certificate> chain) {
  std::string out;
  for (const Certificate& certificate : chain) out += certificate.to_pem();
  return out;
}

std::string fingerprint_text(const Sha256& fingerprint) {
  const std::string hex = to_upper(hex_encode(fingerprint));
  std::string out = "sha256";
  for (std::size_t i = 0; i < hex.size(); i += 2) out.append(":").append(hex, i, 2);
  return out;
}

Result<Sha256> parse_fingerprint(std::string_view text) {
  if (istarts_with(text, "sha256:")) text.remove_prefix(7);
  std::string hex;
  std::ranges::copy_if(text, std::back_inserter(hex), [](char c) { return c != ':'; });
  const auto raw = hex_decode(hex);
  Sha256 out{};
  if (!raw || raw->size() != out.size())
    return fail(ErrorCode::BadInput, "a fingerprint is 64 hexadecimal digits, with or without colons", "fingerprint");
  std::ranges::copy(*raw, out.begin());
  return out;
}

}  // namespace postern
