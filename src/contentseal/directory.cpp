#include "contentseal/directory.hpp"

#include "base/text.hpp"
#include "contentseal/names.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"
#include "oraddress/rfc822.hpp"

namespace postern::contentseal {
namespace {

/// Under which keys a certificate is found: its O/R addresses; where it has none, its mail addresses.
Result<std::vector<std::string>> keys_of(const Certificate& certificate) {
  POSTERN_TRY(const auto addresses, x400_addresses(certificate));
  std::vector<std::string> out;
  for (const oraddress::ORAddress& each : addresses) out.push_back(oraddress::comparison_key(each));
  if (!out.empty()) return out;
  for (const std::string& email : certificate.emails()) out.push_back(to_lower(email));
  return out;
}

std::vector<std::string> keys_of(const oraddress::ORAddress& address, const oraddress::Mapping& mapping) {
  std::vector<std::string> out{oraddress::comparison_key(address)};
  if (const auto mapped = oraddress::to_rfc822(address, mapping)) out.push_back(to_lower(mapped->text()));
  return out;
}

}  // namespace

Status ContentDirectory::add(Certificate certificate, std::string source) {
  POSTERN_TRY(const auto keys, keys_of(certificate));
  if (keys.empty()) return fail(ErrorCode::BadInput, "the certificate of " + certificate.subject() + " names neither O/R nor mail address");
  m_entries.push_back({std::move(certificate), std::move(source)});
  for (const std::string& key : keys) m_by_name.emplace(key, m_entries.size() - 1);
  return {};
}

Result<Certificate> ContentDirectory::choose(const oraddress::ORAddress& address, WallTime now) const {
  std::vector<Candidate> found;
  for (const std::string& key : keys_of(address, m_mapping)) {
    const auto [begin, end] = m_by_name.equal_range(key);
    for (auto it = begin; it != end; ++it) found.push_back({&m_entries[it->second].certificate, m_entries[it->second].source});
  }
  return choose_recipient(found, m_is_revoked, oraddress::write(address), now);
}

}  // namespace postern::contentseal
