// Certificates of correspondents, found by mail address: a folder of files (security.smime.certificates_dir).
//
// Choosing is where other gateways fail: one expired certificate among several must not block, an expired one must never be used, and when
// none is left the operator must read why. So choose() answers with the newest certificate that may be used, or with every reason.
//
// Immutable after load(); share it by shared_ptr and load again to refresh.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mime/address.hpp"
#include "pki/certificate.hpp"

namespace postern {

struct FileFault {
  std::string file;  ///< Name without the folder.
  Error error;
};

class CertificateDirectory {
 public:
  /// Reads *.pem, *.crt and *.cer (PEM with any number of certificates, or DER), each at most 1 MiB, at most 100,000 files; *.crl are
  /// revocation lists. Files that cannot be used are in faults(), the others count. NotFound or Unavailable when the folder itself cannot
  /// be read.
  [[nodiscard]] static Result<CertificateDirectory> load(const std::string& folder);

  CertificateDirectory() = default;
  /// `source` stands in reasons. A certificate without mail address is BadInput.
  [[nodiscard]] Status add(Certificate certificate, std::string source);

  /// The certificate to encrypt to: address matches (rfc822Name or emailAddress, without case; one that spells the local part exactly goes
  /// first), valid now, right usage, strong, not revoked; of several the one issued last. NotFound: none known. Denied: some known, none
  /// usable, with every reason.
  [[nodiscard]] Result<Certificate> choose(const Mailbox& address, WallTime now) const;
  /// Every certificate for the address, usable or not.
  [[nodiscard]] std::vector<Certificate> all(const Mailbox& address) const;
  /// Listed in one of the revocation lists of the folder whose issuer is the certificate's issuer.
  [[nodiscard]] bool is_revoked(const Certificate& certificate) const;

  [[nodiscard]] std::size_t size() const noexcept { return m_entries.size(); }
  [[nodiscard]] const std::vector<FileFault>& faults() const noexcept { return m_faults; }

 private:
  struct Entry {
    Certificate certificate;
    std::string source;
  };
  Status add_file(const std::string& text, const std::string& name);
  std::vector<const Entry*> find(const Mailbox& address) const;

  std::vector<Entry> m_entries;
  std::unordered_multimap<std::string, std::size_t> m_by_address;  ///< Lower-case address -> index of m_entries.
  struct Revocations;  ///< Parsed lists; shared, because copies of a directory only look at them.
  std::shared_ptr<const Revocations> m_revocations;
  std::vector<FileFault> m_faults;
};

}  // namespace postern
