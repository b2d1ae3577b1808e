// OpenPGP certificates of correspondents, found by mail address: a folder of *.asc, *.pgp and *.gpg files.
//
// Same rules as certificate_directory.hpp: never expired, revoked or weak; the newest usable one; every reason when none is.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "mime/address.hpp"
#include "seal/certificate_directory.hpp"
#include "seal/openpgp.hpp"

namespace postern {

class PgpDirectory {
 public:
  /// Each file at most 1 MiB with one certificate (armored or binary), at most 100,000 files.
  [[nodiscard]] static Result<PgpDirectory> load(const std::string& folder);

  PgpDirectory() = default;
  /// BadInput when no user id holds a mail address.
  [[nodiscard]] Status add(PgpCertificate certificate, std::string source);

  /// NotFound: none known. Denied: some known, none usable, with every reason.
  [[nodiscard]] Result<PgpCertificate> choose(const Mailbox& address, WallTime now) const;
  [[nodiscard]] std::vector<PgpCertificate> all(const Mailbox& address) const;
  [[nodiscard]] std::vector<PgpCertificate> everything() const;

  [[nodiscard]] std::size_t size() const noexcept { return m_entries.size(); }
  [[nodiscard]] const std::vector<FileFault>& faults() const noexcept { return m_faults; }

 private:
  struct Entry {
    PgpCertificate certificate;
    std::string source;
  };
  std::vector<const Entry*> find(const Mailbox& address) const;

  std::vector<Entry> m_entries;
  std::unordered_multimap<std::string, std::size_t> m_by_address;
  std::vector<FileFault> m_faults;
};

}  // namespace postern
