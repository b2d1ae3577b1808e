// The rows of the operator's X.400 mailbox (cabinet/ has its rules): what a message is stands in `facts`, in the form of that room, and is
// sealed here with the mailbox's key; contents lie where all contents lie.
//
// Each change is a step of somebody's transaction, so that a message, its content, its names and the audit record are there together or
// not at all.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <mutex>

#include "store/content_reader.hpp"
#include "store/row_key.hpp"
#include "store/staging.hpp"

namespace postern {

struct CabinetRow {
  MessageId id;
  std::string folder;
  int kind = 0, state = 0;  ///< The cabinet's numbers.
  bool unopened = false;
  std::int64_t created = 0, changed = 0;  ///< Milliseconds since 1970.
  Bytes facts;
  // What it is found by beside that; not filled in by what reads.
  int priority = 0;            ///< The cabinet's number.
  std::uint32_t outcomes = 0;  ///< A bit for each outcome that a recipient has.
  std::string brief{};         ///< In the cabinet's form, sealed at rest.
};

/// Which rows a list takes. Masks have a bit for each value, 1 << number.
struct CabinetFilter {
  static constexpr std::uint32_t kAny = ~std::uint32_t{0};
  std::string folder{};           ///< Empty: all of them.
  std::string before{}, after{};  ///< Ids between which it looks; empty: no bound.
  std::uint32_t kinds = kAny, states = kAny, unopened = kAny, priorities = kAny;
  std::int64_t since = std::numeric_limits<std::int64_t>::min(),
               until = std::numeric_limits<std::int64_t>::max();  ///< since <= created < until
  /// One of each of the first two at least, where there is a bit in them; none of the last.
  std::uint32_t any_outcome = 0, also_outcome = 0, no_outcome = 0;
  std::function<bool(std::string_view brief)> matches{};
};
struct CabinetPage {
  std::vector<CabinetRow> rows;
  std::optional<std::string> next;  ///< CabinetFilter::before of what is behind; nullopt: nothing is.
  std::size_t looked_at = 0;
};

/// A content on its way in: pieces in order, then finish(). Up to kSmall in memory, more in a file (staging.hpp), encrypted from the first
/// octet. Errors as StagedContent. Not on an event loop.
class CabinetContent {
 public:
  static constexpr std::size_t kSmall = 256U * 1024;

  CabinetContent(Store& store, Keeper& keeper, StagingArea& staging, MessageId id)
      : m_store(store), m_keeper(keeper), m_staging(staging), m_id(std::move(id)) {}
  [[nodiscard]] Status append(ByteView octets);
  [[nodiscard]] Status finish();
  [[nodiscard]] std::uint64_t size() const noexcept { return m_size; }
  /// In a job, after finish().
  [[nodiscard]] Result<ContentId> put(Database& database, ContentStore& contents) const;

 private:
  Store& m_store;
  Keeper& m_keeper;
  StagingArea& m_staging;
  MessageId m_id;  ///< What the content is bound to.
  std::string m_small;
  std::uint64_t m_size = 0;
  SealedContent m_sealed;
  std::unique_ptr<StagedContent> m_staged;
};

/// Thread safe. Not on an event loop. Store, keeper and random outlive it.
class CabinetRows {
 public:
  CabinetRows(Store& store, Keeper& keeper, Random& random) : m_store(store), m_keeper(keeper), m_random(random) {}

  /// Opens the key where there is one; before anything is read or changed. Errors of the keeper.
  [[nodiscard]] Status unlock();
  /// The same, and makes the key where there is none: before anything is inserted. A mailbox that nobody uses leaves nothing to re-wrap.
  [[nodiscard]] Status unlock_or_make();

  // ---- in a job
  [[nodiscard]] Status insert(Database& database, const CabinetRow& row) const;
  [[nodiscard]] Status update(Database& database, const CabinetRow& row) const;
  /// With its contents, names and steps. What says that it was fetched stays.
  [[nodiscard]] Status remove(Database& database, const MessageId& id) const;
  /// Takes contents and names away: others come in their place.
  [[nodiscard]] Status clear(Database& database, const MessageId& id) const;
  [[nodiscard]] Status put_content(Database& database, const MessageId& id, std::size_t n, const CabinetContent& content) const;
  /// A later item takes the name over.
  [[nodiscard]] Status add_name(Database& database, std::string_view name, const MessageId& id) const;
  /// False: it was there.
  [[nodiscard]] Result<bool> mark_fetched(Database& database, std::string_view name) const;
  [[nodiscard]] Status add_step(Database& database, const MessageId& id, ByteView step) const;
  /// Conflict: there is one.
  [[nodiscard]] Status add_folder(Database& database, std::string_view name) const;
  /// NotFound; Conflict: it is not empty.
  [[nodiscard]] Status remove_folder(Database& database, std::string_view name) const;

  // ---- in a job, or with a reader
  [[nodiscard]] Result<CabinetRow> find(Database& database, const MessageId& id) const;
  [[nodiscard]] Result<std::optional<MessageId>> named(Database& database, std::string_view name) const;
  [[nodiscard]] Result<bool> has_folder(Database& database, std::string_view name) const;

  // ---- reading
  [[nodiscard]] Result<CabinetRow> find(const MessageId& id) const;
  [[nodiscard]] Result<bool> is_fetched(std::string_view name) const;
  // Of several rows, a damaged one comes without its facts, so that the others are read: in no form that the cabinet takes.
  /// Newest first, at most `limit`, after a look at `most` at most. A row whose brief is missing or damaged is taken whatever the brief
  /// would have to be: the facts decide.
  [[nodiscard]] Result<CabinetPage> list(const CabinetFilter& filter, std::size_t limit, std::size_t most) const;
  [[nodiscard]] Result<std::vector<CabinetRow>> in_state(int state) const;
  [[nodiscard]] Result<std::vector<Bytes>> steps(const MessageId& id) const;
  struct Count {
    std::uint64_t messages = 0, unopened = 0;
  };
  [[nodiscard]] Result<std::map<std::string, Count>> counts() const;
  [[nodiscard]] Result<std::vector<std::string>> folders() const;
  /// NotFound, IntegrityFailed, and those of the keeper.
  [[nodiscard]] Result<ContentReader> content(const MessageId& id, std::size_t n) const;

 private:
  [[nodiscard]] Status open_key();
  [[nodiscard]] Status make_key();
  enum class Damaged : std::uint8_t { Fails, WithoutFacts };
  [[nodiscard]] Result<CabinetRow> row_of(const Statement& row, Damaged damaged = Damaged::Fails) const;
  [[nodiscard]] Result<std::vector<CabinetRow>> rows_of(Statement& rows) const;
  [[nodiscard]] bool takes(const CabinetFilter& filter, const Statement& row) const;
  [[nodiscard]] Status put_search(Database& database, const CabinetRow& row) const;

  Store& m_store;
  Keeper& m_keeper;
  Random& m_random;
  std::mutex m_unlocking;
  std::shared_ptr<const RowKey> m_key;  ///< Set once.
};

}  // namespace postern
