#include "store/dkim_pins.hpp"

namespace postern {

Result<DkimPin> DkimPins::pin(const std::string& domain, const std::string& selector, const std::string& key, std::uint32_t wanted,
                              std::uint32_t latest) {
  DkimPin kept;
  {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(Statement row, reader->prepare("SELECT version, published FROM dkim_signer WHERE domain = ? AND selector = ? AND key = ?"));
    POSTERN_TRY(const bool found, row.bind_all(domain, selector, key).step());
    if (found) kept = {static_cast<std::uint32_t>(row.integer(0)), std::string(row.text(1))};
  }
  if (kept.version != 0 && (wanted == 0 || wanted == kept.version)) return kept;
  const DkimPin next{wanted != 0 ? wanted : latest, {}};
  POSTERN_CHECK(activate(domain, selector, key, next));
  return next;
}

Status DkimPins::activate(const std::string& domain, const std::string& selector, const std::string& key, const DkimPin& pin) {
  return m_store.writer().transact([&](Database& database) {
    return database.run("INSERT OR REPLACE INTO dkim_signer(domain, selector, key, version, published) VALUES (?,?,?,?,?)", domain,
                        selector, key, pin.version, pin.published);
  });
}

}  // namespace postern
