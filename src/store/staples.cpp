#include "store/staples.hpp"

namespace postern {

Result<Bytes> Staples::load(const Sha256& certificate) const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT response FROM staple WHERE certificate = ?"));
  row.bind_all(ByteView(certificate));
  POSTERN_TRY(const bool found, row.step());
  if (!found) return Bytes();
  const ByteView response = row.blob(0);
  return Bytes(response.begin(), response.end());
}

Status Staples::save(const Sha256& certificate, ByteView response) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM staple"));
    if (response.empty()) return {};
    return database.run("INSERT INTO staple(certificate, response) VALUES (?,?)", ByteView(certificate), response);
  });
}

}  // namespace postern
