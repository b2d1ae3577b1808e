#include "store/shred_log.hpp"

#include <algorithm>

#include "store/audit_log.hpp"

namespace postern {

Result<std::vector<Shredding>> ShredLog::all() const {
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement rows, reader->prepare("SELECT tenant, key, begun, removed, finished FROM shredded ORDER BY tenant"));
  std::vector<Shredding> out;
  for (;;) {
    POSTERN_TRY(const bool row, rows.step());
    if (!row) return out;
    Shredding one{std::string(rows.text(0)), KeyName(std::string(rows.text(1))), wall_from_millis(rows.integer(2)),
                  static_cast<std::uint64_t>(rows.integer(3)), std::nullopt};
    if (!rows.is_null(4)) one.finished = wall_from_millis(rows.integer(4));
    out.push_back(std::move(one));
  }
}

Result<std::optional<Shredding>> ShredLog::find(const std::string& tenant) const {
  POSTERN_TRY(auto known, all());
  const auto found = std::ranges::find(known, tenant, &Shredding::tenant);
  return found == known.end() ? std::optional<Shredding>() : std::optional(std::move(*found));
}

Status ShredLog::save(const Shredding& shredding, const AuditRecord& record) {
  std::optional<std::int64_t> finished;
  if (shredding.finished) finished = unix_millis(*shredding.finished);
  return m_store.writer().transact_with_audit([&](WriteContext& context) -> Status {
    POSTERN_CHECK(context.audit.append(context.database, record));
    return context.database.run("INSERT OR REPLACE INTO shredded(tenant, key, begun, removed, finished) VALUES (?,?,?,?,?)",
                                shredding.tenant, shredding.key.get(), unix_millis(shredding.begun), shredding.removed, finished);
  });
}

Status ShredLog::progress(const Shredding& shredding) {
  return m_store.writer().transact([&](Database& database) { return progress(database, shredding, 0); });
}

Status ShredLog::progress(Database& database, const Shredding& shredding, std::uint64_t more) {
  return database.run("UPDATE shredded SET removed = ? WHERE tenant = ?", shredding.removed + more, shredding.tenant);
}

}  // namespace postern
