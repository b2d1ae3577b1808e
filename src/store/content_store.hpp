// Where sealed contents lie: small ones in the database, large ones in append-only segment files beside it.
//
// A content has a number of owners (queue items, mailbox entries) and goes away with the last. Segment files
// (data_dir/spool/NNNNNN.seg) are preallocated; one fdatasync per batch makes all its large contents durable before the database
// commits the rows that point to them. The space of a freed record is given back at once where the file system can punch holes, and a
// segment without a live record is deleted. On start, rows whose record is missing are reported, and space no row points to is freed; a
// file that is no segment any more is kept as NNNNNN.bad while rows point into it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "store/sealed_content.hpp"
#include "store/writer.hpp"

namespace postern {

/// The number of a content in the database; not used again while the process lives.
using ContentId = Strong<std::int64_t, struct ContentIdTag>;

struct ContentOptions {
  std::size_t inline_bytes = 16U * 1024;          ///< Sealed contents up to this lie in the database.
  std::size_t segment_bytes = 64U * 1024 * 1024;  ///< A larger content gets a segment of its own.
};

struct ContentStats {
  std::uint64_t segments = 0;         ///< Files now.
  std::uint64_t segment_records = 0;  ///< Live records in them now.
};

class ContentStore final : public BatchObserver {
 public:
  /// Opens the segment directory and compares it with the database.
  [[nodiscard]] static Result<std::unique_ptr<ContentStore>> open(std::filesystem::path directory, Database& database,
                                                                  ContentOptions options);
  ~ContentStore() override;

  /// In a job: writes the content for `owners` owners.
  [[nodiscard]] Result<ContentId> put(Database& database, const MessageId& message, const SealedContent& content, int owners);
  /// In a job: one owner more, or less; the last one deletes it.
  [[nodiscard]] Status retain(Database& database, ContentId id);
  [[nodiscard]] Status release(Database& database, ContentId id);
  /// Any thread, with any connection: NotFound, or IntegrityFailed when the record is not where it should be.
  [[nodiscard]] Result<SealedContent> read(Database& database, ContentId id) const;

  /// Contents found missing or misplaced on start: their owners quarantine them.
  [[nodiscard]] const std::vector<ContentId>& missing() const noexcept;
  [[nodiscard]] ContentStats stats() const;

  void job_begins() override;
  void job_undone() override;
  [[nodiscard]] Status before_commit(Database& database) override;
  void batch_ended(bool committed) override;

 private:
  struct Impl;
  explicit ContentStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

}  // namespace postern
