#include "store/dkim_pins.hpp"

namespace postern {
namespace {

Status write_pin(Database& database, const DkimSignerName& signer, const DkimPin& pin) {
  return database.run("INSERT OR REPLACE INTO dkim_signer(domain, selector, key, version, published) VALUES (?,?,?,?,?)", signer.domain,
                      signer.selector, signer.key, pin.version, pin.published);
}

Status write_record(Database& database, const DkimRecord& record) {
  const auto& [domain, selector, key] = record.signer;
  return database.run("INSERT OR REPLACE INTO dkim_record(domain, selector, key, version, published, stage, since) VALUES (?,?,?,?,?,?,?)",
                      domain, selector, key, record.version, record.published, static_cast<std::int64_t>(record.stage),
                      unix_millis(record.since));
}

Status remove_record(Database& database, const DkimSignerName& signer, std::uint32_t version) {
  return database.run("DELETE FROM dkim_record WHERE domain = ? AND selector = ? AND key = ? AND version = ?", signer.domain,
                      signer.selector, signer.key, version);
}

}  // namespace

Result<DkimPin> DkimPins::pin(const DkimSignerName& signer, std::uint32_t wanted, std::uint32_t latest) {
  DkimPin kept;
  {
    const DatabaseReader reader = m_store.reader();
    POSTERN_TRY(Statement row, reader->prepare("SELECT version, published FROM dkim_signer WHERE domain = ? AND selector = ? AND key = ?"));
    POSTERN_TRY(const bool found, row.bind_all(signer.domain, signer.selector, signer.key).step());
    if (found) kept = {static_cast<std::uint32_t>(row.integer(0)), std::string(row.text(1))};
  }
  if (kept.version != 0 && (wanted == 0 || wanted == kept.version)) return kept;
  const DkimPin next{wanted != 0 ? wanted : latest, {}};
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) { return write_pin(database, signer, next); }));
  return next;
}

Status DkimPins::activate(const DkimSignerName& signer, const DkimPin& pin, const DkimRecord& former) {
  return m_store.writer().transact([&](Database& database) -> Status {
    POSTERN_CHECK(write_pin(database, signer, pin));
    POSTERN_CHECK(remove_record(database, signer, pin.version));
    return write_record(database, former);
  });
}

Result<std::vector<DkimRecord>> DkimPins::records() const {
  std::vector<DkimRecord> out;
  const DatabaseReader reader = m_store.reader();
  POSTERN_TRY(Statement row, reader->prepare("SELECT domain, selector, key, version, published, stage, since FROM dkim_record"));
  for (;;) {
    POSTERN_TRY(const bool found, row.step());
    if (!found) return out;
    out.push_back({{std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))},
                   static_cast<std::uint32_t>(row.integer(3)),
                   std::string(row.text(4)),
                   static_cast<DkimStage>(row.integer(5)),
                   wall_from_millis(row.integer(6))});
  }
}

Status DkimPins::keep(const DkimRecord& record) {
  return m_store.writer().transact([&](Database& database) { return write_record(database, record); });
}

Status DkimPins::forget(const DkimRecord& record) {
  return m_store.writer().transact([&](Database& database) { return remove_record(database, record.signer, record.version); });
}

}  // namespace postern
