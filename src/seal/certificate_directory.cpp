#include "seal/certificate_directory.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <functional>

#include "base/text.hpp"
#include "seal/folder.hpp"
#include "seal/parties.hpp"

namespace postern {
namespace {

struct CrlDeleter {
  void operator()(X509_CRL* list) const noexcept { X509_CRL_free(list); }
};
using CrlPtr = std::unique_ptr<X509_CRL, CrlDeleter>;

bool is_pem(std::string_view text) { return text.find("-----BEGIN ") != std::string_view::npos; }

Result<CrlPtr> read_list(const std::string& text) {
  POSTERN_TRY(const BioPtr source, bio_over(as_bytes(text)));
  CrlPtr list(is_pem(text) ? PEM_read_bio_X509_CRL(source.get(), nullptr, nullptr, nullptr) : d2i_X509_CRL_bio(source.get(), nullptr));
  if (!list) return fail(openssl_error(ErrorCode::BadInput, "reading the revocation list"));
  return list;
}

bool lists(X509_CRL* list, X509* certificate) {
  if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate)) != 0) return false;
  X509_REVOKED* entry = nullptr;
  return X509_CRL_get0_by_cert(list, &entry, certificate) == 1;
}

/// Whether the certificate spells the local part as the address does; Certificate::emails() has lost the case.
bool names_exactly(const Certificate& certificate, const Mailbox& address) {
  STACK_OF(OPENSSL_STRING)* emails = X509_get1_email(certificate.native());
  bool found = false;
  for (int i = 0; i < sk_OPENSSL_STRING_num(emails); ++i) {
    const auto mailbox = Mailbox::parse(sk_OPENSSL_STRING_value(emails, i), Utf8::Allow);
    found = found || (mailbox && *mailbox == address);
  }
  X509_email_free(emails);
  return found;
}

}  // namespace

struct CertificateDirectory::Revocations {
  std::vector<CrlPtr> lists;
};

Result<CertificateDirectory> CertificateDirectory::load(const std::string& folder) {
  CertificateDirectory out;
  auto revocations = std::make_shared<Revocations>();
  const auto read = [&](const std::string& text, const std::string& name) -> Status {
    if (!to_lower(name).ends_with(".crl")) return out.add_file(text, name);
    POSTERN_TRY(CrlPtr list, read_list(text));
    revocations->lists.push_back(std::move(list));
    return {};
  };
  POSTERN_TRY(out.m_faults, read_folder(folder, {".pem", ".crt", ".cer", ".crl"}, read));
  out.m_revocations = std::move(revocations);
  return out;
}

/// A file may hold a person's certificate together with the chain above it; authorities have no address and are passed over.
Status CertificateDirectory::add_file(const std::string& text, const std::string& name) {
  POSTERN_TRY(CertificateChain certificates, certificates_in(text));
  Status last = fail(ErrorCode::BadInput, "holds no certificate");
  bool any = false;
  for (Certificate& certificate : certificates) {
    last = add(std::move(certificate), name);
    any = any || last.has_value();
  }
  return any ? Status{} : last;
}

Status CertificateDirectory::add(Certificate certificate, std::string source) {
  const std::vector<std::string> emails = certificate.emails();
  if (emails.empty()) return fail(ErrorCode::BadInput, "the certificate of " + certificate.subject() + " names no mail address");
  m_entries.push_back({std::move(certificate), std::move(source)});
  for (const std::string& email : emails) m_by_address.emplace(to_lower(email), m_entries.size() - 1);
  return {};
}

std::vector<const CertificateDirectory::Entry*> CertificateDirectory::find(const Mailbox& address) const {
  std::vector<const Entry*> out;
  const auto [begin, end] = m_by_address.equal_range(to_lower(address.text()));
  for (auto it = begin; it != end; ++it) out.push_back(&m_entries[it->second]);
  // RFC 5321 2.4: only the local part's own domain knows whether case matters, so an exact match goes before one without case.
  const auto exact = [&](const Entry* entry) { return names_exactly(entry->certificate, address); };
  if (std::any_of(out.begin(), out.end(), exact)) std::erase_if(out, std::not_fn(exact));
  return out;
}

std::vector<Certificate> CertificateDirectory::all(const Mailbox& address) const {
  std::vector<Certificate> out;
  for (const Entry* entry : find(address)) out.push_back(entry->certificate);
  return out;
}

Result<Certificate> CertificateDirectory::choose(const Mailbox& address, WallTime now) const {
  std::vector<Candidate> known;
  for (const Entry* entry : find(address)) known.push_back({&entry->certificate, entry->source});
  return choose_recipient(known, [this](const Certificate& one) { return is_revoked(one); }, address.text(), now);
}

bool CertificateDirectory::is_revoked(const Certificate& certificate) const {
  if (!m_revocations) return false;
  return std::any_of(m_revocations->lists.begin(), m_revocations->lists.end(),
                     [&](const CrlPtr& list) { return lists(list.get(), certificate.native()); });
}

}  // namespace postern
