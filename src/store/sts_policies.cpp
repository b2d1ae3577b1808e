#include "store/sts_policies.hpp"

namespace postern {
namespace {

std::int64_t seconds_of(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }
WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace

Result<std::vector<StoredStsPolicy>> StsPolicyStore::load(WallTime now, std::size_t most) {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT domain, id, fetched, expires, policy FROM sts_policy WHERE expires > ? "
                                              "ORDER BY expires DESC LIMIT ?"));
  rows.bind_all(seconds_of(now), static_cast<std::int64_t>(most));
  std::vector<StoredStsPolicy> out;
  for (;;) {
    POSTERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({std::string(rows.text(0)), std::string(rows.text(1)), time_of(rows.integer(2)), time_of(rows.integer(3)),
                   std::string(rows.text(4))});
  }
}

Status StsPolicyStore::save(const StoredStsPolicy& policy, WallTime now, std::size_t most) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(database.run("DELETE FROM sts_policy WHERE expires <= ?", seconds_of(now)));
    POSTERN_CHECK(
        database.run("DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy WHERE domain <> ? ORDER BY expires DESC "
                     "LIMIT -1 OFFSET ?)",
                     policy.domain, static_cast<std::int64_t>(most) - 1));
    return database.run("INSERT OR REPLACE INTO sts_policy(domain, id, fetched, expires, policy) VALUES (?,?,?,?,?)", policy.domain,
                        policy.id, seconds_of(policy.fetched), seconds_of(policy.expires), policy.text);
  });
}

}  // namespace postern
