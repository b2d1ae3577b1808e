// Certificates of correspondents by O/R address. What certificate_directory.hpp is for mail, without its folder: whoever reads files fills
// it.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "oraddress/mapping.hpp"
#include "oraddress/or_name.hpp"
#include "pki/certificate.hpp"

namespace postern::contentseal {

class ContentDirectory {
 public:
  /// `source` stands in reasons. A certificate that names no address, or whose names cannot be read, is BadInput.
  [[nodiscard]] Status add(Certificate certificate, std::string source);
  /// Asked by choose(); the default is that nothing is.
  void set_revoked(std::function<bool(const Certificate&)> is_revoked) { m_is_revoked = std::move(is_revoked); }
  void set_mapping(oraddress::Mapping mapping) { m_mapping = std::move(mapping); }

  /// The certificate to encrypt to: names the address (names_address() in names.hpp), valid now, right usage, strong, not revoked; of
  /// several the one issued last. NotFound: none known. Denied: some known, none usable, with every reason.
  [[nodiscard]] Result<Certificate> choose(const oraddress::ORAddress& address, WallTime now) const;
  [[nodiscard]] std::size_t size() const noexcept { return m_entries.size(); }
  [[nodiscard]] const oraddress::Mapping& mapping() const noexcept { return m_mapping; }

 private:
  struct Entry {
    Certificate certificate;
    std::string source;
  };
  std::vector<Entry> m_entries;
  std::unordered_multimap<std::string, std::size_t> m_by_name;  ///< comparison_key() or lower-case mail address -> index of m_entries.
  std::function<bool(const Certificate&)> m_is_revoked;
  oraddress::Mapping m_mapping;
};

}  // namespace postern::contentseal
