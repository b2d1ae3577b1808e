#include "store/certificate_store.hpp"

namespace postern {

Result<std::optional<std::string>> SqliteCertificateStore::load(const std::string& name) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT pem FROM certificate WHERE name = ?"));
  POSTERN_TRY(const bool found, row.bind_all(name).step());
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(row.text(0));
}

Status SqliteCertificateStore::save(const std::string& name, const std::string& pem) {
  return m_store.writer().transact(
      [&](Database& database) { return database.run("INSERT OR REPLACE INTO certificate(name, pem) VALUES (?,?)", name, pem); });
}

Result<std::vector<std::string>> SqliteCertificateStore::names() {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT name FROM certificate ORDER BY name"));
  std::vector<std::string> names;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return names;
    names.emplace_back(rows.text(0));
  }
}

}  // namespace postern
