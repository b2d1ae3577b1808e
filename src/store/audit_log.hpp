// The audit log in the database: appended by jobs of the writer, read and verified by anyone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audit/chain.hpp"
#include "store/store.hpp"

namespace postern {

/// The writing end; owned by the writer, used inside jobs. Records get their sequence numbers and hashes in the order of the batch.
class AuditAppender final : public BatchObserver {
 public:
  [[nodiscard]] static Result<AuditAppender> open(Database& database);

  /// BadInput for a record that check_record() refuses.
  [[nodiscard]] Status append(Database& database, const AuditRecord& record);
  [[nodiscard]] const AuditHead& head() const noexcept { return m_head; }

  void job_begins() override { m_before_job = m_head; }
  void job_undone() override { m_head = m_before_job; }
  /// Writes the head's side row.
  [[nodiscard]] Status before_commit(Database& database) override;
  void batch_ended(bool committed) override;

 private:
  explicit AuditAppender(const AuditHead& head) : m_head(head), m_before_job(head), m_committed(head) {}
  AuditHead m_head, m_before_job, m_committed;
};

struct AuditFilter {
  std::optional<MessageId> message;
  std::optional<CorrelationId> correlation;
  std::string kind;               ///< Exactly this kind, or a prefix that ends in a dot ("queue."); empty: all.
  std::uint64_t after = 0;        ///< Only sequence numbers above this.
  std::optional<WallTime> since;  ///< Only records of this time or later.
};

struct AuditVerdict {
  std::uint64_t entries = 0;
  AuditHead head;                   ///< The last good entry.
  std::optional<AuditFault> fault;  ///< Nothing: the chain is whole and ends at the stored head.
};

class SqliteAuditLog {
 public:
  explicit SqliteAuditLog(Store& store) : m_store(store) {}

  /// Appends and waits for the commit (logins, admin acts). Not on an event loop.
  [[nodiscard]] Status append(AuditRecord record);
  /// Appends; `done` as of WriteJob.
  void append(std::vector<AuditRecord> records, std::function<void(const Status&)> done);
  /// The same by DatabaseWriter::submit_and_help(), whose follow_up() the caller owes.
  void append_and_help(std::vector<AuditRecord> records, std::function<void(const Status&)> done);

  /// In order of sequence, at most `limit`; give the last sequence as `after` for the next page.
  [[nodiscard]] Result<std::vector<AuditEntry>> list(const AuditFilter& filter, std::size_t limit) const;
  /// The newest `limit` entries, newest first.
  [[nodiscard]] Result<std::vector<AuditEntry>> newest(std::size_t limit) const;
  [[nodiscard]] Result<AuditHead> head() const;
  /// Walks the whole chain and holds it against the stored head, or against `expected`.
  [[nodiscard]] Result<AuditVerdict> verify(const std::optional<AuditHead>& expected = std::nullopt) const;

 private:
  Store& m_store;
};

/// The same over any connection, also of the key engine's database, whose chain is its own. `each` sees every entry up to the first fault.
[[nodiscard]] Result<AuditVerdict> verify_audit(Database& database, const std::optional<AuditHead>& expected = std::nullopt,
                                                const std::function<void(const AuditEntry&)>& each = {});
/// The newest record of a kind for which `wanted` says yes, among the newest `among` of that kind.
[[nodiscard]] Result<std::optional<AuditEntry>> newest_audit(Database& database, std::string_view kind, std::size_t among,
                                                             const std::function<bool(const AuditRecord&)>& wanted);

}  // namespace postern
