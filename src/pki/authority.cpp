#include "pki/authority.hpp"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/log.hpp"
#include "base/text.hpp"
#include "keys/evp_handle.hpp"

namespace postern {
namespace {

constexpr std::chrono::hours kBackdated{1};
constexpr std::size_t kMaxNames = 100;
constexpr std::size_t kCommonNameLimit = 64;  // RFC 5280 A.1 ub-common-name

struct NamesFree {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};
using NamesPtr = std::unique_ptr<GENERAL_NAMES, NamesFree>;

bool is_host_label(std::string_view label) {
  // RFC 1123 2.1, with the underscore of service names
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

bool is_host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  const auto labels = split(name, '.');
  return name.size() <= 253 && std::ranges::all_of(labels, is_host_label);
}

bool is_email(std::string_view address) {
  const std::size_t at = address.rfind('@');
  return at != std::string_view::npos && at > 0 && address.size() <= 254 && is_host_name(address.substr(at + 1)) &&
         address[at + 1] != '*' && std::ranges::all_of(address, [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<Bytes> parse_address(const std::string& text) {
  Bytes raw(16);
  if (::inet_pton(AF_INET, text.c_str(), raw.data()) == 1) {
    raw.resize(4);
    return raw;
  }
  if (::inet_pton(AF_INET6, text.c_str(), raw.data()) == 1) return raw;
  return fail(ErrorCode::BadInput, "not an IP address", "ip_addresses");
}

void add_name(GENERAL_NAMES* names, int type, ByteView value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* text = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
  if (name == nullptr || text == nullptr) throw std::bad_alloc();
  ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
  GENERAL_NAME_set0_value(name, type, text);
  sk_GENERAL_NAME_push(names, name);
}

Status add_general_name(GENERAL_NAMES* names, ByteView der) {
  const unsigned char* at = der.data();
  GENERAL_NAME* name = d2i_GENERAL_NAME(nullptr, &at, static_cast<long>(der.size()));
  if (name == nullptr || at != der.data() + der.size()) {
    GENERAL_NAME_free(name);
    openssl_clear_errors();
    return fail(ErrorCode::BadInput, "a name of a certificate is no GeneralName", "other_names");
  }
  sk_GENERAL_NAME_push(names, name);
  return {};
}

/// The alternative names that are neither host, address nor e-mail address, as GeneralNames in DER, sorted.
std::vector<Bytes> other_names_of(const Certificate& certificate) {
  std::vector<Bytes> out;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.native(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS || name->type == GEN_IPADD || name->type == GEN_EMAIL) continue;
    Bytes der(static_cast<std::size_t>(std::max(0, i2d_GENERAL_NAME(name, nullptr))));
    unsigned char* at = der.data();
    i2d_GENERAL_NAME(name, &at);
    out.push_back(std::move(der));
  }
  std::ranges::sort(out);
  return out;
}

Status add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
  return {};
}

Status set_time(ASN1_TIME* field, WallTime time) {
  if (ASN1_TIME_adj(field, static_cast<time_t>(unix_seconds(time)), 0, 0) != nullptr) return {};
  return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
}

// RFC 5280 4.1.2.2: positive, at most 20 octets, unique; 127 random bits are.
Status set_serial(X509* certificate, Random& random) {
  Bytes raw = random.bytes(16);
  raw[0] = static_cast<Byte>((raw[0] & 0x7f) | 0x40);
  const BignumPtr number(BN_bin2bn(raw.data(), static_cast<int>(raw.size()), nullptr));
  if (BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr) return {};
  return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
}

Status set_subject(X509* certificate, const std::string& common_name, const char* organisation) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                                      static_cast<int>(value.size()), -1, 0) == 1;
  };
  const bool ok = (organisation == nullptr || add("O", organisation)) && (common_name.empty() || add("CN", common_name));
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
  return {};
}

constexpr std::size_t kEarlierLimit = 64;  // ten years of certificates that are renewed every 60 days

std::string earlier_name(const KeyName& name) { return name.get() + ".earlier"; }

// A common name that does not fit is left out: the alternative names are what counts.
std::string fitting(std::string name) { return name.size() <= kCommonNameLimit && is_utf8(name) ? name : std::string(); }

const EVP_MD* digest_for(EVP_PKEY* signer) {
  const auto key = PublicKey::from_native(signer);
  return evp_md(key && key->kind() == KeyKind::EcP384 ? HashAlgorithm::Sha384 : HashAlgorithm::Sha256);
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  for (std::string& text : list) text = to_lower(text);
  std::ranges::sort(list);
  return list;
}
std::vector<Bytes> sorted(std::vector<Bytes> list) {
  std::ranges::sort(list);
  return list;
}

}  // namespace

/// What a certificate shall say, whoever signs it.
class Authority::Template {
 public:
  std::string common_name;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  std::vector<std::string> emails;
  std::vector<Bytes> other_names;  // GeneralNames
  const char* usage = nullptr;     // extendedKeyUsage by OpenSSL's name; null for a root
  std::uint32_t usage_bit = 0;

  static Result<Template> tls(const TlsSubject& subject);
  static Result<Template> email(const EmailSubject& subject);
  [[nodiscard]] Result<NamesPtr> alternative_names() const;
  [[nodiscard]] bool fits(const Certificate& certificate) const;
};

Result<Authority::Template> Authority::Template::tls(const TlsSubject& subject) {
  const std::size_t count = subject.dns_names.size() + subject.ip_addresses.size();
  if (count == 0 || count > kMaxNames) return fail(ErrorCode::BadInput, "a TLS certificate has 1 to 100 names", "dns_names");
  for (const std::string& name : subject.dns_names) {
    if (!is_host_name(name)) return fail(ErrorCode::BadInput, "not a host name: " + printable(name), "dns_names");
  }
  Template out;
  out.common_name = fitting(subject.dns_names.empty() ? subject.ip_addresses.front() : subject.dns_names.front());
  out.dns_names = sorted(subject.dns_names);
  out.ip_addresses = subject.ip_addresses;
  out.usage = subject.client ? "clientAuth" : "serverAuth";
  out.usage_bit = subject.client ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
  return out;
}

Result<Authority::Template> Authority::Template::email(const EmailSubject& subject) {
  const std::size_t count = subject.emails.size() + subject.other_names.size();
  if (count == 0 || count > kMaxNames) return fail(ErrorCode::BadInput, "an e-mail certificate has 1 to 100 addresses", "emails");
  for (const std::string& address : subject.emails) {
    if (!is_email(address)) return fail(ErrorCode::BadInput, "not an ASCII mail address: " + printable(address), "emails");
  }
  Template out;
  out.common_name = fitting(subject.name.empty() && !subject.emails.empty() ? subject.emails.front() : subject.name);
  out.emails = subject.emails;
  out.other_names = subject.other_names;
  out.usage = "emailProtection";
  out.usage_bit = XKU_SMIME;
  return out;
}

Result<NamesPtr> Authority::Template::alternative_names() const {
  NamesPtr names(GENERAL_NAMES_new());
  if (!names) throw std::bad_alloc();
  for (const std::string& name : dns_names) add_name(names.get(), GEN_DNS, as_bytes(name));
  for (const std::string& address : emails) add_name(names.get(), GEN_EMAIL, as_bytes(address));
  for (const std::string& text : ip_addresses) {
    POSTERN_TRY(const Bytes raw, parse_address(text));
    add_name(names.get(), GEN_IPADD, raw);
  }
  for (const Bytes& der : other_names) POSTERN_CHECK(add_general_name(names.get(), der));
  return names;
}

bool Authority::Template::fits(const Certificate& certificate) const {
  return sorted(certificate.dns_names()) == sorted(dns_names) && sorted(certificate.ip_addresses()) == sorted(ip_addresses) &&
         sorted(certificate.emails()) == sorted(emails) && other_names_of(certificate) == sorted(other_names) &&
         X509_get_extended_key_usage(certificate.native()) == usage_bit;
}

namespace {

struct Making {
  EVP_PKEY* signer;
  X509* issuer;  // null: self-signed
  WallTime from;
  WallTime until;
};

Status write_common(X509* certificate, const Making& making, const PublicKey& key, Random& random) {
  X509_set_version(certificate, X509_VERSION_3);
  POSTERN_CHECK(set_serial(certificate, random));
  POSTERN_CHECK(set_time(X509_getm_notBefore(certificate), making.from));
  POSTERN_CHECK(set_time(X509_getm_notAfter(certificate), making.until));
  X509* issuer = making.issuer != nullptr ? making.issuer : certificate;
  const bool ok = X509_set_pubkey(certificate, key.native()) == 1 && X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1;
  if (!ok) return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
  POSTERN_CHECK(add_extension(certificate, issuer, NID_subject_key_identifier, "hash"));
  return add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

// Read back from bytes, so that no handle stays inside the object.
Result<Certificate> sign_and_read(const X509Ptr& certificate, EVP_PKEY* signer) {
  if (X509_sign(certificate.get(), signer, digest_for(signer)) <= 0)
    return fail(openssl_error(ErrorCode::Internal, "signing a certificate"));
  POSTERN_TRY(const Certificate made, Certificate::from_native(certificate.get()));
  return Certificate::from_der(made.to_der());
}

X509Ptr new_certificate() {
  X509Ptr certificate(X509_new());
  if (!certificate) throw std::bad_alloc();
  return certificate;
}

Result<Certificate> make_root(const AuthorityOptions& options, EVP_PKEY* signer, const PublicKey& key, WallTime now, Random& random) {
  const X509Ptr certificate = new_certificate();
  POSTERN_CHECK(set_subject(certificate.get(), fitting("Postern development CA of " + options.host), "Postern"));
  POSTERN_CHECK(write_common(certificate.get(), {signer, nullptr, now - kBackdated, now + options.root_validity}, key, random));
  POSTERN_CHECK(add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  POSTERN_CHECK(add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign"));
  return sign_and_read(certificate, signer);
}

const char* key_usage_for(KeyKind kind) {
  switch (kind) {
    case KeyKind::Rsa: return "critical,digitalSignature,keyEncipherment";
    case KeyKind::Ed25519: return "critical,digitalSignature";
    case KeyKind::X25519: return "critical,keyAgreement";
    default: return "critical,digitalSignature,keyAgreement";
  }
}

}  // namespace

Authority::Authority(std::shared_ptr<Keeper> keeper, CertificateStore& store, const Clock& clock, Random& random, AuthorityOptions options,
                     Certificate root, EvpPkeyPtr signer)
    : m_keeper(std::move(keeper)),
      m_store(store),
      m_clock(clock),
      m_random(random),
      m_options(std::move(options)),
      m_root(std::move(root)),
      m_signer(signer.release(), EVP_PKEY_free) {}

Result<std::shared_ptr<Authority>> Authority::open(std::shared_ptr<Keeper> keeper, CertificateStore& store, const Clock& clock,
                                                   Random& random, AuthorityOptions options) {
  POSTERN_CHECK(keeper->ensure(options.key, KeyType::EcdsaP384));
  POSTERN_TRY(EvpPkeyPtr signer, evp_handle(keeper, options.key, 1));
  POSTERN_TRY(const PublicKey key, keeper->public_key(options.key, 1));
  POSTERN_TRY(const std::optional<std::string> stored, store.load(options.key.get()));
  auto root = stored ? Certificate::from_pem(*stored) : make_root(options, signer.get(), key, clock.now(), random);
  if (!root) return fail(std::move(root).error().context("the root certificate"));
  POSTERN_TRY(const PublicKey certified, root->public_key());
  if (certified != key)
    return fail(ErrorCode::Conflict, "the stored root certificate is not for the key of that name: restore the one that belongs to it",
                options.key.get());
  if (!stored) {
    POSTERN_CHECK(store.save(options.key.get(), root->to_pem()));
    log::info("pki.root_created", {{"subject", root->subject()}, {"fingerprint", fingerprint_text(root->fingerprint())}});
  }
  return std::shared_ptr<Authority>(
      new Authority(std::move(keeper), store, clock, random, std::move(options), *std::move(root), std::move(signer)));
}

Result<Certificate> Authority::sign(const Template& wanted, const PublicKey& key) const {
  const WallTime now = m_clock.now();
  const WallTime until = std::min(now + m_options.leaf_validity, m_root.not_after());
  if (until <= now) return fail(ErrorCode::Conflict, "the authority's own certificate has expired: make a new one");
  POSTERN_TRY(const NamesPtr names, wanted.alternative_names());
  const X509Ptr certificate = new_certificate();
  POSTERN_CHECK(set_subject(certificate.get(), wanted.common_name, nullptr));
  POSTERN_CHECK(write_common(certificate.get(), {m_signer.get(), m_root.native(), now - kBackdated, until}, key, m_random));
  POSTERN_CHECK(add_extension(certificate.get(), m_root.native(), NID_basic_constraints, "critical,CA:FALSE"));
  POSTERN_CHECK(add_extension(certificate.get(), m_root.native(), NID_key_usage, key_usage_for(key.kind())));
  POSTERN_CHECK(add_extension(certificate.get(), m_root.native(), NID_ext_key_usage, wanted.usage));
  // RFC 5280 4.1.2.6: critical when the subject is empty
  const int critical = wanted.common_name.empty() ? 1 : 0;
  if (X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), critical, X509V3_ADD_DEFAULT) != 1) {
    return fail(openssl_error(ErrorCode::Internal, "writing a certificate"));
  }
  return sign_and_read(certificate, m_signer.get());
}

Result<Certificate> Authority::issue_tls(const TlsSubject& subject, const PublicKey& key) const {
  POSTERN_TRY(const Template wanted, Template::tls(subject));
  return sign(wanted, key);
}

Result<Certificate> Authority::issue_email(const EmailSubject& subject, const PublicKey& key) const {
  POSTERN_TRY(const Template wanted, Template::email(subject));
  return sign(wanted, key);
}

Result<Identity> Authority::identity(const KeyName& name, KeyType type, const Template& wanted, std::uint32_t version) {
  POSTERN_TRY(const KeyInfo info, m_keeper->ensure(name, type));
  if (version == 0) version = info.latest;
  POSTERN_TRY(const PublicKey key, m_keeper->public_key(name, version));
  POSTERN_TRY(const std::optional<std::string> stored, m_store.load(name.get()));
  if (stored) {
    const auto chain = certificates_from_pem(*stored);
    const WallTime now = m_clock.now();
    if (chain && chain->size() == 2 && wanted.fits(chain->front()) && chain->back() == m_root && chain->front().public_key() == key) {
      const Certificate& leaf = chain->front();
      if (now >= leaf.not_before() && now < renewal_of(leaf)) return Identity{name, version, *chain};
    }
    if (chain && !chain->empty()) POSTERN_CHECK(keep_earlier(name, chain->front()));
  }
  POSTERN_TRY(Certificate leaf, sign(wanted, key));
  CertificateChain chain{std::move(leaf), m_root};
  POSTERN_CHECK(m_store.save(name.get(), to_pem(chain)));
  log::info("pki.issued", {{"key", name.get()}, {"serial", chain.front().serial()}, {"until", rfc3339(chain.front().not_after())}});
  return Identity{name, version, std::move(chain)};
}

WallTime Authority::renewal_of(const Certificate& leaf) { return leaf.not_after() - (leaf.not_after() - leaf.not_before()) / 3; }

Result<std::optional<Certificate>> Authority::stored(const KeyName& name) const {
  POSTERN_TRY(const std::optional<std::string> pem, m_store.load(name.get()));
  if (!pem) return std::optional<Certificate>();
  POSTERN_TRY(const CertificateChain chain, certificates_from_pem(*pem));
  return std::optional(chain.front());
}

// Stored before its successor is: a power cut between the two leaves it in both places, and the first comparison below tells.
Status Authority::keep_earlier(const KeyName& name, const Certificate& leaf) {
  POSTERN_TRY(const std::optional<std::string> stored, m_store.load(earlier_name(name)));
  CertificateChain kept{leaf};
  if (stored) {
    POSTERN_TRY(const CertificateChain before, certificates_from_pem(*stored, kEarlierLimit));
    for (const Certificate& certificate : before) {
      if (!(certificate == leaf) && kept.size() < kEarlierLimit) kept.push_back(certificate);
    }
  }
  return m_store.save(earlier_name(name), to_pem(kept));
}

Result<std::vector<Identity>> Authority::earlier_identities(const KeyName& name) {
  std::vector<Identity> out;
  POSTERN_TRY(const std::optional<std::string> stored, m_store.load(earlier_name(name)));
  if (!stored) return out;
  POSTERN_TRY(const CertificateChain certificates, certificates_from_pem(*stored, kEarlierLimit));
  POSTERN_TRY(const KeyInfo info, m_keeper->describe(name));
  for (const KeyVersionInfo& version : info.versions) {
    const auto key = m_keeper->public_key(name, version.number);
    if (!key) continue;
    for (const Certificate& certificate : certificates) {
      if (certificate.public_key() == *key) out.push_back({name, version.number, {certificate, m_root}});
    }
  }
  std::ranges::sort(out, [](const Identity& a, const Identity& b) { return a.chain.front().not_before() > b.chain.front().not_before(); });
  return out;
}

Result<Identity> Authority::tls_identity(const KeyName& key, const TlsSubject& subject, KeyType type, std::uint32_t version) {
  POSTERN_TRY(const Template wanted, Template::tls(subject));
  return identity(key, type, wanted, version);
}

Result<Identity> Authority::email_identity(const KeyName& key, const EmailSubject& subject, KeyType type) {
  POSTERN_TRY(const Template wanted, Template::email(subject));
  return identity(key, type, wanted, 0);
}

}  // namespace postern
