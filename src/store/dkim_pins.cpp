#include "store/dkim_pins.hpp"

namespace postern {

Result<std::uint32_t> DkimPins::pin(const std::string& domain, const std::string& selector, const std::string& key, std::uint32_t wanted,
                                    std::uint32_t latest) {
  std::uint32_t kept = 0;
  {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(Statement row, reader->prepare("SELECT version FROM dkim_signer WHERE domain = ? AND selector = ? AND key = ?"));
    POSTERN_TRY(const bool found, row.bind_all(domain, selector, key).step());
    if (found) kept = static_cast<std::uint32_t>(row.integer(0));
  }
  const std::uint32_t version = wanted != 0 ? wanted : kept != 0 ? kept : latest;
  if (version == kept) return version;
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) {
    return database.run("INSERT OR REPLACE INTO dkim_signer(domain, selector, key, version) VALUES (?,?,?,?)", domain, selector, key,
                        version);
  }));
  return version;
}

}  // namespace postern
