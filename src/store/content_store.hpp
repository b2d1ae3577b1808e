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
#include "store/segment_file.hpp"
#include "store/writer.hpp"

namespace postern {

/// The number of a content in the database; not used again while the process lives.
using ContentId = Strong<std::int64_t, struct ContentIdTag>;

struct ContentOptions {
  std::size_t inline_bytes = 16U * 1024;          ///< Sealed contents up to this lie in the database.
  std::size_t segment_bytes = 64U * 1024 * 1024;  ///< A larger content gets a segment of its own.
};

/// A finished draft (segment_file.hpp) that becomes a content's segment.
struct ContentDraft {
  std::filesystem::path file;  ///< In the store's directory.
  MessageId message;
  Bytes wrapped_key;
  std::uint64_t size = 0;    ///< Of the plaintext.
  std::uint64_t length = 0;  ///< Of the sealed form.
};

/// A content as it lies: for reading in pieces (content_reader.hpp).
struct StoredContent {
  MessageId message;
  std::uint64_t size = 0;  ///< Of the plaintext.
  Bytes wrapped_key;
  bool staged = false;                      ///< Taken in pieces, and to be read so.
  RawBytes sealed;                          ///< When it lies in the database,
  std::shared_ptr<const SegmentFile> file;  ///< else where it lies.
  SegmentPlace place;
};

/// With what lies in a segment file. IntegrityFailed when the record is not where it should be.
[[nodiscard]] Result<SealedContent> sealed_of(StoredContent stored);

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
  /// In a job: a draft becomes a content for `owners` owners. Its file leaves its name with the commit, and keeps it if there is none.
  [[nodiscard]] Result<ContentId> adopt(Database& database, const ContentDraft& draft, int owners);
  /// In a job: one owner more, or less; the last one deletes it.
  [[nodiscard]] Status retain(Database& database, ContentId id);
  [[nodiscard]] Status release(Database& database, ContentId id);
  /// Any thread, with any connection: NotFound, or IntegrityFailed when the record is not where it should be.
  [[nodiscard]] Result<SealedContent> read(Database& database, ContentId id) const;

  /// The same without what lies in segment files. `sealed` is empty for those that were staged.
  [[nodiscard]] Result<StoredContent> find(Database& database, ContentId id) const;
  [[nodiscard]] const std::filesystem::path& directory() const noexcept;

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
