#include "store/tls_keys.hpp"

#include <algorithm>

namespace postern {

Result<std::vector<ShownTlsKey>> TlsKeys::all() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT spki, version, vouched, since, in_use FROM tls_key ORDER BY in_use DESC, since DESC"));
  std::vector<ShownTlsKey> out;
  for (;;) {
    POSTERN_TRY(const bool found, row.step());
    if (!found) return out;
    ShownTlsKey key;
    const ByteView spki = row.blob(0);
    if (spki.size() != key.spki.size()) continue;
    std::ranges::copy(spki, key.spki.begin());
    key.version = static_cast<std::uint32_t>(row.integer(1));
    key.vouched = row.integer(2) != 0;
    key.since = wall_from_millis(row.integer(3));
    key.in_use = row.integer(4) != 0;
    out.push_back(key);
  }
}

Status TlsKeys::show(const ShownTlsKey& key) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("UPDATE tls_key SET in_use = 0 WHERE spki <> ?", ByteView(key.spki)));
    POSTERN_CHECK(database.run("INSERT OR REPLACE INTO tls_key(spki, version, vouched, since, in_use) VALUES (?,?,?,?,1)",
                               ByteView(key.spki), key.version, static_cast<std::int64_t>(key.vouched), unix_millis(key.since)));
    return database.run("DELETE FROM tls_key WHERE spki IN (SELECT spki FROM tls_key ORDER BY in_use DESC, since DESC LIMIT -1 OFFSET ?)",
                        static_cast<std::int64_t>(kMostTlsKeys));
  });
}

}  // namespace postern
