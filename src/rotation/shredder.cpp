#include "rotation/shredder.hpp"

#include "base/log.hpp"

namespace postern {
namespace {

constexpr auto kUnderWay = std::chrono::milliseconds(200);

}  // namespace

AuditRecord Shredder::record(std::string kind, const Shredding& shredding, const std::string& actor) const {
  AuditRecord out;
  out.time = m_clock.now();
  out.kind = std::move(kind);
  out.actor = actor;
  out.facts = AuditFacts().add("tenant", shredding.tenant).add("key", shredding.key.get()).add("messages", shredding.removed).text();
  return out;
}

Status Shredder::destroy(const KeyName& key) {
  KeySettings allow;
  allow.deletion_allowed = true;
  const auto allowed = m_keeper.configure(key, allow);
  if (!allowed && allowed.error().code == ErrorCode::NotFound) return {};
  if (!allowed) return fail(allowed.error());
  return m_keeper.remove(key);
}

/// Answers those that somebody still owns: the queue. What went is counted in the transaction that removes it, so that no crash miscounts.
Result<std::vector<ContentId>> Shredder::remove_from_mailboxes(Shredding& shredding, const std::vector<ContentId>& contents) {
  std::vector<ContentId> queued;
  POSTERN_CHECK(m_store.writer().transact([&](Database& database) -> Status {
    queued.clear();
    for (const ContentId content : contents) {
      std::string message;
      {
        POSTERN_TRY(Statement row, database.prepare("SELECT message FROM content WHERE id = ?"));
        POSTERN_TRY(const bool there, row.bind_all(content.get()).step());
        if (!there) continue;
        message = row.text(0);
      }
      POSTERN_CHECK(database.run("DELETE FROM mailbox WHERE message = ? AND content = ?", message, content.get()));
      for (std::int64_t owners = database.changes(); owners > 0; --owners) POSTERN_CHECK(m_store.contents().release(database, content));
      POSTERN_TRY(const auto left, database.query_integer("SELECT 1 FROM content WHERE id = ?", content.get()));
      if (left) queued.push_back(content);
    }
    return ShredLog::progress(database, shredding, contents.size() - queued.size());
  }));
  shredding.removed += contents.size() - queued.size();
  return queued;
}

Status Shredder::remove_from_queue(ContentId content) {
  QueueChange change;
  change.verb = QueueVerb::Remove;
  change.selector.item = content;
  change.reason = "the tenant was shredded";
  change.actor = "system";
  POSTERN_CHECK(m_spool.change_now(std::move(change)));
  return {};
}

Result<Shredding> Shredder::begin(const std::string& tenant, const KeyName& key, const std::string& actor) {
  ShredLog log(m_store);
  POSTERN_TRY(auto known, log.find(tenant));
  Shredding out = known.value_or(Shredding{tenant, key, m_clock.now(), 0, std::nullopt});
  if (out.finished) return out;
  if (!known) POSTERN_CHECK(log.save(out, record("tenant.shred_begun", out, actor)));
  POSTERN_CHECK(destroy(out.key));
  POSTERN_CHECK(m_store.writer().empty_log());
  if (m_key_gone) POSTERN_CHECK(m_key_gone());
  log::warn("tenant.key_destroyed", {{"tenant", tenant}, {"key", out.key.get()}});
  return out;
}

/// What was sealed a moment ago is still written; nobody will ever read it, but its row must go too.
Result<bool> Shredder::nothing_left(const KeyName& key) {
  if (!m_store.sealing().wait(kUnderWay)) return false;
  POSTERN_TRY(const auto late, m_rows.contents_of(key, ContentId(0), 1));
  return late.empty();
}

Result<Shredding> Shredder::step(Shredding shredding, std::size_t rows) {
  ShredLog log(m_store);
  POSTERN_TRY(const auto found, m_rows.contents_of(shredding.key, ContentId(0), rows));
  POSTERN_TRY(const auto queued, remove_from_mailboxes(shredding, found));
  for (const ContentId content : queued) {
    POSTERN_CHECK(remove_from_queue(content));
    ++shredding.removed;
  }
  if (!queued.empty()) POSTERN_CHECK(log.progress(shredding));
  if (!found.empty()) return shredding;
  POSTERN_TRY(const bool done, nothing_left(shredding.key));
  if (!done) return shredding;
  POSTERN_CHECK(m_store.writer().empty_log());
  shredding.finished = m_clock.now();
  POSTERN_CHECK(log.save(shredding, record("tenant.shredded", shredding, "system")));
  return shredding;
}

}  // namespace postern
