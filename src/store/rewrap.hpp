// Re-wrapping of stored data keys, online: every content's data key comes under the latest version of its storage key, a batch at a time,
// beside running traffic. The content itself is not touched and the data key not shown (Keeper::rewrap_data_key).
//
// One run for each storage key, in the table `rewrap`. Each batch writes its new wrapped keys and the run's cursor in one transaction, so a
// run that a crash cuts goes on where it was, and a row is never half done. A row is written only if it still holds what was read; a row
// that is under the target already is left alone: running twice changes nothing. A row that cannot be re-wrapped is noted with its id and
// reason and stays as it is.
//
// Order of the whole: rotate, run to the end, wait for what was sealed before the rotation (Store::sealing), count_older() == 0; only then
// may older versions be forbidden or destroyed.
//
// Threads: any, one run of one key at a time. Not on an event loop. Errors: Unavailable, Timeout and Exhausted of the keeper or the medium:
// the run stays where it is, call again later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/store.hpp"

namespace postern {

struct RewrapRun {
  KeyName key;
  std::uint32_t target = 0;  ///< Rows under older versions are re-wrapped.
  std::int64_t cursor = 0;   ///< The last content that was looked at.
  std::uint64_t total = 0;   ///< Rows that were older when the run began.
  std::uint64_t done = 0, failed = 0;
  bool archive = false;  ///< What the caller wants afterwards; kept here so that it survives a crash.
  WallTime started{};
  std::optional<WallTime> finished;
};

struct RewrapFailure {
  ContentId content;
  MessageId message;
  std::string reason;
};

class RewrapStore {
 public:
  /// All must outlive it.
  RewrapStore(Store& store, Keeper& keeper, const Clock& clock) : m_store(store), m_keeper(keeper), m_clock(clock) {}

  /// Begins a run; or answers the last one to the same target, when it is not finished or nothing is left to do (`archive` is then added,
  /// never taken back).
  [[nodiscard]] Result<RewrapRun> begin(const KeyName& key, std::uint32_t target, bool archive);
  /// One batch of at most `rows` rows looked at. `finished` in the answer: the end was reached.
  [[nodiscard]] Result<RewrapRun> step(const KeyName& key, std::size_t rows);
  /// The last run of the key; none: there never was one.
  [[nodiscard]] Result<std::optional<RewrapRun>> run(const KeyName& key) const;
  [[nodiscard]] Result<std::vector<RewrapRun>> runs() const;
  /// Rows that the last run could not re-wrap and that are still there.
  [[nodiscard]] Result<std::vector<RewrapFailure>> failures(const KeyName& key, std::size_t limit) const;
  /// The wish is fulfilled, or given up.
  [[nodiscard]] Status clear_archive(const KeyName& key);

  /// Looks at every row: how many are under versions below `version` of the key. Rows that cannot be read count.
  [[nodiscard]] Result<std::uint64_t> count_older(const KeyName& key, std::uint32_t version) const;
  /// The contents under the key, in order, from `after` on.
  [[nodiscard]] Result<std::vector<ContentId>> contents_of(const KeyName& key, ContentId after, std::size_t limit) const;

 private:
  struct Row;
  struct Batch;
  [[nodiscard]] Result<RewrapRun> keep(RewrapRun run, bool archive);
  [[nodiscard]] Result<Batch> read(Database& database, const RewrapRun& run, std::size_t rows) const;
  [[nodiscard]] Status rewrap(const RewrapRun& run, Row& row) const;

  Store& m_store;
  Keeper& m_keeper;
  const Clock& m_clock;
};

}  // namespace postern
