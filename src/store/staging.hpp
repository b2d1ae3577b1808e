// Contents that are taken in pieces: of any size in bounded memory, encrypted from the first octet, durable at checkpoints, and the content
// of a message in one step at the end.
//
//   POSTERN_TRY(auto staged, staging.begin(message));            // or resume(message): goes on behind the last checkpoint
//   staged->append(octets); staged->checkpoint(note, secret);    // again and again; after checkpoint() its octets outlive a crash
//   staged->finish();
//   spool.enqueue({.variants = {{.staged = std::move(staged), …}}}, …);
//
// The file is a segment of the content store under another name (MESSAGE.N.part). Adopting it is a link and a row, in the transaction that
// accepts the message; a crash before the commit leaves the staged content as its last checkpoint has it, one after it the message.
// A staged content that is resumed is written anew under another data key: what was written behind the checkpoint must never share a
// nonce with what comes in its place. That costs a copy for each resumption.
//
// Threads: one at a time for each StagedContent; all calls may wait for the disk or the keeper: not on an event loop.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "crypto/stream_aead.hpp"
#include "store/segment_file.hpp"
#include "store/store.hpp"

namespace postern {

inline constexpr std::size_t kStagedNote = 16384;

struct StagingLimits {
  std::size_t contents = 256;                                ///< Under way at a time; more: Exhausted.
  std::uint64_t octets = 4ULL * 1024 * 1024 * 1024;          ///< Of all of them together; more: Exhausted.
  std::uint64_t content_octets = 2ULL * 1024 * 1024 * 1024;  ///< Of one; more: TooLarge.
  std::chrono::milliseconds keep = std::chrono::hours(24);   ///< An interrupted one that nobody resumed is dropped after that.
};

/// What a crash would leave of a staged content.
struct StagedFacts {
  MessageId message;
  std::uint64_t octets = 0;  ///< Safe.
  std::string note;          ///< The owner's, from the last checkpoint.
  WallTime touched{};
};

class StagingArea;

class StagedContent {
 public:
  /// What no checkpoint kept is given up; without a checkpoint the file goes, too. After the commit that took it over: nothing.
  ~StagedContent();
  StagedContent(const StagedContent&) = delete;
  StagedContent& operator=(const StagedContent&) = delete;

  /// Errors: Exhausted (disk or limits), TooLarge, Unavailable (the disk refuses). After one, only the last checkpoint counts.
  [[nodiscard]] Status append(ByteView octets);
  /// Everything appended so far outlives a crash. `note`: what the owner needs to find it again, in clear; `secret`: what it needs to go
  /// on, sealed with the content. At most kStagedNote each.
  [[nodiscard]] Status checkpoint(std::string note, Bytes secret = {});
  /// No more octets. What follows is the adoption.
  [[nodiscard]] Status finish();

  [[nodiscard]] const MessageId& message() const noexcept { return m_message; }
  [[nodiscard]] std::uint64_t octets() const noexcept { return m_octets; }
  [[nodiscard]] std::uint64_t safe_octets() const noexcept { return m_safe; }
  [[nodiscard]] const KeyName& storage_key() const noexcept { return m_storage_key; }
  [[nodiscard]] const Bytes& secret() const noexcept { return m_secret; }  ///< Of the last checkpoint.

  /// In a job (Spool): the row of the content, and the end of the staging with the commit. Only after finish().
  [[nodiscard]] Result<ContentId> adopt(Database& database, ContentStore& contents, int owners) const;

 private:
  friend class StagingArea;
  StagedContent(StagingArea& area, MessageId message, KeyName storage_key);
  [[nodiscard]] Status begin(unsigned number);
  [[nodiscard]] Status write(const Bytes& sealed);
  [[nodiscard]] Result<Bytes> sealed_tail(ByteView secret) const;

  StagingArea& m_area;
  std::shared_ptr<std::atomic<std::uint64_t>> m_total;
  MessageId m_message;
  KeyName m_storage_key;
  Bytes m_wrapped_key;
  SecretBytes m_data_key;
  std::optional<StreamSealer> m_sealer;
  std::unique_ptr<SegmentDraft> m_draft;
  GracePeriod::Ticket m_ticket;
  Bytes m_secret;
  Bytes m_pending;  ///< Sealed octets on their way to the file; kept for its memory.
  std::uint64_t m_octets = 0, m_safe = 0;
  bool m_kept = false;  ///< A row is there.
  bool m_finished = false;
  bool m_failed = false;
};

class StagingArea {
 public:
  /// Removes what a crash left without a row, and what is too old. All must outlive the area and every StagedContent.
  [[nodiscard]] static Result<std::unique_ptr<StagingArea>> open(StagingLimits limits, Store& store, Keeper& keeper, const Clock& clock);

  /// Conflict: one of this message is under way or waits to be resumed.
  [[nodiscard]] Result<std::unique_ptr<StagedContent>> begin(const MessageId& message,
                                                             const KeyName& storage_key = key_names::kMailStorage);
  /// Sees the octets so far, in order, as they are copied; borrowed.
  using Passing = std::function<void(ByteView octets)>;
  /// Goes on at StagedFacts::octets. NotFound: there is none. IntegrityFailed: what is there is damaged, and dropped: begin again.
  [[nodiscard]] Result<std::unique_ptr<StagedContent>> resume(const MessageId& message, const Passing& passing = {});
  /// Those that a checkpoint kept, the oldest first.
  [[nodiscard]] Result<std::vector<StagedFacts>> kept() const;
  /// Drops one that was interrupted. True: there was one.
  [[nodiscard]] Result<bool> forget(const MessageId& message);
  /// Drops those nobody resumed in time; how many.
  [[nodiscard]] Result<std::size_t> drop_old();

 private:
  friend class StagedContent;
  struct Row {
    std::string file;
    Bytes wrapped_key, tail;
    std::uint64_t octets = 0;
    std::string note;
  };
  StagingArea(StagingLimits limits, Store& store, Keeper& keeper, const Clock& clock);
  [[nodiscard]] Status remove_strays();
  [[nodiscard]] Result<std::optional<Row>> row_of(const MessageId& message) const;
  [[nodiscard]] Result<std::unique_ptr<StagedContent>> make(const MessageId& message, const KeyName& storage_key, unsigned number);
  /// What the row's secret is.
  [[nodiscard]] Result<Bytes> copy(const Row& row, const MessageId& message, StagedContent& into, const Passing& passing) const;
  [[nodiscard]] Status claim(const MessageId& message);
  void unclaim(const MessageId& message) noexcept;
  [[nodiscard]] bool is_under_way(const MessageId& message);
  [[nodiscard]] std::filesystem::path directory() const;

  const StagingLimits m_limits;
  Store& m_store;
  Keeper& m_keeper;
  const Clock& m_clock;
  std::shared_ptr<std::atomic<std::uint64_t>> m_octets;  ///< In files of contents under way.
  std::mutex m_mutex;
  std::vector<MessageId> m_under_way;
};

}  // namespace postern
