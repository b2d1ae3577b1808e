#include "seal/pgp_directory.hpp"

#include "base/text.hpp"
#include "seal/folder.hpp"

namespace postern {

Result<PgpDirectory> PgpDirectory::load(const std::string& folder) {
  PgpDirectory out;
  const auto read = [&](const std::string& text, const std::string& name) -> Status {
    POSTERN_TRY(PgpCertificate certificate, PgpCertificate::parse(as_bytes(text)));
    return out.add(std::move(certificate), name);
  };
  POSTERN_TRY(out.m_faults, read_folder(folder, {".asc", ".pgp", ".gpg"}, read));
  return out;
}

Status PgpDirectory::add(PgpCertificate certificate, std::string source) {
  const std::vector<std::string> emails = certificate.emails();
  if (emails.empty())
    return fail(ErrorCode::BadInput, "certificate " + certificate.fingerprint() + " has no usable user id with a mail address");
  m_entries.push_back({std::move(certificate), std::move(source)});
  for (const std::string& email : emails) m_by_address.emplace(to_lower(email), m_entries.size() - 1);
  return {};
}

std::vector<const PgpDirectory::Entry*> PgpDirectory::find(const Mailbox& address) const {
  std::vector<const Entry*> out;
  const auto [begin, end] = m_by_address.equal_range(to_lower(address.text()));
  for (auto it = begin; it != end; ++it) out.push_back(&m_entries[it->second]);
  return out;
}

std::vector<PgpCertificate> PgpDirectory::all(const Mailbox& address) const {
  std::vector<PgpCertificate> out;
  for (const Entry* entry : find(address)) out.push_back(entry->certificate);
  return out;
}

std::vector<PgpCertificate> PgpDirectory::everything() const {
  std::vector<PgpCertificate> out;
  for (const Entry& entry : m_entries) out.push_back(entry.certificate);
  return out;
}

Result<PgpCertificate> PgpDirectory::choose(const Mailbox& address, WallTime now) const {
  const std::vector<const Entry*> known = find(address);
  if (known.empty())
    return fail(ErrorCode::NotFound, "no OpenPGP certificate is known; put one into the certificate folder", address.text());
  const Entry* best = nullptr;
  std::string reasons;
  for (const Entry* entry : known) {
    if (const auto fault = entry->certificate.recipient_fault(now))
      reasons += (reasons.empty() ? "" : "; ") + entry->source + " " + *fault;
    else if (best == nullptr || best->certificate.created() < entry->certificate.created())
      best = entry;
  }
  if (best == nullptr) return fail(ErrorCode::Denied, "no OpenPGP certificate may be used: " + reasons, address.text());
  return best->certificate;
}

}  // namespace postern
